/*
 * Option negotiation: lists that cannot be read, options that stand where they may not, and what one end
 * uses although the other's SYN did not ask for it.
 *
 * What one segment shows is final.  What a SYN lacked is not: an earlier copy of it that the
 * capture missed may have had it (a sender that gets no answer tries again with fewer options), and
 * nothing that follows tells the two apart.  Such findings wait, for a SYN that turns up
 * late, and stay below certainty.  A list that was cut or cannot be read lacks nothing.
 */
#include "predicates.h"

enum { SACK_PERMITTED = 4, SACK = 5, TIMESTAMPS = 8 };

static bool bad_option(const struct view *v, struct draft *d)
{
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_OPTION, v->s->opt.bad_kind);
	d->number[0] = v->s->opt.bad_kind;
	d->number[1] = v->s->opt.bad_len;
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_opt_malformed(const struct view *v, struct draft *d)
{
	return intact(v, EV_BAD_OPTIONS) && v->s->opt.present & OPT_BAD_LIST && bad_option(v, d);
}

bool rule_opt_length_illegal(const struct view *v, struct draft *d)
{
	return intact(v, EV_BAD_OPTIONS) && (v->s->opt.present & (OPT_BAD_LIST | OPT_BAD_LENGTH)) == OPT_BAD_LENGTH &&
	       bad_option(v, d);
}

/* An option of SYNs on a segment without SYN. */
static bool misplaced(const struct view *v, uint32_t option)
{
	return intact(v, EV_ODD_OPTIONS) && !(v->s->flags & FLAG_SYN) && v->s->opt.present & option;
}

