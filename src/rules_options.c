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

#define MOST_SHIFT 14 /* RFC 7323, 2.3 */

/* A segment of this very incarnation that was not damaged: whether its sender may send it is another matter. */
static bool readable(const struct view *v, uint32_t event)
{
	return v->events & event && v->s && !v->foreign && !v->s->bad_header && v->s->checksum != CHECKSUM_BAD;
}

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
	return readable(v, EV_BAD_OPTIONS) && v->s->opt.present & OPT_BAD_LIST && bad_option(v, d);
}

bool rule_opt_length_illegal(const struct view *v, struct draft *d)
{
	return readable(v, EV_BAD_OPTIONS) && (v->s->opt.present & (OPT_BAD_LIST | OPT_BAD_LENGTH)) == OPT_BAD_LENGTH &&
	       bad_option(v, d);
}

/* An option of SYNs on a segment without SYN. */
static bool misplaced(const struct view *v, uint32_t option)
{
	return readable(v, EV_ODD_OPTIONS) && !(v->s->flags & FLAG_SYN) && v->s->opt.present & option;
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
	if (!readable(v, EV_ODD_OPTIONS) || !has(v, FLAG_SYN) || !(v->s->opt.present & OPT_WSCALE) ||
	    v->s->opt.wscale <= MOST_SHIFT)
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_WSCALE, MOST_SHIFT, v->s->opt.wscale);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* ---- what was not asked for ---- */

/* Both ends of one attempt, whose SYNs did not cross: SYN, and the SYN-ACK that answers it. */
static bool answers(const struct view *v)
{
	return readable(v, EV_DISAGREED) && live(v, EV_SYNACK) && v->x == SERVER && v->c->syns && !v->c->self_connect &&
	       !v->c->simultaneous && !v->c->split && acks_a_syn(v->c, v->s->ack);
}

/* The SYN-ACK has an option that no copy of the client's SYN had. */
static bool unasked(const struct view *v, uint32_t option)
{
	return answers(v) && v->s->opt.present & option && !(v->YD->syn_any & (option | OPT_UNREADABLE));
}

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

/* A copy of the SYN of `y` that has the option turned up, or one that nobody can read. */
static enum outcome settle_unasked(const struct view *v, const struct candidate *k, enum side y, uint32_t option)
{
	if (v->c->detail[y].syn_any & (option | OPT_UNREADABLE) || v->c->simultaneous)
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
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
	if (!readable(v, EV_DISAGREED) || !live(v, EV_ANY) || v->s->flags & (FLAG_SYN | FLAG_RST) ||
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

/*
 * An end that has used timestamps after its SYN knows that they were agreed on, and contradicts itself.
 * One that never did may have given them up in a copy of its SYN that the capture missed, and
 * a bare ACK may come from whoever guards the connection: less sure.
 */
bool rule_ts_missing_after_negotiation(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;

	if (!readable(v, EV_DISAGREED) || !live(v, EV_ANY) || !v->c->timestamps || v->c->self_connect ||
	    s->flags & (FLAG_SYN | FLAG_RST) || s->opt.present & (OPT_TIMESTAMPS | OPT_UNREADABLE))
		return false;
	/* probes, and answers to what is no part of the connection, are made from less than its whole state */
	if (v->events & EV_KEEPALIVE || (s->len <= 1 && s->seq == v->X->smax - 1) || !(s->flags & FLAG_ACK) ||
	    (is_pure_ack(s) && !(v->events & EV_ACK_NEW)) || s->ttl != v->X->ttl)
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_OPTION, TIMESTAMPS);
	d->number[0] = s->flags;
	d->number[1] = s->len;
	if (is_pure_ack(s) || v->X->tsval == v->XD->syn_tsval) {
		d->cap = 0.6F;
		d->alternatives = ALT_capture_loss | ALT_middlebox;
	}
	draft_frame(d, v->c->detail[CLIENT].fact[SYN_SENT]);
	draft_frame(d, v->c->detail[SERVER].fact[SYN_SENT]);
	draft_frame(d, mark_of(s));
	return true;
}
