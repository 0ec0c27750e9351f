/* A frame on its way from the decoder to an engine. */
#ifndef TCPLINT_WAITING_H
#define TCPLINT_WAITING_H

#include <stdalign.h>

#include "ahead.h"
#include "decode.h"
#include "engine.h"

struct waiting {
	alignas(LINE) uint8_t result; /* enum decode_result */
	bool turned; /* the clock was set back to what time it is */
	/* what an engine on another thread needs besides the segment (stretch.h) */
	bool other_now; /* it is another time than the segment's */
	bool has_back, has_twin; /* of struct engine_place */
	bool from_first; /* as of that, and so is `hash` */
	uint64_t hash;
	struct segment segment;
};

#define WAITING_LINES 3

_Static_assert(sizeof(struct waiting) == WAITING_LINES * LINE &&
		       offsetof(struct waiting, segment.opt.exids) == 2 * LINE,
	       "the rest of the segment has the last line for itself");

static inline bool waiting_has_place(const struct waiting *d)
{
	return d->result == DECODE_SEGMENT || d->result == DECODE_QUOTE;
}

/*
 * The engine of its connection takes it, and it is `now`; `a`: what was looked up for those of DECODE_SEGMENT, in their
 * order.
 */
static inline void waiting_take(const struct waiting *d, const struct engine_place *p, int64_t now, struct engine *en,
				struct ahead *a)
{
	if (d->turned)
		engine_turn_back(en, now);
	engine_tick(en, now);
	if (d->result == DECODE_SEGMENT)
		engine_segment(en, &d->segment, p, ahead_next(a));
	else if (d->result == DECODE_QUOTE)
		engine_quote(en, &d->segment, p);
}

#endif
