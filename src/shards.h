/*
 * Several engines on threads of their own, each with the connections whose hash it owns.
 *
 * Frames are handed to all of them in stretches; what they tell is put in order again and heard by the stage, on the
 * thread that feeds the frames.  While no connection has to make room, the same comes out as of one engine.
 */
#ifndef TCPLINT_SHARDS_H
#define TCPLINT_SHARDS_H

#include "waiting.h"
#include "stage.h"

/* Threads: one feeds the frames, and there is an engine on each of the others. */
#define THREADS_MAX 16
#define SHARDS_MAX  (THREADS_MAX - 1)

struct shards;

/* The engines have room for `connections` each. */
struct shards *shards_create(unsigned n, const struct tcplint_options *o, const struct ear *ear,
			     const struct rule_index *rules, uint32_t connections, struct error *e) MUST_CHECK;
void shards_destroy(struct shards *x);

/* Bytes that connections and their cells may take at most. */
uint64_t shards_memory(const struct shards *x);
struct engine *shards_engine(struct shards *x, unsigned i);

/*
 * It is `now`: the next frame, and its place if it has one, which `w` is told; the stage may hear of earlier ones
 * meanwhile.
 */
void shards_add(struct shards *x, struct stage *st, struct waiting *w, const struct engine_place *p, int64_t now);
/* It is `now`, and no frame came. */
void shards_tick(struct shards *x, struct stage *st, int64_t now);
/* Let nothing wait. */
void shards_flush(struct shards *x, struct stage *st);
/* Release everything that is still open, oldest first. */
void shards_drain(struct shards *x, struct stage *st, bool interrupted);

/* Connections that made room, as of the latest stretch that was heard of. */
uint64_t shards_evicted(const struct shards *x);
/* Nothing waits: add what the engines counted. */
void shards_count(const struct shards *x, struct tcplint_counters *sum);
uint64_t shards_hits(const struct shards *x, unsigned rule);

#endif
