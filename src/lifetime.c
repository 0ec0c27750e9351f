/* How long connections live, what their timers do, and how they are released. */
#include <limits.h>
#include <stdlib.h>

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

	lose(en, c, SERVER, &(struct hole){ .from = S->isn, .to = S->isn + 1, .acked_to = S->isn + 1, .seen = proof, .acked = proof },
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

static uint64_t id_of(const struct flow_table *t, uint32_t i, bool quiet)
{
	return quiet ? flow_quiet(t, i)->id : flow_conn(t, i)->start.frame;
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
		note_due(en, when, (uint32_t)id_of(&en->flows, number & ~FLOW_QUIET, flow_is_quiet(number)));
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

struct open {
	uint64_t id;
	uint32_t number;
};

#define DIGIT 11 /* bits */

/* By one digit of their ids; those with the same one in the order in which they were. */
static void sort_by_digit(const struct open *from, struct open *to, uint32_t n, unsigned shift)
{
	uint32_t next[1 << DIGIT] = { 0 }, sum = 0;

	for (uint32_t i = 0; i < n; i++)
		next[from[i].id >> shift & ((1 << DIGIT) - 1)]++;
	for (unsigned d = 0; d < 1 << DIGIT; d++) {
		const uint32_t count = next[d];

		next[d] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < n; i++)
		to[next[from[i].id >> shift & ((1 << DIGIT) - 1)]++] = from[i];
}

/* By id: the answer is `list` or `spare`.  Ids are numbers of frames, of which few digits are in use. */
static struct open *sort_by_id(struct open *list, struct open *spare, uint32_t n)
{
	uint64_t used = 0;

	for (uint32_t i = 0; i < n; i++)
		used |= list[i].id;
	for (unsigned shift = 0; shift < 64 && used >> shift; shift += DIGIT) {
		struct open *sorted = spare;

		sort_by_digit(list, sorted, n, shift);
		spare = list;
		list = sorted;
	}
	return list;
}

static void release_any(struct engine *en, uint32_t number, enum tcplint_end end)
{
	en->due = (int64_t)id_of(&en->flows, number & ~FLOW_QUIET, flow_is_quiet(number));
	if (flow_is_quiet(number))
		quiet_release(en, number, end, en->now);
	else
		lifetime_release(en, flow_conn(&en->flows, number), end, en->now);
}

/* Those that are still there into `list`. */
static void list_open(const struct flow_table *t, struct open *list)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < t->quiet.fresh; i++)
		if (flow_quiet(t, i)->in_use)
			list[n++] = (struct open){ flow_quiet(t, i)->id, i | FLOW_QUIET };
	for (uint32_t i = 1; i < t->conns.fresh; i++)
		if (flow_conn(t, i)->in_use)
			list[n++] = (struct open){ flow_conn(t, i)->start.frame, i };
}

/* The next that is open from `i` on, up to `fresh`. */
static uint32_t next_open(const struct flow_table *t, uint32_t i, bool quiet, uint32_t fresh)
{
	while (i < fresh && !(quiet ? flow_quiet(t, i)->in_use : flow_conn(t, i)->in_use))
		i++;
	return i;
}

/* Numbers are given in the order of ids until they are given again. */
static bool sorted(const struct flow_table *t, bool quiet, uint32_t fresh)
{
	uint64_t before = 0;

	if (quiet && t->ascending)
		return true;
	for (uint32_t i = next_open(t, 1, quiet, fresh); i < fresh; i = next_open(t, i + 1, quiet, fresh)) {
		if (id_of(t, i, quiet) < before)
			return false;
		before = id_of(t, i, quiet);
	}
	return true;
}

/* Both kinds are sorted: no list is needed to merge them. */
static bool release_sorted(struct engine *en, enum tcplint_end end)
{
	const struct flow_table *t = &en->flows;
	const uint32_t quiets = t->quiet.fresh, conns = t->conns.fresh;
	uint32_t q = 1, c = 1;

	if (!sorted(t, true, quiets) || !sorted(t, false, conns))
		return false;
	for (;;) {
		q = next_open(t, q, true, quiets);
		c = next_open(t, c, false, conns);
		if (q == quiets && c == conns)
			return true;
		const bool quiet = c == conns || (q < quiets && id_of(t, q, true) < id_of(t, c, false));

		release_any(en, quiet ? q | FLOW_QUIET : c, end);
	}
}

static void release_listed(struct engine *en, enum tcplint_end end)
{
	const struct flow_table *t = &en->flows;
	const uint32_t n = t->conns.used + t->quiet.used;
	struct open *list = malloc(2 * (size_t)n * sizeof(*list));

	if (!list) { /* no memory to sort them */
		en->draining = false;
		while (flow_least_valuable(t))
			release_any(en, flow_least_valuable(t), end);
		return;
	}
	list_open(t, list);
	const struct open *in_order = sort_by_id(list, list + n, n);

	for (uint32_t i = 0; i < n; i++)
		release_any(en, in_order[i].number, end);
	free(list);
}

void engine_drain(struct engine *en, bool interrupted)
{
	const enum tcplint_end end = interrupted ? TCPLINT_END_INTERRUPTED : TCPLINT_END_EOF;

	en->firing = true;
	en->due_order = 0;
	en->draining = true;
	if (!release_sorted(en, end))
		release_listed(en, end);
	en->firing = false;
}
