/*
 * Frames on their way from the thread that feeds them to those of the engines.
 *
 * Their lines pass from one processor to another, so there are few: two of a frame, or three if its segment has a rest,
 * each frame's behind those of the one before.  Gaps would be fetched with them.  They are decoded elsewhere, where the
 * lines stay, and copied past the cache.
 */
#ifndef TCPLINT_STRETCH_H
#define TCPLINT_STRETCH_H

#include <stdalign.h>

#include "shards.h"

/* Frames that are handed out together: with fewer, what threads say to each other once a stretch counts. */
#define STRETCH 512

enum stretch_end { STRETCH_GOES_ON, STRETCH_DRAIN, STRETCH_INTERRUPTED, STRETCH_STOP };

struct stretch {
	uint32_t n;
	enum stretch_end end; /* what follows its frames */
	uint16_t at[STRETCH + 1]; /* the first line of each frame, and of the one that would be next */
	int64_t now[STRETCH];
	/* of few frames, as they say */
	int64_t back[STRETCH];
	struct twin twin[STRETCH];
	/* of several shards, by shard: how many of the frames are its own, and which */
	uint32_t count[SHARDS_MAX];
	uint16_t mine[SHARDS_MAX][STRETCH];
	alignas(LINE) uint8_t line[STRETCH * WAITING_LINES][LINE];
};

/* ---- for the thread that feeds them ---- */

static inline void stretch_clear(struct stretch *x)
{
	x->n = x->at[0] = 0;
	memset(x->count, 0, sizeof(x->count));
}

/* What frame i says of its place, which its segment does not. */
static inline void stretch_keep_place(struct stretch *x, uint32_t i, struct waiting *w, const struct engine_place *p)
{
	w->from_first = p->from_first;
	w->hash = p->hash;
	w->has_back = p->back;
	w->has_twin = p->twin;
	if (UNLIKELY(w->has_back))
		x->back[i] = p->back;
	if (UNLIKELY(w->has_twin))
		x->twin[i] = *p->twin;
}

/* One more, and its place if it has one. */
static inline void stretch_add(struct stretch *x, struct waiting *w, const struct engine_place *p, int64_t now)
{
	const uint32_t i = x->n++, first = x->at[i];
	const uint8_t *from = (const uint8_t *)w;
	const bool rest = segment_has_rest(&w->segment);

	x->now[i] = now;
	w->other_now = now != w->segment.ts;
	if (waiting_has_place(w))
		stretch_keep_place(x, i, w, p);
	copy_line_out(x->line[first], from);
	copy_line_out(x->line[first + 1], from + LINE);
	if (rest)
		copy_line_out(x->line[first + 2], from + 2 * LINE);
	x->at[i + 1] = (uint16_t)(first + 2 + rest);
}

/* ---- for those of the engines ---- */

/* Ask for frame i, which another processor has written.  Mostly the last of its lines is the second. */
static inline void stretch_ask(const struct stretch *x, uint32_t i)
{
	PREFETCH(x->line[x->at[i]]);
	PREFETCH(x->line[x->at[i] + 1]);
	PREFETCH(x->line[x->at[i + 1] - 1]);
}

/* Where its segment has no rest, other frames' lines stand. */
static inline const struct waiting *stretch_frame(const struct stretch *x, uint32_t i)
{
	return (const struct waiting *)(const void *)x->line[x->at[i]];
}

/* What time it is.  The times of all are in lines that the other thread writes too, which take longest. */
static inline int64_t stretch_now(const struct stretch *x, uint32_t i)
{
	const struct waiting *w = stretch_frame(x, i);

	return UNLIKELY(w->other_now) ? x->now[i] : w->segment.ts;
}

/* Its place, if it has one; the key is made anew. */
static inline void stretch_get_place(const struct stretch *x, uint32_t i, struct engine_place *p, bool with_vlan)
{
	const struct waiting *w = stretch_frame(x, i);

	p->from_first = w->from_first;
	flow_key_take(&p->key, &w->segment, p->from_first, with_vlan);
	p->hash = w->hash;
	p->back = UNLIKELY(w->has_back) ? x->back[i] : 0;
	p->twin = UNLIKELY(w->has_twin) ? &x->twin[i] : NULL;
}

#endif
