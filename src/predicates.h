/* What predicates of several phases ask. */
#ifndef TCPLINT_PREDICATES_H
#define TCPLINT_PREDICATES_H

#include "draft.h"
#include "rules.h"

/* A segment of this very incarnation that may move its endpoints, with one of these events. */
static inline bool live(const struct view *v, uint32_t events)
{
	return v->s && v->drives && v->events & events && !(v->events & EV_ODD_FLAGS);
}

/* Whether `ack` acknowledges one of the client's SYNs, with or without its data (RFC 7413, 4.2.2). */
static inline bool acks_a_syn(const struct conn *c, uint32_t ack)
{
	for (unsigned i = 0; i < c->syns; i++)
		if (seq_in(c->syn[i].isn + 1, ack, c->syn[i].isn + 1 + c->syn[i].len))
			return true;
	return false;
}

/* The client's latest SYN. */
static inline struct mark newest_syn(const struct conn *c)
{
	return c->syns ? c->syn[c->syns - 1].last : (struct mark){ 0 };
}

/*
 * Two numbers of one sequence space: no further apart than a window.  A device that rewrites sequence
 * numbers, captured on both sides, shows one sender in two spaces.
 */
static inline bool one_space(const struct endpoint *receiver, uint32_t a, uint32_t b)
{
	const uint32_t most = receiver->maxwnd > 0x10000 ? receiver->maxwnd : 0x10000;

	return a - b <= most || b - a <= most;
}

#endif
