/*
 * Run scripts: every file at every setting (drive.h), and one line of TAP for each file.
 *
 *	run [--strict] FILE...	a rule that the catalogue does not have is a failure
 *	run --trace FILE...	show what the engine says, line by line, and check nothing
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "drive.h"
#include "expect.h"
#include "schedule.h"
#include "script.h"
#include "wire.h"

/* One setting; failures go to `out` under the setting's name. */
static unsigned run_setting(const struct script *s, const struct schedule *h, unsigned n, FILE *out)
{
	struct wire_setting w;
	char name[64], error[256];
	char *text = NULL;
	size_t len = 0;
	struct seen v;
	unsigned bad = 1;
	FILE *lines;

	if (!drive_setting(s, n, &w, name, sizeof(name)))
		return 0;
	lines = open_memstream(&text, &len);
	if (!lines || !drive(s, h, &w, &v, error, sizeof(error))) {
		fprintf(out, "# %s: %s\n", s->name, lines ? error : "out of memory");
	} else {
		bad = check(s, h, &v, lines);
		seen_free(&v);
	}
	if (lines)
		fclose(lines);
	for (char *line = text ? strtok(text, "\n") : NULL; bad && line; line = strtok(NULL, "\n"))
		fprintf(out, "# %s (%s)\n", line, name);
	free(text);
	return bad;
}

/* The failures of the first setting that has any are shown; the others are counted. */
static bool run_script(const struct script *s, bool strict)
{
	unsigned unknown = check_names(s, stdout), shown = 0, others = 0;
	struct schedule h;
	FILE *nowhere = fopen("/dev/null", "w");

	if (!nowhere || schedule_make(s, &h) < 0) {
		if (nowhere)
			fclose(nowhere);
		return false;
	}
	for (unsigned n = 0; n < SETTINGS; n++) {
		unsigned bad = run_setting(s, &h, n, shown ? nowhere : stdout);

		others += shown && bad;
		shown = shown ? shown : bad;
	}
	if (others)
		printf("# %s fails at %u more settings\n", s->name, others);
	fclose(nowhere);
	schedule_free(&h);
	return shown == 0 && !(strict && unknown > 0);
}

static void trace_finding(const struct seen_finding *f)
{
	const struct tcplint_rule *would_be =
		f->would_be >= 0 ? tcplint_rule((unsigned)f->would_be) : NULL;

	printf("\t! %s (%s, %s, %.2f, %s%s%s) %s\n", tcplint_rule(f->rule)->name,
	       tcplint_severity_name(f->severity), tcplint_verdict_name(f->verdict),
	       (double)f->confidence, tcplint_offender_name(f->offender),
	       would_be ? ", would be " : "", would_be ? would_be->name : "", f->message);
}

static void trace_state(const struct seen_segment *g, unsigned side)
{
	char text[32] = "-";

	if (g->known[side])
		snprintf(text, sizeof(text), "%s%s", tcplint_state_name(g->after[side]),
			 g->certain[side] ? "" : "?");
	printf(" %-14s", text);
}

static void trace_connection(const struct seen_connection *c, unsigned n)
{
	static const char *const keys[] = {
		"origin",           "end",           "handshake.verdict", "handshake.kind",
		"teardown.verdict", "teardown.kind", "active_closer",     "half_close_bytes",
		"time_wait.holder", "conn_state",    "history",           "client.state",
		"client.states",    "server.state",  "server.states",
	};
	char value[256];

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (expect_value(c, keys[i], value, sizeof(value)))
			printf("connection %u %s %s\n", n, keys[i], value);
}

static bool trace_script(const struct script *s)
{
	struct wire_setting w;
	struct schedule h;
	char name[64], error[256];
	struct seen v;

	if (!drive_setting(s, s->ipv6_only, &w, name, sizeof(name)) || schedule_make(s, &h) < 0)
		return false;
	if (!drive(s, &h, &w, &v, error, sizeof(error))) {
		fprintf(stderr, "%s: %s\n", s->name, error);
		schedule_free(&h);
		return false;
	}
	for (uint64_t frame = 1; frame <= h.count + 1; frame++) {
		const struct seen_segment *g = frame <= h.count ? &v.segment[frame] : NULL;

		printf("%s:%u:", s->name, g ? h.play[frame - 1].step->line : s->end.line);
		for (unsigned side = 0; g && g->seen && side < 2; side++)
			trace_state(g, side);
		printf(" %s\n", !g ? "end" : g->seen ? g->ignored : "(no segment)");
		for (unsigned i = 0; i < v.findings; i++)
			if (g ? v.finding[i].frame == frame : v.finding[i].frame == 0)
				trace_finding(&v.finding[i]);
	}
	for (unsigned i = 0; i < v.connections; i++)
		trace_connection(&v.connection[i], i + 1);
	seen_free(&v);
	schedule_free(&h);
	return true;
}

int main(int argc, char **argv)
{
	bool trace = argc > 1 && strcmp(argv[1], "--trace") == 0,
	     strict = argc > 1 && strcmp(argv[1], "--strict") == 0;
	int first = 1 + (trace || strict), failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!trace)
		printf("1..%d\n", argc - first);
	for (int i = first; i < argc; i++) {
		char error[512] = "";
		struct script *s = script_read(argv[i], error, sizeof(error));
		const char *slash = strrchr(argv[i], '/');
		bool ok = s && (trace ? trace_script(s) : run_script(s, strict));

		const char *name = slash ? slash + 1 : argv[i];

		if (error[0])
			printf("# %s\n", error);
		if (!trace)
			printf("%sok %d - %s\n", ok ? "" : "not ", i - first + 1, name);
		failed += !ok;
		script_free(s);
	}
	return failed ? 1 : 0;
}
