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

/* A SYN or SYN-ACK since: of a device that always begins with one number, perhaps. */
static bool opened_again(const struct conn *c, int64_t since)
{
	for (unsigned i = 0; i < c->syns; i++)
		if (c->syn[i].last.ts > since)
			return true;
	for (unsigned i = 0; i < c->synacks; i++)
		if (c->synack[i].last.ts > since)
			return true;
	return false;
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
	/* the same numbers are used once more: what came in between may not have been captured */
	const bool again = opened_again(v->c, k->opened);

	/*
	 * RFC 9293, 3.10.7.4 step 5: "then send an ACK", which shows how far it has really sent.  Of a single number it
	 * might be a probe, which begins one before (3.8.4); in SYN_SENT it may be the challenge of an incarnation that
	 * the capture did not see.
	 */
	if (v->s && !again && !k->draft.number[1] && v->drives && v->x == y && v->s->seq == Y->smax &&
	    k->draft.number[0] > 1 && is_pure_ack(v->s) && Y->smax == before &&
	    (v->now - k->opened > crossing(Y) ||
	     (Y->turn && v->now - k->opened >= Y->turn && !(v->events & EV_ACK_NEW)))) {
		k->draft.evidence |= EVI_peer_objected | EVI_never_acked;
		return REFUTED;
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	/* nothing of its sender came after it: then what it acknowledged may be missing as well */
	if (Y->last.ts <= k->opened || again)
		k->draft.cap = 0.45F;
	return !again && no_id_gap(v, k, 2) ? REFUTED : PLAIN;
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

/*
 * A pure ACK one number before what its sender sends next, while the peer has not acknowledged all: a probe in a busy
 * connection.
 */
bool rule_keepalive_while_busy(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;
	const struct endpoint *X = v->X, *Y = v->Y;

	if (!intact(v, EV_ODD_NUMBERS) || !live(v, EV_PURE_ACK) || v->events & (EV_OPENING | EV_CLOSING | EV_RESET) ||
	    v->c->self_connect || !knows(X, K_SMAX) || !knows(Y, K_AMAX) || !seq_lt(Y->amax, X->smax) || !Y->window ||
	    (s->seq != X->smax - 1 && s->seq != Y->amax - 1) || X->holes || s->opt.present & OPT_SACK)
		return false;
	/* an earlier ACK that arrives late looks alike, unless it is too late for that or its timestamp is new */
	if (s->ts - X->last.ts < KEEPALIVE_IDLE &&
	    !(s->opt.present & OPT_TIMESTAMPS && knows(X, K_TSVAL) && seq_gt(s->opt.ts_val, X->tsval)))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, X->smax, s->seq);
	d->number[0] = X->smax - Y->amax;
	d->number[1] = s->ts - v->c->last.ts;
	draft_frame(d, X->last);
	draft_frame(d, mark_of(s));
	return true;
}

#define PROBES_IN_VAIN 3

/* Asked when the connection is released: the probes since the peer's latest segment, whatever came after them. */
bool rule_keepalive_unanswered(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!v->releasing || c->self_connect || c->loss || c->end[CLIENT].holes || c->end[SERVER].holes)
		return false;
	for (enum side x = CLIENT; x <= SERVER; x++) {
		const enum side y = other(x);
		const bool reset = c->detail[x].last_rst.frame && c->detail[x].last_rst.ts >= c->end[y].last.ts;

		if (c->detail[x].probes < PROBES_IN_VAIN || !knows(&c->end[y], K_SEEN) || !c->end[y].window ||
		    (!reset && v->now - c->end[x].last.ts < RESOLVE_TIMEOUT))
			continue;
		draft_offender(d, y);
		d->number[0] = c->detail[x].probes;
		d->number[1] = c->end[x].last.ts - c->end[y].last.ts;
		draft_frame(d, c->end[y].last);
		draft_frame(d, c->end[x].last);
		return true;
	}
	return false;
}

/*
 * Behind an acknowledgment of its own: new data, or a pure ACK whose timestamp proves that it was sent later.  Anything
 * else may have been overtaken.
 */
bool rule_ack_regression(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;
	const struct endpoint *X = v->X;

	if (!intact(v, EV_ODD_NUMBERS) || !live(v, EV_ANY) || !(s->flags & FLAG_ACK) ||
	    s->flags & (FLAG_SYN | FLAG_RST) || v->c->self_connect || !knows(X, K_AMAX) || !seq_lt(s->ack, X->amax) ||
	    !knows(v->Y, K_SMAX) || seq_gt(X->amax, v->Y->smax) || X->amax - s->ack > X->maxwnd) /* ack_too_old */
		return false;
	const bool stamped = s->opt.present & OPT_TIMESTAMPS && knows(X, K_TSVAL);
	const bool newer = stamped && seq_gt(s->opt.ts_val, X->tsval),
		   older = stamped && seq_lt(s->opt.ts_val, X->tsval);
	const bool news = s->len && knows(X, K_SMAX) && seq_ge(s->seq, X->smax);

	if (older || v->events & (EV_KEEPALIVE | EV_RESET) || (!news && (!newer || s->len)))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_ACK, v->y, X->amax, s->ack);
	d->number[0] = X->amax - s->ack;
	if (newer && news) { /* who acknowledged more may also have been a device that does so in its place */
		d->verdict = TCPLINT_VIOLATION;
		d->severity = TCPLINT_NOTICE;
		d->evidence |= EVI_order_proven;
		d->alternatives = ALT_middlebox;
		d->cap = 0.75F;
	}
	draft_frame(d, X->last);
	draft_frame(d, mark_of(s));
	return true;
}

/* RFC 5961, 5.2: new data whose acknowledgment is further back than any window of its sender reaches. */
bool rule_ack_too_old(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;
	const struct endpoint *X = v->X;

	if (!intact(v, EV_ODD_NUMBERS) || v->events & EV_ODD_FLAGS || !s->len || !(s->flags & FLAG_ACK) ||
	    s->flags & (FLAG_SYN | FLAG_RST) || v->c->self_connect || v->c->origin == TCPLINT_ORIGIN_MIDSTREAM ||
	    X->wscale == SCALE_UNKNOWN || !knows(X, K_AMAX) || !knows(X, K_REDGE) || !knows(X, K_SMAX) ||
	    !seq_gt(v->end, X->smax) || !seq_lt(s->ack, X->amax - X->maxwnd) || !knows(v->Y, K_SMAX) ||
	    v->c->incarnation || seq_gt(X->amax, v->Y->smax))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_ACK, v->y, X->amax, s->ack);
	d->number[0] = X->amax - s->ack;
	d->number[1] = X->maxwnd;
	d->alternatives = ALT_injection | ALT_old_duplicate;
	draft_frame(d, X->last);
	draft_frame(d, mark_of(s));
	return true;
}

/* Within a window of its highest one the acknowledgment was old, and not of another space. */
enum outcome settle_ack_too_old(const struct view *v, struct candidate *k)
{
	const struct endpoint *X = &v->c->end[k->sender];

	if (!one_space(X, k->ack, X->amax) && shares_space(v, k, false, k->ack))
		k->note = 1;
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	return k->note ? DISMISSED : PLAIN;
}
