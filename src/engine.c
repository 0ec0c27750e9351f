#include <stdlib.h>
#include <string.h>

#include "aggregate.h"
#include "engine.h"
#include "incarnation.h"
#include "record.h"
#include "resolve.h"
#include "time_wait.h"
#include "tracker.h"
#include "watch.h"

/* rules.md 4 (tuple_idle_gc): RFC 5382 REQ-5 and RFC 7857 2.1. */
#define IDLE_HALF_OPEN   (240 * SECOND)
#define IDLE_ESTABLISHED (7440 * SECOND)
/* A RST may be followed by segments that were in flight, and by the RST's victim. */
#define AFTER_RST (3 * SECOND)

bool engine_init(struct engine *en, const struct tcplint_options *o, const struct tcplint_sink *sink, struct error *e)
{
	*en = (struct engine){ .options = *o, .sink = *sink, .previous = INT64_MIN, .now = INT64_MIN, .limits.msl = o->msl };
	resolve_list_rules(en->rules);
	en->limits.textbook = o->profile == TCPLINT_PROFILE_TEXTBOOK;
	if (!flow_init(&en->flows, o->max_connections, o->hash_key, e) ||
	    !wheel_init(&en->wheel, o->max_connections, e) || !holes_init(&en->holes, o->max_connections, e) ||
	    !cells_init(&en->cells, o->max_connections, e) || !aggregate_init(en, e)) {
		engine_finish(en);
		return false;
	}
	en->counters.memory_bound = (uint64_t)o->max_connections * (sizeof(struct conn) + 64) +
				    (uint64_t)en->holes.pool.limit * en->holes.pool.cell +
				    (uint64_t)en->cells.candidates.limit * en->cells.candidates.cell +
				    (uint64_t)en->cells.findings.limit * en->cells.findings.cell +
				    hosts_memory(&en->hosts);
	return true;
}

void engine_finish(struct engine *en)
{
	flow_finish(&en->flows);
	wheel_finish(&en->wheel);
	holes_finish(&en->holes);
	cells_finish(&en->cells);
	hosts_finish(&en->hosts);
}

bool engine_loss_near(const struct engine *en, int64_t ts)
{
	const unsigned n = en->losses < LOSS_MEMORY ? en->losses : LOSS_MEMORY;

	for (unsigned i = 0; i < n; i++)
		if (en->loss[i] >= ts - SECOND && en->loss[i] <= ts + SECOND)
			return true;
	return false;
}

/* A point for each second, to which engine_loss_near() adds one on either side; of a long time, the end. */
void engine_missed(struct engine *en, int64_t from, int64_t to)
{
	if (from < to - LOSS_MEMORY / 2 * SECOND)
		from = to - LOSS_MEMORY / 2 * SECOND;
	for (int64_t ts = from; ts < to; ts += SECOND)
		en->loss[en->losses++ % LOSS_MEMORY] = ts;
	en->loss[en->losses++ % LOSS_MEMORY] = to;
}

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

static void sooner(int64_t *deadline, int64_t when, int64_t now)
{
	if (when > now && when < *deadline)
		*deadline = when;
}

/* When the connection wants to be looked at although no segment comes. */
static int64_t next_deadline(const struct engine *en, const struct conn *c)
{
	int64_t deadline = c->last.ts + idle_limit(en, c);

	if (c->candidates) {
		const int64_t d = resolve_deadline(en, c);

		deadline = d < deadline ? d : deadline;
	}
	if (c->synacks && !c->hs_ack.frame)
		sooner(&deadline, c->synack[0].first.ts + SYNACK_WAIT, en->now);
	for (enum side i = CLIENT; i <= SERVER; i++) {
		if (!fact_is(&c->end[i], FIN_SENT))
			continue;
		sooner(&deadline, c->detail[i].first_fin.ts + FIN_WAIT_1_MAX, en->now);
		sooner(&deadline, c->last.ts + STALL_WARN + 1, en->now);
	}
	return deadline;
}

static void rearm(struct engine *en, struct conn *c)
{
	const int64_t deadline = next_deadline(en, c);

	/* a deadline that moved away is found when the old one fires */
	if (c->deadline && c->deadline > en->now && deadline >= c->deadline)
		return;
	c->deadline = deadline;
	wheel_arm(&en->wheel, flow_number(&en->flows, c), deadline);
}

