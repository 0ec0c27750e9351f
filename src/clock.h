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

struct clock {
	int64_t now;      /* INT64_MIN: no frame yet */
	int64_t ahead;    /* a time far beyond `now` that one frame claimed; 0: none */
	int64_t previous; /* when the segment before was captured; INT64_MIN: the source begins */
};

void clock_init(struct clock *c);
/* A frame; `*turned`: the clock was set back to what is answered. */
int64_t clock_frame(struct clock *c, int64_t ts, bool *turned);
/* Nothing came, and it is `now`. */
void clock_tick(struct clock *c, int64_t now);
/* A segment: how far time went back since the one before; 0 for what frames that overtake each other explain. */
int64_t clock_back(struct clock *c, int64_t ts);

#endif
