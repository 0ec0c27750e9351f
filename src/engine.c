#include <string.h>

#include "engine.h"
#include "incarnation.h"
#include "lifetime.h"
#include "quiet.h"
#include "recent.h"
#include "record.h"
#include "resolve.h"
#include "tell.h"
#include "time_wait.h"
#include "tracker.h"

bool engine_init(struct engine *en, const struct tcplint_options *o, const struct ear *ear,
		 const struct rule_index *rules, struct tcplint_counters *counters, uint32_t connections,
		 struct error *e)
{
	*en = (struct engine){
		.options = *o,
		.ear = *ear,
		.now = INT64_MIN,
		.limits = limits_of(o),
		.rules = rules,
		.counters = counters,
	};
	if (!flow_init(&en->flows, connections, o->vlan_in_key, o->hash_key, e) ||
	    !wheel_init(&en->wheel, connections, e) || !holes_init(&en->holes, connections, e) ||
	    !slab_init(&en->candidates, sizeof(struct candidate_cell), cells_limit(connections), e)) {
		engine_finish(en);
		return false;
	}
	quiet_init(en);
	return true;
}

void engine_finish(struct engine *en)
{
	flow_finish(&en->flows);
	wheel_finish(&en->wheel);
	holes_finish(&en->holes);
	slab_finish(&en->candidates);
}

uint64_t engine_memory(const struct engine *en)
{
	return (uint64_t)en->flows.limit *
		       (sizeof(struct conn) + sizeof(struct aside) + sizeof(struct quiet) + sizeof(struct quiet_part) +
			sizeof(struct quiet_answer) + sizeof(struct quiet_closing) + sizeof(struct quiet_packed) +
			sizeof(struct before) + 88) +
	       (uint64_t)en->holes.pool.limit * en->holes.pool.cell +
	       (uint64_t)en->candidates.limit * en->candidates.cell;
}

/* ---- segments ---- */

void engine_make_room(struct engine *en)
{
	if (flow_has_room(&en->flows))
		return;
	const uint32_t victim = flow_victim(&en->flows);

	en->counters->evicted++;
	if (flow_is_quiet(victim))
		quiet_release(en, victim, TCPLINT_END_EVICTED, en->now);
	else
		lifetime_release(en, flow_conn(&en->flows, victim), TCPLINT_END_EVICTED, en->now);
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
		lifetime_release(en, unanswered ? unanswered : oldest, TCPLINT_END_REUSE, en->now);
}

void engine_remember(struct before *b, const struct conn *older, bool swapped)
{
	for (enum side i = CLIENT; i <= SERVER; i++) {
		const struct endpoint *e = &older->end[swapped == older->swapped ? i : other(i)];

		b->known[i] = knows(e, K_ISN) && !knows(e, K_ISN_INFERRED) && knows(e, K_SMAX);
		b->isn[i] = e->isn;
		b->smax[i] = e->smax;
		b->tsval[i] = e->tsval;
		b->last[i] = e->last;
	}
	b->timestamps = older->detail[CLIENT].syn_opt & older->detail[SERVER].syn_opt & OPT_TIMESTAMPS;
}

void engine_begin(struct conn *c, const struct segment *s, bool swapped)
{
	c->swapped = swapped;
	c->origin = (uint8_t)origin_of(s);
	c->self_connect = !memcmp(&c->key.end[0], &c->key.end[1], sizeof(c->key.end[0]));
	c->start = mark_of(s);
	c->last = mark_of(s);
	c->syn = &c->first_syn;
	c->synack = &c->first_synack;
	c->end[CLIENT].wscale = c->end[SERVER].wscale = SCALE_UNKNOWN;
	c->vlan = s->vlan;
	c->tunnel = s->tunnel;
	c->end[CLIENT].state = TCPLINT_CLOSED;
	c->end[SERVER].state = TCPLINT_LISTEN;
}

static struct conn *create(struct engine *en, const struct engine_place *p, const struct segment *s, bool pending)
{
	const bool client_sends = (s->flags & (FLAG_SYN | FLAG_ACK)) != (FLAG_SYN | FLAG_ACK);

	engine_make_room(en);
	struct conn *c = flow_conn(&en->flows, flow_add(&en->flows, &p->key, p->hash));

	limit_incarnations(en, c);
	engine_begin(c, s, p->from_first != client_sends);
	c->pending = pending;
	const struct conn *older = flow_conn(&en->flows, c->older);

	if (older) {
		c->incarnation = older->incarnation + 1;
		engine_remember(&c->before, older, c->swapped);
	}
	en->counters->connections++;
	return c;
}

void engine_supersede(struct engine *en, struct conn *old, int64_t reused)
{
	old->reused = reused;
	old->superseded = en->now;
	if (conn_finished(old))
		lifetime_release(en, old, TCPLINT_END_REUSE, en->now);
	else /* was the peer still in it?  its later segments tell */
		lifetime_rearm(en, old);
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
		engine_supersede(en, old, c->start.ts);
	}
}

void engine_show(struct engine *en, struct conn *old, const struct segment *s, bool from_first, int64_t now)
{
	struct batch b;
	struct view v = { .limits = &en->limits, .holes = &en->holes, .now = now, .foreign = true };

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
		old->foreign_side = (uint8_t)v.x;
		old->foreign_seq = s->seq;
	}
	lifetime_rearm(en, old);
}