static void reclassify(struct engine *en, struct conn *c)
{
	if (conn_finished(c))
		flow_set_age_class(&en->flows, c, AGE_CLOSED);
	else if (fact_is(&c->end[CLIENT], SYN_ACKED) && fact_is(&c->end[SERVER], SYN_ACKED))
		flow_set_age_class(&en->flows, c, AGE_ESTABLISHED);
}

/* ---- views without a segment ---- */

static struct view timer_view(struct engine *en, struct conn *c, int64_t now)
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
	struct view v = timer_view(en, c, now);

	c->loss += lost->acked_to - lost->from;
	c->loss_ts = lost->seen.ts;
	en->counters.capture_loss += lost->acked_to - lost->from;
	en->loss[en->losses++ % LOSS_MEMORY] = lost->seen.ts;
	v.events = EV_LOSS;
	v.lost_side = side;
	v.lost_from = lost->from;
	v.lost_to = lost->acked_to;
	v.lost_seen = lost->seen;
	v.lost_acked = lost->acked;
	resolve_run(en, c, &v, ON_SEGMENT, b);
}

/* Ranges that the peer acknowledged and that never came. */
static void account_loss(struct engine *en, struct conn *c, int64_t now, int64_t wait, struct batch *b)
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

static void release(struct engine *en, struct conn *c, enum tcplint_end end, int64_t now)
{
	struct batch b;
	struct view v = timer_view(en, c, now);

	batch_begin(&b);
	v.releasing = true;
	v.ending = end;
	account_loss(en, c, now, 0, &b);
	account_missed_synack(en, c, now, &b);
	resolve_settle(en, c, &v, &b);
	resolve_run(en, c, &v, ON_TIMER, &b);
	resolve_run(en, c, &v, ON_END, &b);
	resolve_report(en, c, &v, &b);
	tracker_settle(c);
	record_connection(en, c, end);
	holes_clear(&en->holes, &c->end[CLIENT]);
	holes_clear(&en->holes, &c->end[SERVER]);
	resolve_forget(en, c);
	wheel_disarm(&en->wheel, flow_number(&en->flows, c));
	flow_remove(&en->flows, flow_number(&en->flows, c));
}

static void fire_timer(struct engine *en, struct conn *c, int64_t now)
{
	if (now >= c->last.ts + idle_limit(en, c)) {
		release(en, c, c->superseded ? TCPLINT_END_REUSE : TCPLINT_END_TIMEOUT, now);
		return;
	}
	struct batch b;
	struct view v = timer_view(en, c, now);

	batch_begin(&b);
	account_loss(en, c, now, REORDER_WINDOW, &b);
	resolve_settle(en, c, &v, &b);
	resolve_run(en, c, &v, ON_TIMER, &b);
	resolve_report(en, c, &v, &b);
	c->deadline = 0;
	rearm(en, c);
}

/* A clock that jumps: back by more than reordering explains, or ahead by more than an idle link does. */
#define CLOCK_BACK  (10 * SECOND)
#define CLOCK_AHEAD (3600 * SECOND)

/*
 * What time it is when a frame claims `ts`.  A step back (files in the wrong order, a clock that
 * was set) turns the timers back, or all that follows would count as long expired.  One
 * frame alone from a far future is not believed until another one agrees.
 */
static int64_t clock_of(struct engine *en, int64_t ts)
{
	if (en->now == INT64_MIN)
		return ts;
	if (ts < en->now - CLOCK_BACK) {
		wheel_turn_back(&en->wheel, ts);
		en->now = ts;
	}
	if (ts > en->now + CLOCK_AHEAD && (!en->ahead || ts < en->ahead - CLOCK_BACK)) {
		en->ahead = ts;
		return en->now;
	}
	en->ahead = 0;
	return ts;
}

void engine_time(struct engine *en, int64_t ts)
{
	engine_tick(en, clock_of(en, ts));
}

void engine_tick(struct engine *en, int64_t now)
{
	int64_t when;
	uint32_t number;

	while ((number = wheel_next(&en->wheel, now, &when))) {
		if (when > en->now)
			en->now = when;
		fire_timer(en, flow_conn(&en->flows, number), when > en->now ? when : en->now);
	}
	if (now > en->now)
		en->now = now;
}

static int by_id(const void *a, const void *b)
{
	const uint64_t x = (*(struct conn *const *)a)->id.id, y = (*(struct conn *const *)b)->id.id;

	return x < y ? -1 : x > y;
}

