/*
 * What segments will need is asked for while those before them are looked at.
 *
 * Memory that is in none of a core's own caches takes as long as several hundred instructions, and a connection's slot,
 * cell and parts, the entry of its client and that one's openings depend on each other.  So each step is taken for all
 * segments that wait before the next step is.  And what branches cannot be predicted from one segment to the next are
 * avoided: something is asked for in vain rather.  Hints only: nothing depends on them.
 */
#ifndef TCPLINT_AHEAD_H
#define TCPLINT_AHEAD_H

#include "flow.h"
#include "hosts.h"
#include "segment.h"
#include "wheel.h"

/* Segments that are looked at together. */
#define AHEAD 32

struct ahead_segment {
	const struct segment *s;
	uint64_t hash;
	uint64_t slot;    /* of the index: that of its connection, most likely */
	uint32_t number;  /* and that one's number; 0: none yet */
	struct hosts_needed hosts; /* of one that opens, or completes the opening */
};

struct ahead {
	unsigned n, taken;
	struct ahead_segment of[AHEAD];
	unsigned syns; /* those with a SYN */
	uint8_t syn[AHEAD];
};

static inline void ahead_begin(struct ahead *a)
{
	a->n = a->taken = a->syns = 0;
}

/* `s` has to stay where it is. */
static inline void ahead_add(struct ahead *a, const struct flow_table *flows, const struct segment *s, uint64_t hash)
{
	struct ahead_segment *x = &a->of[a->n];

	x->s = s;
	x->hash = hash;
	x->slot = flow_home(hash, flows->mask);
	a->syn[a->syns] = (uint8_t)a->n++;
	a->syns += !!(s->flags & FLAG_SYN);
}

/* What all of them need; `hosts` may be null: they are somebody else's. */
void ahead_prefetch(struct ahead *a, const struct flow_table *flows, const struct wheel *wheel,
		    const struct hosts *hosts);

/* Where the index most likely has the next of them. */
static inline uint64_t ahead_next(struct ahead *a)
{
	return a->of[a->taken++].slot;
}

#endif
