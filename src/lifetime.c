/* How long connections live, what their timers do, and how each is released. */
#include <limits.h>

#include "incarnation.h"
#include "lifetime.h"
#include "quiet.h"
#include "record.h"
#include "resolve.h"
#include "tell.h"
#include "tracker.h"

/* ---- lifetimes ---- */

static int64_t idle_limit(const struct engine *en, const struct conn *c)
{
	const struct endpoint *a = &c->end[CLIENT], *b = &c->end[SERVER];

	if (c->superseded)
		return c->superseded + RESOLVE_TIMEOUT - c->last.ts;
	if (c->origin == TCPLINT_ORIGIN_STRAY)
		return AFTER_RST;
	if (conn_finished(c)) {
		if (fact_is(a, RESET) || fact_is(b, RESET))
			return AFTER_RST;
		return fact_is(a, FIN_ACKED) && fact_is(b, FIN_ACKED) ? 2 * en->limits.msl : IDLE_HALF_OPEN;
	}
	if (c->self_connect ? !fact_is(a, SYN_ACKED) : !fact_is(a, SYN_ACKED) || !fact_is(b, SYN_ACKED))
		return IDLE_HALF_OPEN;
	return fact_is(a, FIN_SENT) && fact_is(b, FIN_SENT) ? IDLE_HALF_OPEN : IDLE_ESTABLISHED;
}

/* When the connection wants to be looked at although no segment comes. */
int64_t lifetime_deadline(const struct engine *en, const struct conn *c)
{
	int64_t deadline = c->last.ts + idle_limit(en, c);

	if (c->candidates) {
		const int64_t d = resolve_deadline(en, c);

		deadline = d < deadline ? d : deadline;
	}
	if (c->synacks && !c->hs_ack.frame)
		lifetime_sooner(&deadline, c->synack[0].first.ts + SYNACK_WAIT, en->now);
	for (enum side i = CLIENT; i <= SERVER; i++) {
		if (!fact_is(&c->end[i], FIN_SENT))
			continue;
		lifetime_sooner(&deadline, c->detail[i].first_fin.ts + FIN_WAIT_1_MAX, en->now);
		lifetime_sooner(&deadline, c->last.ts + STALL_WARN + 1, en->now);
	}
	return deadline;
}

void lifetime_rearm(struct engine *en, struct conn *c)
{
	const int64_t deadline = lifetime_deadline(en, c);

	/* a deadline that moved away is found when the old one fires */
	if (c->deadline && c->deadline > en->now && deadline >= c->deadline)
		return;
	c->deadline = deadline;
	wheel_arm(&en->wheel, flow_number(&en->flows, c), (uint32_t)c->start.frame, deadline);
}

void lifetime_reclassify(struct engine *en, struct conn *c)
{
	if (conn_finished(c))
		flow_set_age_class(&en->flows, flow_number(&en->flows, c), AGE_CLOSED);
	else if (fact_is(&c->end[CLIENT], SYN_ACKED) && fact_is(&c->end[SERVER], SYN_ACKED))
		flow_set_age_class(&en->flows, flow_number(&en->flows, c), AGE_ESTABLISHED);
}

/* ---- views without a segment ---- */

struct view lifetime_view(struct engine *en, struct conn *c, int64_t now)
{
	struct view v = {
		.c = c,
		.x = CLIENT,
		.y = SERVER,
		.X = &c->end[CLIENT],
		.Y = &c->end[SERVER],
		.XD = &c->detail[CLIENT],
		.YD = &c->detail[SERVER],
		.limits = &en->limits,
		.holes = &en->holes,
		.now = now,
	};

	for (enum side i = CLIENT; i <= SERVER; i++) {
		v.state[i] = c->end[i].state;
		v.certain[i] = c->end[i].certain;
		v.known[i] = tracker_known(c, i);
	}
	return v;
}

/* ---- loss ---- */

/* The capture missed numbers of `side`: `lost` says which, and what proves it. */
static void lose(struct engine *en, struct conn *c, enum side side, const struct hole *lost, int64_t now,
		 struct batch *b)
{
	struct view v = lifetime_view(en, c, now);

	c->loss += lost->acked_to - lost->from;
	c->loss_ts = lost->seen.ts;
	en->counters->capture_loss += lost->acked_to - lost->from;
	tell_loss(en, lost->seen.ts);
	v.events = EV_LOSS;
	v.lost_side = side;
	v.lost_from = lost->from;
	v.lost_to = lost->acked_to;
	v.lost_seen = lost->seen;
	v.lost_acked = lost->acked;
	resolve_run(en, c, &v, ON_SEGMENT, b);
}

/* Ranges that the peer acknowledged and that never came. */
void lifetime_account_loss(struct engine *en, struct conn *c, int64_t now, int64_t wait, struct batch *b)
{
	for (enum side i = CLIENT; i <= SERVER; i++) {
		struct hole lost;

		while (c->end[i].holes && holes_take_lost(&en->holes, &c->end[i], now, wait, &lost))
			lose(en, c, i, &lost, now, b);
	}
}

