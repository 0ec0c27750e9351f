/*
 * The retransmission timer of the opening: how soon a SYN or SYN-ACK comes again, and whether it slows down.
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
	draft_frame(d, v->again->last);
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

	if (v->rto >= LONGEST_RTO || D->syn_run < most || !same_interval(D->syn_interval, (uint32_t)(v->rto / 1000)))
		return false;
	d->number[1] = D->syn_run + 1;
	draft_frame(d, v->again->first);
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
