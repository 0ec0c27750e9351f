/*
 * What an ordinary conversation is, segment by segment.
 *
 * Every condition here is stricter than those of the rules: test/property/quiet.c compares with an engine that
 * asks them all.
 */
#include <string.h>

#include "finding.h"
#include "lifetime.h"
#include "quiet.h"
#include "recent.h"
#include "tell.h"

#define SYN_OPTIONS \
	(OPT_MSS | OPT_WSCALE | OPT_SACK_PERMITTED | OPT_TIMESTAMPS | OPT_MP_CAPABLE | OPT_MPTCP_OTHER | OPT_OTHER)
#define ECN_FLAGS (FLAG_ECE | FLAG_CWR | FLAG_AE)

static bool plain(const struct segment *s)
{
	return s->checksum <= CHECKSUM_OK && !s->bad_header && !s->len_unknown && !s->quoted && s->window;
}

static bool clean_syn(const struct segment *s)
{
	const struct tcp_options *o = &s->opt;

	return plain(s) && !s->len && !s->truncated && !(s->tos & TOS_ECN) && s->seq != UINT32_MAX && !(o->present & ~(uint32_t)SYN_OPTIONS) &&
	       !(o->present & OPT_WSCALE && o->wscale > MOST_WSCALE) && !(o->present & OPT_MSS && o->mss < TINY_MSS);
}

/* What the compact form cannot hold. */
static bool holds(const struct quiet *q, const struct segment *s)
{
	return s->frame >= q->id && s->frame - q->id <= UINT32_MAX && !(s->truncated && s->tcp_captured > UINT16_MAX);
}

static struct kept_syn keep_syn(const struct quiet *q, const struct segment *s)
{
	return (struct kept_syn){
		.ts = s->ts,
		.frame = (uint32_t)(s->frame - q->id),
		.seq = s->seq,
		.ts_val = s->opt.ts_val,
		.ts_ecr = s->opt.ts_ecr,
		.present = (uint16_t)s->opt.present,
		.mss = s->opt.mss,
		.flags = s->flags,
		.window = s->window,
		.ip_id = s->ip_id,
		.wscale = s->opt.wscale,
		.ttl = s->ttl,
		.checksum = s->checksum,
	};
}

