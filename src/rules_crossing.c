/*
 * Openings that take other steps than three: SYNs that cross, a SYN-ACK in two halves, and the end that finds
 * its peer still in a connection of which it knows nothing.
 */
#include "predicates.h"

/* Y answered the SYN with an ACK alone, sent a SYN of its own, and X takes that for a crossing SYN. */
bool rule_split_handshake(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!live(v, EV_SYNACK) || v->x != CLIENT || !c->split || v->YD->synack || v->s->seq != v->X->isn ||
	    v->s->ack != v->Y->isn + 1)
		return false;
	draft_offender(d, SERVER);
	draft_frame(d, newest_syn(c));
	draft_frame(d, v->YD->fact[SYN_RCVD]);
	draft_frame(d, v->YD->fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* ---- SYNs that cross ---- */

/* Of an end that has closed its socket meanwhile, the same RST is right (RFC 9293, 3.10.7.1). */
#define UNLESS_CLOSED 0.6F

bool rule_simopen_rejected(const struct view *v, struct draft *d)
{
	if (!live(v, EV_RST) || !v->c->simultaneous || v->c->self_connect || v->XD->synack || v->YD->synack ||
	    fact_get(v->X, SYN_RCVD) == CONFIRMED || fact_is(v->X, RESET) || fact_is(v->Y, RESET))
		return false;
	/* <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> is the answer to the bare SYN */
	if (!has(v, FLAG_ACK) || !seq_in(v->Y->isn + 1, v->s->ack, v->Y->isn + 1 + v->YD->syn_len))
		return false;
	draft_offender(d, v->x);
	draft_frame(d, v->XD->fact[SYN_SENT]);
	draft_frame(d, v->YD->fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->X->isn; /* for the settling */
	d->alternatives = ALT_middlebox;
	if (other_distance(v)) {
		d->scale = 0.5F;
		d->alternatives |= ALT_injection;
	}
	return true;
}

/* Its SYN comes again: it was in SYN_SENT.  It goes on: the RST was another's. */
enum outcome settle_simopen_rejected(const struct view *v, struct candidate *k)
{
	if (v->s && v->x == (enum side)k->sender && v->drives && v->s->ts > k->opened && !has(v, FLAG_RST)) {
		if ((v->events & (EV_SYN | EV_SYNACK)) != EV_SYN || v->s->seq != (uint32_t)k->draft.number[0])
			return DISMISSED;
		return REFUTED;
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	k->draft.cap = UNLESS_CLOSED;
	return PLAIN;
}

/* ---- half-open connections ---- */

/* RFC 9293, 3.8.6.3, and E-CHACK of rules.md 1.11. */
#define CHALLENGE_MAX (500 * MILLISECOND)

/* Y, in the old connection, answered the SYN of X's new one with an ACK, and with nothing else since. */
static bool challenged_syn(const struct view *v)
{
	const struct conn *c = v->c;
	const struct latest *t = &v->YD->latest;

	if (!c->foreign_syn.frame || c->foreign_side != v->x || !t->at.frame || t->at.frame != v->Y->last.frame ||
	    t->at.frame < c->foreign_syn.frame || v->X->last.frame > c->foreign_syn.frame)
		return false;
	/* what it had sent before may have crossed the SYN, and a RST answer that */
	if (t->before > c->foreign_syn.ts - SECOND)
		return false;
	return t->end == t->seq && (t->flags & (FLAG_ACK | FLAG_SYN | FLAG_FIN)) == FLAG_ACK &&
	       v->s->ts - t->at.ts <= CHALLENGE_MAX + crossing(v->X);
}

/* RFC 9293, 3.10.7.3, first: <SEQ=SEG.ACK><CTL=RST>. */
bool rule_half_open_rst_wrong_seq(const struct view *v, struct draft *d)
{
	if (!v->s || !(v->events & EV_RST) || v->events & (EV_ODD_FLAGS | EV_BAD_CHECKSUM) || v->s->bad_header ||
	    v->c->superseded || v->c->self_connect || fact_is(v->X, RESET) || !knows(v->X, K_SMAX) ||
	    !challenged_syn(v))
		return false;
	const uint32_t right = v->YD->latest.ack, seq = v->s->seq;

	if (seq == right || seq_in(right, seq, v->X->smax)) /* or it gives up the old connection */
		return false;
	if (seq - v->c->foreign_seq <= 1) /* it gives up the new one */
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, right, seq);
	draft_frame(d, v->c->foreign_syn);
	draft_frame(d, v->Y->last);
	draft_frame(d, mark_of(v->s));
	d->alternatives = ALT_middlebox;
	if (other_distance(v)) {
		d->scale = 0.5F;
		d->alternatives |= ALT_injection;
	}
	return true;
}
