#include "clock.h"

void clock_init(struct clock *c)
{
	*c = (struct clock){ .now = INT64_MIN, .previous = INT64_MIN };
}

int64_t clock_jump(struct clock *c, int64_t ts, bool *turned)
{
	*turned = c->now != INT64_MIN && ts < c->now - CLOCK_FAR_BACK;
	if (*turned)
		c->now = ts;
	if (c->now != INT64_MIN && ts > c->now + CLOCK_FAR_AHEAD && (!c->ahead || ts < c->ahead - CLOCK_FAR_BACK)) {
		c->ahead = ts;
		return c->now;
	}
	c->ahead = 0;
	clock_tick(c, ts);
	return c->now;
}
