/*
 * A frame on its way from the decoder to an engine.
 *
 * With several threads its lines pass from one processor's cache to another's: so it has no more than what the engine cannot
 * find out from the segment, and what few frames have (a twin, SACK blocks at the end of the segment) is not touched for the others.
 */
#ifndef TCPLINT_WAITING_H
#define TCPLINT_WAITING_H

#include <stdalign.h>

#include "ahead.h"
#include "decode.h"
#include "engine.h"

struct waiting {
	alignas(64) uint8_t result; /* enum decode_result */
	bool turned; /* the clock was set back to `now` */
	bool from_first; /* as of struct engine_place, and so are `hash`, `back` and `twin` */
	int64_t now; /* what time it is */
	uint64_t hash;
	int64_t back;
	const struct twin *twin;
	struct segment segment;
};

_Static_assert(offsetof(struct waiting, segment.opt.sack) <= 192, "of most of them three lines are used");

static inline void waiting_prefetch(const struct waiting *d)
{
	flow_prefetch_bytes(d, offsetof(struct waiting, segment.opt.sack));
}

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
	if (!waiting_has_place(d))
		return;
	struct engine_place p;

	p.from_first = d->from_first;
	flow_key_take(&p.key, &d->segment, p.from_first, en->flows.with_vlan);
	p.hash = d->hash;
	p.back = d->back;
	p.twin = d->twin;
	if (d->result == DECODE_SEGMENT)
		engine_segment(en, &d->segment, &p, ahead_next(a));
	else
		engine_quote(en, &d->segment, &p);
}

#endif
