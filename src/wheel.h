/*
 * Timers for connections, driven by packet time.
 *
 * Two levels of slots: 256 of 2^27 ns (134 ms), 256 of 2^35 ns (34 s), together
 * 2.4 hours, more than any timeout of rules.md 4.  When a slot's time comes its members move
 * to a heap, so that timers fire at their exact time and in its order.  A timer moves from the far slots
 * to the near ones, from there to the heap, and never back: however often the clock goes to and fro, it is touched
 * three times.  Arming costs O(1) and a segment costs nothing: a deadline that has moved away is noticed
 * when the old one fires (the owner then arms again).  Links are kept in an array
 * of their own, by the number of the connection.
 */
#ifndef TCPLINT_WHEEL_H
#define TCPLINT_WHEEL_H

#include <stdint.h>

#include "compiler.h"
#include "slab.h"

#define WHEEL_SLOTS 256
/* Numbers with this bit count by themselves. */
#define WHEEL_OTHER UINT32_C(0x80000000)

struct wheel_due {
	int64_t when;
	uint32_t order, number;
};

struct wheel {
	struct slab links[2]; /* one struct wheel_link for each connection, by its number; [1]: those with WHEEL_OTHER */
	uint32_t slot[2][WHEEL_SLOTS];
	uint32_t members[2]; /* of all slots of a level */
	int64_t tick; /* the slot of level 0 whose members are in the heap, counted from 1970 */
	struct wheel_due *heap;
	uint32_t heap_used, heap_size;
	uint32_t heap_armed; /* of those in it; the others were disarmed since */
};

bool wheel_init(struct wheel *w, uint32_t limit, struct error *e) MUST_CHECK;
void wheel_finish(struct wheel *w);

/*
 * Fire `number` at `when`; in the past: as soon as possible.  Replaces an earlier timer of the number.  Of two that are
 * due at the same time, the one with the lower `order` is first.
 */
void wheel_arm(struct wheel *w, uint32_t number, uint32_t order, int64_t when);
/* A hint: the timer will be armed. */
static inline void wheel_prefetch(const struct wheel *w, uint32_t number)
{
	PREFETCH(slab_at(&w->links[!!(number & WHEEL_OTHER)], number & ~WHEEL_OTHER));
}

/* Time went back to `now`: what is armed stays armed for its own time. */
void wheel_turn_back(struct wheel *w, int64_t now);
void wheel_disarm(struct wheel *w, uint32_t number);

#define WHEEL_TICK_BITS 27

/* Nothing is due by `now`, and no slot's time has come: what wheel_next() finds out, for nearly every segment. */
static inline bool wheel_idle(const struct wheel *w, int64_t now)
{
	return w->tick >= now >> WHEEL_TICK_BITS && (!w->heap_used || w->heap[0].when > now);
}

/*
 * The number of the timer that is due first, disarmed, and when it was due; 0 when none is due by `now`.
 * To be called until it answers 0.
 */
uint32_t wheel_next(struct wheel *w, int64_t now, int64_t *when);

#endif
