/* The public face of the library: options, a decoder, an engine. */
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "aggregate.h"
#include "decode.h"
#include "engine.h"
#include "frame.h"
#include "segment.h"

#ifndef TCPLINT_VERSION
#define TCPLINT_VERSION "unknown"
#endif

struct tcplint {
	struct decoder *decoder;
	struct engine engine;
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
	if (!t->decoder || !engine_init(&t->engine, o, sink, e)) {
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
	free(t);
}

void tcplint_feed(struct tcplint *t, int64_t ts, int linktype, const uint8_t *data, uint32_t captured, uint32_t wire)
{
	tcplint_feed_numbered(t, t->number + 1, ts, linktype, data, captured, wire);
}

void tcplint_feed_numbered(struct tcplint *t, uint64_t number, int64_t ts, int linktype, const uint8_t *data,
			   uint32_t captured, uint32_t wire)
{
	struct tcplint_counters *n = &t->engine.counters;
	const struct frame f = {
		.ts = ts,
		.number = number,
		.captured = captured,
		.wire = wire < captured ? captured : wire,
		.linktype = linktype,
		.data = data,
	};
	struct segment s;

	t->number = number;
	n->frames++;
	n->bytes += f.wire;
	if (n->frames == 1)
		n->first_ts = n->last_ts = ts;
	if (ts > n->last_ts)
		n->last_ts = ts;
	if (ts < n->first_ts)
		n->first_ts = ts;
	const enum decode_result r = decode_frame(t->decoder, &f, &s);

	if (r == DECODE_SEGMENT)
		engine_segment(&t->engine, &s);
	else if (r == DECODE_QUOTE)
		engine_quote(&t->engine, &s);
	else
		t->dropped[r]++;
	if (r != DECODE_SEGMENT && r != DECODE_QUOTE)
		engine_time(&t->engine, ts);
}

void tcplint_source(struct tcplint *t)
{
	engine_source(&t->engine);
}

void tcplint_tick(struct tcplint *t, int64_t now)
{
	engine_tick(&t->engine, now);
}

void tcplint_missed(struct tcplint *t, int64_t from, int64_t to)
{
	engine_missed(&t->engine, from, to);
}

void tcplint_report_hosts(struct tcplint *t)
{
	aggregate_settle(&t->engine, false);
	aggregate_records(&t->engine, false);
}

void tcplint_finish(struct tcplint *t, bool interrupted)
{
	if (!t->finished)
		engine_drain(&t->engine, interrupted);
	t->finished = true;
}

const struct tcplint_counters *tcplint_counters(struct tcplint *t)
{
	return engine_counters(&t->engine);
}

uint64_t tcplint_rule_hits(const struct tcplint *t, unsigned rule)
{
	return rule < RULE_COUNT ? t->engine.hits[rule] : 0;
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
