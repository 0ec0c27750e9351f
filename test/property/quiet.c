/*
 * The small form of quiet connections (quiet.h) changes nothing, nor do several threads: every capture gives the same lines,
 * byte for byte, when every connection is kept in full, and when several engines share them.
 *
 *	quiet FILE...
 *	quiet SEED...
 *
 * With the options of a plain run, with every connection in a record, and with the lowest thresholds; and with so few
 * connections at once that some must go.  A number is the seed of conversations (talk.h), of which many have to stay in
 * the small form in each of its ways.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tcplint/tcplint.h>

#include "capture.h"
#include "decode.h"
#include "engine.h"
#include "report.h"
#include "talk.h"

#define TALK_FRAMES 20000

struct run {
	struct report *report;
	char *text;
	size_t used, size;
};

static bool keep_line(void *user, const char *line, size_t len)
{
	struct run *r = user;

	if (r->used + len + 1 > r->size) {
		r->size = 2 * (r->used + len + 1);
		r->text = realloc(r->text, r->size);
		assert(r->text);
	}
	memcpy(r->text + r->used, line, len);
	r->used += len;
	r->text[r->used++] = '\n';
	return true;
}

static void on_finding(void *user, const struct tcplint_finding *f)
{
	assert(report_json.finding(((struct run *)user)->report, f));
}

static void on_connection(void *user, const struct tcplint_connection *c)
{
	assert(report_json.connection(((struct run *)user)->report, c));
}

static void on_host(void *user, const struct tcplint_host *h)
{
	assert(report_json.host(((struct run *)user)->report, h));
}

static void write_summary(struct run *r, struct tcplint *lint)
{
	uint64_t hits[1024], drops[64];
	const char *names[64];
	struct report_totals t = { .counters = tcplint_counters(lint), .rule_hits = hits, .drops = drops, .drop_names = names };

	assert(tcplint_rule_count() <= 1024);
	for (unsigned i = 0; i < tcplint_rule_count(); i++)
		hits[i] = tcplint_rule_hits(lint, i);
	for (; t.drop_count < 64; t.drop_count++) {
		drops[t.drop_count] = tcplint_drops(lint, t.drop_count, &names[t.drop_count]);
		if (!names[t.drop_count])
			break;
	}
	assert(report_json.summary(r->report, &t));
}

/* Frames of a capture, or of a talk; false when it is not a capture, or one of a link type that nobody reads. */
struct source {
	struct capture *capture;
	struct talk talk;
};

static bool is_seed(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

static bool source_open(struct source *s, const char *const *name)
{
	struct error e = { .text = "" };

	s->capture = NULL;
	if (is_seed(*name)) {
		talk_begin(&s->talk, strtoull(*name, NULL, 10));
		return true;
	}
	s->capture = capture_open(&(struct capture_options){ .files = name, .file_count = 1, .supports = decode_supports }, &e);
	return s->capture;
}

static bool source_next(struct source *s, struct tcplint_frame *f)
{
	struct error e = { .text = "" };

	if (s->capture)
		return capture_next(s->capture, f, &e) == CAPTURE_FRAME;
	talk_next(&s->talk, f);
	return f->number <= TALK_FRAMES;
}

static void source_close(struct source *s)
{
	if (s->capture)
		capture_close(s->capture);
}

/* As if the capture had kept so many bytes of each frame; 0: all. */
static uint32_t snaplen;

/* The lines that it gives. */
static struct run run_source(const char *name, struct tcplint_options o)
{
	struct run r = { 0 };
	struct error e = { .text = "" };
	struct source source;
	struct tcplint_frame f;

	if (!source_open(&source, &name))
		return r;
	r.report = report_create(&(struct report_options){ .write = keep_line, .write_user = &r }, &e);
	struct tcplint *lint = tcplint_new(&o, &(struct tcplint_sink){
		.user = &r,
		.finding = on_finding,
		.connection = on_connection,
		.host = on_host,
	}, e.text, sizeof(e.text));

	assert(r.report && lint);
	for (bool first = true; source_next(&source, &f); first = false) {
		if (first)
			report_start(r.report, f.ts);
		f.captured = snaplen && f.captured > snaplen ? snaplen : f.captured;
		tcplint_feed_ahead(lint, &f, 1);
	}
	tcplint_finish(lint, false);
	write_summary(&r, lint);
	tcplint_free(lint);
	report_destroy(r.report);
	source_close(&source);
	return r;
}

/* The first line in which the two differ. */
static void show_difference(const struct run *a, const struct run *b)
{
	size_t i = 0, line = 0;

	while (i < a->used && i < b->used && a->text[i] == b->text[i]) {
		line = a->text[i] == '\n' ? i + 1 : line;
		i++;
	}
	printf("# one:   %.*s\n", (int)strcspn(a->text + line, "\n"), a->text + line);
	printf("# other: %.*s\n", (int)strcspn(b->text + line, "\n"), b->text + line);
}

static bool same(const char *file, const struct tcplint_options *one, const struct tcplint_options *other, const char *what)
{
	struct run a = run_source(file, *one), b = run_source(file, *other);
	const bool equal = a.used == b.used && (!a.used || !memcmp(a.text, b.text, a.used));

	if (!equal) {
		printf("not ok: %s, %s\n", file, what);
		keep_line(&a, "", 0);
		keep_line(&b, "", 0);
		a.text[a.used - 1] = b.text[b.used - 1] = '\0';
		show_difference(&a, &b);
	}
	free(a.text);
	free(b.text);
	return equal;
}

static bool same_in_full(const char *file, struct tcplint_options o, const char *what)
{
	struct tcplint_options loud = o;

	loud.loud = true;
	return same(file, &o, &loud, what);
}

static bool same_on_threads(const char *file, struct tcplint_options o, const char *what)
{
	struct tcplint_options several = o;
	bool good = true;

	/* one engine, two and three */
	for (several.threads = 2; several.threads <= 4; several.threads++)
		good = same(file, &o, &several, what) && good;
	return good;
}

/* The snapshot cuts long segments, and short ones are whole. */
static bool same_when_cut(const char *file, const struct tcplint_options *plain, const struct tcplint_options *all)
{
	static const uint32_t lengths[] = { 70, 96, 160 };
	bool good = true;

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		snaplen = lengths[i];
		good = same_in_full(file, *plain, "cut") && good;
		good = same_in_full(file, *all, "cut, all connections") && good;
	}
	snaplen = 0;
	return good;
}

