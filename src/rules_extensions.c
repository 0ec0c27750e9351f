/*
 * Options and flags of later RFCs: Fast Open, Multipath TCP, ECN, user timeout, experiments.
 *
 * What a SYN-ACK has that no SYN asked for is never certain: see rules_options.c.
 */
#include "predicates.h"

enum { USER_TIMEOUT = 28, MPTCP = 30, FAST_OPEN = 34, EXPERIMENT = 254 };

static bool one_option(const struct view *v, struct draft *d, uint32_t kind)
{
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_OPTION, kind);
	d->number[0] = v->s->opt.cookie_len;
	d->number[1] = v->s->flags;
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_tfo_on_non_syn(const struct view *v, struct draft *d)
{
	return intact(v, EV_ODD_OPTIONS) && !(v->s->flags & FLAG_SYN) && v->s->opt.present & OPT_FAST_OPEN &&
	       one_option(v, d, v->s->opt.present & OPT_FAST_OPEN_EXP ? EXPERIMENT : FAST_OPEN);
}

bool rule_tfo_cookie_length(const struct view *v, struct draft *d)
{
	return intact(v, EV_ODD_OPTIONS) && has(v, FLAG_SYN) && v->s->opt.present & OPT_FAST_OPEN &&
	       !legal_cookie(v->s->opt.cookie_len) && one_option(v, d, EXPERIMENT);
}

bool rule_uto_reserved(const struct view *v, struct draft *d)
{
	return intact(v, EV_ODD_OPTIONS) && v->s->opt.present & OPT_USER_TIMEOUT && !v->s->opt.user_timeout &&
	       one_option(v, d, USER_TIMEOUT);
}

bool rule_exid_with_assigned(const struct view *v, struct draft *d)
{
	return intact(v, EV_ODD_OPTIONS) && v->s->opt.present & OPT_FAST_OPEN_BOTH && one_option(v, d, EXPERIMENT);
}

static bool unasked_draft(const struct view *v, struct draft *d, uint32_t kind)
{
	draft_frame(d, newest_syn(v->c));
	d->alternatives = ALT_capture_loss | ALT_middlebox;
	return one_option(v, d, kind);
}

bool rule_tfo_cookie_unsolicited(const struct view *v, struct draft *d)
{
	return unasked(v, OPT_FAST_OPEN) && unasked_draft(v, d, v->s->opt.present & OPT_FAST_OPEN_EXP ? EXPERIMENT : FAST_OPEN);
}

enum outcome settle_tfo_cookie_unsolicited(const struct view *v, struct candidate *k)
{
	return settle_unasked(v, k, CLIENT, OPT_FAST_OPEN);
}

bool rule_mptcp_unsolicited(const struct view *v, struct draft *d)
{
	return unasked(v, OPT_MP_CAPABLE | OPT_MP_JOIN) && unasked_draft(v, d, MPTCP);
}

enum outcome settle_mptcp_unsolicited(const struct view *v, struct candidate *k)
{
	/* which subtype it was is not kept: a SYN that turns up late with either excuses it */
	return settle_unasked(v, k, CLIENT, OPT_MP_CAPABLE | OPT_MP_JOIN);
}

bool rule_ecn_setup_synack_unsolicited(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_DISAGREED) || !answers_syn(v) || !is_ecn_setup_synack(v->s->flags) || v->YD->asked_ecn)
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_FLAGS, FLAG_SYN | FLAG_ACK, v->s->flags);
	d->number[0] = v->YD->syn;
	d->alternatives = ALT_capture_loss | ALT_middlebox;
	draft_frame(d, newest_syn(v->c));
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_ecn_setup_synack_unsolicited(const struct view *v, struct candidate *k)
{
	if (v->c->detail[CLIENT].asked_ecn)
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}
