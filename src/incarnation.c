#include "incarnation.h"

static bool end_finished(const struct endpoint *e)
{
	return fact_is(e, RESET) || (fact_is(e, FIN_SENT) && fact_is(e, FIN_RCVD));
}

bool conn_finished(const struct conn *c)
{
	const struct endpoint *a = &c->end[CLIENT], *b = &c->end[SERVER];

	if (c->self_connect)
		return end_finished(a);
	/* a SYN that was refused: the other end never had a connection */
	if ((fact_is(a, RESET) && !fact_is(b, SYN_SENT)) || (fact_is(b, RESET) && !fact_is(b, SYN_SENT)))
		return true;
	return (end_finished(a) && end_finished(b)) || c->origin == TCPLINT_ORIGIN_STRAY;
}

static bool isn_known(const struct conn *c, enum side x, uint32_t isn)
{
	for (unsigned i = 0; i < c->syns && x == CLIENT; i++)
		if (c->syn[i].isn == isn)
			return true;
	return knows(&c->end[x], K_ISN) && c->end[x].isn == isn;
}

/* The opening of X is not over: another SYN belongs to it. */
static bool still_opening(const struct conn *c, enum side x, const struct segment *s)
{
	const struct endpoint *X = &c->end[x], *Y = &c->end[other(x)];

	if (!fact_is(X, SYN_SENT)) /* X was passive: crossing SYNs, or the old client turned server */
		return fact_is(Y, SYN_SENT) && knows(Y, K_ACTIVE) && !fact_is(Y, SYN_RCVD) && !fact_is(Y, RESET);
	/* its RST refused a SYN-ACK a moment ago: the SYN before may have been an old duplicate (3.5 Figure 8) */
	if (knows(X, K_RST_SENT) && c->synacks && !c->hs_ack.frame && x == CLIENT)
		return s->ts - X->last.ts < RESOLVE_TIMEOUT;
	return knows(X, K_ACTIVE) && fact_get(X, SYN_ACKED) != CONFIRMED && !fact_is(X, RESET) &&
	       !fact_is(Y, RESET) && s->ts - X->last.ts < SYN_ATTEMPT_GAP;
}

static struct incarnation choose_syn(const struct flow_table *t, uint32_t head, const struct segment *s,
				     bool from_first)
{
	for (uint32_t n = head; n; n = flow_conn(t, n)->older) {
		const struct conn *c = flow_conn(t, n);

		if (isn_known(c, conn_side(c, from_first), s->seq))
			return (struct incarnation){ .number = n };
	}
	const struct conn *newest = flow_conn(t, head);

	if (newest->self_connect || still_opening(newest, conn_side(newest, from_first), s))
		return (struct incarnation){ .number = head };
	return (struct incarnation){ .pending = true };
}

static struct incarnation choose_synack(const struct flow_table *t, uint32_t head, const struct segment *s,
					bool from_first)
{
	for (uint32_t n = head; n; n = flow_conn(t, n)->older) {
		const struct conn *c = flow_conn(t, n);
		const enum side x = conn_side(c, from_first), y = other(x);

		if (c->self_connect ||
		    (knows(&c->end[x], K_ISN) && c->end[x].isn == s->seq && fact_is(&c->end[x], SYN_SENT)))
			return (struct incarnation){ .number = n };
		for (unsigned i = 0; i < c->syns && y == CLIENT; i++)
			if (seq_in(c->syn[i].isn + 1, s->ack, c->syn[i].isn + 1 + c->syn[i].len))
				return (struct incarnation){ .number = n };
		if (knows(&c->end[y], K_ISN) && c->end[y].isn + 1 == s->ack)
			return (struct incarnation){ .number = n };
	}
	const struct conn *newest = flow_conn(t, head);

	/* its SYN was not captured (step 7); who has closed its direction does not open the same connection again */
	if (conn_finished(newest) || fact_is(&newest->end[conn_side(newest, from_first)], FIN_SENT))
		return (struct incarnation){ 0 };
	return (struct incarnation){ .number = head };
}

/* How far a number lies outside [low, high]; 0 inside. */
static uint32_t distance(uint32_t low, uint32_t x, uint32_t high)
{
	const uint32_t below = low - x, above = x - high;

	if (seq_in(low, x, high))
		return 0;
	return below < above ? below : above;
}

static uint32_t misfit(const struct endpoint *e, uint32_t number, uint32_t edge)
{
	return knows(e, K_SMAX) ? distance(e->isn, number, seq_max(e->smax, edge)) : 0;
}

/* How badly a segment fits an incarnation, in sequence numbers. */
static uint32_t conn_misfit(const struct conn *c, enum side x, const struct segment *s)
{
	const struct endpoint *X = &c->end[x], *Y = &c->end[other(x)];
	const uint32_t edge = knows(Y, K_REDGE) ? Y->redge : X->smax;
	uint32_t out = s->flags & FLAG_RST && !s->seq && s->flags & FLAG_ACK ? 0 : misfit(X, s->seq, edge);

	if (s->flags & FLAG_ACK) {
		const uint32_t by_ack = misfit(Y, s->ack, Y->smax);

		out = by_ack > out ? by_ack : out;
	}
	return out;
}

/* rules.md 1.2: what lies within 2^16 of the space that was used may be of it. */
#define NEAR 0x10000

static struct incarnation choose_other(const struct flow_table *t, uint32_t head, const struct segment *s,
				       bool from_first)
{
	uint32_t best = head, least = UINT32_MAX;

	for (uint32_t n = head; n; n = flow_conn(t, n)->older) {
		const struct conn *c = flow_conn(t, n);
		const uint32_t d = c->self_connect ? 0 : conn_misfit(c, conn_side(c, from_first), s);

		if (d < least) {
			least = d;
			best = n;
		}
	}
	const struct conn *c = flow_conn(t, best);

	if (least <= NEAR)
		return (struct incarnation){ .number = best };
	if (conn_finished(c) && best == head && !(s->flags & FLAG_RST) && s->flags & FLAG_ACK)
		return (struct incarnation){ 0 }; /* step 8 */
	return (struct incarnation){ .number = best };
}

struct incarnation incarnation_choose(const struct flow_table *t, uint32_t head, const struct segment *s,
				      bool from_first)
{
	if (!head)
		return (struct incarnation){ 0 };
	if (s->bad_header)
		return (struct incarnation){ .number = head };
	if (s->flags & FLAG_SYN && !(s->flags & FLAG_RST))
		return s->flags & FLAG_ACK ? choose_synack(t, head, s, from_first) :
					     choose_syn(t, head, s, from_first);
	return choose_other(t, head, s, from_first);
}
