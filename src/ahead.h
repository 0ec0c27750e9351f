/*
 * What a segment will need is asked for while those before it are looked at.
 *
 * Memory that is in none of a core's own caches takes as long as several hundred instructions, and a connection's slot,
 * cell and parts, the entry of its client and that one's openings depend on each other.  So each step is taken for all
 * segments that wait before the next step is.  Hints only: nothing depends on them.
 */
#ifndef TCPLINT_AHEAD_H
#define TCPLINT_AHEAD_H

#include "compiler.h"
#include "flow.h"
#include "hosts.h"
#include "segment.h"

struct ahead {
	uint64_t slot;   /* of the index: that of its connection, most likely */
	uint32_t number; /* and that one's number; 0: none yet */
	unsigned hosts;   /* how many entries of the host table will be needed: that of its client first */
	uint32_t hash[3]; /* theirs */
};

#define AHEAD_STEPS 4

/* The entries that a step of an opening needs, in turn: the index, the entries, the client's openings. */
void ahead_expect_hosts(const struct hosts *hosts, struct ahead *a, const struct segment *s);
void ahead_prefetch_hosts(const struct hosts *hosts, const struct ahead *a);

/* As soon as the segment's place is known; `hosts` may be null: they are somebody else's. */
static inline void ahead_begin(const struct flow_table *flows, const struct hosts *hosts, struct ahead *a,
			       const struct segment *s, uint64_t hash)
{
	a->hosts = 0;
	a->slot = flow_home(hash, flows->mask);
	flow_prefetch_slot(flows, hash);
	if (UNLIKELY(s->flags & FLAG_SYN))
		ahead_expect_hosts(hosts, a, s);
}

/* Steps 0 to AHEAD_STEPS - 1. */
static ALWAYS_INLINE void ahead_step(const struct flow_table *flows, const struct hosts *hosts, struct ahead *a,
				     const struct segment *s, uint64_t hash, unsigned step)
{
	const bool syn = s->flags & FLAG_SYN;

	if (step == 0) {
		a->slot = flow_glance(flows, hash);
		a->number = (uint32_t)flows->slots[a->slot];
		flow_prefetch(flows, a->number);
	}
	if (step == 1) {
		const struct quiet *q = flow_prefetch_part(flows, a->number);

		if (UNLIKELY(q->stage == QUIET_SYNACK && !syn)) { /* the third segment */
			PREFETCH(flow_answer(flows, q));
			ahead_expect_hosts(hosts, a, s);
		}
	}
	if (step == 2)
		flow_prefetch_closing(flows, a->number, s->flags);
	if (UNLIKELY(a->hosts) && step == (syn ? 0 : 2))
		ahead_prefetch_hosts(hosts, a);
	if (UNLIKELY(a->hosts) && step == (syn ? 1 : 3))
		hosts_prefetch_openings(hosts, a->hash[0]);
}

#endif
