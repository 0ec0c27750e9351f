/*
 * One engine: the flows whose hash it owns, from segments to events.
 *
 * Engines are values that share nothing.  What they decide goes to a sink in
 * the order in which it was settled; time comes from the segments.
 */
#ifndef TCPLINT_ENGINE_H
#define TCPLINT_ENGINE_H

#include "cells.h"
#include "flow.h"
#include "hosts.h"
#include "rule_index.h"
#include "view.h"
#include "twins.h"
#include "wheel.h"

#define LOSS_MEMORY 64

/* The quiet form of connections (quiet.h), and which of its rules' findings would be reported. */
struct quiet_options {
	bool on;
	bool loud_cut, loud_close, loud_unanswered, loud_incomplete;
};

struct engine {
	struct tcplint_options options;
	struct tcplint_sink sink;
	struct limits limits;
	struct flow_table flows;
	struct wheel wheel;
	struct holes holes;
	struct cells cells;
	struct hosts hosts;
	struct twins twins;
	int64_t previous; /* when the segment before this one was captured; INT64_MIN: the source begins */
	int64_t now; /* the latest time seen; goes back only when the capture's clock was set back */
	int64_t ahead; /* a time far beyond `now` that one frame claimed; 0: none */
	int64_t loss[LOSS_MEMORY]; /* when the capture was last proven to have missed something */
	unsigned losses;
	struct tcplint_counters counters; /* see engine_counters() */
	struct rule_index rules;
	uint64_t hits[RULE_COUNT];
	struct tcplint_segment *record; /* of the segment at hand, when segments are wanted */
	struct quiet_options quiet;
	bool replaying; /* a quiet connection becomes a struct conn: what happens was counted before */
};

bool engine_init(struct engine *en, const struct tcplint_options *o, const struct tcplint_sink *sink,
		 struct error *e) MUST_CHECK;
void engine_finish(struct engine *en);

/* A connection whose first segment is `s`; `swapped`: its client is key.end[1].  The rest of it is zeroed. */
void engine_begin(struct conn *c, const struct segment *s, bool swapped);
/* Before one is added to the table of flows. */
void engine_make_room(struct engine *en);

/* Where the connection of a segment stands. */
struct engine_place {
	struct flow_key key;
	uint64_t hash;
	bool from_first; /* key.end[0] sent it */
};

void engine_find_place(const struct engine *en, const struct segment *s, struct engine_place *p);

void engine_segment(struct engine *en, const struct segment *s, const struct engine_place *p);
/* What follows comes from another source: its clock may stand anywhere. */
void engine_source(struct engine *en);
/* An ICMP error that quotes a segment of a connection. */
void engine_quote(struct engine *en, const struct segment *s, const struct engine_place *p);
/* A frame that is no segment claims that it is `ts`. */
void engine_time(struct engine *en, int64_t ts);
/* It is `now`: timers fire. */
void engine_tick(struct engine *en, int64_t now);
/* Release everything that is still open, oldest first. */
void engine_drain(struct engine *en, bool interrupted);

/* The capture is known to have missed frames between `from` and `to`. */
void engine_missed(struct engine *en, int64_t from, int64_t to);

/* Brought up to date by asking. */
const struct tcplint_counters *engine_counters(struct engine *en);

/* Whether the capture is known to have missed something within a second of `ts`. */
bool engine_loss_near(const struct engine *en, int64_t ts);

#endif
