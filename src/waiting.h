/* A frame on its way from the decoder to an engine. */
#ifndef TCPLINT_WAITING_H
#define TCPLINT_WAITING_H

#include "ahead.h"
#include "decode.h"
#include "engine.h"

struct waiting {
	enum decode_result result;
	bool turned; /* the clock was set back to `now` */
	int64_t now; /* what time it is */
	struct engine_place place;
	struct twin twin; /* what place.twin points to */
	struct segment segment;
};

static inline bool waiting_has_place(const struct waiting *d)
{
	return d->result == DECODE_SEGMENT || d->result == DECODE_QUOTE;
}

/* The engine of its connection takes it; `a`: what was looked up for those of DECODE_SEGMENT, in their order. */
static inline void waiting_take(const struct waiting *d, struct engine *en, struct ahead *a)
{
	if (d->turned)
		engine_turn_back(en, d->now);
	engine_tick(en, d->now);
	if (d->result == DECODE_SEGMENT)
		engine_segment(en, &d->segment, &d->place, ahead_next(a));
	else if (d->result == DECODE_QUOTE)
		engine_quote(en, &d->segment, &d->place);
}

#endif
