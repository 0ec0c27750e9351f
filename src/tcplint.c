/* The public face of the library: options, a decoder, an engine. */
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include <tcplint/tcplint.h>

#include "aggregate.h"
#include "ahead.h"
#include "clock.h"
#include "compiler.h"
#include "decode.h"
#include "engine.h"
#include "segment.h"
#include "shards.h"
#include "stage.h"
#include "twins.h"
#include "waiting.h"

#ifndef TCPLINT_VERSION
#define TCPLINT_VERSION "unknown"
#endif

/* A frame that waits, its place, and what that points to. */
struct slot {
	struct waiting waiting;
	struct engine_place place;
	int64_t now; /* what time it is */
	struct twin twin;
};

struct tcplint {
	struct decoder *decoder;
	struct clock clock;
	struct twins twins;
	struct rule_index rules;
	struct engine engine;   /* with one thread */
	struct shards *shards;  /* with several: its engines instead; null */
	struct engine_finder finder;
	struct stage stage;
	struct tcplint_counters counters;
	struct tcplint_counters sum; /* of those and of the engines', as of when it was asked for */
	struct tcplint_segment record;
	struct slot slot[AHEAD];
	struct slot *free; /* the first of those that holds no frame */
	struct ahead ahead;
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
	if (o->threads > THREADS_MAX)
		return fail(e, "more than %d threads are not of use", THREADS_MAX);
	if (o->msl <= 0 || o->msl > 3600 * SECOND)
		return fail(e, "the MSL must be above 0 and at most an hour");
	return true;
}

/* Engines do not fill up evenly. */
static uint32_t room_of(const struct tcplint_options *o, unsigned n)
{
	const uint64_t share = ((uint64_t)o->max_connections + n - 1) / n;

	return n == 1 ? o->max_connections : (uint32_t)(share + share / 16 + (share < 256 ? share / 4 : 64));
}

/* Segments are told of as they come: one engine. */
static bool create_engines(struct tcplint *t, const struct tcplint_options *o, const struct tcplint_sink *sink,
			   struct error *e)
{
	const bool several = o->threads > 1 && !o->segments; /* threads, of which this one has no engine */
	const unsigned n = several ? o->threads - 1 : 1;
	const uint32_t room = room_of(o, n);
	const struct ear ear = {
		.room = stage_room,
		.hear = stage_hear,
		.user = &t->stage,
		.records = sink->connection,
		.segment = o->segments ? sink->segment : NULL,
		.segment_user = sink->user,
	};

	rule_index_init(&t->rules);
	clock_init(&t->clock);
	if (several) {
		t->shards = shards_create(n, o, &ear, &t->rules, room, e);
		if (!t->shards)
			return false;
	} else {
		if (!engine_init(&t->engine, o, &ear, &t->rules, &t->counters, room, e))
			return false;
		t->engine.expiries = o->expiries;
	}
	const struct engine *first = t->shards ? shards_engine(t->shards, 0) : &t->engine;

	t->finder = engine_finder(first);
	if (ear.segment)
		t->engine.record = t->stage.record = &t->record;
	if (!stage_init(&t->stage, o, sink, &t->rules, &t->counters, n, room, &first->flows.key, e))
		return false;
	t->counters.memory_bound =
		(several ? shards_memory(t->shards) : engine_memory(&t->engine)) + stage_memory(&t->stage);
	return true;
}

static void destroy_engines(struct tcplint *t)
{
	if (t->shards)
		shards_destroy(t->shards);
	else
		engine_finish(&t->engine);
	stage_finish(&t->stage);
}

static struct tcplint *create(const struct tcplint_options *o, const struct tcplint_sink *sink, struct error *e)
{
	const struct decode_options decoding = {
		.tunnels = o->tunnels, .verify_checksums = true, .headers_only = o->headers_only
	};
	struct tcplint *t = aligned_alloc(alignof(struct tcplint), sizeof(*t));

