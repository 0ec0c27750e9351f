/*
 * Options and flags of later RFCs: Fast Open, Multipath TCP, ECN, user timeout, experiments.
 *
 * What a SYN-ACK has that no SYN asked for is never certain: see rules_options.c.
 */
#include "predicates.h"

enum { MD5 = 19, USER_TIMEOUT = 28, AUTHENTICATION = 29, MPTCP = 30, FAST_OPEN = 34, EXPERIMENT = 254 };

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
	return unasked(v, OPT_FAST_OPEN) &&
	       unasked_draft(v, d, v->s->opt.present & OPT_FAST_OPEN_EXP ? EXPERIMENT : FAST_OPEN);
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

/* ---- what an end's segments have, and its SYNs had not, or the other way round ---- */

/*
 * RFC 3168, 6.1.1.  An AccECN SYN may have passed where this capture looks from, and what looks like its echo was an
 * answer.
 */
bool rule_ecn_synack_reflected(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_DISAGREED) || !answers_syn(v) || !reflects_ecn(v->YD, v->s->flags))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_FLAGS, v->s->flags);
	d->number[0] = v->s->flags;
	d->alternatives = ALT_capture_loss | ALT_middlebox;
	draft_frame(d, newest_syn(v->c));
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_ecn_synack_reflected(const struct view *v, struct candidate *k)
{
	if (!reflects_ecn(&v->c->detail[CLIENT], k->draft.value[0].actual))
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

/* A non-SYN segment of the connection that says something of its sender. */
static bool goes_on(const struct view *v)
{
	return intact(v, EV_DISAGREED) && live(v, EV_ANY) && !(v->s->flags & (FLAG_SYN | FLAG_RST)) &&
	       !v->c->self_connect;
}

bool rule_ect_without_negotiation(const struct view *v, struct draft *d)
{
	if (!goes_on(v) || !v->c->no_ecn || !(v->s->tos & TOS_ECN) || !v->s->len)
		return false;
	draft_offender(d, v->x);
	d->number[0] = v->s->tos & TOS_ECN;
	d->alternatives = ALT_capture_loss | ALT_middlebox;
	draft_frame(d, v->c->detail[CLIENT].fact[SYN_SENT]);
	draft_frame(d, v->c->detail[SERVER].fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* Who echoes congestion has agreed to do so, in a copy of the SYNs that the capture missed. */
enum outcome settle_ect_without_negotiation(const struct view *v, struct candidate *k)
{
	if (!v->c->no_ecn || (live(v, EV_ANY) && !(v->s->flags & FLAG_SYN) && v->s->flags & (FLAG_ECE | FLAG_CWR)))
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

bool rule_exid_not_in_syn(const struct view *v, struct draft *d)
{
	if (!goes_on(v) || !v->XD->has_syn || (v->s->opt.present | v->XD->syn_any) & OPT_UNREADABLE ||
	    !(v->s->opt.present & OPT_EXPERIMENT) || !(exid_bit(v->s->opt.exid) & ~v->XD->syn_exids))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_OPTION, EXPERIMENT);
	d->number[0] = v->s->opt.exid;
	d->alternatives = ALT_capture_loss | ALT_middlebox;
	draft_frame(d, v->XD->fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_exid_not_in_syn(const struct view *v, struct candidate *k)
{
	const struct endpoint_detail *XD = &v->c->detail[k->sender];

	if (XD->syn_any & OPT_UNREADABLE || XD->syn_exids & exid_bit((uint16_t)k->draft.number[0]))
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

/*
 * RFC 2385, 2.0: in every segment; RFC 5925, 2.2: never both.  From another distance somebody else has sent it.
 */
bool rule_auth_option_inconsistent(const struct view *v, struct draft *d)
{
	const uint32_t present = v->s ? v->s->opt.present & OPT_AUTHENTICATION : 0;
	const uint32_t asked = v->XD->syn_any & ~v->XD->syn_lacked & OPT_AUTHENTICATION;

	if (!intact(v, EV_DISAGREED | EV_ODD_OPTIONS) || v->s->opt.present & OPT_UNREADABLE)
		return false;
	if (present != OPT_AUTHENTICATION && (!goes_on(v) || !from_whole_state(v) || !(asked & ~present)))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_OPTION, asked & OPT_MD5 ? MD5 : AUTHENTICATION);
	d->number[0] = v->s->flags;
	d->number[1] = v->s->len;
	if (knows(v->X, K_SEEN) && v->s->ttl != v->X->ttl) {
		d->verdict = TCPLINT_ATTACK_SUSPECT;
		d->alternatives = ALT_injection | ALT_middlebox;
	}
	draft_frame(d, v->XD->fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* RFC 8684, 3.2: the client when the SYN-ACK lacks it, the server when the ACK does. */
bool rule_mptcp_join_not_reset(const struct view *v, struct draft *d)
{
	if (!goes_on(v) || !lost_join(v) || !seq_in(v->Y->isn + 1, v->s->ack, v->Y->smax))
		return false;
	draft_offender(d, v->YD->syn_any & OPT_MP_JOIN ? SERVER : CLIENT);
	draft_plain(d, TCPLINT_FIELD_OPTION, MPTCP);
	d->number[0] = !!(v->YD->syn_any & OPT_MP_JOIN);
	d->alternatives = ALT_capture_loss;
	draft_frame(d, newest_syn(v->c));
	draft_frame(d, v->c->synack[v->c->synacks - 1].last);
	draft_frame(d, mark_of(v->s));
	return true;
}

/*
 * A RST is what was to come.  That the offender goes on shows that it will not; an ACK of the client's that the capture
 * missed may have had what the first one seen lacks, and the client repeats it until it is answered.
 */
enum outcome settle_mptcp_join_not_reset(const struct view *v, struct candidate *k)
{
	const enum side offender = k->draft.number[0] ? SERVER : CLIENT;
	const struct endpoint_detail *S = &v->c->detail[SERVER];
	const bool after = v->s && v->s->frame != k->draft.frame[k->draft.frames - 1];

	if (v->events & EV_RST || fact_is(&v->c->end[CLIENT], RESET) || fact_is(&v->c->end[SERVER], RESET) ||
	    (offender == CLIENT && S->syn_any & (OPT_MP_JOIN | OPT_UNREADABLE)) ||
	    (after && v->x == CLIENT && v->s->opt.present & OPT_MP_JOIN))
		return DISMISSED;
	if (after && live(v, EV_DATA | EV_FIN) && v->x == offender)
		k->note = 1;
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	return k->note || (offender == CLIENT && v->now - k->opened >= RESOLVE_TIMEOUT) ? PLAIN : DISMISSED;
}

/*
 * The server took the SYN without its data, and the client, which has to send it again, went on without.
 * Of what it sent since, nothing lay below the end of that data.
 */
bool rule_tfo_data_not_recovered(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;
	const struct endpoint *C = &c->end[CLIENT], *S = &c->end[SERVER];
	const struct endpoint_detail *CD = &c->detail[CLIENT];

	if (!v->releasing || !CD->syn_len || c->self_connect || c->simultaneous || !c->hs_ack.frame || c->syns != 1 ||
	    !knows(S, K_AMAX) || S->amax != C->isn + 1 || c->loss || C->holes)
		return false;
	if (fact_is(C, RESET) || fact_is(S, RESET) || CD->last_rst.frame || c->detail[SERVER].last_rst.frame ||
	    C->retransmitted >= CD->syn || v->now - c->hs_ack.ts < RESOLVE_TIMEOUT)
		return false;
	draft_offender(d, CLIENT);
	draft_value_seq(d, TCPLINT_FIELD_ACK, CLIENT, C->isn + 1 + CD->syn_len, S->amax);
	d->number[0] = CD->syn_len;
	draft_frame(d, c->syn[0].first);
	draft_frame(d, c->synacks ? c->synack[c->synacks - 1].last : (struct mark){ 0 });
	draft_frame(d, c->hs_ack);
	return true;
}
