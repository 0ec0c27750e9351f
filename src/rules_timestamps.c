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
	if (v->c->incarnation || fact_is(v->X, SYN_RCVD))
		return false;
	if (!intact(v, EV_ODD_OPTIONS) || (v->s->flags & (FLAG_SYN | FLAG_ACK)) != FLAG_SYN ||
	    !(v->s->opt.present & OPT_TIMESTAMPS) || !v->s->opt.ts_ecr)
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_TSECR, 0, v->s->opt.ts_ecr);
	draft_frame(d, mark_of(v->s));
	return true;
}

/*
 * Linux carries the echo over from the connection before on the same ports (tcp_tw_reuse), which the capture need not
 * have seen: then it is what the server's clock said a short while ago.
 */
#define INHERITED_MAX (2 * 60 * 1000) /* ticks: TIME_WAIT and the connection before it, on a clock of 1 ms */

enum outcome settle_ts_syn_tsecr_nonzero(const struct view *v, struct candidate *k)
{
	if (v->s && !v->foreign && v->x != (enum side)k->sender && v->events & EV_SYNACK)
		return v->s->opt.present & OPT_TIMESTAMPS && v->s->opt.ts_val - k->draft.value[0].actual < INHERITED_MAX
			       ? DISMISSED
			       : REFUTED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

bool rule_ts_echo_wrong_synack(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_DISAGREED) || !answers_syn(v) || v->YD->syn_any & OPT_UNREADABLE ||
	    !echoes_no_syn(v->YD, v->s))
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
	if (!intact(v, EV_DISAGREED) || !live(v, EV_ANY) || v->s->flags & (FLAG_SYN | FLAG_RST) ||
	    !v->c->no_timestamps || !(v->s->opt.present & OPT_TIMESTAMPS))
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

/*
 * An end that has lost the connection cannot have them on its RST; one that has it says so with ACK and a number of its
 * own.
 */
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

/* ---- values on an established connection ---- */

/* Which segments' timestamps are compared: of the connection, whole, and of an end that may be believed. */
static bool stamped(const struct view *v)
{
	return intact(v, EV_ODD_NUMBERS) && !(v->events & EV_ODD_FLAGS) && !(v->s->flags & (FLAG_SYN | FLAG_RST)) &&
	       v->s->opt.present & OPT_TIMESTAMPS && !(v->s->opt.present & OPT_UNREADABLE) && !v->c->self_connect;
}

/* How far the timestamp goes back, in ticks; 0: it does not. */
static uint32_t ticks_back(const struct view *v)
{
	const uint32_t back = v->X->tsval - v->s->opt.ts_val;

	return knows(v->X, K_TSVAL) && back < UINT32_C(0x40000000) ? back : 0;
}

/*
 * Whether the clock of Y, at the rate at which it was seen to run, can have shown `ecr` on a segment that the capture
 * missed: since its latest one, or on an earlier copy of its SYN.
 */
static bool clock_may_show(const struct view *v, uint32_t ecr)
{
	const double ticks = v->Y->tsval - v->Y->ts_first;
	const double seen = (double)(v->Y->last.ts - v->YD->fact[SYN_SENT].ts) / SECOND;
	const bool after = seq_gt(ecr, v->Y->tsval);
	const double elapsed = after ? (double)(v->now - v->Y->last.ts) / SECOND : 130; /* a SYN may be repeated for that long */
	double rate = ticks > 0 && seen > 0 ? 2 * ticks / seen : 1e6; /* the fastest clock in use ticks in microseconds */

	rate = rate < 1000 ? 1000 : rate;
	return (double)(after ? ecr - v->Y->tsval : v->Y->ts_first - ecr) <= rate * (elapsed + 0.1);
}

