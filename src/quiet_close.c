/*
 * The closing of a quiet connection: FIN, its acknowledgment, the other FIN and the acknowledgment of that; or a RST.
 */
#include "lifetime.h"
#include "quiet_private.h"
#include "tell.h"

/* Field by field: put together elsewhere it would wait for its own pieces before it is copied. */
static void keep(struct kept *k, const struct quiet *q, const struct segment *s, enum side x)
{
	k->ts = s->ts;
	k->frame = (uint32_t)(s->frame - q->id);
	k->seq = s->seq;
	k->ack = s->ack;
	k->len = s->len;
	k->ts_val = s->opt.ts_val;
	k->ts_ecr = s->opt.ts_ecr;
	k->present = (uint16_t)s->opt.present;
	k->flags = s->flags;
	k->window = s->window;
	k->ip_id = s->ip_id;
	k->captured = s->truncated ? (uint16_t)s->tcp_captured : 0;
	k->data_offset = s->data_offset;
	k->ttl = s->ttl;
	k->side = (uint8_t)x;
	k->checksum = s->checksum;
	k->truncated = s->truncated;
}

/* Opened for nothing: the host is watched for that (watch.h). */
static bool closes_empty(const struct quiet *q, const struct quiet_part *p, const struct segment *s)
{
	return !s->len && !((p->side[CLIENT].marks | p->side[SERVER].marks) & SIDE_DATA) && s->ts - q->syn_ts <= SECOND;
}

static bool fin_opens_closing(const struct engine *en, const struct quiet *q, const struct quiet_part *p, enum side x,
			      const struct segment *s)
{
	const struct quiet_side *X = &p->side[x], *Y = &p->side[other(x)];

	return q->stage == QUIET_ESTABLISHED && !closes_empty(q, p, s) && in_order(X, Y, s) &&
	       ordinary(q, s, FLAG_FIN, X->tsval, stamps_of(Y, Y->tsval)) && fits(X, Y, s, X->redge, Y->redge) &&
	       !(s->truncated && (en->quiet.loud_cut || !s->len));
}

/* What follows, with which every number known so far is acknowledged; QUIET_SYN when it is something else. */
static enum quiet_stage next_stage(const struct engine *en, const struct quiet *q, const struct quiet_part *p,
				   const struct quiet_closing *k, enum side x, const struct segment *s)
{
	const enum side y = other(x);
	const bool fin = s->flags & FLAG_FIN;

	if (s->seq != k->smax[x] || s->ack != k->smax[y] ||
	    !ordinary(q, s, fin ? FLAG_FIN : 0, k->tsval[x], stamps_of(&p->side[y], k->tsval[y])) ||
	    !fits(&p->side[x], &p->side[y], s, k->redge[x], k->redge[y]) ||
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

	keep(&k->segment[k->count++], q, s, x);
	k->smax[x] = segment_end(s);
	k->redge[x] = seq_max(k->redge[x], s->ack + ((uint32_t)s->window << p->side[x].scale));
	if (s->opt.present & OPT_TIMESTAMPS)
		k->tsval[x] = s->opt.ts_val;
	if (s->truncated)
		quiet_count(en, RULE_truncated_capture, !k->cut_count && !k->cut++);
}

/* ---- a RST ---- */

/* rst_ttl_mismatch is silent. */
static bool same_distance(const struct engine *en, const struct quiet *q, enum side x, uint8_t ttl)
{
	const int hops = (int)ttl - (x == CLIENT ? q->syn.ttl : flow_answer(&en->flows, q)->synack.ttl);

	return hops >= -2 && hops <= 2;
}

/* Where the next byte of X would stand, when everything was acknowledged: nothing is lost by it but the connection. */
static bool aborts(const struct engine *en, const struct quiet *q, const struct quiet_part *p, enum side x,
		   const struct segment *s)
{
	const struct quiet_side *X = &p->side[x], *Y = &p->side[other(x)];
	const uint32_t ack = s->flags & FLAG_ACK ? s->ack : X->amax;

	return !en->quiet.loud_reset && q->stage == QUIET_ESTABLISHED && (s->flags & ~(unsigned)FLAG_ACK) == FLAG_RST &&
	       segment_is_sound(s) && !s->len && !s->truncated && !s->opt.present && !(s->tos & TOS_ECN) && s->seq &&
	       s->seq == X->smax && s->seq == Y->amax && ack == Y->smax && !closes_empty(q, p, s) &&
	       s->ts == en->now && same_distance(en, q, x, s->ttl); /* its rule waits, from now on */
}

static bool abort_it(struct engine *en, struct quiet *q, struct quiet_part *p, uint32_t number, enum side x,
		     const struct segment *s)
{
	struct quiet_closing *k = closing_of(en, p);

	if (!k)
		return false;
	keep(&k->segment[k->count++], q, s, x);
	k->closer = (uint8_t)x;
	q->stage = QUIET_RESET;
	flow_set_age_class(&en->flows, number, AGE_CLOSED);
	if (q->stamped && s->flags & FLAG_ACK)
		tell_common(en, RULE_ts_missing_on_rst, offender_of(x), q);
	tell_quiet_reset(en, q, x, s);
	return true;
}

bool quiet_begin_closing(struct engine *en, struct quiet *q, struct quiet_part *p, uint32_t number, enum side x,
			 const struct segment *s)
{
	if (s->flags & FLAG_RST)
		return aborts(en, q, p, x, s) && abort_it(en, q, p, number, x, s);
	if (!fin_opens_closing(en, q, p, x, s))
		return false;
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

bool quiet_go_on_closing(struct engine *en, struct quiet *q, struct quiet_part *p, uint32_t number, enum side x,
			 const struct segment *s)
{
	const struct quiet_closing *k = flow_closing(&en->flows, p);
	const enum quiet_stage next = next_stage(en, q, p, k, x, s);

	/* three segments when the second FIN acknowledged the first */
	const enum rule how = k->count == 2 ? RULE_close_3seg : RULE_close_normal_4way;

	if (next == QUIET_SYN)
		return false;
	if (next == QUIET_CLOSED)
		tell_common(en, how, offender_of(x), q);
	if (next == QUIET_FINS)
		flow_set_age_class(&en->flows, number, AGE_CLOSED);
	q->stage = (uint8_t)next;
	keep_closing(en, q, p, x, s);
	return true;
}
