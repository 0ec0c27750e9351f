/*
 * A frame on its way from the decoder to an engine.
 *
 * With several threads its lines pass from one processor to another: so it has no more than what the engine cannot find
 * out from the segment, and what few frames have (a twin, SACK blocks at the end of the segment) is not touched for the
 * others.
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
	bool from_first; /* as of struct engine_place, and so are `hash`, `back` and `twin`; its key is the segment's */
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

/* Bytes that are set of it. */
static inline size_t waiting_size(const struct waiting *d)
{
	enum { MOST = offsetof(struct waiting, segment.opt.sack) };

	return LIKELY(!waiting_has_place(d) || !d->segment.opt.sack_count) ? MOST : sizeof(*d);
}

/* What it says of its place, for who reads it elsewhere: the key is made anew there. */
static inline void waiting_set_place(struct waiting *d, const struct engine_place *p, const struct twin *twin)
{
	d->from_first = p->from_first;
	d->hash = p->hash;
	d->back = p->back;
	d->twin = twin;
}

static inline void waiting_get_place(const struct waiting *d, struct engine_place *p, bool with_vlan)
{
	p->from_first = d->from_first;
	flow_key_take(&p->key, &d->segment, p->from_first, with_vlan);
	p->hash = d->hash;
	p->back = d->back;
	p->twin = d->twin;
}

/* The engine of its connection takes it; `a`: what was looked up for those of DECODE_SEGMENT, in their order. */
static inline void waiting_take(const struct waiting *d, const struct engine_place *p, struct engine *en,
				struct ahead *a)
{
	if (d->turned)
		engine_turn_back(en, d->now);
	engine_tick(en, d->now);
	if (d->result == DECODE_SEGMENT)
		engine_segment(en, &d->segment, p, ahead_next(a));
	else if (d->result == DECODE_QUOTE)
		engine_quote(en, &d->segment, p);
}

#endif
