/*
 * The retransmission timer of the opening and the close: how soon a SYN, SYN-ACK or FIN comes again, whether it
 * slows down, and when it is given up.
 *
 * Only copies count that nothing but their sender's timer can have caused (struct view, rto).  A
 * copy that the capture missed makes an interval longer, never shorter, and ends a run of
 * equal ones: loss hides findings and makes none.
 */
#include "predicates.h"

#define FIRST_RTO       (900 * MILLISECOND) /* RFC 6298, 2.1 says a second; a tenth is for jitter */
#define LONGEST_RTO     (54 * SECOND)       /* 2.5: it may stay at 60 s; a tenth again */
#define SYN_TWICE       (100 * MILLISECOND) /* sooner, the network may have delivered the SYN twice beyond the tap */
#define EQUAL_SYNS      5                   /* Linux and the BSDs begin with as many equal intervals */
#define EQUAL_SYN_ACKS  2
#define EQUAL_FINS      2                   /* a tail loss probe, then the timer (RFC 8985, 7.2) */
#define AFTER_SYN_LOSS  (2700 * MILLISECOND) /* RFC 6298, 5.7 says 3 s; a tenth again */
#define SYN_R2          (180 * SECOND)      /* RFC 9293, 3.8.3 */

static bool timer_copy(const struct view *v, uint32_t event)
{
	return v->events & EV_SYN_AGAIN && live(v, event) && v->again && v->rto > 0 && v->s->checksum != CHECKSUM_BAD;
}

static bool interval_draft(const struct view *v, struct draft *d)
{
	draft_offender(d, v->x);
	d->number[0] = v->rto;
	if (!knows(v->Y, K_SEEN)) /* what came between the copies may not have been captured */
		d->alternatives |= ALT_one_sided;
	draft_frame(d, v->again ? v->again->last : v->XD->last_fin);
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_syn_rto_too_short(const struct view *v, struct draft *d)
{
	return timer_copy(v, EV_SYN) && v->again->copies == 1 && v->rto < FIRST_RTO && interval_draft(v, d);
}

/* The run of equal intervals that this copy ends: how many there are, once that is more than `most`. */
static bool no_backoff(const struct view *v, struct draft *d, unsigned most)
{
	const struct endpoint_detail *D = v->XD;

	if (v->rto >= LONGEST_RTO || D->copy_run < most || !same_interval(D->copy_interval, (uint32_t)(v->rto / 1000)))
		return false;
	d->number[1] = D->copy_run + 1;
	draft_frame(d, v->again ? v->again->first : v->XD->first_fin);
	return interval_draft(v, d);
}

bool rule_syn_rto_no_backoff(const struct view *v, struct draft *d)
{
	return timer_copy(v, EV_SYN) && no_backoff(v, d, EQUAL_SYNS);
}

bool rule_synack_rto_too_short(const struct view *v, struct draft *d)
{
	return timer_copy(v, EV_SYNACK) && v->again->copies == 1 && v->rto < FIRST_RTO && v->rto > SYN_TWICE &&
	       interval_draft(v, d);
}

bool rule_synack_rto_no_backoff(const struct view *v, struct draft *d)
{
	return timer_copy(v, EV_SYNACK) && no_backoff(v, d, EQUAL_SYN_ACKS);
}

/* A peer that has closed its window makes it a probe (RFC 9293, 3.8.6.1). */
bool rule_fin_rto_no_backoff(const struct view *v, struct draft *d)
{
	return v->events & EV_RETRANSMIT && live(v, EV_FIN) && !v->again && v->rto > 0 &&
	       v->s->checksum != CHECKSUM_BAD && (!knows(v->Y, K_SEEN) || v->Y->window) && no_backoff(v, d, EQUAL_FINS);
}

/* ---- after a SYN was lost ---- */

/* Nothing measures the round trip, or probes before the timer runs: no timestamps (RFC 6298, 3), no SACK (RFC 8985). */
static bool only_timer(const struct conn *c)
{
	const struct endpoint_detail *C = &c->detail[CLIENT], *S = &c->detail[SERVER];
	const uint32_t both = C->syn_any & S->syn_any, any = C->syn_any | S->syn_any;

	return C->has_syn && S->has_syn && !(both & (OPT_TIMESTAMPS | OPT_SACK_PERMITTED)) && !(any & OPT_UNREADABLE) &&
	       !c->fast_open;
}

/* The first data of X, alone on its way and not acknowledged, is sent again by a timer. */
bool rule_post_syn_loss_rto_low(const struct view *v, struct draft *d)
{
	const struct endpoint *X = v->X, *Y = v->Y;
	const uint32_t first = X->isn + 1;

	if (!(v->events & EV_RETRANSMIT) || !live(v, EV_DATA) || v->s->flags & (FLAG_SYN | FLAG_RST | FLAG_FIN) ||
	    !v->XD->copy_interval || knows(X, K_FIN) || knows(X, K_ISN_INFERRED) || !only_timer(v->c) ||
	    v->c->simultaneous)
		return false;
	if (v->s->seq != first || v->end != X->smax || X->holes || X->payload_bytes != v->s->len ||
	    !knows(Y, K_AMAX) || Y->amax != first)
		return false;
	const int64_t after = v->s->ts - v->XD->last_data.ts;

	/* an ACK of the peer may be a duplicate one, and the network may have delivered the segment twice */
	if (Y->last.ts > v->XD->last_data.ts || after <= SYN_TWICE || after >= AFTER_SYN_LOSS)
		return false;
	draft_offender(d, v->x);
	draft_frame(d, v->XD->last_data);
	draft_frame(d, mark_of(v->s));
	d->number[0] = after;
	d->number[1] = v->XD->copy_interval * INT64_C(1000);
	return true;
}

/* ---- giving up ---- */

bool rule_syn_giveup_early(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!unanswered_open(v))
		return false;
	const struct attempt *a = &c->syn[c->syns - 1];
	const int64_t interval = c->detail[CLIENT].copy_interval * INT64_C(1000),
		      span = a->last.ts - a->first.ts + interval;

	/* another copy would come after twice the interval, and the jitter of a tenth */
	if (a->copies < 2 || !interval || span >= SYN_R2 || v->now - a->last.ts < 2 * interval + interval / 4)
		return false;
	draft_offender(d, CLIENT);
	draft_frame(d, a->first);
	draft_frame(d, a->last);
	d->number[0] = span;
	d->number[1] = a->copies;
	return true;
}
