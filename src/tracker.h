/*
 * The two endpoints of a connection, moved by its segments.
 *
 * tracker_classify() says what a segment means before anything is changed;
 * tracker_apply() changes the connection.  Between the two the rules run.
 * Neither allocates, waits or knows the time of day.
 *
 * Facts are certain when an endpoint's own output proves them (rules.md 1.3, T1)
 * and tentative when they were only seen on the way to it (T2); its later output
 * confirms or refutes them.  A state is the fold of the arrows of arrows.def
 * over the facts in their order.
 */
#ifndef TCPLINT_TRACKER_H
#define TCPLINT_TRACKER_H

#include "aside.h"
#include "view.h"

/* Fill in `v` for segment `s` of `x`; `first` says that the connection is new. */
void tracker_classify(struct view *v, const struct conn *c, const struct segment *s, enum side x, bool first);

/*
 * Before a segment of `x` is classified: when it acknowledges one of the peer's whose checksum was bad, that one
 * arrived whole, and moves the endpoints now (rules.md, checksum_bad).
 */
void tracker_replay(struct conn *c, struct holes *h, struct asides *k, const struct segment *s, enum side x);

void tracker_apply(struct conn *c, struct holes *h, struct asides *k, struct view *v);

/* Whether the segment goes the short way, and what it does there (in_order.c). */
bool tracker_in_order(const struct conn *c, const struct segment *s, enum side x);
void tracker_go_on(struct conn *c, const struct segment *s, enum side x);

/* At the end of a connection: drop the tentative facts that the silence refutes. */
void tracker_settle(struct conn *c);

/* The states that an endpoint went through, oldest first; the answer is how many (at most `max`). */
unsigned tracker_path(const struct conn *c, enum side x, struct tcplint_state_time *path, unsigned max);

/* Whether anything is known about the endpoint's state. */
bool tracker_known(const struct conn *c, enum side x);

/* Facts, for who opens a connection (incarnation.c) and for replays. */
void fact_set(struct conn *c, enum side x, enum fact f, enum belief b, struct mark when);
void fact_clear(struct conn *c, enum side x, enum fact f);
void tracker_restate(struct conn *c, enum side x);
/* The endpoint has one fact more. */
void tracker_add(struct conn *c, enum side x, enum fact f);
/* A fact became certain: as long as nothing orders them anew, the states are those that they were. */
void tracker_confirm(struct conn *c, enum side x);

/* "3.10.7.3": the arrow by which `x` got from one state to another; null when there is none. */
const char *arrow_clause(enum tcplint_state from, enum tcplint_state to);

#endif
