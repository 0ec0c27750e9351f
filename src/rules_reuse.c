/*
 * A 4-tuple that is used again, where no TIME_WAIT keeps the two connections apart.
 */
#include "predicates.h"

/* There was a connection, and a RST ended it. */
static bool was_aborted(const struct conn *c)
{
	bool reset = false;

	for (enum side i = CLIENT; i <= SERVER; i++) {
		if (!fact_is(&c->end[i], SYN_ACKED) || !knows(&c->end[i], K_SEEN))
			return false;
		reset = reset || fact_get(&c->end[i], RESET) == CONFIRMED;
	}
	return reset;
}

bool rule_tuple_reuse_after_rst(const struct view *v, struct draft *d)
{
	if (!reopens(v) || !was_aborted(v->c))
		return false;
	const struct mark a = v->XD->last_rst, b = v->YD->last_rst, rst = a.frame > b.frame ? a : b;

	if (v->s->ts - rst.ts >= 2 * v->limits->msl)
		return false;
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, rst);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->ts - rst.ts;
	return true;
}

/* ---- RFC 1337, 2.2, H1 ---- */

/* Data with a timestamp of the incarnation before, where this one's receiver expects new data. */
bool rule_old_duplicate_in_new_incarnation(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;

	if (!intact(v, EV_DISAGREED) || v->events & EV_ODD_FLAGS || !s->len || s->flags & (FLAG_SYN | FLAG_RST) ||
	    !view_old_stamp(v) || !knows(v->Y, K_AMAX) || !knows(v->Y, K_REDGE) || !knows(v->X, K_SMAX))
		return false;
	if (!seq_gt(v->end, v->Y->amax) || !seq_lt(s->seq, v->Y->redge) || seq_lt(s->seq, v->X->smax))
		return false;
	d->offender = TCPLINT_BY_NETWORK;
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, s->seq);
	draft_frame(d, v->c->before.last[v->x]);
	draft_frame(d, mark_of(s));
	d->number[0] = s->len;
	d->number[1] = s->opt.ts_val;
	d->number[2] = v->c->before.tsval[v->x];
	return true;
}

/* Acknowledged before the sender of the new incarnation had sent anything there. */
enum outcome settle_old_duplicate_in_new_incarnation(const struct view *v, struct candidate *k)
{
	const struct segment *s = v->s;

	if (s && !v->foreign && v->x == (enum side)k->sender && s->len && !view_old_stamp(v) &&
	    seq_lt(s->seq, k->end) && seq_gt(v->end, k->seq))
		return DISMISSED;
	if (s && !v->foreign && v->drives && v->x != (enum side)k->sender && has(v, FLAG_ACK) && !has(v, FLAG_RST) &&
	    s->ack - k->end < UINT32_C(0x10000)) {
		draft_frame(&k->draft, mark_of(s));
		return REFUTED;
	}
	return v->releasing || v->now >= k->deadline ? DISMISSED : WAIT;
}
