/*
 * What an ordinary conversation is, segment by segment.
 *
 * Every condition here is stricter than those of the rules: test/property/quiet.c compares with an engine that
 * asks them all.
 */
#include <string.h>

#include "compiler.h"
#include "finding.h"
#include "lifetime.h"
#include "quiet_private.h"
#include "quiet_zeek.h"
#include "recent.h"
#include "tell.h"

#define SYN_OPTIONS \
	(OPT_MSS | OPT_WSCALE | OPT_SACK_PERMITTED | OPT_TIMESTAMPS | OPT_MP_CAPABLE | OPT_MPTCP_OTHER | OPT_OTHER)

static bool clean_syn(const struct segment *s)
{
	const struct tcp_options *o = &s->opt;

	return plain(s) && !s->len && !s->truncated && !(s->tos & TOS_ECN) && s->seq != UINT32_MAX &&
	       !(o->present & ~(uint32_t)SYN_OPTIONS) && !(o->present & OPT_WSCALE && o->wscale > MOST_WSCALE) &&
	       !(o->present & OPT_MSS && o->mss < TINY_MSS);
}

/* `echo`: the timestamp that it echoes. */
static struct kept_syn keep_syn(const struct segment *s, uint32_t echo)
{
	const bool echoes = s->opt.present & OPT_TIMESTAMPS && s->opt.ts_ecr == echo;

	return (struct kept_syn){
		.seq = s->seq,
		.ts_val = s->opt.ts_val,
		.present = (uint16_t)s->opt.present,
		.mss = s->opt.mss,
		.window = s->window,
		.ip_id = s->ip_id,
		.flags = (uint16_t)(s->flags | s->checksum << KEPT_CHECKSUM | (echoes ? KEPT_ECHO : 0)),
		.wscale = s->opt.wscale,
		.ttl = s->ttl,
	};
}

/* What the compact form cannot hold. */
static bool holds(const struct quiet *q, const struct segment *s)
{
	return s->frame - q->id <= UINT32_MAX && !(s->truncated & (s->tcp_captured > UINT16_MAX));
}

static void count_segment(struct engine *en, const struct segment *s)
{
	en->counters->segments++;
	en->counters->truncated += s->truncated;
}

/* ---- the opening ---- */

static bool bad_address(const struct endpoint_address *a)
{
	return address_is_many(a) || address_is_none(a);
}

static bool opens(const struct engine_place *p, const struct segment *s)
{
	const struct tcplint_address *end = p->key.end;

	return (s->flags & ~(unsigned)ECN_FLAGS) == FLAG_SYN && !s->ack && clean_syn(s) && !p->back && !p->twin &&
	       !(!s->ipv6 && (is_ipv4(s->seq, s->src.ip) || is_ipv4(s->seq, s->dst.ip))) &&
	       s->src.port && s->dst.port && !bad_address(&s->src) && !bad_address(&s->dst) &&
	       !(s->opt.present & OPT_TIMESTAMPS && s->opt.ts_ecr) && memcmp(&end[0], &end[1], sizeof(end[0]));
}

bool quiet_open(struct engine *en, const struct engine_place *p, uint32_t older, const struct segment *s)
{
	if (!opens(p, s) || (older && !(flow_has_room(&en->flows) && quiet_may_reopen(en, older, s, p->from_first))))
		return false;
	engine_make_room(en);
	const uint32_t number = flow_add_quiet(&en->flows, &p->key, p->hash, s->frame);
	struct quiet *q = flow_quiet(&en->flows, number);

	q->vlan = s->vlan;
	q->tunnel = s->tunnel;
	q->stage = QUIET_SYN;
	q->swapped = !p->from_first;
	q->last_ts = s->ts;
	q->syn_ts = s->ts;
	q->syn = keep_syn(s, 0);
	q->syn.flags &= (uint16_t)~(unsigned)KEPT_ECHO; /* there was nothing to echo */
	q->print = recent_print(s, CLIENT);
	q->direction = s->direction;
	q->recent_next = 1;
	if (older)
		quiet_follow(en, q, older);
	en->counters->connections++;
	count_segment(en, s);
	tell_quiet_opening(en, TOLD_SYN, q, s);
	if (older)
		quiet_show_syn(en, q, older, s);
	quiet_rearm(en, q, number);
	return true;
}

