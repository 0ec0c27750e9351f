/*
 * The capture's clock: what time it is when a frame claims to be of `ts`.
 *
 * A step back (files in the wrong order, a clock that was set) is followed.  One frame alone from a far future is not
 * believed until another one agrees.
 */
#ifndef TCPLINT_CLOCK_H
#define TCPLINT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "view.h"

struct clock {
	int64_t now;      /* INT64_MIN: no frame yet */
	int64_t ahead;    /* a time far beyond `now` that one frame claimed; 0: none */
	int64_t previous; /* when the segment before was captured; INT64_MIN: the source begins */
};

/* A jump: back by more than reordering explains, or ahead by more than an idle link does. */
#define CLOCK_FAR_BACK  (10 * SECOND)
#define CLOCK_FAR_AHEAD (3600 * SECOND)

void clock_init(struct clock *c);

/* Nothing came, and it is `now`. */
static inline void clock_tick(struct clock *c, int64_t now)
{
	c->now = now > c->now ? now : c->now;
}

/* A frame whose time is not near `now`. */
int64_t clock_jump(struct clock *c, int64_t ts, bool *turned);

/* A frame; `*turned`: the clock was set back to what is answered. */
static inline int64_t clock_frame(struct clock *c, int64_t ts, bool *turned)
{
	/* by how much it is later than the earliest that is near; of no frame yet, and of what is earlier, very much */
	const uint64_t later = (uint64_t)ts - (uint64_t)c->now + CLOCK_FAR_BACK;

	if (UNLIKELY(later > CLOCK_FAR_BACK + CLOCK_FAR_AHEAD))
		return clock_jump(c, ts, turned);
	*turned = false;
	c->ahead = 0;
	clock_tick(c, ts);
	return c->now;
}

/* A segment: how far time went back since the one before; 0 for what frames that overtake each other explain. */
static inline int64_t clock_back(struct clock *c, int64_t ts)
{
	const int64_t previous = c->previous;

	c->previous = ts;
	return UNLIKELY(previous > ts) && previous - ts > REORDER_WINDOW ? previous - ts : 0;
}

#endif