static void show_to_older(struct engine *en, const struct conn *c, const struct segment *s, bool from_first)
{
	for (uint32_t n = c->older; n; n = flow_conn(&en->flows, n)->older)
		engine_show(en, flow_conn(&en->flows, n), s, from_first, en->now);
}

static void count_segment(struct engine *en, const struct segment *s, bool duplicate)
{
	struct tcplint_counters *n = en->counters;

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
	tracker_apply(c, &en->holes, &en->flows.asides, v);
	en->counters->reordered += c->reordered - reordered;
	if (c->end[CLIENT].holes || c->end[SERVER].holes)
		lifetime_account_loss(en, c, en->now, REORDER_WINDOW, &b);
	if (c->candidates && !(v->events & EV_DUPLICATE))
		resolve_settle(en, c, v, &b);
	if (v->events & EV_ODD_FLAGS)
		tell_probe(en, v);
	resolve_report(en, c, v, &b);
	if (tell_wants(c, v))
		tell_segment(en, c, v);
	if (tell_watches(c, v))
		tell_watched(en, c, v);
}

/* Of a connection that is not quiet, or no longer. */
static void go_long_way(struct engine *en, const struct segment *s, const struct engine_place *p, uint32_t head)
{
	const struct incarnation which = incarnation_choose(&en->flows, head, s, p->from_first);
	struct conn *c = which.number ? flow_conn(&en->flows, which.number) :
					create(en, p, s, which.pending);
	const enum side x = conn_side(c, p->from_first);
	const uint32_t print = recent_print(s, x);
	const bool duplicate = recent_has(&c->recent, s, print);

	recent_add(&c->recent, &c->recent_next, s, print);

	zeek_segment(&c->zeek, (int)x, s);
	count_segment(en, s, duplicate);
	if (!duplicate && !p->back && !en->options.segments && tracker_in_order(c, s, x)) {
		tracker_go_on(c, s, x);
		return;
	}
	struct view v = { .limits = &en->limits, .holes = &en->holes, .now = en->now };

	tracker_replay(c, &en->holes, &en->flows.asides, s, x);
	tracker_classify(&v, c, s, x, !which.number);
	v.clock_back = p->back;
	v.twin = v.events & EV_SYN ? p->twin : NULL;
	if (v.clock_back || v.twin)
		v.events |= EV_TAP;
	struct tcplint_conn_id id;

	if (en->record) {
		id = conn_id(c);
		record_segment_before(en->record, &id, &v);
	}
	process(en, c, &v, duplicate);
	if (en->record) {
		record_segment_after(en->record, &v);
		en->ear.segment(en->ear.segment_user, en->record);
	}
	lifetime_reclassify(en, c);
	lifetime_rearm(en, c);
	if (c->older && (v.s->flags & (FLAG_SYN | FLAG_ACK) || (c->pending && v.s->flags & FLAG_RST)))
		show_to_older(en, c, s, p->from_first);
	promote(en, c, &v);
}

/* In a small form, a connection that begins with a SYN; otherwise the newest, `*head`, has none any more. */
static bool opens_quietly(struct engine *en, const struct segment *s, const struct engine_place *p, uint32_t *head)
{
	const bool syn = en->quiet.on && (s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;

	if (syn && quiet_open(en, p, *head, s))
		return true;
	if (!flow_is_quiet(*head))
		return false;
	*head = flow_number(&en->flows, quiet_replay(en, *head));
	return syn && quiet_open(en, p, *head, s);
}

void engine_segment(struct engine *en, const struct segment *s, const struct engine_place *p, uint64_t slot)
{
	uint32_t head =
		UNLIKELY(en->behind) ? lifetime_catch_up(en, p) : flow_find_near(&en->flows, &p->key, p->hash, slot);

	if (LIKELY(flow_is_quiet(head)) && LIKELY(!p->back) && quiet_go_on(en, head, s, p->from_first))
		return;
	if (!opens_quietly(en, s, p, &head))
		go_long_way(en, s, p, head);
}

void engine_quote(struct engine *en, const struct segment *s, const struct engine_place *p)
{
	en->counters->icmp_errors++;
	const uint32_t number = en->behind ? lifetime_catch_up(en, p) : flow_find(&en->flows, &p->key, p->hash);

	if (!number)
		return;
	struct conn *c = flow_is_quiet(number) ? quiet_replay(en, number) : flow_conn(&en->flows, number);
	struct batch b;
	struct view v = lifetime_view(en, c, en->now);

	batch_begin(&b);
	v.s = s;
	v.x = conn_side(c, p->from_first);
	v.y = c->self_connect ? v.x : other(v.x);
	v.X = &c->end[v.x];
	v.Y = &c->end[v.y];
	v.XD = &c->detail[v.x];
	v.YD = &c->detail[v.y];
	v.events = EV_ICMP;
	resolve_run(en, c, &v, ON_SEGMENT, &b);
	resolve_report(en, c, &v, &b);
	if (knows(v.X, K_ISN) && s->seq == v.X->isn && fact_is(v.X, SYN_SENT) && !fact_is(v.X, SYN_RCVD)) {
		c->icmp_refused = true;
		aside_of(&en->flows.asides, c)->icmp_refused = mark_of(s);
		tell_unreachable(en, c);
	}
	lifetime_rearm(en, c);
}
