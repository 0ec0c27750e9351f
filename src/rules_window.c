/*
 * Windows: what an end offered, and what the other made of it.
 *
 * Edges are known only where both SYNs were seen, since the scale stands there.  A window update is a bare ACK: that
 * the capture missed one leaves no gap, so data beyond an edge waits for what its receiver does with it.
 */
#include "predicates.h"

/* A segment of an open connection with numbers that stand out. */
static bool odd_one(const struct view *v)
{
	return intact(v, EV_ODD_NUMBERS) && !(v->events & EV_ODD_FLAGS) && !(v->s->flags & (FLAG_SYN | FLAG_RST)) &&
	       !v->c->self_connect;
}

static bool knows_edge(const struct endpoint *e)
{
	return e->wscale != SCALE_UNKNOWN && knows(e, K_REDGE);
}

bool rule_data_beyond_window(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;
	const struct endpoint *X = v->X, *Y = v->Y;

	if (!odd_one(v) || !live(v, EV_DATA) || !knows_edge(Y) || (s->len <= 1 && !Y->window) ||
	    s->seq + s->len - Y->redge - (1u << Y->wscale) - 1 >= s->len || /* it straddles the edge, or begins there */
	     !knows(X, K_SMAX) || !seq_gt(v->end, X->smax))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, Y->redge, s->seq + s->len);
	d->number[0] = s->seq + s->len - Y->redge;
	d->number[1] = Y->window;
	draft_frame(d, Y->last);
	draft_frame(d, mark_of(s));
	return true;
}

/*
 * Accepted: the receiver had offered more than the capture saw, or did not mind.  Sent again although the receiver has
 * answered: it was refused.
 */
enum outcome settle_data_beyond_window(const struct view *v, struct candidate *k)
{
	const enum side x = (enum side)k->sender, y = other(x);
	const struct endpoint *Y = &v->c->end[y];
	const uint32_t edge = k->draft.value[0].expected;
	const bool after = v->s && v->s->frame != k->draft.frame[k->draft.frames - 1] && live(v, EV_ANY);

	if (knows(Y, K_AMAX) && seq_gt(Y->amax, edge))
		return DISMISSED;
	if (after && v->x == y && v->now - k->opened > crossing(Y))
		k->note = 1;
	if (after && v->x == x && k->note && v->events & EV_RETRANSMIT && seq_le(v->s->seq, edge) &&
	    seq_gt(v->end, edge)) {
		k->draft.evidence |= EVI_never_acked;
		return REFUTED;
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	if (!k->note)
		k->draft.cap = 0.45F;
	return PLAIN;
}

/* An acknowledgment of something new was sent after all that acknowledged less: its edge may not lie before theirs. */
bool rule_window_shrunk(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;
	const struct endpoint *X = v->X;

	if (!odd_one(v) || !live(v, EV_ACK_NEW) || v->events & (EV_OPENING | EV_CLOSING | EV_RESET | EV_ACK_UNSEEN) ||
	    !knows_edge(X) || !knows(X, K_AMAX) || !knows(X, K_SMAX) || seq_lt(s->seq, X->smax))
		return false;
	const uint32_t edge = s->ack + ((uint32_t)s->window << X->wscale), slack = 1u << X->wscale;
	const uint32_t before = X->amax + X->window;

	if (!seq_lt(edge + slack, X->redge) || !seq_lt(edge + slack, before))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_WINDOW_EDGE, v->y, before, edge);
	d->number[0] = before - edge;
	draft_frame(d, X->last);
	draft_frame(d, mark_of(s));
	return true;
}

/* A probe, or anything else that the sender repeats or tries, into a window that has been closed for long. */
bool rule_zero_window_stall(const struct view *v, struct draft *d)
{
	const struct endpoint *Y = v->Y;
	const uint32_t probes = EV_RETRANSMIT | EV_KEEPALIVE | EV_ODD_NUMBERS;

	if (!intact(v, probes) || !live(v, probes) || v->s->flags & (FLAG_SYN | FLAG_RST) || v->c->self_connect ||
	    Y->window || !knows(Y, K_REDGE) || !v->YD->zero_since.frame || fact_is(v->X, RESET) || fact_is(Y, RESET) ||
	    fact_is(Y, FIN_SENT) || v->now - v->YD->zero_since.ts <= STALL_WARN)
		return false;
	draft_offender(d, v->y);
	d->number[0] = v->now - v->YD->zero_since.ts;
	draft_frame(d, v->YD->zero_since);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* Numbers that no segment of this sender ever had, and its receiver cannot take. */
bool rule_seq_outside_window(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;
	const struct endpoint *X = v->X, *Y = v->Y;

	if (!odd_one(v) || v->c->origin == TCPLINT_ORIGIN_MIDSTREAM || v->c->incarnation ||
	    v->events & (EV_OPENING | EV_RESET) || !knows_edge(Y) || !knows(X, K_ISN) || knows(X, K_ISN_INFERRED) ||
	    !knows(X, K_SMAX))
		return false;
	const bool below = seq_lt(v->end, X->isn);

	if (!below && (!seq_gt(s->seq, Y->redge + (1u << Y->wscale) + 1) || !seq_gt(s->seq, X->smax)))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, X->smax, s->seq);
	d->number[0] = below;
	d->number[1] = s->len;
	draft_frame(d, mark_of(s));
	return true;
}

enum { WENT_ON = 1, REFUSED = 2, SHARED = 4 };

/*
 * Its receiver says what it expects, or both go on as if nothing had been; a receiver that takes it had offered more.
 */
enum outcome settle_seq_outside_window(const struct view *v, struct candidate *k)
{
	const enum side x = (enum side)k->sender;
	const struct endpoint *Y = &v->c->end[other(x)];
	const bool below = k->draft.number[0];
	const bool after = v->s && v->s->frame != k->draft.frame[0] && live(v, EV_ANY) && !(v->events & EV_RST);

	if (!below && (seq_ge(Y->redge, k->seq) || seq_ge(v->c->end[x].smax, k->seq)))
		return DISMISSED;
	if (shares_space(v, k, true, k->seq))
		k->note |= SHARED;
	if (after && v->x != x && v->events & EV_DUP_ACK && v->s->ack == Y->amax)
		k->note |= REFUSED;
	if (after && v->x == x && !(v->events & (EV_GAP | EV_ODD_NUMBERS)))
		k->note |= WENT_ON;
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	return k->note && !(k->note & SHARED) ? PLAIN : DISMISSED;
}
