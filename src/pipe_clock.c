#include "pipe_clock.h"

/* Nobody waits so long for what he captures now; and clocks that differ by as much are not one clock. */
#define OLD INT64_C(60000000000)

void pipe_clock_frame(struct pipe_clock *c, int64_t ts, int64_t wall)
{
	const int64_t lag = wall - ts;

	c->begun = true;
	c->old = c->old || lag > OLD || lag < -OLD;
	if (lag > c->lag)
		c->lag = lag;
}

int64_t pipe_clock_now(const struct pipe_clock *c, int64_t wall)
{
	return c->begun && !c->old ? wall - c->lag : INT64_MIN;
}