static bool answers(const struct quiet *q, const struct segment *s, enum side x)
{
	const struct kept_syn *syn = &q->syn;
	const uint32_t both = s->opt.present & syn->present;
	const bool asked = (syn->flags & (FLAG_ECE | FLAG_CWR)) == (FLAG_ECE | FLAG_CWR);

	return x == SERVER && s->ts >= q->syn_ts && s->ts - q->syn_ts <= UINT32_MAX &&
	       (s->flags & ~(unsigned)(asked ? FLAG_ECE : 0)) == (FLAG_SYN | FLAG_ACK) && clean_syn(s) &&
	       s->ack == syn->seq + 1 && s->opt.present & OPT_MSS &&
	       !(s->opt.present & ~syn->present & OPT_ASKED_FOR) &&
	       !(both & OPT_TIMESTAMPS && (s->opt.ts_val || s->opt.ts_ecr) && s->opt.ts_ecr != syn->ts_val);
}

static bool keep_answer(struct engine *en, struct quiet *q, const struct segment *s, uint32_t print)
{
	q->more = slab_take(&en->flows.answers);
	if (!q->more)
		return false;
	struct quiet_answer *a = flow_answer(&en->flows, q);

	a->synack = keep_syn(s, q->syn.ts_val);
	a->after = (uint32_t)(s->ts - q->syn_ts);
	a->frame = (uint32_t)(s->frame - q->id);
	a->print = print;
	a->direction = s->direction;
	q->recent_next = 2;
	return true;
}

static bool take_answer(struct engine *en, struct quiet *q, const struct segment *s, uint32_t print)
{
	if (!keep_answer(en, q, s, print))
		return false;
	q->stage = QUIET_SYNACK;
	q->stamped = q->syn.present & s->opt.present & OPT_TIMESTAMPS;
	q->ecn = s->flags & FLAG_ECE;
	tell_quiet_opening(en, TOLD_SYNACK, q, s);
	if (q->before)
		quiet_accept(en, q, s);
	return true;
}

/* A closed port's RST, as RFC 9293, 3.5.2 wants it. */
static bool refuses(const struct engine *en, const struct quiet *q, const struct segment *s, enum side x)
{
	return !en->quiet.loud_refused && x == SERVER && s->flags == (FLAG_RST | FLAG_ACK) && !s->seq &&
	       s->ack == q->syn.seq + 1 && !s->len && !s->truncated && !s->opt.present && !(s->tos & TOS_ECN) &&
	       segment_is_sound(s) && s->ts >= q->syn_ts && s->ts - q->syn_ts <= UINT32_MAX;
}

static bool take_refusal(struct engine *en, struct quiet *q, uint32_t number, const struct segment *s, uint32_t print)
{
	if (!keep_answer(en, q, s, print))
		return false;
	q->stage = QUIET_REFUSED;
	flow_set_age_class(&en->flows, number, AGE_CLOSED);
	tell_common(en, RULE_syn_refused, TCPLINT_BY_SERVER, q);
	tell_refused(en, q, s);
	return true;
}

/* ---- data in order ---- */

/* The windows that it offers, and what it acknowledges. */
static void offer(struct quiet_side *X, const struct segment *s)
{
	const uint32_t window = (uint32_t)s->window << X->scale;

	X->amax = s->ack;
	X->window = window;
	if (window > X->maxwnd)
		X->maxwnd = window;
	X->redge = seq_max(X->redge, s->ack + window);
}

static void send(struct quiet *q, struct quiet_side *X, const struct segment *s)
{
	X->segments++;
	X->marks |= s->checksum == CHECKSUM_OK ? SIDE_GOOD : 0;
	const int64_t gap = s->ts - X->last_ts;

	X->last_gap = LIKELY((uint64_t)gap <= UINT32_MAX) ? (uint32_t)gap : gap < 0 ? 0 : UINT32_MAX;
	X->last_ts = s->ts;
	X->last_frame = (uint32_t)(s->frame - q->id);
	X->last_len = s->len;
	X->last_flags = s->flags;
	X->smax += s->len;
	if (s->len) {
		X->marks |= SIDE_DATA;
		X->data_ts = s->ts;
		X->data_frame = X->last_frame;
	}
	if (s->opt.present & OPT_TIMESTAMPS)
		X->tsval = s->opt.ts_val;
}