void engine_drain(struct engine *en, bool interrupted)
{
	const enum tcplint_end end = interrupted ? TCPLINT_END_INTERRUPTED : TCPLINT_END_EOF;
	const uint32_t open = en->flows.conns.used;
	struct conn **list = malloc((open ? open : 1) * sizeof(*list));
	uint32_t n = 0;

	aggregate_settle(en, true);
	for (uint32_t i = 1; i < en->flows.conns.fresh; i++) {
		struct conn *c = flow_conn(&en->flows, i);

		if (c->in_use && list)
			list[n++] = c;
		else if (c->in_use) /* no memory to sort them */
			release(en, c, end, en->now);
	}
	if (n)
		qsort(list, n, sizeof(*list), by_id);
	for (uint32_t i = 0; i < n; i++)
		release(en, list[i], end, en->now);
	free(list);
	aggregate_records(en, true);
}

/* ---- segments ---- */

static struct conn *make_room(struct engine *en, const struct flow_key *key, uint32_t *number)
{
	*number = flow_add(&en->flows, key);
	if (!*number) {
		struct conn *victim = flow_conn(&en->flows, flow_least_valuable(&en->flows));

		en->counters.evicted++;
		release(en, victim, TCPLINT_END_EVICTED, en->now);
		*number = flow_add(&en->flows, key);
	}
	return flow_conn(&en->flows, *number);
}

static enum tcplint_origin origin_of(const struct segment *s)
{
	if (s->flags & FLAG_SYN && !(s->flags & FLAG_RST))
		return s->flags & FLAG_ACK ? TCPLINT_ORIGIN_SYNACK : TCPLINT_ORIGIN_SYN;
	if (s->flags & FLAG_RST || !(s->flags & FLAG_ACK) || s->bad_header)
		return TCPLINT_ORIGIN_STRAY;
	return TCPLINT_ORIGIN_MIDSTREAM;
}

/* So many incarnations of a 4-tuple are kept at once: more are a way to make us slow. */
#define INCARNATIONS 4

/* The oldest SYN that nobody accepted goes before the connection that it disturbs. */
static void limit_incarnations(struct engine *en, const struct conn *newest)
{
	struct conn *oldest = NULL, *unanswered = NULL;
	unsigned n = 0;

	for (uint32_t i = newest->older; i; i = oldest->older, n++) {
		oldest = flow_conn(&en->flows, i);
		if (oldest->pending)
			unanswered = oldest;
	}
	if (n >= INCARNATIONS)
		release(en, unanswered ? unanswered : oldest, TCPLINT_END_REUSE, en->now);
}

/* What the new incarnation must keep clear of. */
static void remember_older(struct conn *c, const struct conn *older)
{
	for (enum side i = CLIENT; i <= SERVER; i++) {
		const struct endpoint *e = &older->end[c->swapped == older->swapped ? i : other(i)];

		c->before.known[i] = knows(e, K_ISN) && !knows(e, K_ISN_INFERRED) && knows(e, K_SMAX);
		c->before.isn[i] = e->isn;
		c->before.smax[i] = e->smax;
		c->before.tsval[i] = e->tsval;
		c->before.last[i] = e->last;
	}
	c->before.timestamps = older->detail[CLIENT].syn_opt & older->detail[SERVER].syn_opt & OPT_TIMESTAMPS;
}

static struct conn *create(struct engine *en, const struct flow_key *key, const struct segment *s, bool from_first,
			   bool pending)
{
	uint32_t number;
	struct conn *c = make_room(en, key, &number);
	const bool client_sends = (s->flags & (FLAG_SYN | FLAG_ACK)) != (FLAG_SYN | FLAG_ACK);
	const struct conn *older = flow_conn(&en->flows, c->older);

	limit_incarnations(en, c);
	c->swapped = from_first != client_sends;
	c->origin = (uint8_t)origin_of(s);
	c->pending = pending;
	c->self_connect = !memcmp(&key->end[0], &key->end[1], sizeof(key->end[0]));
	c->start = mark_of(s);
	c->last = mark_of(s);
	c->end[CLIENT].wscale = c->end[SERVER].wscale = SCALE_UNKNOWN;
	c->id = (struct tcplint_conn_id){
		.id = s->frame,
		.client = key->end[c->swapped],
		.server = key->end[!c->swapped],
		.vlan = s->vlan,
		.tunnel = s->tunnel,
		.incarnation = older ? older->id.incarnation + 1 : 0,
	};
	c->end[CLIENT].state = TCPLINT_CLOSED;
	c->end[SERVER].state = TCPLINT_LISTEN;
	if (older)
		remember_older(c, older);
	en->counters.connections++;
	return c;
}

