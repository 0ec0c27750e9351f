/*
 * Addresses and ports that no connection has.
 */
#include "predicates.h"

bool rule_port_zero(const struct view *v, struct draft *d)
{
	if (!intact(v, EV_ODD_FIELDS) || (v->s->src.port && v->s->dst.port))
		return false;
	draft_offender(d, v->x);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->src.port;
	d->number[1] = v->s->dst.port;
	d->number[2] = v->s->flags;
	return true;
}

/* Where a socket may be connected to itself (RFC 9293, 3.5) nothing is said: that never leaves the host. */
bool rule_land_segment(const struct view *v, struct draft *d)
{
	if (!intact(v, EV_ODD_FIELDS) || !v->c->self_connect || !v->s->has_mac || address_is_loopback(&v->s->src))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_FLAGS, v->s->flags);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->flags;
	return true;
}

/* RFC 9293, 3.9.2.3: MUST-57 speaks of the receiver, MUST-63 of the sender. */
bool rule_syn_bad_address_answered(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;

	if (!intact(v, EV_ODD_FIELDS) || !live(v, EV_SYN) || v->c->self_connect ||
	    (!address_is_many(&s->dst) && !address_is_many(&s->src) && !address_is_none(&s->src)))
		return false;
	draft_offender(d, v->x);
	draft_frame(d, mark_of(s));
	return true;
}

enum outcome settle_syn_bad_address_answered(const struct view *v, struct candidate *k)
{
	if (v->s && v->x != (enum side)k->sender && live(v, EV_SYNACK | EV_RST) && has(v, FLAG_ACK) &&
	    seq_in(k->seq + 1, v->s->ack, k->end)) {
		draft_offender(&k->draft, v->x);
		draft_frame(&k->draft, mark_of(v->s));
		k->draft.number[0] = 1;
		return REFUTED;
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	k->draft.verdict = TCPLINT_ATTACK_SUSPECT;
	k->draft.severity = TCPLINT_NOTICE;
	return REFUTED;
}
