/*
 * What one engine tells, on its way from the engine's thread to the stage's: a ring of bytes with one writer and one
 * reader, in the order in which the engine tells it.  Each message carries its place among those of all engines.
 */
#ifndef TCPLINT_RELAY_H
#define TCPLINT_RELAY_H

#include <stdalign.h>
#include <stdatomic.h>

#include "bell.h"
#include "compiler.h"
#include "engine.h"

/*
 * Where in the order of all engines something was told: by the frame at hand, counted within its stretch.  Before a
 * frame is looked at, the timers fire that are due by its time: by when they were, and the connection that they are of.
 */
struct told_place {
	int64_t now;  /* what time it was for the engine */
	int64_t when; /* this and `order`: unless `segment` */
	uint32_t order;
	uint16_t frame; /* RELAY_END: no more of this stretch */
	bool segment;   /* told because of that frame, not of a timer before it */
};

#define RELAY_END UINT16_MAX

#define RELAY_MEMORY (UINT64_C(256) * 1024)

/* What is told is put together in a cache of the writer's first. */
#define RELAY_DRAFT (UINT64_C(16) * 1024)

/* What the one writes and the other reads has lines of its own: they go to and fro. */
struct relay {
	/* the writer's */
	uint8_t *ring;
	uint64_t write;
	uint64_t out;   /* of what is written, this much is in the ring; what follows is in `draft` */
	uint64_t freed; /* `read`, as of when it was last looked at */
	const struct engine *engine;
	const int64_t *now; /* the time at each frame of the stretch, of which there are `n` */
	uint32_t n;
	uint32_t frame;    /* at hand */
	uint32_t seen;     /* frames before this one are past */
	uint32_t told;     /* nothing is told of an earlier frame any more */
	struct bell room;  /* rings when the reader has made some: bytes */
	struct bell news;  /* rings when a stretch has ended: stretches */
	alignas(64) _Atomic uint64_t written;
	_Atomic uint64_t ended; /* stretches of which all is written */
	alignas(64) uint8_t draft[RELAY_DRAFT];
	/* the reader's */
	alignas(64) _Atomic uint64_t read; /* what the writer may use again begins here */
	alignas(64) uint8_t *from; /* `ring`, which stands among what the writer writes */
	uint64_t at;    /* the message at hand */
	uint64_t next;  /* and the one after it */
	uint64_t asked; /* up to here it was asked for */
	bool end;       /* it is no message, but the end of a stretch */
};

bool relay_init(struct relay *r, const struct engine *en, struct error *e) MUST_CHECK;
void relay_finish(struct relay *r);

/* ---- for the engine's thread ---- */

/* `user` is the relay: what the engine tells, for engine.ear. */
struct told *relay_room(void *user);
void relay_hear(void *user, struct told *t, int64_t now);
/* A stretch of n frames begins, whose times do not go back. */
void relay_begin(struct relay *r, const int64_t *now, uint32_t n);
/* Frame number i of the stretch is at hand. */
static inline void relay_frame(struct relay *r, uint32_t i)
{
	r->frame = i;
}
/* And it is past. */
static inline void relay_past(struct relay *r)
{
	r->seen = r->frame + 1;
}
/* Nothing more is told of this stretch. */
void relay_end(struct relay *r);

/* ---- for the stage's thread ---- */

/* Stretches of which all has come. */
static inline uint64_t relay_ended(const struct relay *r)
{
	return atomic_load_explicit(&r->ended, memory_order_acquire);
}
/*
 * The next message and its place, waiting for it; null at the end of a stretch.  `now`: the times of its frames.  Once
 * asleep, it is not worth waking before so many stretches have `ended`.
 */
struct told *relay_peek(struct relay *r, const int64_t *now, struct told_place *place, uint64_t ended);
/* Ask for what has come. */
void relay_ask(struct relay *r);
/* Those at hand that have come already, of this stretch, at most `most`; how many. */
unsigned relay_look(const struct relay *r, const struct told **messages, unsigned most);
/* That has been heard, or the end has. */
void relay_next(struct relay *r);
/* Whether a is told before b. */
bool relay_before(const struct told_place *a, const struct told_place *b);

#endif
