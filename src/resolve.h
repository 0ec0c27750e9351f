/*
 * From what a predicate saw to what the stage is told: rules are asked, and candidates wait for the evidence that
 * settles them (rules.md 1.7).
 */
#ifndef TCPLINT_RESOLVE_H
#define TCPLINT_RESOLVE_H

#include "engine.h"

/* Rules of `on` over the view: candidates are opened, the rest goes to the batch. */
void resolve_run(struct engine *en, struct conn *c, struct view *v, enum rule_on on, struct batch *b);
/* The same of a segment, where none but `some`, a bit each, can fire. */
void resolve_run_some(struct engine *en, struct conn *c, struct view *v, const uint64_t some[RULE_WORDS],
		      struct batch *b);
/* Ask the waiting candidates of a connection. */
void resolve_settle(struct engine *en, struct conn *c, struct view *v, struct batch *b);
/* Tell the stage of the batch. */
void resolve_report(struct engine *en, struct conn *c, struct view *v, struct batch *b);
/* The earliest deadline of a candidate; INT64_MAX when none waits. */
int64_t resolve_deadline(const struct engine *en, const struct conn *c);
void resolve_forget(struct engine *en, struct conn *c);

void resolve_subject(const struct engine *en, const struct conn *c, struct subject *s);

#endif