/* A SYN-ACK that the client acknowledged, of a server that was captured otherwise. */
static void account_missed_synack(struct engine *en, struct conn *c, int64_t now, struct batch *b)
{
	const struct endpoint *C = &c->end[CLIENT], *S = &c->end[SERVER];

	if (c->origin != TCPLINT_ORIGIN_SYN || c->self_connect || c->simultaneous || c->split ||
	    c->detail[SERVER].synack || c->detail[SERVER].syn || !knows(S, K_SEEN) || !knows(S, K_ISN_INFERRED) ||
	    fact_get(C, SYN_RCVD) != CONFIRMED)
		return;
	const struct mark proof = c->detail[CLIENT].fact[SYN_RCVD];

	lose(en, c, SERVER,
	     &(struct hole){ .from = S->isn, .to = S->isn + 1, .acked_to = S->isn + 1, .seen = proof, .acked = proof },
	     now, b);
}

/* ---- release ---- */

void lifetime_release(struct engine *en, struct conn *c, enum tcplint_end end, int64_t now)
{
	struct batch b;
	struct view v = lifetime_view(en, c, now);

	batch_begin(&b);
	v.releasing = true;
	v.ending = end;
	lifetime_account_loss(en, c, now, 0, &b);
	account_missed_synack(en, c, now, &b);
	resolve_settle(en, c, &v, &b);
	resolve_run(en, c, &v, ON_TIMER, &b);
	resolve_run(en, c, &v, ON_END, &b);
	resolve_report(en, c, &v, &b);
	tracker_settle(c);
	tell_time_wait(en, c);
	record_connection(en, c, end);
	holes_clear(&en->holes, &c->end[CLIENT]);
	holes_clear(&en->holes, &c->end[SERVER]);
	resolve_forget(en, c);
	if (en->draining) {
		flow_drop(&en->flows, flow_number(&en->flows, c));
		return;
	}
	wheel_disarm(&en->wheel, flow_number(&en->flows, c));
	flow_remove(&en->flows, flow_number(&en->flows, c));
}

void lifetime_fire(struct engine *en, struct conn *c, int64_t now)
{
	if (now >= c->last.ts + idle_limit(en, c)) {
		lifetime_release(en, c, c->superseded ? TCPLINT_END_REUSE : TCPLINT_END_TIMEOUT, now);
		return;
	}
	struct batch b;
	struct view v = lifetime_view(en, c, now);

	batch_begin(&b);
	lifetime_account_loss(en, c, now, REORDER_WINDOW, &b);
	resolve_settle(en, c, &v, &b);
	resolve_run(en, c, &v, ON_TIMER, &b);
	resolve_report(en, c, &v, &b);
	c->deadline = 0;
	lifetime_rearm(en, c);
}

void engine_turn_back(struct engine *en, int64_t now)
{
	wheel_turn_back(&en->wheel, now);
	en->now = now;
}

/* A timer that another one has armed for a time that is past fires right after that one. */
static void note_due(struct engine *en, int64_t when, uint32_t order)
{
	if (when < en->due || (when == en->due && (int32_t)(order - en->due_order) < 0))
		return;
	en->due = when;
	en->due_order = order;
}

static void fire(struct engine *en, uint32_t number)
{
	if (flow_is_quiet(number))
		quiet_fire(en, number, en->now);
	else
		lifetime_fire(en, flow_conn(&en->flows, number), en->now);
}

void engine_fire(struct engine *en, int64_t now)
{
	unsigned left = en->expiries ? en->expiries : UINT_MAX;
	int64_t when;
	uint32_t number;

	en->firing = true;
	en->due = INT64_MIN;
	for (; left && (number = wheel_next(&en->wheel, now, &when)); left--) {
		if (when > en->now)
			en->now = when;
		note_due(en, when, (uint32_t)lifetime_id(&en->flows, number));
		fire(en, number);
	}
	en->behind = en->expiries && !left;
	en->firing = false;
}

/* Of a 4-tuple, the first connection whose time had come; 0: there is none. */
static uint32_t overdue(const struct engine *en, uint32_t head)
{
	while (flow_is_quiet(head) && flow_quiet(&en->flows, head)->deadline > en->now)
		head = flow_older(&en->flows, flow_quiet(&en->flows, head));
	if (flow_is_quiet(head))
		return head;
	while (head && flow_conn(&en->flows, head)->deadline > en->now)
		head = flow_conn(&en->flows, head)->older;
	return head;
}

uint32_t lifetime_catch_up(struct engine *en, const struct engine_place *p)
{
	uint32_t head = flow_find(&en->flows, &p->key, p->hash), late;

	/* each may fire once to look, and once to end */
	for (unsigned i = 0; head && i < 16 && (late = overdue(en, head)); i++) {
		wheel_disarm(&en->wheel, late);
		fire(en, late);
		head = flow_find(&en->flows, &p->key, p->hash);
	}
	return head;
}
