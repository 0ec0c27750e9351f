/*
 * One engine: the flows whose hash it owns, from segments to events.
 *
 * Engines are values that share nothing.  What they decide goes to a sink in
 * the order in which it was settled; time comes from the segments.
 */
#ifndef TCPLINT_ENGINE_H
#define TCPLINT_ENGINE_H

#include <stddef.h>

#include "batch.h"
#include "cells.h"
#include "flow.h"
#include "rule_index.h"
#include "told.h"
#include "twins.h"
#include "view.h"
#include "wheel.h"

/* The quiet form of connections (quiet.h), and which of its rules' findings would be reported. */
struct quiet_options {
	bool on;
	bool loud_cut, loud_close, loud_refused, loud_unanswered, loud_incomplete, loud_reuse, loud_reset;
	uint64_t asked[RULE_WORDS]; /* rules that segments which are played again may fire, a bit each */
};

/* Of the latest closed connections, how many were packed (quiet_packed.c), and how many of those asked for again. */
struct quiet_packing {
	uint32_t closed, packed, again;
	uint32_t from; /* so many connections that are answered, open or closed, are kept as they are */
};

/* Where what an engine tells goes. */
struct ear {
	struct told *(*room)(void *user); /* for what is told next: TOLD_MOST bytes */
	void (*hear)(void *user, struct told *t, int64_t now); /* what has been written there; what time it is */
	void *user;
	bool records; /* of connections are wanted */
	void (*segment)(void *user, const struct tcplint_segment *s); /* null: not wanted */
	void *segment_user;
};

struct engine {
	struct tcplint_options options;
	struct ear ear;
	uint8_t shard; /* which engine of several */
	struct limits limits;
	const struct rule_index *rules;
	struct flow_table flows;
	struct wheel wheel;
	struct holes holes;
	struct slab candidates;
	uint64_t exhausted; /* candidates for which there was no cell */
	int64_t now; /* the latest time seen; goes back only when the capture's clock was set back */
	struct tcplint_counters *counters;
	uint64_t hits[RULE_COUNT]; /* of rules that quiet connections have fired; the others are counted by the stage */
	struct tcplint_segment *record; /* of the segment at hand; null: not wanted */
	struct quiet_options quiet;
	struct quiet_packing packing;
	unsigned expiries; /* that many timers may fire at once; 0: all */
	bool behind;       /* some that are due have not fired */
	bool firing;   /* what is told now is told because of a timer, */
	int64_t due;   /* of that time, or because the input ends: then the number of the connection, */
	uint32_t due_order; /* and of which connection, as the wheel orders them */
	bool draining;  /* the input is over: what is released need not be taken out of anything */
	bool replaying; /* a quiet connection becomes a struct conn: what happens was counted before */
};

/* With room for `connections`; `rules` and `counters` are borrowed. */
bool engine_init(struct engine *en, const struct tcplint_options *o, const struct ear *ear,
		 const struct rule_index *rules, struct tcplint_counters *counters, uint32_t connections,
		 struct error *e) MUST_CHECK;
void engine_finish(struct engine *en);
/* Bytes that connections and their cells may take at most. */
uint64_t engine_memory(const struct engine *en);

/*
 * Where to write what is told next, which need not be told after all.  Field by field: to copy what was just stored in
 * pieces takes as long as a miss of the cache.
 */
static inline void *engine_room(const struct engine *en)
{
	return en->ear.room(en->ear.user);
}

/* `t` is that, `size` bytes, of which this fills in the head. */
static inline void engine_tell(struct engine *en, struct told *t, enum told_kind kind, size_t size)
{
	t->kind = (uint8_t)kind;
	t->shard = en->shard;
	t->size = (uint16_t)size;
	en->ear.hear(en->ear.user, t, en->now);
}

/* A connection whose first segment is `s`; `swapped`: its client is key.end[1].  The rest of it is zeroed. */
void engine_begin(struct conn *c, const struct segment *s, bool swapped);
/* What an incarnation whose client is key.end[swapped] must keep clear of. */
void engine_remember(struct before *b, const struct conn *older, bool swapped);
/* The SYN of a newer one, of that time, was accepted. */
void engine_supersede(struct engine *en, struct conn *old, int64_t reused);
/* Let an older incarnation see what the newest one receives: it may be waiting for that. */
void engine_show(struct engine *en, struct conn *old, const struct segment *s, bool from_first, int64_t now);
/* Before one is added to the table of flows. */
void engine_make_room(struct engine *en);

/* Where the connection of a segment stands, and what the frames before it say of it. */
struct engine_place {
	struct flow_key key;
	uint64_t hash;
	int64_t back; /* how far the clock went back since the segment before it */
	bool from_first; /* key.end[0] sent it */
	const struct twin *twin; /* the same SYN on another 4-tuple; null */
};

/* How places are found, of one engine as of another with the same key; apart from what the engine's thread changes. */
struct engine_finder {
	struct multilinear_key hash;
	bool with_vlan; /* VLAN and tunnel are part of the key */
};

static inline struct engine_finder engine_finder(const struct engine *en)
{
	return (struct engine_finder){ .hash = en->flows.hash, .with_vlan = en->flows.with_vlan };
}

static inline void engine_find_place(const struct engine_finder *f, const struct segment *s, struct engine_place *p)
{
	p->from_first = flow_in_order(&s->src, &s->dst);
	flow_key_take(&p->key, s, p->from_first, f->with_vlan);
	p->hash = flow_key_hash(&p->key, &f->hash);
	p->back = 0;
	p->twin = NULL;
}

/* Of each, the clock has been told before: engine_tick(). */
/* `slot`: where the index may have it, as flow_glance() says. */
void engine_segment(struct engine *en, const struct segment *s, const struct engine_place *p, uint64_t slot);
/* An ICMP error that quotes a segment of a connection. */
void engine_quote(struct engine *en, const struct segment *s, const struct engine_place *p);
/* Timers that are due by `now`. */
void engine_fire(struct engine *en, int64_t now);

/* It is `now`: timers fire. */
static inline void engine_tick(struct engine *en, int64_t now)
{
	if (UNLIKELY(!wheel_idle(&en->wheel, now)))
		engine_fire(en, now);
	en->now = now > en->now ? now : en->now;
}

/*
 * The capture's clock was set back to `now`: timers are turned back, or all that follows would count as long expired.
 */
void engine_turn_back(struct engine *en, int64_t now);
/* Release everything that is still open, oldest first. */
void engine_drain(struct engine *en, bool interrupted);

#endif
