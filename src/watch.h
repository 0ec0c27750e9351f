/*
 * Hosts that are watched because of something seldom: probes with ACKs, connections that are closed as soon as they
 * are open, answers that nobody asked for, resets by the hundred.
 *
 * Each is an entry of the host table with a kind of its own, and so within its bound: when the table is full the
 * least valuable entry goes.  Only the latest SIGHTINGS targets are kept.
 */
#ifndef TCPLINT_WATCH_H
#define TCPLINT_WATCH_H

#include "stage.h"

void watch_sighting(struct stage *st, const struct told_sighting *t);

/* Judge what waits for more to come; nothing will. */
void watch_settle(struct stage *st, struct host *h);

#endif
