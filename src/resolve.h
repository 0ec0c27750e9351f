/*
 * From what a predicate saw to a finding: candidates that wait for the evidence that settles them,
 * confidence, precedence, and one record for each (rule, connection, offender) (rules.md 1.7, 2.4).
 */
#ifndef TCPLINT_RESOLVE_H
#define TCPLINT_RESOLVE_H

#include "engine.h"

/* The rules that one segment or timer fired, until precedence has been applied. */
#define BATCH_MAX 16

struct fired {
	uint16_t rule;
	uint8_t outcome; /* enum outcome: REFUTED for rules settled at once */
	uint16_t would_be;
	bool has_would_be;
	struct draft draft;
};

struct batch {
	unsigned n; /* used in `fired`; the rest is not initialised */
	struct fired fired[BATCH_MAX];
};

static inline void batch_begin(struct batch *b)
{
	b->n = 0;
}

void batch_add(struct batch *b, enum rule r, enum outcome o, const struct draft *d);

/* Rules of `on` over the view: candidates are opened, the rest goes to the batch. */
void resolve_run(struct engine *en, struct conn *c, struct view *v, enum rule_on on, struct batch *b);
/* Ask the waiting candidates of a connection. */
void resolve_settle(struct engine *en, struct conn *c, struct view *v, struct batch *b);
/* Turn the batch into findings. */
void resolve_report(struct engine *en, struct conn *c, struct view *v, struct batch *b);
/* The earliest deadline of a candidate; INT64_MAX when none waits. */
int64_t resolve_deadline(const struct engine *en, const struct conn *c);
void resolve_forget(struct engine *en, struct conn *c);

/* Whether a finding about a host stands for one about a connection or another of the same host. */
bool resolve_host_prefers(const struct engine *en, enum rule left, enum rule right);

#endif
