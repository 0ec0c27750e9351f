/*
 * Timestamps (RFC 7323): where they have to stand, what they may say, and what their clock may do.
 *
 * What a SYN lacked is never certain: see rules_options.c.
 */
#include "predicates.h"

enum { TIMESTAMPS = 8 };

/*
 * An end that has used timestamps after its SYN knows that they were agreed on, and contradicts itself.
 * One that never did may have given them up in a copy of its SYN that the capture missed, and
 * a bare ACK may come from whoever guards the connection: less sure.
 */
bool rule_ts_missing_after_negotiation(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;

	if (!intact(v, EV_DISAGREED) || !live(v, EV_ANY) || !v->c->timestamps || v->c->self_connect ||
	    s->flags & (FLAG_SYN | FLAG_RST) || s->opt.present & (OPT_TIMESTAMPS | OPT_UNREADABLE))
		return false;
	if (!from_whole_state(v) || s->ttl != v->X->ttl)
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

/* Linux echoes the connection before when it reuses a tuple in TIME_WAIT; who received a SYN has what to echo. */
bool rule_ts_syn_tsecr_nonzero(const struct view *v, struct draft *d)
{
	if (v->c->id.incarnation || fact_is(v->X, SYN_RCVD))
		return false;
	if (!intact(v, EV_ODD_OPTIONS) || (v->s->flags & (FLAG_SYN | FLAG_ACK)) != FLAG_SYN ||
	    !(v->s->opt.present & OPT_TIMESTAMPS) || !v->s->opt.ts_ecr)
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_TSECR, 0, v->s->opt.ts_ecr);
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_ts_echo_wrong_synack(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_DISAGREED) || !answers_syn(v) || v->YD->syn_any & OPT_UNREADABLE || !echoes_no_syn(v->YD, v->s))
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_TSECR, v->YD->syn_tsval, v->s->opt.ts_ecr);
	d->number[0] = v->YD->syn;
	d->alternatives = ALT_capture_loss | ALT_middlebox;
	draft_frame(d, newest_syn(v->c));
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_ts_echo_wrong_synack(const struct view *v, struct candidate *k)
{
	const struct endpoint_detail *C = &v->c->detail[CLIENT];

	if (seq_in(C->syn_first_tsval, k->draft.value[0].actual, C->syn_tsval) || C->syn_lacked & OPT_TIMESTAMPS)
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

/* ---- where they stand ---- */

/*
 * Used by one end alone.  When both use them they agreed in copies of their SYNs that the capture missed, so it waits
 * for what the peer does.
 */
bool rule_ts_not_negotiated_sent(const struct view *v, struct draft *d)
{
	if (!intact(v, EV_DISAGREED) || !live(v, EV_ANY) || v->s->flags & (FLAG_SYN | FLAG_RST) || !v->c->no_timestamps ||
	    !(v->s->opt.present & OPT_TIMESTAMPS))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_OPTION, TIMESTAMPS);
	d->number[0] = v->s->flags;
	d->alternatives = ALT_capture_loss | ALT_middlebox;
	draft_frame(d, v->c->detail[CLIENT].fact[SYN_SENT]);
	draft_frame(d, v->c->detail[SERVER].fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_ts_not_negotiated_sent(const struct view *v, struct candidate *k)
{
	const bool answer = live(v, EV_ANY) && v->x != (enum side)k->sender && !(v->s->flags & (FLAG_SYN | FLAG_RST)) &&
			    !(v->s->opt.present & OPT_UNREADABLE);

	if (!v->c->no_timestamps || (answer && v->s->opt.present & OPT_TIMESTAMPS))
		return DISMISSED;
	if (answer)
		k->note = 1;
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	return k->note ? PLAIN : DISMISSED;
}

/* An end that has lost the connection cannot have them on its RST; one that has it says so with ACK and a number of its own. */
bool rule_ts_missing_on_rst(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;

	if (!intact(v, EV_RST) || !live(v, EV_RST) || !v->c->timestamps || !(s->flags & FLAG_ACK) || !s->seq ||
	    s->opt.present & (OPT_TIMESTAMPS | OPT_UNREADABLE) || fact_get(v->X, SYN_ACKED) != CONFIRMED)
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_OPTION, TIMESTAMPS);
	d->number[0] = s->flags;
	draft_frame(d, mark_of(s));
	return true;
}
