/*
 * Which incarnation of a 4-tuple a segment belongs to, and when a new one begins (rules.md 1.2).
 */
#ifndef TCPLINT_INCARNATION_H
#define TCPLINT_INCARNATION_H

#include "flow.h"
#include "view.h"

struct incarnation {
	uint32_t number; /* the connection; 0: a new one is needed */
	bool pending;    /* new: the peer may still be in the old one */
};

/*
 * `head` is the newest incarnation of the segment's 4-tuple (0: none); `from_first` tells which end of its key sent it.
 */
struct incarnation incarnation_choose(const struct flow_table *t, uint32_t head, const struct segment *s,
				      bool from_first);

/* Who sent a segment of this connection. */
static inline enum side conn_side(const struct conn *c, bool from_first)
{
	return c->self_connect || from_first != c->swapped ? CLIENT : SERVER;
}

/* Both ends are finished: closed by FINs or by a RST. */
bool conn_finished(const struct conn *c);

#endif
