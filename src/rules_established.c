/* Rules of the sequence space of an established connection. */
#include "predicates.h"

bool rule_ack_beyond_sent(const struct view *v, struct draft *d)
{
	if (!v->s || !v->drives || !(v->events & EV_ACK_UNSEEN) || v->s->flags & (FLAG_SYN | FLAG_RST) ||
	    !knows(v->Y, K_SEEN) || !knows(v->Y, K_SMAX) || v->s->ack - v->Y->smax > 0x40000000 ||
	    fact_is(v->X, RESET) || fact_is(v->Y, RESET) || v->c->self_connect)
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_ACK, v->y, v->Y->smax, v->s->ack);
	d->number[0] = v->s->ack - v->Y->smax;
	if (!one_space(v->Y, v->s->ack, v->Y->smax)) { /* rewritten on the way, and captured on both sides */
		d->alternatives |= ALT_middlebox;
		d->scale = 0.5F;
	}
	d->number[1] = !fact_is(v->Y, SYN_RCVD); /* for the settling: its SYN was not answered yet */
	draft_frame(d, v->Y->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_ack_beyond_sent(const struct view *v, struct candidate *k)
{
	const enum side y = other((enum side)k->sender);
	const struct endpoint *Y = &v->c->end[y];
	const uint32_t before = k->draft.value[0].expected;

	if (seq_ge(Y->smax, k->ack)) { /* the numbers exist: did they come late, or not at all? */
		if (!holes_overlap(v->holes, Y, before, k->ack) && v->c->loss_ts < k->opened)
			return DISMISSED;
		if (v->now - k->opened <= REORDER_WINDOW && !v->releasing)
			return WAIT;
		return SUPPORTED;
	}
	/*
	 * RFC 9293, 3.10.7.4 step 5: "then send an ACK", which shows how far it has really sent.  Of a single number it
	 * might be a probe, which begins one before (3.8.4); in SYN_SENT it may be the challenge of an incarnation that the
	 * capture did not see.
	 */
	if (v->s && !k->draft.number[1] && v->drives && v->x == y && v->s->seq == Y->smax && k->draft.number[0] > 1 && is_pure_ack(v->s) && Y->smax == before &&
	    (v->now - k->opened > crossing(Y) || (Y->turn && v->now - k->opened >= Y->turn && !(v->events & EV_ACK_NEW)))) {
		k->draft.evidence |= EVI_peer_objected | EVI_never_acked;
		return REFUTED;
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	/* nothing of its sender came after it: then what it acknowledged may be missing as well */
	if (Y->last.ts <= k->opened)
		k->draft.cap = 0.45F;
	return PLAIN;
}

bool rule_ack_beyond_fin(const struct view *v, struct draft *d)
{
	if (!v->s || !v->drives || !(v->events & EV_CLOSING) || !(v->s->flags & FLAG_ACK) ||
	    v->s->flags & (FLAG_SYN | FLAG_RST) || !knows(v->Y, K_FIN) || !seq_gt(v->s->ack, v->Y->fend) ||
	    !one_space(v->Y, v->s->ack, v->Y->fend) || fact_is(v->X, RESET) || fact_is(v->Y, RESET))
		return false;
	/* one copy that nobody acknowledged may be forged; and who sends beyond its FIN has not closed */
	if ((!knows(v->X, K_AMAX) || seq_lt(v->X->amax, v->Y->fend)) && !v->YD->fin_copies)
		return false;
	if (seq_gt(v->Y->smax, v->Y->fend) || (knows(v->X, K_FIN) && seq_gt(v->s->seq, v->X->fend)))
		return false; /* or both are in another incarnation, whose opening was not captured */
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_ACK, v->y, v->Y->fend, v->s->ack);
	d->number[0] = v->s->ack - v->Y->fend;
	d->evidence = EVI_nothing_beyond_fin;
	if (far_apart(v->YD->first_fin_ttl, v->Y->ttl)) { /* fin_forged, and what followed was not captured */
		d->scale = 0.5F;
		d->alternatives |= ALT_injection;
	}
	draft_frame(d, v->YD->last_fin);
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_keepalive_probe(const struct view *v, struct draft *d)
{
	if (!v->s || !v->drives || !(v->events & EV_KEEPALIVE))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, 0, v->s->seq);
	d->value[0].has_expected = false;
	d->number[0] = v->s->ts - v->c->last.ts;
	draft_frame(d, mark_of(v->s));
	return true;
}
