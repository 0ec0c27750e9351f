/*
 * Teardown: what did not come, asked when a connection's timer fires and when it is released.
 *
 * Absence is only judged in a direction that was captured, and only when there was time: a
 * capture that ends proves nothing about what would have followed.
 */
#include "draft.h"

static bool was_reset(const struct conn *c)
{
	return fact_is(&c->end[CLIENT], RESET) || fact_is(&c->end[SERVER], RESET) || c->detail[CLIENT].last_rst.frame ||
	       c->detail[SERVER].last_rst.frame;
}

/* Something of `x` was not captured: the FIN or the ACK in question may have been it. */
static bool missed(const struct conn *c, enum side x)
{
	const struct endpoint *X = &c->end[x], *Y = &c->end[other(x)];

	return X->holes || (knows(Y, K_AMAX) && knows(X, K_SMAX) && seq_gt(Y->amax, X->smax));
}

/* Both directions were captured, and no RST explains the silence. */
static bool two_sided(const struct view *v)
{
	const struct conn *c = v->c;

	return !v->s && !c->self_connect && knows(&c->end[CLIENT], K_SEEN) && knows(&c->end[SERVER], K_SEEN) &&
	       !was_reset(c);
}

/* And nothing of them is missing: absence means something. */
static bool judged(const struct view *v)
{
	const struct conn *c = v->c;

	return two_sided(v) && !c->loss && !missed(c, CLIENT) && !missed(c, SERVER);
}

/* No acknowledgment of the FIN of `x` ever passed the tap. */
static bool fin_unanswered(const struct conn *c, enum side x)
{
	const struct endpoint *X = &c->end[x], *Y = &c->end[other(x)];

	return knows(X, K_FIN) && fact_is(X, FIN_SENT) && !c->detail[x].fin_acked_by.frame &&
	       !(knows(Y, K_AMAX) && seq_ge(Y->amax, X->fend));
}

static void unanswered_draft(const struct view *v, enum side x, struct draft *d)
{
	const struct conn *c = v->c;
	const enum side y = other(x);

	draft_offender(d, y);
	if (knows(&c->end[y], K_AMAX))
		draft_value_seq(d, TCPLINT_FIELD_ACK, x, c->end[x].fend, c->end[y].amax);
	draft_frame(d, c->detail[x].first_fin);
	draft_frame(d, c->detail[x].last_fin);
	d->number[0] = (int64_t)c->detail[x].fin_copies + 1;
	d->number[1] = v->now - c->detail[x].first_fin.ts;
}

bool rule_fin_unacked(const struct view *v, struct draft *d)
{
	const int64_t enough = v->releasing ? RESOLVE_TIMEOUT : FIN_WAIT_1_MAX;

	if (!judged(v))
		return false;
	for (enum side x = CLIENT; x <= SERVER; x++) {
		/* each repetition waited for an RTO in vain */
		const bool waited = v->releasing && v->c->detail[x].fin_copies_unanswered > 2;

		if (!fin_unanswered(v->c, x) || (!waited && v->now - v->c->detail[x].first_fin.ts < enough))
			continue;
		unanswered_draft(v, x, d);
		/* who does not repeat its FIN has the ACK of it, and the capture has not */
		if (!v->c->detail[x].fin_copies) {
			d->cap = 0.45F;
			d->alternatives |= ALT_capture_loss;
		}
		return true;
	}
	return false;
}

#define LAST_ACK_COPIES 3

bool rule_last_ack_unanswered(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!judged(v))
		return false;
	for (enum side x = CLIENT; x <= SERVER; x++) {
		const struct endpoint_detail *XD = &c->detail[x];

		if (!fin_unanswered(c, x) || c->end[x].state != TCPLINT_LAST_ACK || XD->fin_copies < LAST_ACK_COPIES ||
		    XD->fin_copies_unanswered <= LAST_ACK_COPIES || v->now - XD->last_fin.ts < RESOLVE_TIMEOUT)
			continue;
		unanswered_draft(v, x, d);
		return true;
	}
	return false;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Since when neither end did what a half-closed connection is kept for; `a` closed first. */
static int64_t silent_since(const struct conn *c, enum side a)
{
	const int64_t acked = c->detail[a].fin_acked_by.ts;
	const int64_t data = later(c->detail[CLIENT].last_data.ts, c->detail[SERVER].last_data.ts);

	return later(acked, data);
}

static void stall_draft(const struct view *v, enum side a, enum side offender, struct draft *d)
{
	draft_offender(d, offender);
	draft_frame(d, v->c->detail[a].first_fin);
	draft_frame(d, v->c->detail[a].fin_acked_by);
	if (v->c->detail[other(a)].last_data.ts > v->c->detail[a].fin_acked_by.ts)
		draft_frame(d, v->c->detail[other(a)].last_data);
	d->number[0] = v->now - silent_since(v->c, a);
}

bool rule_fin_wait_2_stall(const struct view *v, struct draft *d)
{
	if (!judged(v))
		return false;
	for (enum side a = CLIENT; a <= SERVER; a++) {
		if (v->c->end[a].state != TCPLINT_FIN_WAIT_2 || knows(&v->c->end[other(a)], K_FIN) ||
		    v->now - silent_since(v->c, a) <= STALL_WARN)
			continue;
		stall_draft(v, a, a, d);
		return true;
	}
	return false;
}

bool rule_close_wait_stall(const struct view *v, struct draft *d)
{
	if (!judged(v))
		return false;
	for (enum side p = CLIENT; p <= SERVER; p++) {
		const enum side a = other(p);

		if (v->c->end[p].state != TCPLINT_CLOSE_WAIT || fact_get(&v->c->end[p], FIN_RCVD) != CONFIRMED ||
		    v->now - silent_since(v->c, a) <= STALL_WARN)
			continue;
		stall_draft(v, a, p, d);
		return true;
	}
	return false;
}

static bool in_close(uint8_t state)
{
	return state == TCPLINT_FIN_WAIT_1 || state == TCPLINT_FIN_WAIT_2 || state == TCPLINT_CLOSE_WAIT ||
	       state == TCPLINT_CLOSING || state == TCPLINT_LAST_ACK;
}

bool rule_teardown_incomplete(const struct view *v, struct draft *d)
{
	if (!v->releasing || (v->ending != TCPLINT_END_EOF && v->ending != TCPLINT_END_INTERRUPTED) || !two_sided(v))
		return false;
	const struct endpoint *end = v->c->end;

	if (!in_close(end[CLIENT].state) && !in_close(end[SERVER].state))
		return false;
	d->offender = TCPLINT_BY_CAPTURE;
	d->state[CLIENT] = end[CLIENT].state;
	d->state[SERVER] = end[SERVER].state;
	return true;
}

/* So long a silence is no pause of a conversation; keepalives begin after 2 hours (RFC 9293, 3.8.4). */
#define GONE_AFTER (3600 * SECOND)

bool rule_close_without_fin(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!v->releasing || v->now - c->last.ts < GONE_AFTER || v->ending == TCPLINT_END_EVICTED || !judged(v) ||
	    !fact_is(&c->end[CLIENT], SYN_ACKED) || !fact_is(&c->end[SERVER], SYN_ACKED) ||
	    knows(&c->end[CLIENT], K_FIN) || knows(&c->end[SERVER], K_FIN))
		return false;
	d->offender = TCPLINT_BY_CAPTURE;
	d->state[CLIENT] = c->end[CLIENT].state;
	d->state[SERVER] = c->end[SERVER].state;
	draft_frame(d, c->last);
	d->number[0] = v->now - c->last.ts;
	return true;
}
