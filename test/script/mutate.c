/*
 * What a tap or a network does to a conversation must not look like a peer's crime.
 *
 *	mutate [--verbose] FILE...
 *
 * Every mutation (schedule.h) of every script, at every setting (drive.h): none may yield a `violation`
 * with confidence 0.8 or more that the script as written does not have.  A violation is the
 * same when its rule and its offender are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "drive.h"
#include "schedule.h"
#include "script.h"
#include "wire.h"

static const float SURE = 0.8F;

struct totals {
	uint64_t run, failed;
};

static bool accuses(const struct seen_finding *f)
{
	return f->verdict == TCPLINT_VIOLATION && f->confidence >= SURE;
}

static bool has(const struct seen *v, const struct seen_finding *f)
{
	for (unsigned i = 0; i < v->findings; i++)
		if (v->finding[i].rule == f->rule && v->finding[i].culprit == f->culprit)
			return true;
	return false;
}

/* Compare one mutation with the script as written; write and count what is new. */
static unsigned compare(const struct script *s, const struct seen *before, const struct seen *after,
			const char *what)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < after->findings; i++) {
		const struct seen_finding *f = &after->finding[i];

		if (!accuses(f) || has(before, f))
			continue;
		printf("# %s %s: %s (%.2f, %s) %s\n", s->name, what, tcplint_rule(f->rule)->name,
		       (double)f->confidence, tcplint_offender_name(f->offender), f->message);
		bad++;
	}
	return bad;
}

static bool mutate_once(const struct script *s, const struct seen *before,
			const struct wire_setting *w, unsigned n, const char *where,
			struct totals *t)
{
	char what[80], whole[200], error[256];
	struct schedule h;
	struct seen v;

	if (schedule_mutate(s, n, &h, what, sizeof(what)) <= 0)
		return false;
	if (h.count) {
		t->run++;
		snprintf(whole, sizeof(whole), "%s [-m %u] (%s)", what, n, where);
		if (!drive(s, &h, w, &v, error, sizeof(error))) {
			printf("# %s: %s\n", s->name, error);
			t->failed++;
		} else {
			t->failed += compare(s, before, &v, whole) > 0;
			seen_free(&v);
		}
	}
	schedule_free(&h);
	return true;
}

static void mutate_setting(const struct script *s, const struct schedule *h, unsigned n,
			   struct totals *t)
{
	struct wire_setting w;
	char where[64], error[256];
	struct seen before;

	if (!drive_setting(s, n, &w, where, sizeof(where)))
		return;
	if (!drive(s, h, &w, &before, error, sizeof(error))) {
		printf("# %s: %s\n", s->name, error);
		t->failed++;
		return;
	}
	for (unsigned m = 0; mutate_once(s, &before, &w, m, where, t); m++)
		;
	seen_free(&before);
}

/* The settings after the first that fails would say the same again. */
static void mutate_script(const struct script *s, bool verbose, struct totals *t)
{
	struct schedule h;

	if (schedule_make(s, &h) < 0) {
		t->failed++;
		return;
	}
	for (unsigned n = 0; n < SETTINGS && (verbose || t->failed == 0); n++)
		mutate_setting(s, &h, n, t);
	schedule_free(&h);
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && strcmp(argv[1], "--verbose") == 0;
	struct totals all = { 0 };
	int first = 1 + verbose, broken = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", argc - first);
	for (int i = first; i < argc; i++) {
		struct totals t = { 0 };
		char error[512];
		struct script *s = script_read(argv[i], error, sizeof(error));

		if (!s)
			printf("# %s\n", error);
		else if (!s->nomutate)
			mutate_script(s, verbose, &t);
		printf("%sok %d - %s: %" PRIu64 " mutations, %" PRIu64 " failed\n",
		       s && t.failed == 0 ? "" : "not ", i - first + 1, s ? s->name : argv[i],
		       t.run, t.failed);
		broken += !s || t.failed;
		all.run += t.run;
		all.failed += t.failed;
		script_free(s);
	}
	printf("# %" PRIu64 " mutations, %" PRIu64 " failed\n", all.run, all.failed);
	return broken ? 1 : 0;
}