static bool check(const char *file)
{
	struct tcplint_options o, all, low, few, some;

	tcplint_options_init(&o);
	all = low = few = some = o;
	all.all = true;
	low.min_severity = TCPLINT_INFO;
	low.min_confidence = 0;
	few.max_connections = 2;
	few.all = true;
	some.max_connections = 9;
	bool good = same_in_full(file, o, "plain");

	good = same_in_full(file, all, "all connections") && good;
	good = same_in_full(file, low, "lowest thresholds") && good;
	good = same_in_full(file, few, "two connections at once") && good;
	good = same_in_full(file, some, "nine connections at once") && good;
	good = same_when_cut(file, &o, &all) && good;
	good = same_on_threads(file, o, "plain, on threads") && good;
	low.all = true;
	good = same_on_threads(file, low, "lowest thresholds and all connections, on threads") && good;
	few.threads = 2; /* the only engine makes room as it would on the thread that feeds it */
	struct tcplint_options alone = few;

	alone.threads = 1;
	good = same(file, &alone, &few, "two connections at once, on two threads") && good;
	return good;
}

/* ---- the ways that the small form has ---- */

struct ways {
	unsigned common[RULE_COUNT]; /* told of a connection in the small form, or counted */
	unsigned again;              /* connections that stayed in it from one use of their ports to the next, */
	unsigned closed_again;       /* and to the end of the next */
	unsigned above;              /* times that whole data waited beyond data that the snapshot cut */
	struct told_released room;   /* for what the engine tells */
};

static struct told *room(void *user)
{
	return &((struct ways *)user)->room.told;
}

static void hear(void *user, struct told *t, int64_t now)
{
	(void)now;
	if (t->kind == TOLD_COMMON)
		((struct ways *)user)->common[((const struct told_common *)(void *)t)->rule]++;
}

static void count_ways(struct engine *en, struct decoder *decoder, struct source *source, struct ways *w)
{
	struct tcplint_frame f;
	struct segment s;
	const struct engine_finder finder = engine_finder(en);
	struct engine_place p = { 0 };

	while (source_next(source, &f)) {
		if (decode_frame(decoder, &f, &s) != DECODE_SEGMENT)
			continue;
		engine_find_place(&finder, &s, &p);
		engine_tick(en, s.ts);
		engine_segment(en, &s, &p, 0);
		const uint32_t number = flow_find(&en->flows, &p.key, p.hash);
		const struct quiet *q = flow_is_quiet(number) ? flow_quiet(&en->flows, number) : NULL;

		w->again += q && q->before && q->stage == QUIET_SYNACK && q->last_ts == s.ts;
		w->closed_again += q && q->before && q->stage == QUIET_CLOSED && q->last_ts == s.ts;
		w->above += q && q->stage >= QUIET_OPEN && flow_closing(&en->flows, flow_part(&en->flows, q))->above_len;
	}
}

/* Each of them is taken, and often. */
static bool takes_all_ways(const char *seed)
{
	static const enum rule counted[] = { RULE_syn_refused, RULE_close_3seg, RULE_close_normal_4way,
					     RULE_time_wait_cut_short, RULE_time_wait_reopened, RULE_time_wait_estimate,
					     RULE_rst_abort, RULE_ts_missing_on_rst };
	struct ways w = { 0 };
	struct rule_index rules;
	struct tcplint_counters counters = { 0 };
	struct tcplint_options o;
	struct error e;
	struct engine en;
	struct source source;
	struct decoder *decoder = decoder_create(&(struct decode_options){ .verify_checksums = true }, &e);

	tcplint_options_init(&o);
	rule_index_init(&rules);
	assert(decoder && source_open(&source, &seed));
	assert(engine_init(&en, &o, &(struct ear){ .room = room, .hear = hear, .user = &w }, &rules, &counters, 1000, &e));
	count_ways(&en, decoder, &source, &w);
	engine_finish(&en);
	decoder_destroy(decoder);
	bool good = w.again >= 100 && w.closed_again >= 30 && w.above >= 30;

	printf("seed %s: %u connections again, %u of them closed, %u times data beyond a gap", seed, w.again, w.closed_again, w.above);
	for (unsigned i = 0; i < sizeof(counted) / sizeof(*counted); i++) {
		w.common[counted[i]] += (unsigned)en.hits[counted[i]];
		good = good && w.common[counted[i]] >= 5;
		printf(", %s %u", rule_rows[counted[i]].public.name, w.common[counted[i]]);
	}
	printf("%s\n", good ? "" : ": too few");
	return good;
}

int main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad += !check(argv[i]) + (is_seed(argv[i]) && !takes_all_ways(argv[i]));
	printf("%d captures, %d differ\n", argc - 1, bad);
	return bad > 0 || argc < 2;
}
