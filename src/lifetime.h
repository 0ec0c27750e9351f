/*
 * How long connections live: their timers, the loss that is known when nothing can fill a gap any more, and their
 * release.
 */
#ifndef TCPLINT_LIFETIME_H
#define TCPLINT_LIFETIME_H

#include "resolve.h"

/* rules.md 4 (tuple_idle_gc): RFC 5382 REQ-5 and RFC 7857 2.1. */
#define IDLE_HALF_OPEN   (240 * SECOND)
#define IDLE_ESTABLISHED (7440 * SECOND)
/* A RST may be followed by segments that were in flight, and by the RST's victim. */
#define AFTER_RST (3 * SECOND)

/* When the connection wants to be looked at although no segment comes. */
int64_t lifetime_deadline(const struct engine *en, const struct conn *c);
/* After anything that may have brought that nearer. */
void lifetime_rearm(struct engine *en, struct conn *c);
/* After a segment: what the connection is worth when room is needed. */
void lifetime_reclassify(struct engine *en, struct conn *c);
/* A view of a connection without a segment. */
struct view lifetime_view(struct engine *en, struct conn *c, int64_t now);
/* Ranges that the peer acknowledged `wait` ago and that never came. */
void lifetime_account_loss(struct engine *en, struct conn *c, int64_t now, int64_t wait, struct batch *b);
/* The timer of the connection fired. */
void lifetime_fire(struct engine *en, struct conn *c, int64_t now);
/* Some timers that are due have not fired: those of the frame's 4-tuple do now.  The newest connection of it, or 0. */
uint32_t lifetime_catch_up(struct engine *en, const struct engine_place *p);
/* Report what is to be said of the connection, and forget it. */
void lifetime_release(struct engine *en, struct conn *c, enum tcplint_end end, int64_t now);

/* The number of its first frame. */
static inline uint64_t lifetime_id(const struct flow_table *t, uint32_t number)
{
	return flow_is_quiet(number) ? flow_quiet(t, number)->id : flow_conn(t, number)->start.frame;
}

/* Nearer deadlines are taken, those that have passed are not. */
static inline void lifetime_sooner(int64_t *deadline, int64_t when, int64_t now)
{
	if (when > now && when < *deadline)
		*deadline = when;
}

#endif