static bool third(const struct quiet *q, const struct kept_syn *synack, const struct segment *s, enum side x)
{
	const struct stamps peer = { synack->ts_val, synack->ts_val, synack->mss };

	return x == CLIENT && q->syn.present & OPT_MSS && s->seq == q->syn.seq + 1 && s->ack == synack->seq + 1 &&
	       !s->truncated && ordinary(q, s, 0, q->syn.ts_val, peer) && s->seq + s->len >= s->seq &&
	       s->len <= UINT16_MAX &&
	       !(s->len &&
		 seq_gt(s->seq + s->len, q->syn.seq + 1 + synack->window + (1u << scale_of(synack, &q->syn)))) &&
	       s->ts >= q->syn_ts && s->ts - q->syn_ts <= UINT32_MAX;
}

static void begin_side(struct quiet_side *X, const struct kept_syn *own, const struct kept_syn *peer)
{
	*X = (struct quiet_side){
		.smax = own->seq + 1,
		.tsval = own->ts_val,
		.first_tsval = own->ts_val,
		.segments = 1,
		.delivered = 1,
		.mss = own->mss,
		.scale = scale_of(own, peer),
		.marks = checksum_of(own) == CHECKSUM_OK ? SIDE_GOOD : 0,
	};
}

static struct kept_third keep_third(const struct quiet *q, const struct segment *s)
{
	return (struct kept_third){
		.after = (uint32_t)(s->ts - q->syn_ts),
		.frame = (uint32_t)(s->frame - q->id),
		.ts_val = s->opt.ts_val,
		.len = (uint16_t)s->len,
		.window = s->window,
		.flags = (uint16_t)(s->flags | s->checksum << KEPT_CHECKSUM),
	};
}

static void take_third(struct engine *en, struct quiet *q, uint32_t number, const struct segment *s)
{
	const struct quiet_answer *a = flow_answer(&en->flows, q);
	struct quiet_part *p = flow_part(&en->flows, q);
	struct quiet_side *C = &p->side[CLIENT], *S = &p->side[SERVER];

	slab_along(&en->flows.parts, q->more);
	*p = (struct quiet_part){
		.isn = { q->syn.seq, a->synack.seq },
		.third = keep_third(q, s),
	};
	quiet_recent(&p->recent, q, a);
	begin_side(C, &q->syn, &a->synack);
	begin_side(S, &a->synack, &q->syn);
	C->last_ts = q->syn_ts;
	S->last_ts = q->syn_ts + a->after;
	S->last_frame = a->frame;
	S->window = S->maxwnd = a->synack.window;
	S->amax = q->syn.seq + 1;
	S->redge = S->amax + a->synack.window;
	C->redge = s->ack; /* the first that it offers is beyond that */
	offer(C, s);
	send(q, C, s);
	C->delivered += s->len;
	C->marks |= s->len ? ZEEK_SEEN_DATA : ZEEK_SEEN_ACK;
	if (s->len) {
		S->marks |= SIDE_COVER;
		S->cover = C->smax;
	}
	q->stage = QUIET_OPEN;
	q->last_ts = s->ts;
	flow_set_age_class(&en->flows, number, AGE_ESTABLISHED);
	tell_quiet_completed(en, q);
}

static void count_cut(struct engine *en, const struct quiet *q, struct quiet_closing *k, const struct segment *s)
{
	quiet_count(en, RULE_truncated_capture, !k->cut_count);
	if (!k->cut_count++) {
		k->cut_frame = (uint32_t)(s->frame - q->id);
		k->cut_length = s->tcp_length;
		k->cut_captured = (uint16_t)s->tcp_captured;
		k->cut_first = s->ts;
	}
	k->cut_last = s->ts;
}

enum course {
	ODD, /* not of this form, and nothing has changed, but that it may have a struct quiet_closing */
	CARRIED_ON,
	LOOKED_AT, /* struct conn would go the long way, and look at its timer */
};

/* Of X, whose peer is Y, both of `p`. */
static APART enum course carry_on(struct engine *en, struct quiet *q, struct quiet_part *p, struct quiet_side *X,
				  struct quiet_side *Y, const struct segment *s)
{
	const enum side x = X == &p->side[CLIENT] ? CLIENT : SERVER;

	if (!in_order(X, Y, s) || !ordinary(q, s, 0, X->tsval, stamps_of(Y, Y->tsval)) ||
	    !fits(X, Y, s, X->redge, Y->redge) || !zeek_simple(&en->flows, p, x, X, Y, s) ||
	    (s->truncated && (en->quiet.loud_cut || !s->len || !closing_of(en, p))))
		return ODD;
	const bool again = (q->stage == QUIET_OPEN) | s->truncated | ((s->len == 0) & (s->ack == X->amax));

