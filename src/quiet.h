/*
 * Connections of which nothing unusual is known (quiet_cell.h): opened, on ports that were used before perhaps, carried
 * on, closed or reset, and released without asking a rule.
 *
 * What they take is what no rule says anything about, or only what is counted.  A rule whose finding would be
 * reported is loud: then whatever fires it is not taken.
 */
#ifndef TCPLINT_QUIET_H
#define TCPLINT_QUIET_H

#include "engine.h"

/*
 * Which rules ordinary conversations fire, and whether that would be reported; the quiet form may not be wanted at all.
 */
void quiet_init(struct engine *en);

/*
 * A SYN; `older` is the newest connection of its 4-tuple, or 0.  False when it is not ordinary: nothing has changed
 * then.
 */
bool quiet_open(struct engine *en, const struct engine_place *p, uint32_t older, const struct segment *s);
/* A later one; false when it is out of the ordinary: nothing has changed then. */
bool quiet_go_on(struct engine *en, uint32_t number, const struct segment *s, bool from_first);

/* The segments that opened it, until the third is there; `a` is null before the SYN-ACK. */
void quiet_recent(struct recent *r, const struct quiet *q, const struct quiet_answer *a);

/* Make it a struct conn by playing what was kept; the answer is that one. */
struct conn *quiet_replay(struct engine *en, uint32_t number);

/* Its timer fired. */
void quiet_fire(struct engine *en, uint32_t number, int64_t now);
/* Count what a release counts, and forget it. */
void quiet_release(struct engine *en, uint32_t number, enum tcplint_end end, int64_t now);

/* When it wants to be looked at although no segment comes. */
int64_t quiet_deadline(const struct engine *en, const struct quiet *q);
void quiet_rearm(struct engine *en, struct quiet *q, uint32_t number);

/* A rule fired whose finding is counted and not reported, whatever is found of hosts. */
void quiet_count(struct engine *en, enum rule r, bool first);

#endif
