/* Implementation of schedule.h. */
#include "schedule.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

/* 2024-01-01 00:00:00 UTC: the same capture on every day. */
#define EPOCH INT64_C(1704067200000000000)

/* A copy that the capture makes, and one that the network makes. */
#define COPY_NS   INT64_C(20000)
#define ASTRAY_NS INT64_C(50000000)

int schedule_make(const struct script *s, struct schedule *out)
{
	int64_t ts = EPOCH;

	out->count = 0;
	out->play = calloc(s->steps + 1,
			   sizeof(*out->play)); /* one more: a mutation may repeat a packet */
	if (!out->play)
		return -1;
	for (unsigned i = 0; i < s->steps; i++) {
		if (i > 0)
			ts += s->step[i].delay;
		out->play[out->count++] = (struct play){ .step = &s->step[i], .ts = ts };
	}
	return 1;
}

void schedule_free(struct schedule *h)
{
	free(h->play);
	h->play = NULL;
	h->count = 0;
}

static void take_out(struct schedule *h, unsigned from, unsigned n)
{
	memmove(h->play + from, h->play + from + n, (h->count - from - n) * sizeof(*h->play));
	h->count -= n;
}

/* Keep the order of time; of two at the same time the new one is later. */
static void put_in(struct schedule *h, struct play p)
{
	unsigned i = h->count++;

	for (; i > 0 && h->play[i - 1].ts > p.ts; i--)
		h->play[i] = h->play[i - 1];
	h->play[i] = p;
}

static bool drop(struct schedule *h, unsigned i, char *what, size_t size)
{
	snprintf(what, size, "without line %u", h->play[i].step->line);
	take_out(h, i, 1);
	return true;
}

static bool drop_pair(struct schedule *h, unsigned i, char *what, size_t size)
{
	if (i + 1 >= h->count)
		return false;
	snprintf(what, size, "without lines %u and %u", h->play[i].step->line,
		 h->play[i + 1].step->line);
	take_out(h, i, 2);
	return true;
}

/* The segment and the next one of the same side, whatever stands between them. */
static bool drop_two_of_side(struct schedule *h, unsigned i, char *what, size_t size)
{
	unsigned j = i + 1;

	while (j < h->count && h->play[j].step->from != h->play[i].step->from)
		j++;
	if (j >= h->count || j == i + 1)
		return false;
	snprintf(what, size, "without lines %u and %u", h->play[i].step->line,
		 h->play[j].step->line);
	take_out(h, j, 1);
	take_out(h, i, 1);
	return true;
}

static bool repeat(struct schedule *h, unsigned i, int64_t later, const char *how, char *what,
		   size_t size)
{
	struct play p = h->play[i];

	snprintf(what, size, "with line %u %s", p.step->line, how);
	p.ts += later;
	put_in(h, p);
	return true;
}

static bool capture_copy(struct schedule *h, unsigned i, char *what, size_t size)
{
	return repeat(h, i, COPY_NS, "captured twice", what, size);
}

static bool network_copy(struct schedule *h, unsigned i, char *what, size_t size)
{
	return repeat(h, i, ASTRAY_NS, "delivered again 50 ms later", what, size);
}

/* The capture hands two frames over in the wrong order. */
static bool swap(struct schedule *h, unsigned i, char *what, size_t size)
{
	struct play p = h->play[i];

	if (i + 1 >= h->count)
		return false;
	snprintf(what, size, "with line %u captured after line %u", p.step->line,
		 h->play[i + 1].step->line);
	take_out(h, i, 1);
	p.ts = h->play[i].ts + COPY_NS;
	put_in(h, p);
	return true;
}

/* The network overtakes: only what one side sent. */
static bool overtake(struct schedule *h, unsigned i, char *what, size_t size)
{
	const struct script_step *step = h->play[i].step;

	if (i + 1 >= h->count || h->play[i + 1].step->from != step->from)
		return false;
	snprintf(what, size, "with line %u overtaken by line %u", step->line,
		 h->play[i + 1].step->line);
	h->play[i].step = h->play[i + 1].step;
	h->play[i + 1].step = step;
	return true;
}

static bool begin_late(struct schedule *h, unsigned i, char *what, size_t size)
{
	if (i + 1 >= h->count)
		return false;
	snprintf(what, size, "from line %u on", h->play[i + 1].step->line);
	take_out(h, 0, i + 1);
	return true;
}

static bool end_early(struct schedule *h, unsigned i, char *what, size_t size)
{
	if (i + 1 >= h->count)
		return false;
	snprintf(what, size, "up to line %u", h->play[i].step->line);
	h->count = i + 1;
	return true;
}

/* Once for each side: `i` is the side that is kept. */
static bool one_side(struct schedule *h, unsigned i, char *what, size_t size)
{
	unsigned kept = 0;

	if (i > 1)
		return false;
	snprintf(what, size, "with the %s only", i == TCPLINT_CLIENT ? "client" : "server");
	for (unsigned k = 0; k < h->count; k++)
		if (h->play[k].step->from == i)
			h->play[kept++] = h->play[k];
	h->count = kept;
	return kept > 0;
}

/* A snapshot of 54 bytes, or as many as the headers without options take. */
static bool cut_short(struct schedule *h, unsigned i, char *what, size_t size)
{
	if (i > 0)
		return false;
	snprintf(what, size, "with a snapshot of the headers only");
	for (unsigned k = 0; k < h->count; k++)
		h->play[k].headers_only = true;
	return true;
}

typedef bool mutation(struct schedule *h, unsigned i, char *what, size_t size);

static mutation *const mutations[] = {
	drop,     drop_pair,  drop_two_of_side, capture_copy, network_copy, swap,
	overtake, begin_late, end_early,        one_side,     cut_short,
};

int schedule_mutate(const struct script *s, unsigned n, struct schedule *out, char *what,
		    size_t size)
{
	unsigned turns = s->steps < 2 ? 2 : s->steps; /* one_side wants two */

	if (n / turns >= sizeof(mutations) / sizeof(mutations[0]))
		return 0;
	if (schedule_make(s, out) < 0)
		return -1;
	if (n % turns >= out->count || !mutations[n / turns](out, n % turns, what, size))
		out->count = 0;
	return 1;
}
