/* The arrows of the receiver: tentative, until its own output proves them. */
#include "tracker_private.h"

static void select_attempt(struct conn *c, enum side y, uint32_t ack)
{
	struct endpoint *Y = &c->end[y];

	for (unsigned i = 0; i < c->syns && y == CLIENT; i++) {
		const struct attempt *a = &c->syn[i];

		if (!seq_in(a->isn + 1, ack, a->isn + 1 + a->len) || a->isn == Y->isn)
			continue;
		Y->isn = a->isn;
		Y->smax = a->isn + 1 + a->len;
		return;
	}
}

static bool acks_syn(const struct conn *c, enum side y, uint32_t ack)
{
	for (unsigned i = 0; i < c->syns && y == CLIENT; i++)
		if (seq_in(c->syn[i].isn + 1, ack, c->syn[i].isn + 1 + c->syn[i].len))
			return true;
	return knows(&c->end[y], K_ISN) &&
	       seq_in(c->end[y].isn + 1, ack, c->end[y].isn + 1 + c->detail[y].syn_len);
}

void tracker_get_syn(struct conn *c, const struct view *v)
{
	const enum side y = v->y;
	struct endpoint *Y = &c->end[y];
	const struct mark m = mark_of(v->s);

	if (!(v->s->flags & FLAG_ACK)) {
		if (!fact_is(Y, SYN_ACKED))
			fact_set(c, y, SYN_RCVD, TENTATIVE, m);
		return;
	}
	if (!knows(Y, K_ISN)) { /* its SYN was not captured */
		Y->isn = v->s->ack - 1;
		Y->smax = v->s->ack;
		Y->known |= K_ISN | K_ISN_INFERRED | K_SMAX | K_ACTIVE;
		fact_set(c, y, SYN_SENT, CONFIRMED, m);
	}
	if (end_over(Y) || !acks_syn(c, y, v->s->ack))
		return;
	select_attempt(c, y, v->s->ack);
	fact_set(c, y, SYN_RCVD, TENTATIVE, m);
	fact_set(c, y, SYN_ACKED, TENTATIVE, m);
}

/* The first acknowledgment of the SYN-ACK, and how long the client took for it. */
static void note_third_step(struct conn *c, const struct view *v)
{
	const struct endpoint *S = &c->end[SERVER];
	struct endpoint *C = &c->end[CLIENT];

	if (v->x != CLIENT || c->hs_ack.frame || !c->synacks || !seq_gt(v->s->ack, S->isn) ||
	    seq_gt(v->s->ack, S->smax))
		return;
	const int64_t turn = v->s->ts - c->synack[c->synacks - 1].last.ts;

	if (is_pure_ack(v->s) && (!C->turn || turn < C->turn))
		C->turn = turn;
	c->hs_ack = mark_of(v->s);
}

void tracker_get_ack(struct conn *c, const struct view *v)
{
	const enum side y = v->y;
	struct endpoint *Y = &c->end[y];
	const struct segment *s = v->s;

	if (knows(Y, K_ISN) && fact_is(Y, SYN_SENT) && fact_is(Y, SYN_RCVD) && !fact_is(Y, SYN_ACKED) &&
	    seq_gt(s->ack, Y->isn) && seq_le(s->ack, Y->smax)) {
		fact_set(c, y, SYN_ACKED, TENTATIVE, mark_of(s));
	}
	note_third_step(c, v);
	if (knows(Y, K_FIN) && s->ack == Y->fend && fact_is(Y, FIN_SENT)) {
		if (!fact_is(Y, FIN_ACKED))
			c->detail[y].fin_acked_by = mark_of(s);
		fact_set(c, y, FIN_ACKED, TENTATIVE, mark_of(s));
		c->detail[y].fin_acked_last = mark_of(s);
		if (!knows(Y, K_FIN_COVER) && segment_length(s)) {
			Y->fin_cover = v->end;
			Y->known |= K_FIN_COVER;
		}
	}
}

/*
 * The FIN's own number: a host that forgets a connection in FIN_WAIT sends its RST so, and who has that FIN and still
 * waits for something accepts it (Linux does; RFC 9293, 3.10.7.4, would have it dropped, and then the endpoint goes on
 * and shows that).
 */
static bool resets_at_fin(const struct view *v)
{
	return knows(v->X, K_FIN) && fact_is(v->Y, FIN_RCVD) && !fact_is(v->Y, FIN_ACKED) &&
	       v->s->seq == v->X->fend - 1;
}

/* rules.md 1.8: which RST resets, as far as the tap can know. */
static bool accepts_rst(const struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;
	const struct endpoint *X = v->X, *Y = v->Y;

	if (!fact_is(Y, SYN_SENT))
		return false;
	if (!fact_is(Y, SYN_RCVD)) /* SYN_SENT */
		return s->flags & FLAG_ACK && acks_syn(c, v->y, s->ack);
	if (!knows(Y, K_AMAX) || !knows(X, K_SMAX))
		return true;
	return seq_in(Y->amax, s->seq, X->smax) || s->seq == Y->amax || resets_at_fin(v) ||
	       (!fact_is(Y, SYN_ACKED) && knows(X, K_ISN) && s->seq == X->isn + 1);
}

void tracker_get_rst(struct conn *c, const struct view *v)
{
	const enum side y = v->y;

	if (accepts_rst(c, v))
		fact_set(c, y, RESET, TENTATIVE, mark_of(v->s));
}

/* The peer's FIN counts as received when nothing before it is missing. */
void tracker_get_fin(struct conn *c, const struct holes *h, const struct view *v)
{
	const enum side y = v->y;
	const struct endpoint *X = &c->end[v->x];

	if (knows(X, K_FIN) && !fact_is(&c->end[y], FIN_RCVD) && segment_length(v->s) &&
	    !holes_below(h, X, X->fend) && fact_is(&c->end[y], SYN_SENT))
		fact_set(c, y, FIN_RCVD, TENTATIVE, mark_of(v->s));
}
