/* The public face of the library: options, a decoder, an engine. */
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "aggregate.h"
#include "clock.h"
#include "decode.h"
#include "engine.h"
#include "frame.h"
#include "segment.h"
#include "stage.h"
#include "twins.h"

#ifndef TCPLINT_VERSION
#define TCPLINT_VERSION "unknown"
#endif

/* Frames that are decoded before the first of them is looked at, so that what each needs is on its way from memory. */
#define AHEAD 16

struct waiting {
	enum decode_result result;
	int64_t ts;
	uint32_t wire;
	struct engine_place place;
	struct twin twin; /* what place.twin points to */
	struct segment segment;
};

struct tcplint {
	struct decoder *decoder;
	struct clock clock;
	struct twins twins;
	struct rule_index rules;
	struct engine engine;
	struct stage stage;
	struct tcplint_counters counters;
	struct tcplint_segment record;
	struct waiting waiting[AHEAD];
	unsigned ahead; /* how many wait */
	uint64_t dropped[DECODE_COUNT];
	uint64_t number; /* of the latest frame */
	bool finished;
};

void tcplint_options_init(struct tcplint_options *o)
{
	*o = (struct tcplint_options){
		.size = sizeof(*o),
		.max_connections = 1000000,
		.msl = 30 * SECOND,
		.profile = TCPLINT_PROFILE_RFC,
		.min_severity = TCPLINT_NOTICE,
		.min_confidence = 0.5F,
	};
}

static bool options_valid(const struct tcplint_options *o, struct error *e)
{
	if (o->size != sizeof(*o))
		return fail(e, "the options are of another version of the library");
	if (!o->max_connections)
		return fail(e, "at least one connection must be allowed");
	if (o->msl <= 0 || o->msl > 3600 * SECOND)
		return fail(e, "the MSL must be above 0 and at most an hour");
	return true;
}

/* The decoder is there. */
static bool create_engine(struct tcplint *t, const struct tcplint_options *o, const struct tcplint_sink *sink,
			  struct error *e)
{
	const struct ear ear = {
		.hear = stage_hear,
		.user = &t->stage,
		.records = sink->connection,
		.segment = o->segments ? sink->segment : NULL,
		.segment_user = sink->user,
	};

	rule_index_init(&t->rules);
	clock_init(&t->clock);
	if (!engine_init(&t->engine, o, &ear, &t->rules, &t->counters, o->max_connections, e))
		return false;
	if (!stage_init(&t->stage, o, sink, &t->rules, &t->counters, 1, o->max_connections, &t->engine.flows.key, e)) {
		engine_finish(&t->engine);
		return false;
	}
	if (ear.segment)
		t->engine.record = t->stage.record = &t->record;
	t->counters.memory_bound = engine_memory(&t->engine) + stage_memory(&t->stage);
	return true;
}

static struct tcplint *create(const struct tcplint_options *o, const struct tcplint_sink *sink, struct error *e)
{
	const struct decode_options decoding = {
		.tunnels = o->tunnels, .verify_checksums = true, .headers_only = o->headers_only
	};
	struct tcplint *t = calloc(1, sizeof(*t));

	if (!t) {
		fail(e, "no memory");
		return NULL;
	}
	t->decoder = decoder_create(&decoding, e);
	if (!t->decoder || !create_engine(t, o, sink, e)) {
		decoder_destroy(t->decoder);
		free(t);
		return NULL;
	}
	return t;
}

struct tcplint *tcplint_new(const struct tcplint_options *o, const struct tcplint_sink *sink, char *error,
			    size_t error_size)
{
	struct error e = { .text = "" };
	struct tcplint *t = options_valid(o, &e) ? create(o, sink, &e) : NULL;

	if (!t && error)
		snprintf(error, error_size, "%s", e.text);
	return t;
}

void tcplint_free(struct tcplint *t)
{
	if (!t)
		return;
	decoder_destroy(t->decoder);
	engine_finish(&t->engine);
	stage_finish(&t->stage);
	free(t);
}

void tcplint_feed(struct tcplint *t, int64_t ts, int linktype, const uint8_t *data, uint32_t captured, uint32_t wire)
{
	tcplint_feed_numbered(t, t->number + 1, ts, linktype, data, captured, wire);
}

static void count_frame(struct tcplint_counters *n, int64_t ts, uint32_t wire)
{
	n->frames++;
	n->bytes += wire;
	if (n->frames == 1)
		n->first_ts = n->last_ts = ts;
	if (ts > n->last_ts)
		n->last_ts = ts;
	if (ts < n->first_ts)
		n->first_ts = ts;
}

/* Not a frame was there before: the capture begins. */
static void begin(struct tcplint *t, int64_t ts)
{
	t->engine.limits.capture_start = t->stage.limits.capture_start = ts;
}