	show_zeek(&en->flows, p, x, X, Y, s);
	if (s->truncated)
		count_cut(en, q, closing_of(en, p), s);
	if (again && s->len && !(Y->marks & SIDE_COVER)) {
		Y->marks |= SIDE_COVER;
		Y->cover = s->seq + s->len;
	}
	if (UNLIKELY(q->stage == QUIET_OPEN) && x == SERVER &&
	    (s->len || (X->marks & SIDE_COVER && seq_ge(s->ack, X->cover))))
		q->stage = QUIET_ESTABLISHED;
	offer(X, s);
	send(q, X, s);
	return again ? LOOKED_AT : CARRIED_ON;
}

static bool fresh(const struct recent *r, const struct quiet *q, const struct segment *s, uint32_t print)
{
	return !recent_has(r, s, print) && holds(q, s);
}

static APART bool go_on_opening(struct engine *en, struct quiet *q, uint32_t number, enum side x,
				const struct segment *s, uint32_t print)
{
	const struct quiet_answer *a = q->stage == QUIET_SYNACK ? flow_answer(&en->flows, q) : NULL;
	struct recent r;

	quiet_recent(&r, q, a);
	if (q->stage == QUIET_REFUSED || !fresh(&r, q, s, print))
		return false;
	if (!a && refuses(en, q, s, x))
		return !flow_older(&en->flows, q) && take_refusal(en, q, number, s, print);
	if (!a)
		return answers(q, s, x) && (!q->before || quiet_may_accept(en, q, s)) && take_answer(en, q, s, print);
	if (!third(q, &a->synack, s, x))
		return false;
	take_third(en, q, number, s);
	recent_add(&flow_part(&en->flows, q)->recent, &q->recent_next, s, print);
	return true;
}

/* From the third segment on. */
static enum course go_on(struct engine *en, struct quiet *q, uint32_t number, enum side x, const struct segment *s,
			 uint32_t print)
{
	struct quiet_part *p = flow_part(&en->flows, q);
	enum course course;

	if (!fresh(&p->recent, q, s, print) ||
	    (q->before && s->opt.present & OPT_TIMESTAMPS && seq_lt(s->opt.ts_val, p->side[x].first_tsval)))
		return ODD;
	if (q->stage >= QUIET_FIN)
		course = quiet_go_on_closing(en, q, p, number, x, s) ? LOOKED_AT : ODD;
	else if (s->flags & (FLAG_FIN | FLAG_RST))
		course = quiet_begin_closing(en, q, p, number, x, s) ? LOOKED_AT : ODD;
	else
		course = carry_on(en, q, p, &p->side[x], &p->side[other(x)], s);
	if (course != ODD)
		recent_add(&p->recent, &q->recent_next, s, print);
	return course;
}

/*
 * Stages whose deadline may be nearer than that of the one before; those of the others only move away while time goes
 * on.
 */
static bool brings_deadline(enum quiet_stage stage)
{
	const unsigned nearer =
		1u << QUIET_SYNACK | 1u << QUIET_REFUSED | 1u << QUIET_FIN | 1u << QUIET_CLOSED | 1u << QUIET_RESET;

	return nearer >> stage & 1;
}

bool quiet_go_on(struct engine *en, uint32_t number, const struct segment *s, bool from_first)
{
	struct quiet *q = flow_quiet(&en->flows, number);
	const enum side x = from_first != q->swapped ? CLIENT : SERVER;
	const uint32_t print = recent_print(s, x);
	const bool back = s->ts < q->last_ts;
	enum course course;

	if (UNLIKELY(q->packed))
		quiet_ask_again(en, q);
	if (LIKELY(q->stage >= QUIET_OPEN))
		course = go_on(en, q, number, x, s, print);
	else
		course = go_on_opening(en, q, number, x, s, print) ? LOOKED_AT : ODD;
	if (course == ODD)
		return false;
	count_segment(en, s);
	q->last_ts = s->ts;
	if ((course == LOOKED_AT) & (back | brings_deadline((enum quiet_stage)q->stage)))
		quiet_rearm(en, q, number);
	if (q->stage == QUIET_CLOSED)
		quiet_pack(en, q);
	return true;
}
