#include "clock.h"
#include "view.h"

/* A jump: back by more than reordering explains, or ahead by more than an idle link does. */
#define FAR_BACK  (10 * SECOND)
#define FAR_AHEAD (3600 * SECOND)

void clock_init(struct clock *c)
{
	*c = (struct clock){ .now = INT64_MIN, .previous = INT64_MIN };
}

int64_t clock_frame(struct clock *c, int64_t ts, bool *turned)
{
	*turned = c->now != INT64_MIN && ts < c->now - FAR_BACK;
	if (*turned)
		c->now = ts;
	if (c->now != INT64_MIN && ts > c->now + FAR_AHEAD && (!c->ahead || ts < c->ahead - FAR_BACK)) {
		c->ahead = ts;
		return c->now;
	}
	c->ahead = 0;
	clock_tick(c, ts);
	return c->now;
}

void clock_tick(struct clock *c, int64_t now)
{
	if (now > c->now)
		c->now = now;
}

int64_t clock_back(struct clock *c, int64_t ts)
{
	const int64_t back = c->previous != INT64_MIN ? c->previous - ts : 0;

	c->previous = ts;
	return back > REORDER_WINDOW ? back : 0;
}
