/*
 * The small form of quiet connections (quiet.h) changes nothing, nor do several threads: every capture gives the same lines,
 * byte for byte, when every connection is kept in full, and when several engines share them.
 *
 *	quiet FILE...
 *
 * With the options of a plain run, with every connection in a record, and with the lowest thresholds; and with so few
 * connections at once that some must go.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tcplint/tcplint.h>

#include "capture.h"
#include "decode.h"
#include "report.h"

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

/* The lines that a file gives. */
static struct run run_file(const char *file, struct tcplint_options o)
{
	struct run r = { 0 };
	struct error e = { .text = "" };
	struct capture *c = capture_open(&(struct capture_options){ .files = &file, .file_count = 1, .supports = decode_supports }, &e);
	struct tcplint_frame f;

	if (!c)
		return r; /* not a capture, or one of a link type that nobody reads */
	r.report = report_create(&(struct report_options){ .write = keep_line, .write_user = &r }, &e);
	struct tcplint *lint = tcplint_new(&o, &(struct tcplint_sink){
		.user = &r,
		.finding = on_finding,
		.connection = on_connection,
		.host = on_host,
	}, e.text, sizeof(e.text));

	assert(r.report && lint);
	for (bool first = true; capture_next(c, &f, &e) == CAPTURE_FRAME; first = false) {
		if (first)
			report_start(r.report, f.ts);
		tcplint_feed_ahead(lint, &f, 1);
	}
	tcplint_finish(lint, false);
	write_summary(&r, lint);
	tcplint_free(lint);
	report_destroy(r.report);
	capture_close(c);
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
	struct run a = run_file(file, *one), b = run_file(file, *other);
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

	for (several.threads = 2; several.threads <= 5; several.threads += 3)
		good = same(file, &o, &several, what) && good;
	return good;
}

static bool check(const char *file)
{
	struct tcplint_options o, all, low, few;

	tcplint_options_init(&o);
	all = low = few = o;
	all.all = true;
	low.min_severity = TCPLINT_INFO;
	low.min_confidence = 0;
	few.max_connections = 2;
	few.all = true;
	bool good = same_in_full(file, o, "plain");

	good = same_in_full(file, all, "all connections") && good;
	good = same_in_full(file, low, "lowest thresholds") && good;
	good = same_in_full(file, few, "two connections at once") && good;
	good = same_on_threads(file, o, "plain, on threads") && good;
	low.all = true;
	good = same_on_threads(file, low, "lowest thresholds and all connections, on threads") && good;
	return good;
}

int main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad += !check(argv[i]);
	printf("%d captures, %d differ\n", argc - 1, bad);
	return bad > 0 || argc < 2;
}