/* E-DUP, rules.md 1.11. */
static bool is_duplicate(struct conn *c, const struct segment *s, enum side x)
{
	uint32_t print = s->seq * UINT32_C(2654435761) ^ s->ack * UINT32_C(2246822519);
	const uint32_t us = (uint32_t)(s->ts / 1000);
	bool found = false;

	print ^= ((uint32_t)s->ip_id << 16 | s->tcp_checksum) * UINT32_C(3266489917);
	print ^= (s->len * UINT32_C(668265263)) ^ ((uint32_t)s->flags << 16 | s->window) * UINT32_C(374761393);
	print ^= s->opt.layout ^ s->opt.ts_val * UINT32_C(2654435769) ^ s->opt.ts_ecr * UINT32_C(40503) ^ (uint32_t)x;
	for (unsigned i = 0; i < RECENT_MAX && !(s->flags & FLAG_RST); i++) {
		const struct recent *r = &c->recent[i];

		if (r->print != print || us - r->us > DUP_WINDOW / 1000 || !c->last.ts)
			continue;
		if ((s->ip_id && !s->ipv6) || s->len || s->flags & (FLAG_SYN | FLAG_FIN) || s->ttl != r->ttl ||
		    s->direction != r->direction)
			found = true;
	}
	c->recent[c->recent_next++ % RECENT_MAX] =
		(struct recent){ .print = print, .us = us, .ttl = s->ttl, .direction = s->direction };
	return found;
}

/* The peer accepted the newer incarnation: the older ones are history. */
static void promote(struct engine *en, struct conn *c, const struct view *v)
{
	if (!c->pending || v->x != SERVER || !fact_is(&c->end[SERVER], SYN_SENT))
		return;
	c->pending = false;
	for (uint32_t n = c->older; n;) {
		struct conn *old = flow_conn(&en->flows, n);

		n = old->older;
		old->reused = c->start.ts;
		old->superseded = en->now;
		if (conn_finished(old))
			release(en, old, TCPLINT_END_REUSE, en->now);
		else /* was the peer still in it?  its later segments tell */
			rearm(en, old);
	}
}

/* Let the older incarnations see what the newest one receives: they may be waiting for it. */
static void show_to_older(struct engine *en, const struct conn *c, const struct segment *s, bool from_first)
{
	for (uint32_t n = c->older; n; n = flow_conn(&en->flows, n)->older) {
		struct conn *old = flow_conn(&en->flows, n);
		struct batch b;
		struct view v = { .limits = &en->limits, .holes = &en->holes, .now = en->now, .foreign = true };

		batch_begin(&b);
		tracker_classify(&v, old, s, conn_side(old, from_first), false);
		if (v.events & (EV_SYN | EV_SYNACK | EV_RST))
			resolve_run(en, old, &v, ON_SEGMENT, &b);
		if (v.events & EV_SYNACK)
			time_wait_note_synack(old, &v);
		resolve_settle(en, old, &v, &b);
		resolve_report(en, old, &v, &b);
		if (v.events & EV_SYN) {
			time_wait_note_syn(old, &v);
			old->foreign_syn = mark_of(s);
			old->foreign_side = v.x;
			old->foreign_seq = s->seq;
		}
		rearm(en, old);
	}
}

static void count_segment(struct engine *en, const struct segment *s, bool duplicate)
{
	struct tcplint_counters *n = &en->counters;

	n->segments++;
	n->checksum_bad += s->checksum == CHECKSUM_BAD;
	n->checksum_offload += s->checksum == CHECKSUM_OFFLOAD;
	n->truncated += s->truncated;
	n->duplicates += duplicate;
}

static void process(struct engine *en, struct conn *c, struct view *v, bool duplicate)
{
	struct batch b;
	const uint32_t reordered = c->reordered;

	batch_begin(&b);
	if (duplicate) {
		v->events = EV_DUPLICATE;
		v->drives = false;
		v->ignored = "duplicate";
		c->duplicates++;
	}
	resolve_run(en, c, v, ON_SEGMENT, &b);
	tracker_apply(c, &en->holes, v);
	en->counters.reordered += c->reordered - reordered;
	if (c->end[CLIENT].holes || c->end[SERVER].holes)
		account_loss(en, c, en->now, REORDER_WINDOW, &b);
	if (c->candidates && !(v->events & EV_DUPLICATE))
		resolve_settle(en, c, v, &b);
	if (v->events & EV_ODD_FLAGS)
		aggregate_probe(en, v);
	resolve_report(en, c, v, &b);
	if (aggregate_wants(c, v))
		aggregate_segment(en, c, v);
	if (watch_wants(c, v))
		watch_segment(en, c, v);
}