	if (!t) {
		fail(e, "no memory");
		return NULL;
	}
	memset(t, 0, sizeof(*t));
	t->free = t->slot;
	t->decoder = decoder_create(&decoding, e);
	if (!t->decoder || !create_engines(t, o, sink, e)) {
		decoder_destroy(t->decoder);
		destroy_engines(t);
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
	destroy_engines(t);
	free(t);
}

/* Not a frame was there before: the capture begins. */
static void begin(struct tcplint *t, int64_t ts)
{
	t->counters.first_ts = t->counters.last_ts = ts;
	t->engine.limits.capture_start = t->stage.limits.capture_start = ts;
	for (unsigned i = 0; t->shards && i < t->stage.shards; i++)
		shards_engine(t->shards, i)->limits.capture_start = ts;
}

/* Frames that wait for the only engine, or to be handed to several. */
static void take_all(struct tcplint *t)
{
	const struct slot *end = t->free;

	t->free = t->slot;
	if (t->shards) {
		for (struct slot *x = t->slot; x < end; x++)
			shards_add(t->shards, &t->stage, &x->waiting, &x->place, x->now);
		return;
	}
	if (t->ahead.n > 1)
		ahead_prefetch(&t->ahead, &t->engine.flows, &t->engine.wheel, &t->stage.hosts);
	for (const struct slot *x = t->slot; x < end; x++)
		waiting_take(&x->waiting, &x->place, x->now, &t->engine, &t->ahead);
	ahead_begin(&t->ahead);
}

void tcplint_flush(struct tcplint *t)
{
	take_all(t);
	if (t->shards)
		shards_flush(t->shards, &t->stage);
}

static inline bool may_have_twin(const struct segment *s)
{
	return (s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN && s->opt.present & OPT_TIMESTAMPS &&
	       s->checksum != CHECKSUM_BAD && !s->bad_header;
}

/* A SYN with timestamps that somebody else has sent too (twins.h). */
static void look_for_twin(struct tcplint *t, const struct segment *s, struct engine_place *p, struct twin *room)
{
	const struct tcplint_address *end = p->key.end;
	const struct tcplint_conn_id id = { .client = end[!p->from_first], .server = end[p->from_first] };
	const struct twin *twin = twins_note(&t->twins, s, &id);

	if (!twin)
		return;
	*room = *twin;
	p->twin = room;
}

/* What only all frames in their order show is looked at here, before they go to their engines. */
static inline void decode(struct tcplint *t, const struct tcplint_frame *f, struct slot *x)
{
	struct waiting *d = &x->waiting;
	struct engine_place *p = &x->place;

	d->result = (uint8_t)decode_frame(t->decoder, f, &d->segment);
	if (!waiting_has_place(d)) {
		t->dropped[d->result]++;
		return;
	}
	engine_find_place(&t->finder, &d->segment, p);
	if (d->result != DECODE_SEGMENT)
		return;
	p->back = clock_back(&t->clock, d->segment.ts);
	if (may_have_twin(&d->segment))
		look_for_twin(t, &d->segment, p, &x->twin);
	if (!t->shards)
		ahead_add(&t->ahead, &t->engine.flows, &d->segment, p->hash);
}

static inline void feed(struct tcplint *t, const struct tcplint_frame *f)
{
	struct slot *x = t->free++;

	x->now = clock_frame(&t->clock, f->ts, &x->waiting.turned);
	decode(t, f, x);
	if (t->free == t->slot + AHEAD)
		take_all(t);
}

static void feed_odd(struct tcplint *t, const struct tcplint_frame *f)
{
	struct tcplint_frame mended = *f;

	mended.wire = f->captured;
	feed(t, &mended);
}

static void count_frames(struct tcplint_counters *n, const struct tcplint_frame *frames, size_t count)
{
	int64_t first = n->first_ts, last = n->last_ts;
	uint64_t bytes = 0;

	for (const struct tcplint_frame *f = frames; f < frames + count; f++) {
		bytes += f->wire > f->captured ? f->wire : f->captured;
		first = f->ts < first ? f->ts : first;
		last = f->ts > last ? f->ts : last;
	}
	n->frames += count;
	n->bytes += bytes;
	n->first_ts = first;
	n->last_ts = last;
}

void tcplint_feed_ahead(struct tcplint *t, const struct tcplint_frame *frames, size_t n)
{
	if (!n)
		return;
	if (!t->counters.frames)
		begin(t, frames[0].ts);
	count_frames(&t->counters, frames, n);
	t->number = frames[n - 1].number;
	for (const struct tcplint_frame *f = frames; f < frames + n; f++) {
		if (UNLIKELY(f->wire < f->captured))
			feed_odd(t, f);
		else
			feed(t, f);
	}
}

void tcplint_feed(struct tcplint *t, int64_t ts, int linktype, const uint8_t *data, uint32_t captured, uint32_t wire)
{
	tcplint_feed_ahead(t, &(struct tcplint_frame){
		.ts = ts,
		.number = t->number + 1,
		.captured = captured,
		.wire = wire,
		.linktype = linktype,
		.data = data,
	}, 1);
	tcplint_flush(t);
}

void tcplint_source(struct tcplint *t)
{
	tcplint_flush(t);
	t->clock.previous = INT64_MIN;
}

/* So often as many timers fire as may for one frame, where no frame is kept waiting. */
#define TICKS 1000

void tcplint_tick(struct tcplint *t, int64_t now)
{
	tcplint_flush(t);
	clock_tick(&t->clock, now);
	if (t->shards)
		shards_tick(t->shards, &t->stage, now);
	for (unsigned i = 0; !t->shards && i < TICKS && (!i || t->engine.behind); i++)
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
	if (t->shards)
		shards_drain(t->shards, &t->stage, interrupted);
	else
		engine_drain(&t->engine, interrupted);
	aggregate_records(&t->stage, true);
}

static void count_fragments(struct tcplint_counters *n, const struct decode_counters *d)
{
	n->fragments = d->fragments_seen;
	n->datagrams = d->datagrams_reassembled;
	n->fragments_overlapping = d->fragments_overlapping;
	n->datagrams_evicted = d->fragments_evicted;
	n->datagrams_timed_out = d->fragments_timed_out;
}

const struct tcplint_counters *tcplint_counters(struct tcplint *t)
{
	count_fragments(&t->counters, decoder_counters(t->decoder));
	if (!t->shards) {
		t->counters.pool_exhausted = t->engine.exhausted + t->engine.holes.exhausted + t->stage.exhausted;
		return &t->counters;
	}
	tcplint_flush(t);
	t->sum = t->counters;
	t->sum.pool_exhausted = t->stage.exhausted;
	shards_count(t->shards, &t->sum);
	return &t->sum;
}

uint64_t tcplint_evicted(const struct tcplint *t)
{
	return t->shards ? shards_evicted(t->shards) : t->counters.evicted;
}

uint64_t tcplint_rule_hits(struct tcplint *t, unsigned rule)
{
	if (rule >= RULE_COUNT)
		return 0;
	if (t->shards)
		tcplint_flush(t);
	return t->stage.hits[rule] + (t->shards ? shards_hits(t->shards, rule) : t->engine.hits[rule]);
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
