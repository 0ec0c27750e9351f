/*
 * Hosts that are watched because of something seldom: probes with ACKs, connections that are closed as soon as they
 * are open, answers that nobody asked for, resets by the hundred.
 *
 * Each is an entry of the host table with a kind of its own, and so within its bound: when the table is full the
 * least valuable entry goes.  Only the latest SIGHTINGS targets are kept.
 */
#ifndef TCPLINT_WATCH_H
#define TCPLINT_WATCH_H

#include "engine.h"

/* A segment that moved the connection as far as it did; call only where watch_wants() says so. */
void watch_segment(struct engine *en, const struct conn *c, const struct view *v);

static inline bool watch_wants(const struct conn *c, const struct view *v)
{
	return v->events & (EV_RST | EV_FIN) || c->origin == TCPLINT_ORIGIN_SYNACK || c->origin == TCPLINT_ORIGIN_STRAY;
}

/* Judge what waits for more to come; nothing will. */
void watch_settle(struct engine *en, struct host *h);

#endif
