/* The catalogue as a table: one row of rules.def, one element. */
#include <stddef.h>
#include <string.h>

#include "events.h"
#include "rules.h"

/* The column `evidence`. */
enum {
	EVIDENCE_F = 'F',
	EVIDENCE_P = 'P',
	EVIDENCE_X = 'X',
	EVIDENCE_A = 'A',
	EVIDENCE_T = 'T',
	EVIDENCE_G = 'G'
};

/* The column `settles`. */
#define AT_ONCE(name) NULL
#define WAITS(name)   settle_##name

const struct rule_row rule_rows[RULE_COUNT] = {
#define RULE(NAME, TIER, PHASE, SEVERITY, TEXTBOOK, VERDICT, EVIDENCE, SETTLES, ON, WHEN, CLAUSES, \
	     SAYS, SUMMARY, WHY, FIRES, NEAR_MISS)                                                 \
	[RULE_##NAME] = {                                \
		.public = {                              \
			.name = #NAME,                   \
			.tier = (TIER),                  \
			.phase = TCPLINT_PHASE_##PHASE,  \
			.severity = TCPLINT_##SEVERITY,  \
			.verdict = TCPLINT_##VERDICT,    \
			.evidence = EVIDENCE_##EVIDENCE, \
			.clauses = CLAUSES,              \
			.summary = SUMMARY,              \
			.why = WHY,                      \
			.fires = FIRES,                  \
			.near_miss = NEAR_MISS,          \
		},                                       \
		.textbook = TCPLINT_##TEXTBOOK,          \
		.says = SAYS,                            \
		.on = ON,                           \
		.when = (WHEN),                          \
		.predicate = rule_##NAME,                \
		.settle = SETTLES(NAME),                 \
	},
#include "rules.def"
#undef RULE
};

#undef AT_ONCE
#undef WAITS

unsigned tcplint_rule_count(void)
{
	return RULE_COUNT;
}

const struct tcplint_rule *tcplint_rule(unsigned index)
{
	return index < RULE_COUNT ? &rule_rows[index].public : NULL;
}

int tcplint_rule_by_name(const char *name)
{
	for (unsigned r = 0; r < RULE_COUNT; r++)
		if (!strcmp(rule_rows[r].public.name, name))
			return (int)r;
	return -1;
}

float rule_base_confidence(enum rule r)
{
	switch (rule_rows[r].public.evidence) {
	case EVIDENCE_P:
		return 0.95F;
	case EVIDENCE_X:
		return 0.85F;
	case EVIDENCE_A:
		return 0.60F;
	case EVIDENCE_T:
		return 0.70F;
	default: /* F, and G: what a statistical rule takes off it says itself (scale, cap) */
		return 0.99F;
	}
}
