/* One connection, segment by segment, of an engine whose insides a test looks at: in the small form as long as it is ordinary. */
#ifndef TCPLINT_TEST_QUIET_TALK_H
#define TCPLINT_TEST_QUIET_TALK_H

#include "engine.h"
#include "zeek.h"

struct talk {
	struct engine engine;
	struct rule_index rules;
	struct tcplint_counters counters;
	struct zeek zeek; /* all that was said */
	struct engine_place place;
	uint32_t next[2], acked[2]; /* by side: what it sends next, and what of the other's it has acknowledged */
	uint64_t frames;
	int64_t now;     /* of the latest segment; what follows is a millisecond later each */
	unsigned told[RULE_COUNT]; /* of rules that are only counted */
	int64_t told_at; /* the latest of them */
	struct told_released room; /* for what the engine tells */
};

/* Numbers below `n`, the same ones for the same seed. */
void talk_seed(uint64_t seed);
uint32_t talk_draw(uint32_t n);

void talk_begin(struct talk *t);
void talk_end(struct talk *t);

/* Its number, or 0. */
uint32_t talk_number(const struct talk *t);
/* False: the connection is not quiet any more. */
bool talk_say(struct talk *t, enum side x, uint16_t flags, uint32_t len, bool cut);
/* The handshake. */
void talk_open(struct talk *t);
/* Nothing is said until then; false: the connection is gone, or not quiet any more. */
bool talk_wait(struct talk *t, int64_t until);

#endif
