/*
 * The one place where what engines tell (told.h) comes together, in the order in which it was settled: findings and
 * their precedence, hosts, records, and the sink that hears of them.
 *
 * Engines share nothing and hear nothing from here.  With one engine it is told at once; with several, what they tell
 * is put in order first (relay.h), so that the same comes out.
 */
#ifndef TCPLINT_STAGE_H
#define TCPLINT_STAGE_H

#include <stdalign.h>

#include "cells.h"
#include "rule_index.h"
#include "told.h"
#include "view.h"

#define LOSS_MEMORY 64

/* What is known of a connection that rules have fired on; by shard and by its number there. */
struct dossier {
	uint32_t findings; /* cells, in the order in which they were settled */
	uint16_t aggregated; /* one more than the timer rule that is counted with a finding about the host */
	uint8_t violated; /* bit 0: a violation of the handshake at >= 0.8; bit 1: of the teardown */
};

struct stage {
	struct tcplint_options options;
	struct tcplint_sink sink;
	struct limits limits;
	const struct rule_index *rules;
	struct hosts hosts;
	struct slab findings;
	uint64_t exhausted; /* findings for which there was no cell */
	struct slab *dossiers; /* `shards` of them */
	unsigned shards;
	int64_t now; /* of what is being told */
	struct {
		int64_t from, to;
	} loss[LOSS_MEMORY]; /* when the capture was last proven to have missed something; the latest are kept */
	unsigned losses;
	struct tcplint_counters *counters;
	uint64_t hits[RULE_COUNT];
	struct tcplint_segment *record; /* of the segment at hand, when segments are wanted */
	alignas(struct told_released) uint8_t room[TOLD_MOST]; /* for what an engine on the same thread tells */
};

/* For `shards` engines with room for `connections` each; `rules` and `counters` are borrowed. */
bool stage_init(struct stage *st, const struct tcplint_options *o, const struct tcplint_sink *sink,
		const struct rule_index *rules, struct tcplint_counters *counters, unsigned shards,
		uint32_t connections, const struct siphash_key *key, struct error *e) MUST_CHECK;
void stage_finish(struct stage *st);

/* Bytes that hosts, findings and dossiers may take at most. */
uint64_t stage_memory(const struct stage *st);

/* For struct ear, of an engine on the same thread; `user` is the struct stage. */
struct told *stage_room(void *user);
void stage_hear(void *user, struct told *t, int64_t now);

/* Hints (stage_ahead.c): it will be told these soon, at most STAGE_AHEAD. */
#define STAGE_AHEAD 16
void stage_look_ahead(const struct stage *st, const struct told *const *messages, unsigned n);

/* The capture is known to have missed frames between `from` and `to`. */
void stage_missed(struct stage *st, int64_t from, int64_t to);
/* Whether it is known to have missed something within a second of `ts`. */
bool stage_loss_near(const struct stage *st, int64_t ts);

/* A finding cell, or 0, which is counted. */
uint32_t stage_take_cell(struct stage *st);
void stage_give_cells(struct stage *st, uint32_t *first);

static inline struct dossier *stage_dossier(const struct stage *st, const struct told *t, uint32_t number)
{
	return slab_at(&st->dossiers[t->shard], number);
}

#endif