static struct kept keep(const struct quiet *q, const struct segment *s, enum side x)
{
	return (struct kept){
		.ts = s->ts,
		.frame = (uint32_t)(s->frame - q->id),
		.seq = s->seq,
		.ack = s->ack,
		.len = s->len,
		.ts_val = s->opt.ts_val,
		.ts_ecr = s->opt.ts_ecr,
		.present = (uint16_t)s->opt.present,
		.flags = s->flags,
		.window = s->window,
		.ip_id = s->ip_id,
		.captured = (uint16_t)s->tcp_captured,
		.data_offset = s->data_offset,
		.ttl = s->ttl,
		.side = (uint8_t)x,
		.checksum = s->checksum,
		.truncated = s->truncated,
	};
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

bool quiet_open(struct engine *en, const struct engine_place *p, const struct segment *s)
{
	const struct tcplint_address *end = p->key.end;

	if ((s->flags & ~(unsigned)ECN_FLAGS) != FLAG_SYN || s->ack || !clean_syn(s) ||
	    (!s->ipv6 && (is_ipv4(s->seq, s->src.ip) || is_ipv4(s->seq, s->dst.ip))) ||
	    !s->src.port || !s->dst.port || bad_address(&s->src) || bad_address(&s->dst) ||
	    (s->opt.present & OPT_TIMESTAMPS && s->opt.ts_ecr) || !memcmp(&end[0], &end[1], sizeof(end[0])))
		return false;
	engine_make_room(en);
	const uint32_t number = flow_add_quiet(&en->flows, &p->key, p->hash);
	struct quiet *q = flow_quiet(&en->flows, number);

	q->key.vlan = s->vlan;
	q->key.tunnel = s->tunnel;
	q->stage = QUIET_SYN;
	q->swapped = !p->from_first;
	q->id = s->frame;
	q->last_ts = s->ts;
	q->syn = keep_syn(q, s);
	recent_add(q->recent, &q->recent_next, s, recent_print(s, CLIENT));
	en->counters->connections++;
	count_segment(en, s);
	const struct opening_id id = quiet_opening(q);

	tell_opening(en, TOLD_SYN, &id, s);
	quiet_rearm(en, q, number);
	return true;
}

static bool answers(const struct quiet *q, const struct segment *s, enum side x)
{
	const struct kept_syn *syn = &q->syn;
	const uint32_t both = s->opt.present & syn->present;
	const bool asked = (syn->flags & (FLAG_ECE | FLAG_CWR)) == (FLAG_ECE | FLAG_CWR);

	return x == SERVER && (s->flags & ~(unsigned)(asked ? FLAG_ECE : 0)) == (FLAG_SYN | FLAG_ACK) && clean_syn(s) &&
	       s->ack == syn->seq + 1 && s->opt.present & OPT_MSS && !(s->opt.present & ~syn->present & OPT_ASKED_FOR) &&
	       !(both & OPT_TIMESTAMPS && (s->opt.ts_val || s->opt.ts_ecr) && s->opt.ts_ecr != syn->ts_val);
}

static void take_answer(struct engine *en, struct quiet *q, const struct segment *s)
{
	const struct opening_id id = quiet_opening(q);

	q->stage = QUIET_SYNACK;
	q->synack = keep_syn(q, s);
	q->stamped = q->syn.present & q->synack.present & OPT_TIMESTAMPS;
	q->ecn = s->flags & FLAG_ECE;
	tell_opening(en, TOLD_SYNACK, &id, s);
}

/* ---- data in order ---- */

static uint8_t scale_of(const struct quiet *q, enum side x)
{
	const bool both = q->syn.present & q->synack.present & OPT_WSCALE;

	return both ? (x == CLIENT ? q->syn.wscale : q->synack.wscale) : (uint8_t)0;
}

/* ACK and perhaps data, with timestamps when they were agreed on, and not older ones. */
static bool ordinary(const struct quiet *q, const struct segment *s, enum side x, unsigned fin, uint32_t tsval,
		     uint32_t peer_tsval)
{
	const bool stamped = s->opt.present & OPT_TIMESTAMPS;
	const struct kept_syn *peer = x == CLIENT ? &q->synack : &q->syn;

	/* longer than the peer takes, or an echo of what it has not sent (tracker_private.h) */
	if ((s->len && s->tcp_length > UINT32_C(20) + peer->mss) ||
	    (stamped && !seq_in(peer->ts_val, s->opt.ts_ecr, peer_tsval)))
		return false;

	return (s->flags & ~(unsigned)(FLAG_PSH | ECN_FLAGS)) == (FLAG_ACK | fin) && plain(s) &&
	       !(s->opt.present & ~(uint32_t)OPT_TIMESTAMPS) && stamped == q->stamped &&
	       !(stamped && seq_lt(s->opt.ts_val, tsval)) && (q->ecn || !(s->tos & TOS_ECN));
}

/* Within the edge that the peer offered, and none of its own goes back: odd_window() of tracker_private.h. */
static bool fits(const struct quiet_part *p, enum side x, const struct segment *s, uint32_t edge, uint32_t peer_edge)
{
	return !(s->len && seq_gt(s->seq + s->len, peer_edge + (1u << p->scale[other(x)]))) &&
	       !seq_lt(s->ack + (((uint32_t)s->window + 1) << p->scale[x]), edge);
}

/* The windows that it offers, and what it acknowledges. */
static void offer(struct quiet_side *X, const struct segment *s, unsigned scale)
{
	const uint32_t window = (uint32_t)s->window << scale;

	X->amax = s->ack;
	X->window = window;
	if (window > X->maxwnd)
		X->maxwnd = window;
	X->redge = seq_max(X->redge, s->ack + window);
}

static void send(struct quiet *q, struct quiet_side *X, const struct segment *s)
{
	X->segments++;
	X->good = X->good || s->checksum == CHECKSUM_OK;
	const int64_t gap = s->ts - X->last_ts;

	X->last_gap = gap < 0 ? 0 : gap > UINT32_MAX ? UINT32_MAX : (uint32_t)gap;
	X->last_ts = s->ts;
	X->last_frame = (uint32_t)(s->frame - q->id);
	X->last_len = s->len;
	X->last_flags = s->flags;
	X->smax += s->len;
	if (s->len) {
		X->has_data = true;
		X->data_ts = s->ts;
		X->data_frame = X->last_frame;
	}
	if (s->opt.present & OPT_TIMESTAMPS)
		X->tsval = s->opt.ts_val;
}

static bool third(const struct quiet *q, const struct segment *s, enum side x)
{
	return x == CLIENT && q->syn.present & OPT_MSS && s->seq == q->syn.seq + 1 && s->ack == q->synack.seq + 1 && !s->truncated &&
	       ordinary(q, s, CLIENT, 0, q->syn.ts_val, q->synack.ts_val) &&
	       !(s->len && seq_gt(s->seq + s->len, q->syn.seq + 1 + q->synack.window + (1u << scale_of(q, SERVER)))) && s->seq + s->len >= s->seq;
}

static void begin_side(struct quiet_side *X, const struct kept_syn *syn)
{
	*X = (struct quiet_side){
		.smax = syn->seq + 1,
		.tsval = syn->ts_val,
		.segments = 1,
		.delivered = 1,
		.last_ts = syn->ts,
		.last_frame = syn->frame,
		.good = syn->checksum == CHECKSUM_OK,
	};
}

static bool take_third(struct engine *en, struct quiet *q, uint32_t number, const struct segment *s)
{
	const struct opening_id id = quiet_opening(q);

	q->part = slab_take(&en->flows.parts);
	if (!q->part)
		return false;
	struct quiet_part *p = flow_part(&en->flows, q);
	struct quiet_side *C = &p->side[CLIENT], *S = &p->side[SERVER];

	p->third = (struct kept_third){
		.ts = s->ts,
		.frame = (uint32_t)(s->frame - q->id),
		.len = s->len,
		.ts_val = s->opt.ts_val,
		.ts_ecr = s->opt.ts_ecr,
		.flags = s->flags,
		.window = s->window,
		.checksum = s->checksum,
	};
	p->isn[CLIENT] = q->syn.seq;
	p->isn[SERVER] = q->synack.seq;
	p->scale[CLIENT] = scale_of(q, CLIENT);
	p->scale[SERVER] = scale_of(q, SERVER);
	begin_side(C, &q->syn);
	begin_side(S, &q->synack);
	S->window = S->maxwnd = q->synack.window;
	S->amax = q->syn.seq + 1;
	S->redge = S->amax + q->synack.window;
	C->redge = s->ack; /* the first that it offers is beyond that */
	offer(C, s, p->scale[CLIENT]);
	send(q, C, s);
	C->delivered += s->len;
	p->seen[CLIENT] = s->len ? ZEEK_SEEN_DATA : ZEEK_SEEN_ACK;
	if (s->len) {
		S->has_cover = true;
		S->cover = C->smax;
	}
	q->stage = QUIET_OPEN;
	flow_set_age_class(&en->flows, number, AGE_ESTABLISHED);
	tell_opening(en, TOLD_COMPLETED, &id, NULL);
	return true;
}

static void letter(struct quiet_part *p, enum side x, char c)
{
	p->letters[p->letter_count++] = x == CLIENT ? c : (char)(c + 'a' - 'A');
}

/* The letters and numbers of Zeek's (zeek_long_way()). */
static void show_zeek(struct quiet_part *p, enum side x, const struct segment *s)
{
	struct quiet_side *X = &p->side[x], *Y = &p->side[other(x)];
	const uint8_t kind = s->len ? ZEEK_SEEN_DATA : ZEEK_SEEN_ACK;
	const uint32_t acked = s->ack - p->isn[other(x)];

	if (!(p->seen[x] & kind))
		letter(p, x, s->len ? 'D' : 'A');
	p->seen[x] |= kind;
	if (s->ack != X->amax && seq_lt(Y->delivered, acked)) { /* a gap, for Zeek: the snapshot cut the data */
		uint32_t n = ++Y->gaps;

		while (n >= 10 && n % 10 == 0)
			n /= 10;
		if (n == 1)
			letter(p, other(x), 'G');
		Y->delivered = acked;
	}
	if (s->len && !s->truncated)
		X->delivered += s->len;
}

/* No number wraps or is far, and there is room for two letters. */
static bool zeek_simple(const struct quiet_part *p, enum side x, const struct segment *s)
{
	const struct quiet_side *X = &p->side[x], *Y = &p->side[other(x)];
	const uint32_t isn = p->isn[x], rel = s->seq - isn;

	if (p->letter_count + 2 > QUIET_LETTERS || s->seq + s->len < s->seq || (rel + s->len) >> 31)
		return false;
	return !s->len || s->truncated || (X->delivered == rel && rel + s->len - (Y->amax - isn) <= ZEEK_UNACKED_MAX);
}

static bool in_order(const struct quiet_side *X, const struct quiet_side *Y, const struct segment *s)
{
	return s->seq == X->smax && seq_in(X->amax, s->ack, Y->smax);
}

static struct quiet_closing *closing_of(struct engine *en, struct quiet_part *p)
{
	if (!p->closing)
		p->closing = slab_take(&en->flows.closings);
	return p->closing ? flow_closing(&en->flows, p) : NULL;
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

/* False: not in order.  `*again`: struct conn would go the long way, and look at its timer. */
static bool carry_on(struct engine *en, struct quiet *q, struct quiet_part *p, enum side x, const struct segment *s,
		     bool *again)
{
	struct quiet_side *X = &p->side[x], *Y = &p->side[other(x)];

	if (!in_order(X, Y, s) || !ordinary(q, s, x, 0, X->tsval, Y->tsval) || !fits(p, x, s, X->redge, Y->redge) || !zeek_simple(p, x, s) ||
	    (s->truncated && (en->quiet.loud_cut || !s->len || !closing_of(en, p))))
		return false;
	*again = q->stage == QUIET_OPEN || s->truncated || (!s->len && s->ack == X->amax);
	show_zeek(p, x, s);
	if (s->truncated)
		count_cut(en, q, closing_of(en, p), s);
	if (*again && s->len && !Y->has_cover) {
		Y->has_cover = true;
		Y->cover = s->seq + s->len;
	}
	if (q->stage == QUIET_OPEN && x == SERVER && (s->len || (X->has_cover && seq_ge(s->ack, X->cover))))
		q->stage = QUIET_ESTABLISHED;
	offer(X, s, p->scale[x]);
	send(q, X, s);
	return true;
}

/* ---- the closing ---- */

/* Opened for nothing: the host is watched for that (watch.h). */
static bool closes_empty(const struct quiet *q, const struct quiet_part *p, const struct segment *s)
{
	return !s->len && !p->side[CLIENT].has_data && !p->side[SERVER].has_data && s->ts - q->syn.ts <= SECOND;
}

static bool fin_opens_closing(const struct engine *en, const struct quiet *q, const struct quiet_part *p, enum side x,
			      const struct segment *s)
{
	return q->stage == QUIET_ESTABLISHED && !closes_empty(q, p, s) && in_order(&p->side[x], &p->side[other(x)], s) &&
	       ordinary(q, s, x, FLAG_FIN, p->side[x].tsval, p->side[other(x)].tsval) &&
	       fits(p, x, s, p->side[x].redge, p->side[other(x)].redge) && !(s->truncated && (en->quiet.loud_cut || !s->len));
}

/* What follows, with which every number known so far is acknowledged; QUIET_SYN when it is something else. */
static enum quiet_stage next_stage(const struct engine *en, const struct quiet *q, const struct quiet_part *p,
				   const struct quiet_closing *k, enum side x, const struct segment *s)
{
	const enum side y = other(x);
	const bool fin = s->flags & FLAG_FIN;

	if (s->seq != k->smax[x] || s->ack != k->smax[y] || !ordinary(q, s, x, fin ? FLAG_FIN : 0, k->tsval[x], k->tsval[y]) ||
	    !fits(p, x, s, k->redge[x], k->redge[y]) ||
	    (s->truncated && (en->quiet.loud_cut || !s->len)))
		return QUIET_SYN;
	if (q->stage == QUIET_FIN && x != k->closer && fin)
		return QUIET_FINS;
	if (q->stage == QUIET_FIN && x != k->closer && !s->len)
		return QUIET_FIN_ACKED;
	if (q->stage == QUIET_FIN_ACKED && x != k->closer && fin && !s->len)
		return QUIET_FINS;
	if (q->stage == QUIET_FINS && x == k->closer && !fin && !s->len && !en->quiet.loud_close)
		return QUIET_CLOSED;
	return QUIET_SYN;
}

static void keep_closing(struct engine *en, struct quiet *q, struct quiet_part *p, enum side x, const struct segment *s)
{
	struct quiet_closing *k = flow_closing(&en->flows, p);

	k->segment[k->count++] = keep(q, s, x);
	k->smax[x] = segment_end(s);
	k->redge[x] = seq_max(k->redge[x], s->ack + ((uint32_t)s->window << p->scale[x]));
	if (s->opt.present & OPT_TIMESTAMPS)
		k->tsval[x] = s->opt.ts_val;
	if (s->truncated)
		quiet_count(en, RULE_truncated_capture, !k->cut_count && !k->cut++);
}

static bool begin_closing(struct engine *en, struct quiet *q, struct quiet_part *p, enum side x, const struct segment *s)
{
	struct quiet_closing *k = closing_of(en, p);

	if (!k)
		return false;
	k->closer = (uint8_t)x;
	for (enum side i = CLIENT; i <= SERVER; i++) {
		k->smax[i] = p->side[i].smax;
		k->redge[i] = p->side[i].redge;
		k->tsval[i] = p->side[i].tsval;
	}
	q->stage = QUIET_FIN;
	keep_closing(en, q, p, x, s);
	return true;
}

static bool go_on_closing(struct engine *en, struct quiet *q, struct quiet_part *p, uint32_t number, enum side x,
			  const struct segment *s)
{
	const struct quiet_closing *k = flow_closing(&en->flows, p);
	const enum quiet_stage next = next_stage(en, q, p, k, x, s);

	/* three segments when the second FIN acknowledged the first */
	const enum rule how = k->count == 2 ? RULE_close_3seg : RULE_close_normal_4way;
	const struct opening_id id = quiet_opening(q);

	if (next == QUIET_SYN)
		return false;
	if (next == QUIET_CLOSED)
		tell_common(en, how, x == CLIENT ? TCPLINT_BY_CLIENT : TCPLINT_BY_SERVER, &id);
	if (next == QUIET_FINS)
		flow_set_age_class(&en->flows, number, AGE_CLOSED);
	q->stage = (uint8_t)next;
	keep_closing(en, q, p, x, s);
	return true;
}

/* From the third segment on. */
static bool go_on(struct engine *en, struct quiet *q, uint32_t number, enum side x, const struct segment *s, bool *again)
{
	struct quiet_part *p = flow_part(&en->flows, q);

	if (q->stage >= QUIET_FIN)
		return go_on_closing(en, q, p, number, x, s);
	if (s->flags & FLAG_FIN)
		return fin_opens_closing(en, q, p, x, s) && begin_closing(en, q, p, x, s);
	return carry_on(en, q, p, x, s, again);
}

bool quiet_go_on(struct engine *en, uint32_t number, const struct segment *s, bool from_first)
{
	struct quiet *q = flow_quiet(&en->flows, number);
	const enum side x = from_first != q->swapped ? CLIENT : SERVER;
	const uint32_t print = recent_print(s, x);
	bool again = true;

	if (recent_has(q->recent, s, print) || !holds(q, s))
		return false;
	if (q->stage == QUIET_SYN) {
		if (!answers(q, s, x))
			return false;
		take_answer(en, q, s);
	} else if (q->stage == QUIET_SYNACK) {
		if (!third(q, s, x) || !take_third(en, q, number, s))
			return false;
	} else if (!go_on(en, q, number, x, s, &again)) {
		return false;
	}
	recent_add(q->recent, &q->recent_next, s, print);
	count_segment(en, s);
	q->last_ts = s->ts;
	if (again)
		quiet_rearm(en, q, number);
	return true;
}