static bool option_draft(const struct view *v, struct draft *d, enum tcplint_field f, uint32_t value)
{
	draft_offender(d, v->x);
	draft_plain(d, f, value);
	d->number[0] = v->s->flags;
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_opt_mss_on_non_syn(const struct view *v, struct draft *d)
{
	return misplaced(v, OPT_MSS) && option_draft(v, d, TCPLINT_FIELD_MSS, v->s->opt.mss);
}

bool rule_opt_wscale_on_non_syn(const struct view *v, struct draft *d)
{
	return misplaced(v, OPT_WSCALE) && option_draft(v, d, TCPLINT_FIELD_WSCALE, v->s->opt.wscale);
}

bool rule_opt_sackperm_on_non_syn(const struct view *v, struct draft *d)
{
	return misplaced(v, OPT_SACK_PERMITTED) && option_draft(v, d, TCPLINT_FIELD_OPTION, SACK_PERMITTED);
}

bool rule_opt_wscale_too_large(const struct view *v, struct draft *d)
{
	if (!intact(v, EV_ODD_OPTIONS) || !has(v, FLAG_SYN) || !(v->s->opt.present & OPT_WSCALE) ||
	    v->s->opt.wscale <= MOST_WSCALE)
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_WSCALE, MOST_WSCALE, v->s->opt.wscale);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* ---- what was not asked for ---- */

static bool unasked_draft(const struct view *v, struct draft *d, enum tcplint_field f, uint32_t value)
{
	draft_offender(d, v->x);
	draft_plain(d, f, value);
	d->number[1] = v->YD->syn;
	d->alternatives = ALT_capture_loss | ALT_middlebox;
	draft_frame(d, newest_syn(v->c));
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_opt_wscale_unsolicited(const struct view *v, struct draft *d)
{
	return unasked(v, OPT_WSCALE) && unasked_draft(v, d, TCPLINT_FIELD_WSCALE, v->s->opt.wscale);
}

bool rule_opt_ts_unsolicited(const struct view *v, struct draft *d)
{
	return unasked(v, OPT_TIMESTAMPS) && unasked_draft(v, d, TCPLINT_FIELD_OPTION, TIMESTAMPS);
}

enum outcome settle_opt_wscale_unsolicited(const struct view *v, struct candidate *k)
{
	return settle_unasked(v, k, CLIENT, OPT_WSCALE);
}

/* A client that goes on with timestamps had asked for them: in a copy of its SYN that the capture missed. */
enum outcome settle_opt_ts_unsolicited(const struct view *v, struct candidate *k)
{
	if (live(v, EV_ANY) && v->x == CLIENT && v->s->opt.present & OPT_TIMESTAMPS)
		return DISMISSED;
	return settle_unasked(v, k, CLIENT, OPT_TIMESTAMPS);
}

bool rule_sack_not_permitted(const struct view *v, struct draft *d)
{
	if (!intact(v, EV_DISAGREED) || !live(v, EV_ANY) || v->s->flags & (FLAG_SYN | FLAG_RST) ||
	    !(v->s->opt.present & OPT_SACK) || v->c->self_connect || !v->YD->has_syn ||
	    v->YD->syn_any & (OPT_SACK_PERMITTED | OPT_UNREADABLE))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_OPTION, SACK);
	d->number[0] = v->s->opt.sack_count;
	d->alternatives = ALT_capture_loss | ALT_middlebox;
	draft_frame(d, v->YD->fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_sack_not_permitted(const struct view *v, struct candidate *k)
{
	return settle_unasked(v, k, other((enum side)k->sender), OPT_SACK_PERMITTED);
}

/* ---- values ---- */

bool rule_opt_after_eol(const struct view *v, struct draft *d)
{
	return intact(v, EV_BAD_OPTIONS) && v->s->opt.present & OPT_AFTER_EOL &&
	       option_draft(v, d, TCPLINT_FIELD_OPTION, 0);
}

bool rule_opt_duplicate(const struct view *v, struct draft *d)
{
	if (!intact(v, EV_BAD_OPTIONS) || !(v->s->opt.present & OPT_DUPLICATE))
		return false;
	draft_offender(d, v->x);
	d->number[0] = v->s->flags;
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_opt_mss_tiny(const struct view *v, struct draft *d)
{
	return intact(v, EV_ODD_OPTIONS) && has(v, FLAG_SYN) && v->s->opt.present & OPT_MSS &&
	       v->s->opt.mss < TINY_MSS && option_draft(v, d, TCPLINT_FIELD_MSS, v->s->opt.mss);
}

/* A copy of the latest SYN or SYN-ACK of its sender. */
static bool copy_of_latest(const struct view *v)
{
	return intact(v, EV_SYN_AGAIN) && live(v, EV_SYN | EV_SYNACK) && v->again && v->XD->has_syn &&
	       v->X->isn == v->s->seq;
}

bool rule_opt_wscale_changed(const struct view *v, struct draft *d)
{
	if (!copy_of_latest(v) || !(v->s->opt.present & v->XD->syn_opt & OPT_WSCALE) ||
	    v->s->opt.wscale == v->XD->wscale)
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_WSCALE, v->XD->wscale, v->s->opt.wscale);
	if (v->s->ttl != v->X->ttl) { /* two hosts behind one address */
		d->scale = 0.5F;
		d->alternatives = ALT_middlebox;
	}
	draft_frame(d, v->again->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

#define ANY_OPTION 0xffffU /* the bits of enum tcp_option_bit that stand for options */

bool rule_hs_options_changed(const struct view *v, struct draft *d)
{
	if (!copy_of_latest(v) || (v->s->opt.present | v->XD->syn_any) & OPT_UNREADABLE)
		return false;
	const struct tcp_options *o = &v->s->opt;
	const uint32_t added = o->present & ~v->XD->syn_any & ANY_OPTION;
	const bool mss = o->present & v->XD->syn_opt & OPT_MSS && o->mss != v->XD->mss;

	if ((!added && !mss) || v->s->ts - v->again->last.ts <= REORDER_WINDOW)
		return false; /* in the wrong order, what was left out looks added */
	draft_offender(d, v->x);
	if (mss)
		draft_wrong(d, TCPLINT_FIELD_MSS, v->XD->mss, o->mss);
	d->number[0] = v->s->ts - v->again->last.ts;
	draft_frame(d, v->again->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* A server shows it with its SYN-ACK; a client is judged by the segment with which it goes on. */
bool rule_opt_mss_absent(const struct view *v, struct draft *d)
{
	const bool synack = v->events & EV_SYNACK && !(v->events & EV_ODD_FLAGS) &&
			    !(v->s->opt.present & (OPT_MSS | OPT_UNREADABLE));

	if (!intact(v, EV_ODD_OPTIONS) || (!synack && (!live(v, EV_ANY) || !opens_without_mss(v))))
		return false;
	draft_offender(d, v->x);
	d->number[0] = v->s->ipv6 ? 1220 : 536;
	draft_frame(d, synack ? mark_of(v->s) : v->XD->fact[SYN_SENT]);
	return true;
}

/* ---- on an established connection ---- */

enum { BLOCK_EMPTY, BLOCK_BEYOND, BLOCK_BELOW };

bool rule_sack_block_invalid(const struct view *v, struct draft *d)
{
	if (!intact(v, EV_ODD_NUMBERS) || !live(v, EV_ANY) || v->s->flags & (FLAG_SYN | FLAG_RST) ||
	    v->c->self_connect || !knows(v->Y, K_ISN))
		return false;
	const int at = odd_sack(v);

	if (at < 0)
		return false;
	const struct sack_block b = v->s->opt.sack[at];

	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_ACK, v->y, v->s->ack);
	d->number[0] = b.left - v->Y->isn;
	d->number[1] = b.right - v->Y->isn;
	d->number[2] = seq_ge(b.left, b.right) ? BLOCK_EMPTY : seq_gt(b.right, v->Y->smax) ? BLOCK_BEYOND : BLOCK_BELOW;
	if (!one_space(v->Y, b.right, v->Y->smax)) { /* numbers that a device on the way changes everywhere but here */
		d->alternatives |= ALT_middlebox;
		d->scale = 0.5F;
	}
	if (d->number[2] == BLOCK_BEYOND)
		draft_frame(d, v->Y->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* A block beyond what was captured is usually the capture's fault: see settle_ack_beyond_sent(). */
enum outcome settle_sack_block_invalid(const struct view *v, struct candidate *k)
{
	const struct endpoint *Y = &v->c->end[other((enum side)k->sender)];
	const uint32_t left = Y->isn + (uint32_t)k->draft.number[0], right = Y->isn + (uint32_t)k->draft.number[1];

	if (k->draft.number[2] != BLOCK_BEYOND)
		return REFUTED;
	if (seq_ge(v->c->end[k->sender].amax, right))
		return DISMISSED; /* it has them all: what it acknowledges is another rule's business */
	if (seq_ge(Y->smax, right)) {
		if (!holes_overlap(v->holes, Y, left, right) && v->c->loss_ts < k->opened)
			return DISMISSED;
		return v->now - k->opened <= REORDER_WINDOW && !v->releasing ? WAIT : SUPPORTED;
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	if (Y->last.ts <= k->opened)
		k->draft.cap = 0.45F;
	return PLAIN;
}

/* An Ethernet packet.  What is longer, or has no checksum of its own, was not on the wire in this form. */
#define WIRE_MOST 1500

bool rule_mss_exceeded(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;

	if (!intact(v, EV_DISAGREED) || !live(v, EV_DATA) || s->flags & (FLAG_SYN | FLAG_RST) || v->c->self_connect ||
	    !v->X->limit || segment_tcp_length(s) <= UINT32_C(20) + v->X->limit || s->checksum != CHECKSUM_OK ||
	    segment_tcp_length(s) + (s->ipv6 ? 40 : 20) > WIRE_MOST)
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_LENGTH, v->X->limit + UINT32_C(20) - s->data_offset * UINT32_C(4), s->len);
	d->number[0] = v->X->limit;
	d->number[1] = segment_tcp_length(s) + (s->ipv6 ? 40 : 20);
	d->alternatives = ALT_middlebox;
	draft_frame(d, v->YD->fact[SYN_SENT]);
	draft_frame(d, mark_of(s));
	return true;
}

enum outcome settle_mss_exceeded(const struct view *v, struct candidate *k)
{
	if (!v->c->end[k->sender].limit) /* segments that were not cut yet turned up, or a copy of the SYN */
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}
