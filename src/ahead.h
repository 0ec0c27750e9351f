/*
 * What a segment will need is asked for while those before it are looked at.
 *
 * Memory that is in none of a core's own caches takes as long as several hundred instructions, and a connection's slot,
 * cell and parts, the entry of its client and that one's openings depend on each other.  So each step is taken for all
 * segments that wait before the next step is.  Hints only: nothing depends on them.
 */
#ifndef TCPLINT_AHEAD_H
#define TCPLINT_AHEAD_H

#include "flow.h"
#include "hosts.h"
#include "segment.h"

struct ahead {
	unsigned hosts;   /* how many entries of the host table will be needed: that of its client first */
	uint32_t hash[3]; /* theirs */
};

#define AHEAD_STEPS 4

/* As soon as the segment's place is known; `hosts` may be null: they are somebody else's. */
void ahead_begin(const struct flow_table *flows, const struct hosts *hosts, struct ahead *a, const struct segment *s,
		 uint64_t hash);
/* Steps 0 to AHEAD_STEPS - 1. */
void ahead_step(const struct flow_table *flows, const struct hosts *hosts, struct ahead *a, const struct segment *s,
		uint64_t hash, unsigned step);

#endif
