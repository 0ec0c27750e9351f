/* Header and flags: what one segment shows by itself. */
#include "draft.h"

#define CONTROL_BITS (FLAG_FIN | FLAG_SYN | FLAG_RST | FLAG_PSH | FLAG_ACK | FLAG_URG)

/* A damaged header proves nothing about its sender. */
static bool readable(const struct view *v, uint32_t event)
{
	return v->events & event && v->s && v->s->checksum != CHECKSUM_BAD &&
	       !(v->s->bad_header && event != EV_BAD_HEADER);
}

static void flags_draft(const struct view *v, struct draft *d)
{
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_FLAGS, v->s->flags);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->flags;
}

bool rule_flags_null(const struct view *v, struct draft *d)
{
	if (!readable(v, EV_ODD_FLAGS) || v->s->flags & CONTROL_BITS)
		return false;
	flags_draft(v, d);
	d->number[0] = v->s->len;
	return true;
}

bool rule_flags_syn_fin(const struct view *v, struct draft *d)
{
	if (!readable(v, EV_ODD_FLAGS) || !has(v, FLAG_SYN | FLAG_FIN))
		return false;
	flags_draft(v, d);
	if (v->s->opt.present & OPT_TTCP) { /* RFC 1644: T/TCP did so in earnest */
		d->verdict = TCPLINT_NOTE;
		d->severity = TCPLINT_INFO;
	}
	return true;
}

bool rule_flags_syn_rst(const struct view *v, struct draft *d)
{
	if (!readable(v, EV_ODD_FLAGS) || !has(v, FLAG_SYN | FLAG_RST))
		return false;
	flags_draft(v, d);
	return true;
}

bool rule_flags_fin_no_ack(const struct view *v, struct draft *d)
{
	if (!readable(v, EV_ODD_FLAGS) || (v->s->flags & (FLAG_FIN | FLAG_ACK | FLAG_SYN | FLAG_RST)) != FLAG_FIN)
		return false;
	flags_draft(v, d);
	return true;
}

bool rule_flags_xmas(const struct view *v, struct draft *d)
{
	if (!readable(v, EV_ODD_FLAGS) || !has(v, FLAG_FIN | FLAG_PSH | FLAG_URG) || has(v, FLAG_ACK))
		return false;
	flags_draft(v, d);
	return true;
}

/* What no scan is known for: FIN, and nothing at all, have rules of their own. */
bool rule_ack_flag_missing(const struct view *v, struct draft *d)
{
	if (!readable(v, EV_ODD_FLAGS) || v->s->flags & (FLAG_ACK | FLAG_SYN | FLAG_RST | FLAG_FIN) ||
	    !(v->s->flags & CONTROL_BITS))
		return false;
	flags_draft(v, d);
	d->number[1] = v->s->len;
	return true;
}

bool rule_tcp_header_invalid(const struct view *v, struct draft *d)
{
	if (!readable(v, EV_BAD_HEADER))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_DATA_OFFSET, v->s->data_offset);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->data_offset * 4;
	d->number[1] = v->s->tcp_length;
	if (v->s->len_unknown) /* a first fragment too small for its header: made to slip past a filter */
		d->verdict = TCPLINT_ATTACK_SUSPECT;
	return true;
}

bool rule_checksum_bad(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_BAD_CHECKSUM))
		return false;
	d->offender = TCPLINT_BY_NETWORK;
	draft_plain(d, TCPLINT_FIELD_CHECKSUM, v->s->tcp_checksum);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->tcp_sum;
	d->number[1] = v->s->tcp_checksum;
	return true;
}

/* Every checksum of the sender is bad: the capture was rewritten, or its card fills them in some other way. */
static bool always_bad(const struct view *v, enum side x)
{
	return v->c->end[x].segments > 1 && !knows(&v->c->end[x], K_GOOD_CHECKSUM);
}

/*
 * Damaged on the wire: its sender sends it again, or goes on, with a good checksum.
 * Damaged in the capture alone: the peer acknowledges it before any good copy.
 */
enum outcome settle_checksum_bad(const struct view *v, struct candidate *k)
{
	const struct endpoint *X = &v->c->end[k->sender];
	const struct segment *s = v->s;
	const bool occupies = k->end != k->seq;

	if (s && v->x == k->sender && s->checksum != CHECKSUM_BAD && segment_length(s) && occupies &&
	    seq_le(s->seq, k->seq) && seq_ge(v->end, k->end))
		return REFUTED;
	if (s && v->x != k->sender && has(v, FLAG_ACK) && occupies && v->drives &&
	    seq_ge(s->ack, k->end) && s->ack - k->end < UINT32_C(0x40000000))
		return DISMISSED;
	if (!occupies && knows(X, K_GOOD_CHECKSUM))
		return REFUTED;
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	return always_bad(v, (enum side)k->sender) ? DISMISSED : PLAIN;
}