bool rule_ts_echo_impossible(const struct view *v, struct draft *d)
{
	const uint32_t ecr = v->s ? v->s->opt.ts_ecr : 0;

	if (!stamped(v) || !live(v, EV_ANY) || !(v->s->flags & FLAG_ACK) || !v->c->timestamps || !ecr ||
	    !knows(v->Y, K_TSVAL) || seq_in(v->Y->ts_first, ecr, v->Y->tsval) || clock_may_show(v, ecr))
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_TSECR, v->Y->tsval, ecr);
	d->number[0] = v->Y->ts_first;
	d->alternatives = ALT_middlebox;
	draft_frame(d, v->Y->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_ts_echo_impossible(const struct view *v, struct candidate *k)
{
	const struct endpoint *Y = &v->c->end[other((enum side)k->sender)];

	if (seq_in(Y->ts_first, k->draft.value[0].actual, Y->tsval) && v->now - k->opened <= REORDER_WINDOW)
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

/* Its packet was sent before the latest one of its sender, which counts its packets. */
static bool id_is_older(const struct view *v)
{
	const uint16_t back = (uint16_t)(v->X->ip_id - v->s->ip_id);

	return !v->s->ipv6 && v->s->ip_id && v->X->ip_id && back && back < 0x40;
}

/* And after it. */
static bool is_later(const struct view *v)
{
	return (!v->s->ipv6 && (uint16_t)(v->s->ip_id - v->X->ip_id) == 1) ||
	       (has(v, FLAG_ACK) && knows(v->X, K_AMAX) && seq_gt(v->s->ack, v->X->amax));
}

/* Nanoseconds: as RFC 7323, 5.4, has it, a microsecond where the clock was seen to run so fast, or as slow as it ran. */
static int64_t tick_of(const struct view *v)
{
	const int64_t since_syn = v->X->last.ts - v->XD->fact[SYN_SENT].ts;
	const int64_t ticks = v->X->tsval - v->X->ts_first;

	if (since_syn > 0 && 2 * ticks * MICROSECOND > since_syn)
		return MICROSECOND;
	if (since_syn < SECOND || ticks < 10 || since_syn / ticks < MILLISECOND)
		return MILLISECOND;
	return since_syn / ticks < SECOND ? since_syn / ticks : SECOND;
}

/*
 * Whether the path may have held the segment back while a retransmission, the original of which the capture missed,
 * overtook it: what stands at SND.NXT would have shown that there is more before it.
 */
static bool perhaps_held_back(const struct view *v, uint32_t back)
{
	return v->X->last.frame == v->XD->last_data.frame && !is_later(v) &&
	       back * tick_of(v) + (v->s->ts - v->X->last.ts) < NETWORK_LATE;
}

/*
 * New data with an older timestamp than what came before.  A retransmission, a probe or a RST may overtake data that was
 * sent before it, and does not count, whether or not the original was captured; nor does the clock of whoever answered
 * the SYN in the server's place.  What is so old that its receiver drops it is paws_old_segment.
 */
bool rule_ts_nonmonotonic(const struct view *v, struct draft *d)
{
	const uint32_t back = v->s && stamped(v) ? ticks_back(v) : 0;

	if (back <= 1 || !v->s->len || !v->drives || v->c->incarnation || !knows(v->X, K_SMAX) ||
	    seq_lt(v->s->seq, v->X->smax) || v->X->tsval == v->XD->ts_again || !v->XD->syn_tsval ||
	    fact_is(v->X, RESET) || id_is_older(v) || perhaps_held_back(v, back))
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_TSVAL, v->X->tsval, v->s->opt.ts_val);
	d->number[0] = back;
	d->cap = 0.75F; /* a path may be slower than that */
	d->alternatives = ALT_reordering;
	if (v->X->tsval == v->XD->syn_tsval) {
		d->cap = 0.6F;
		d->alternatives |= ALT_middlebox;
	}
	if (v->s->ttl != v->X->ttl) { /* another host */
		d->scale = 0.5F;
		d->alternatives |= ALT_injection;
	}
	draft_frame(d, v->X->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* Old numbers with an old timestamp, or new ones with a far older one. */
bool rule_paws_old_segment(const struct view *v, struct draft *d)
{
	if (!v->s || !stamped(v) || ticks_back(v) <= 1 || !segment_length(v->s) || v->beyond || !v->c->timestamps ||
	    (!v->old && v->drives))
		return false;
	draft_offender(d, v->x);
	draft_wrong(d, TCPLINT_FIELD_TSVAL, v->X->tsval, v->s->opt.ts_val);
	d->number[0] = ticks_back(v);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* RFC 7323, 5.3 R1: it is dropped, and answered with what the receiver has. */
enum outcome settle_paws_old_segment(const struct view *v, struct candidate *k)
{
	const bool after = v->s && v->s->frame != k->draft.frame[0];

	if (after && live(v, EV_DUP_ACK) && v->x != (enum side)k->sender && v->s->ack == v->X->amax) {
		draft_frame(&k->draft, mark_of(v->s));
		return PLAIN;
	}
	return v->releasing || v->now >= k->deadline || (after && live(v, EV_ANY) && v->x != (enum side)k->sender)
		       ? DISMISSED
		       : WAIT;
}