static void take(struct tcplint *t, const struct waiting *w)
{
	bool turned;

	if (!t->counters.frames)
		begin(t, w->ts);
	count_frame(&t->counters, w->ts, w->wire);
	const int64_t now = clock_frame(&t->clock, w->ts, &turned);

	if (turned)
		engine_turn_back(&t->engine, now);
	engine_tick(&t->engine, now);
	if (w->result == DECODE_SEGMENT)
		engine_segment(&t->engine, &w->segment, &w->place);
	else if (w->result == DECODE_QUOTE)
		engine_quote(&t->engine, &w->segment, &w->place);
	else
		t->dropped[w->result]++;
}

void tcplint_flush(struct tcplint *t)
{
	const struct flow_table *flows = &t->engine.flows;
	const unsigned n = t->ahead;

	t->ahead = 0;
	for (unsigned i = 0; i < n && n > 1; i++)
		if (t->waiting[i].result == DECODE_SEGMENT)
			flow_prefetch(flows, t->waiting[i].place.hash);
	for (unsigned i = 0; i < n && n > 1; i++)
		if (t->waiting[i].result == DECODE_SEGMENT)
			flow_prefetch_part(flows, t->waiting[i].place.hash);
	for (unsigned i = 0; i < n; i++)
		take(t, &t->waiting[i]);
}

/* A SYN with timestamps that somebody else has sent too (twins.h). */
static void look_for_twin(struct tcplint *t, struct waiting *w)
{
	const struct segment *s = &w->segment;
	const struct tcplint_address *end = w->place.key.end;
	const struct tcplint_conn_id id = { .client = end[!w->place.from_first], .server = end[w->place.from_first] };
	const struct twin *twin;

	if ((s->flags & (FLAG_SYN | FLAG_ACK)) != FLAG_SYN || !(s->opt.present & OPT_TIMESTAMPS) ||
	    s->checksum == CHECKSUM_BAD || s->bad_header)
		return;
	twin = twins_note(&t->twins, s, &id);
	if (!twin)
		return;
	w->twin = *twin;
	w->place.twin = &w->twin;
}

void tcplint_feed_ahead(struct tcplint *t, uint64_t number, int64_t ts, int linktype, const uint8_t *data, uint32_t captured,
			uint32_t wire)
{
	struct waiting *w = &t->waiting[t->ahead++];
	const struct frame f = {
		.ts = ts,
		.number = number,
		.captured = captured,
		.wire = wire < captured ? captured : wire,
		.linktype = linktype,
		.data = data,
	};

	t->number = number;
	w->ts = ts;
	w->wire = f.wire;
	w->result = decode_frame(t->decoder, &f, &w->segment);
	if (w->result == DECODE_SEGMENT || w->result == DECODE_QUOTE) {
		engine_find_place(&t->engine, &w->segment, &w->place);
		flow_prefetch_slot(&t->engine.flows, w->place.hash);
	}
	if (w->result == DECODE_SEGMENT) {
		w->place.back = clock_back(&t->clock, w->segment.ts);
		look_for_twin(t, w);
	}
	if (t->ahead == AHEAD)
		tcplint_flush(t);
}

void tcplint_feed_numbered(struct tcplint *t, uint64_t number, int64_t ts, int linktype, const uint8_t *data,
			   uint32_t captured, uint32_t wire)
{
	tcplint_feed_ahead(t, number, ts, linktype, data, captured, wire);
	tcplint_flush(t);
}

void tcplint_source(struct tcplint *t)
{
	tcplint_flush(t);
	t->clock.previous = INT64_MIN;
}

void tcplint_tick(struct tcplint *t, int64_t now)
{
	tcplint_flush(t);
	clock_tick(&t->clock, now);
	engine_tick(&t->engine, now);
}

void tcplint_missed(struct tcplint *t, int64_t from, int64_t to)
{
	tcplint_flush(t);
	stage_missed(&t->stage, from, to);
}

void tcplint_report_hosts(struct tcplint *t)
{
	tcplint_flush(t);
	t->stage.now = t->clock.now;
	aggregate_settle(&t->stage, false);
	aggregate_records(&t->stage, false);
}

void tcplint_finish(struct tcplint *t, bool interrupted)
{
	tcplint_flush(t);
	if (t->finished)
		return;
	t->finished = true;
	t->stage.now = t->clock.now;
	aggregate_settle(&t->stage, true);
	engine_drain(&t->engine, interrupted);
	aggregate_records(&t->stage, true);
}

const struct tcplint_counters *tcplint_counters(struct tcplint *t)
{
	t->counters.pool_exhausted = t->engine.exhausted + t->engine.holes.exhausted + t->stage.exhausted;
	return &t->counters;
}

uint64_t tcplint_rule_hits(const struct tcplint *t, unsigned rule)
{
	return rule < RULE_COUNT ? t->engine.hits[rule] + t->stage.hits[rule] : 0;
}

uint64_t tcplint_drops(const struct tcplint *t, unsigned index, const char **name)
{
	const unsigned reasons = DECODE_COUNT - (DECODE_QUOTE + 1);

	*name = index < reasons ? decode_result_name((enum decode_result)(index + DECODE_QUOTE + 1)) : NULL;
	return index < reasons ? t->dropped[index + DECODE_QUOTE + 1] : 0;
}

const char *tcplint_version(void)
{
	return TCPLINT_VERSION;
}
