#include <stdio.h>
#include <string.h>
#include <time.h>

#include "rotation.h"

#define SECOND INT64_C(1000000000)

/* How many digits the numbers below `count` take: 0 for one file. */
static int digits(uint32_t count)
{
	int n = 0;

	for (uint32_t last = count ? count - 1 : 0; last; last /= 10)
		n++;
	return n;
}

bool rotation_name(const struct rotation *r, const char *pattern, char *out, size_t size)
{
	const int width = r->size && r->count ? digits(r->count) : 0;
	const time_t seconds = (time_t)(r->since / SECOND);
	struct tm when;
	size_t used;
	int n = 0;

	if (r->period)
		used = localtime_r(&seconds, &when) ? strftime(out, size, pattern, &when) : 0;
	else
		used = strlen(pattern) < size ? strlen(strcpy(out, pattern)) : 0;
	if (!used)
		return false;
	if (r->number || width)
		n = snprintf(out + used, size - used, "%0*u", width, r->number);
	return n >= 0 && used + (size_t)n < size;
}

enum rotation_answer rotation_clock(struct rotation *r, int64_t now)
{
	if (!r->period)
		return ROTATION_STAYS;
	if (now < r->since - r->period) /* the clock was set back */
		r->since = now;
	if (now - r->since < r->period)
		return ROTATION_STAYS;
	if (!r->size && r->count && r->periods + 1 >= r->count)
		return ROTATION_OVER;
	r->since = now;
	r->periods++;
	r->number = 0;
	return ROTATION_NEXT;
}

enum rotation_answer rotation_grown(struct rotation *r, uint64_t size)
{
	if (!r->size || size <= r->size)
		return ROTATION_STAYS;
	r->number++;
	if (r->count && r->number >= r->count)
		r->number = 0;
	return ROTATION_NEXT;
}