void engine_source(struct engine *en)
{
	en->previous = INT64_MIN;
}

/* How far the clock went back since the segment before; 0 for what frames that overtake each other explain. */
static int64_t clock_back(struct engine *en, int64_t ts)
{
	const int64_t back = en->previous != INT64_MIN ? en->previous - ts : 0;

	en->previous = ts;
	return back > REORDER_WINDOW ? back : 0;
}

/* What a segment shows about the capture, beyond its own connection. */
static void look_at_tap(struct engine *en, const struct conn *c, struct view *v, int64_t back)
{
	const struct segment *s = v->s;

	v->clock_back = back;
	if (v->events & EV_SYN && s->opt.present & OPT_TIMESTAMPS && s->checksum != CHECKSUM_BAD && !s->bad_header)
		v->twin = twins_note(&en->twins, s, &c->id);
	if (back || v->twin)
		v->events |= EV_TAP;
}

void engine_segment(struct engine *en, const struct segment *s)
{
	const int64_t back = clock_back(en, s->ts);
	struct flow_key key;
	struct tcplint_segment record;
	bool from_first;

	if (en->now == INT64_MIN)
		en->limits.capture_start = s->ts;
	engine_time(en, s->ts);
	flow_key_of(&key, s, en->options.vlan_in_key, &from_first);
	const uint32_t head = flow_find(&en->flows, &key);
	const struct incarnation which = incarnation_choose(&en->flows, head, s, from_first);
	struct conn *c = which.number ? flow_conn(&en->flows, which.number) :
					create(en, &key, s, from_first, which.pending);
	const enum side x = conn_side(c, from_first);
	const bool duplicate = is_duplicate(c, s, x);

	zeek_segment(&c->zeek, (int)x, s);
	count_segment(en, s, duplicate);
	if (!duplicate && !back && !en->options.segments && tracker_in_order(c, s, x)) {
		tracker_go_on(c, s, x);
		return;
	}
	struct view v = { .limits = &en->limits, .holes = &en->holes, .now = en->now };

	tracker_replay(c, &en->holes, s, x);
	tracker_classify(&v, c, s, x, !which.number);
	look_at_tap(en, c, &v, back);
	en->record = en->options.segments && en->sink.segment ? &record : NULL;
	if (en->record)
		record_segment_before(&record, &v);
	process(en, c, &v, duplicate);
	if (en->record)
		record_segment_after(en, &record, &v);
	en->record = NULL;
	reclassify(en, c);
	rearm(en, c);
	if (c->older && (v.s->flags & (FLAG_SYN | FLAG_ACK) || (c->pending && v.s->flags & FLAG_RST)))
		show_to_older(en, c, s, from_first);
	promote(en, c, &v);
}

void engine_quote(struct engine *en, const struct segment *s)
{
	struct flow_key key;
	bool from_first;

	engine_time(en, s->ts);
	en->counters.icmp_errors++;
	flow_key_of(&key, s, en->options.vlan_in_key, &from_first);
	const uint32_t number = flow_find(&en->flows, &key);

	if (!number)
		return;
	struct conn *c = flow_conn(&en->flows, number);
	struct batch b;
	struct view v = timer_view(en, c, en->now);

	batch_begin(&b);
	v.s = s;
	v.x = conn_side(c, from_first);
	v.y = c->self_connect ? v.x : other(v.x);
	v.X = &c->end[v.x];
	v.Y = &c->end[v.y];
	v.XD = &c->detail[v.x];
	v.YD = &c->detail[v.y];
	v.events = EV_ICMP;
	resolve_run(en, c, &v, ON_SEGMENT, &b);
	resolve_report(en, c, &v, &b);
	if (knows(v.X, K_ISN) && s->seq == v.X->isn && fact_is(v.X, SYN_SENT) && !fact_is(v.X, SYN_RCVD))
		c->icmp_refused = mark_of(s);
	if (c->icmp_refused.frame == s->frame)
		aggregate_refused(en, c);
	rearm(en, c);
}

const struct tcplint_counters *engine_counters(struct engine *en)
{
	en->counters.pool_exhausted = en->cells.exhausted + en->holes.exhausted;
	return &en->counters;
}
