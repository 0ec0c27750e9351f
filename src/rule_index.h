/*
 * The catalogue and the precedences, sorted by what they are looked up by: made once, from rules.def and
 * precedence.def, so that a segment asks only the rules that wait for one of its events.
 */
#ifndef TCPLINT_RULE_INDEX_H
#define TCPLINT_RULE_INDEX_H

#include "rules.h"

#define RULE_EVENTS 32
#define RULE_WORDS  ((RULE_COUNT + 63) / 64)

enum precedence_scope { PRECEDENCE_FRAME, PRECEDENCE_CONN, PRECEDENCE_HOST };

/* Of two findings with one cause, `keep` is reported. */
struct precedence {
	uint16_t keep, suppress;
	uint8_t scope; /* enum precedence_scope */
};

enum {
#define PREFER(left, scope, right) PRECEDENCE_##left##_##right##_##scope,
#include "precedence.def"
#undef PREFER
	PRECEDENCES
};

extern const struct precedence precedences[PRECEDENCES];

struct rule_list {
	unsigned n;
	uint16_t rule[RULE_COUNT];
};

/*
 * Rows of `precedences` by one of their two rules: those of r are row[first[r]] up to row[first[r + 1]], in their
 * order.
 */
struct precedence_list {
	uint16_t first[RULE_COUNT + 1];
	uint16_t row[PRECEDENCES];
};

struct rule_index {
	uint64_t by_event[RULE_EVENTS][RULE_WORDS]; /* rules ON_SEGMENT whose `when` has the event, a bit each */
	struct rule_list on[ON_COUNT];
	struct precedence_list by_suppressed, by_kept; /* scopes FRAME and CONN */
	struct precedence_list by_host; /* scope HOST, by the suppressed rule; the others by the number of the kept one */
};

void rule_index_init(struct rule_index *x);

/* Whether a finding about a host may stand for one of the rule. */
static inline bool rule_index_covered(const struct rule_index *x, enum rule r)
{
	return x->by_host.first[r] != x->by_host.first[r + 1];
}

/* The rules ON_SEGMENT that wait for one of `events`, a bit each. */
void rule_index_wanted(const struct rule_index *x, uint32_t events, uint64_t wanted[RULE_WORDS]);

#endif
