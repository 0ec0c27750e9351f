/*
 * Fields of the header that hold what they should not, or what is legal and seldom seen.
 */
#include "predicates.h"

static bool field_draft(const struct view *v, struct draft *d, enum tcplint_field f, uint32_t value)
{
	draft_offender(d, v->x);
	draft_plain(d, f, value);
	d->number[0] = v->s->flags;
	d->number[1] = v->s->len;
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_reserved_bits_set(const struct view *v, struct draft *d)
{
	if (!intact(v, EV_ODD_FIELDS) || !(v->s->flags & FLAG_RESERVED))
		return false;
	field_draft(v, d, TCPLINT_FIELD_FLAGS, v->s->flags);
	d->number[0] = (v->s->flags & FLAG_RESERVED) >> 9;
	return true;
}

/* A pointer beyond the segment is legal: urgent data that is yet to come, or that was sent before. */
bool rule_urg_without_data(const struct view *v, struct draft *d)
{
	return intact(v, EV_ODD_FIELDS) && !(v->events & EV_ODD_FLAGS) && has(v, FLAG_URG) &&
	       (!v->s->urgent || v->s->flags & (FLAG_SYN | FLAG_RST)) &&
	       field_draft(v, d, TCPLINT_FIELD_FLAGS, v->s->flags);
}

bool rule_syn_ackfield_nonzero(const struct view *v, struct draft *d)
{
	return intact(v, EV_ODD_FIELDS) && v->events & EV_SYN && !(v->events & EV_ODD_FLAGS) && v->s->ack &&
	       field_draft(v, d, TCPLINT_FIELD_ACK, v->s->ack);
}

/* How the scanner of Mirai and its heirs marks its SYNs: with the target's address. */
bool rule_isn_equals_address(const struct view *v, struct draft *d)
{
	if (!intact(v, EV_ODD_FIELDS) || !(v->events & EV_SYN) || v->events & EV_ODD_FLAGS || v->s->ipv6 ||
	    (!is_ipv4(v->s->seq, v->s->dst.ip) && !is_ipv4(v->s->seq, v->s->src.ip)))
		return false;
	return field_draft(v, d, TCPLINT_FIELD_ISN, v->s->seq);
}

bool rule_window_zero_in_handshake(const struct view *v, struct draft *d)
{
	return intact(v, EV_ODD_FIELDS) && v->events & (EV_SYN | EV_SYNACK) && !(v->events & EV_ODD_FLAGS) &&
	       !v->s->window && field_draft(v, d, TCPLINT_FIELD_WINDOW, 0);
}

/* RFC 8311, 4.3 lets experiments do it, and AccECN asks for it with a flag of its own. */
bool rule_ect_on_syn(const struct view *v, struct draft *d)
{
	if (!intact(v, EV_ODD_FIELDS) || !(v->events & (EV_SYN | EV_SYNACK)) || v->events & EV_ODD_FLAGS ||
	    !(v->s->tos & TOS_ECN) || (v->s->flags | v->YD->syn_flags_any) & FLAG_AE)
		return false;
	draft_offender(d, v->x);
	d->number[0] = v->s->tos & TOS_ECN;
	draft_frame(d, mark_of(v->s));
	return true;
}
