/*
 * What time it is on the clock of the frames while a pipe is quiet.
 *
 * Somebody may be capturing at its other end, and then timers run by the wall clock, behind by the longest that
 * a frame has been on its way so far: a writer that collects frames in a buffer holds back what an impatient timer
 * would call missing.  Of an old capture nothing is known before its next frame.
 */
#ifndef TCPLINT_PIPE_CLOCK_H
#define TCPLINT_PIPE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct pipe_clock {
	bool begun, old;
	int64_t lag; /* nanoseconds */
};

/* A frame of `ts` was read at `wall`. */
void pipe_clock_frame(struct pipe_clock *c, int64_t ts, int64_t wall);

/* The time, no later than that of any frame still to come; INT64_MIN: it is not known. */
int64_t pipe_clock_now(const struct pipe_clock *c, int64_t wall);

#endif
