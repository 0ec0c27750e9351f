/*
 * Runs while tcplint is built: what is written about the rules and metrics, from their own tables.
 *
 *	rulegen schema schema.json.in > tcplint.schema.json
 *	rulegen man > tcplint-rules.7
 *	rulegen metrics > tcplint-metrics.5
 *
 * The schema is its template with the line @RULES@ replaced by the names of the rules and the
 * line @DROPS@ by the reasons of drops.def.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <tcplint/tcplint.h>

#include "names.h"

/* The column `evidence`. */
enum {
	EVIDENCE_F = 'F',
	EVIDENCE_P = 'P',
	EVIDENCE_X = 'X',
	EVIDENCE_A = 'A',
	EVIDENCE_T = 'T',
	EVIDENCE_G = 'G'
};

static const struct row {
	struct tcplint_rule rule;
	enum tcplint_severity textbook;
} rows[] = {
#define RULE(NAME, TIER, PHASE, SEVERITY, TEXTBOOK, VERDICT, EVIDENCE, SETTLES, ON, WHEN, CLAUSES, \
	     SAYS, SUMMARY, WHY, FIRES, NEAR_MISS)                                                 \
	{                                                \
		.rule = {                                \
			.name = #NAME,                   \
			.tier = (TIER),                  \
			.phase = TCPLINT_PHASE_##PHASE,  \
			.severity = TCPLINT_##SEVERITY,  \
			.verdict = TCPLINT_##VERDICT,    \
			.evidence = EVIDENCE_##EVIDENCE, \
			.clauses = CLAUSES,              \
			.summary = SUMMARY,              \
			.why = WHY,                      \
			.fires = FIRES,                  \
			.near_miss = NEAR_MISS,          \
		},                                       \
		.textbook = TCPLINT_##TEXTBOOK,          \
	},
#include "rules.def"
#undef RULE
};

static const struct {
	const char *name, *meaning;
} drops[] = {
#define DROP(name, meaning) { #name, meaning },
#include "drops.def"
#undef DROP
};

static const struct {
	const char *name, *help, *label;
	bool counter;
} metrics[] = {
#define METRIC(name, type, help, label, fill) { #name, help, label, sizeof(#type) == sizeof("counter") },
#include "metrics.def"
#undef METRIC
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* roff: a backslash would begin an escape, a dot or an apostrophe at the start of a line a macro. */
static void roff(const char *text, size_t len)
{
	if (len && (*text == '.' || *text == '\''))
		fputs("\\&", stdout);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			fputs("\\e", stdout);
		else
			putchar(text[i]);
	}
	putchar('\n');
}

/* How much of `text` makes a line of input: up to the end of a sentence, or 72 columns. */
static size_t input_line(const char *text)
{
	size_t blank = 0, at = 0;

	for (; text[at] && (at < 72 || !blank); at++) {
		if (text[at] != ' ')
			continue;
		blank = at;
		if (at && (text[at - 1] == '.' || text[at - 1] == '?'))
			return at;
	}
	return text[at] ? blank : at;
}

static void prose(const char *text)
{
	while (*text) {
		const size_t len = input_line(text);

		roff(text, len);
		text += len;
		text += strspn(text, " ");
	}
}

static void conversation(const char *title, const char *text)
{
	printf(".Pp\n%s\n.Bd -literal -offset indent -compact\n", title);
	while (*text) {
		const char *end = strstr(text, "; ");
		const size_t len = end ? (size_t)(end - text) : strlen(text);

		roff(text, len);
		text += len;
		text += strspn(text, "; ");
	}
	puts(".Ed");
}

/* "9293/3.10.7.3/MUST-8" as "RFC 9293, 3.10.7.3, MUST-8". */
static void clauses(const char *list)
{
	if (!*list)
		return;
	puts(".Pp\nClauses:");
	while (*list) {
		const size_t len = strcspn(list, " ");

		fputs("RFC ", stdout);
		for (size_t i = 0; i < len; i++) {
			if (list[i] == '/')
				fputs(", ", stdout);
			else
				putchar(list[i]);
		}
		list += len;
		list += strspn(list, " ");
		puts(*list ? ";" : ".");
	}
}

static void entry(const struct row *row)
{
	const struct tcplint_rule *r = &row->rule;

	printf(".It Ic %s\n", r->name);
	printf(".Em %s , %s , %c :\n", tcplint_verdict_name(r->verdict),
	       tcplint_severity_name(r->severity), r->evidence);
	prose(r->summary);
	if (row->textbook != r->severity)
		printf(".Pq %s with the textbook profile\n", tcplint_severity_name(row->textbook));
	puts(".Pp");
	prose(r->why);
	clauses(r->clauses);
	conversation("Fires:", r->fires);
	conversation("Does not fire:", r->near_miss);
}

static void phase(enum tcplint_phase p, const char *title)
{
	bool any = false;

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].rule.phase != p)
			continue;
		if (!any)
			printf(".Ss %s\n.Bl -tag -width Ds\n", title);
		any = true;
		entry(&rows[i]);
	}
	if (any)
		puts(".El");
}

static void evidence(void)
{
	static const char letters[] = "FPXATG";

	puts(".Bl -tag -width Ds -compact");
	for (const char *l = letters; *l; l++)
		printf(".It Ic %c\n%s\n", *l, name_of_evidence(*l));
	puts(".El");
}

static const char *const titles[TCPLINT_PHASE_COUNT] = {
	[TCPLINT_PHASE_HEADER] = "Header and flags",
	[TCPLINT_PHASE_HANDSHAKE] = "Handshake",
	[TCPLINT_PHASE_TIMING] = "Timing",
	[TCPLINT_PHASE_OPTIONS] = "Options",
	[TCPLINT_PHASE_ISN] = "Initial sequence numbers and ports",
	[TCPLINT_PHASE_ESTABLISHED] = "Established connections",
	[TCPLINT_PHASE_TEARDOWN] = "Teardown",
	[TCPLINT_PHASE_TIME_WAIT] = "TIME_WAIT and reuse",
	[TCPLINT_PHASE_RESET] = "Resets",
	[TCPLINT_PHASE_AGGREGATE] = "Floods and scans",
	[TCPLINT_PHASE_CAPTURE] = "The capture itself",
};

static void head(void)
{
	puts(".\\\" Generated from rules.def.\n"
	     ".Dd November 20, 2026\n"
	     ".Dt TCPLINT-RULES 7\n"
	     ".Os\n"
	     ".Sh NAME\n"
	     ".Nm tcplint-rules\n"
	     ".Nd what tcplint looks for in TCP connections\n"
	     ".Sh DESCRIPTION\n"
	     "Each rule has a name, which never changes, and says of a connection that\n"
	     "one thing is wrong with it or worth knowing.\n"
	     "Below its name stand its verdict, its severity and the kind of evidence that it\n"
	     "rests on:\n"
	     ".Pp");
}

static void page(void)
{
	head();
	evidence();
	puts(".Pp\n"
	     "Evidence of one segment or one sender is judged at once, and a capture that\n"
	     "missed packets cannot excuse it.\n"
	     "Evidence of both directions, and of what did not come, waits for later segments\n"
	     "that settle whether the capture missed something; where it did, the finding is\n"
	     "an artefact and not a violation.\n"
	     ".Pp\n"
	     "In the examples\n"
	     ".Ql >\n"
	     "is sent by the client and\n"
	     ".Ql <\n"
	     "by the server.\n"
	     "Flags are the letters of\n"
	     ".Xr tcpdump 1 ;\n"
	     "sequence numbers are relative, with the length of the payload in parentheses;\n"
	     ".Ql +1\n"
	     "is a pause of one second.\n"
	     ".Sh RULES");
	for (unsigned p = 0; p < TCPLINT_PHASE_COUNT; p++)
		phase((enum tcplint_phase)p, titles[p]);
	puts(".Sh SEE ALSO\n"
	     ".Xr tcplint 1 ,\n"
	     ".Xr tcplint-output 5");
}

static void metrics_page(void)
{
	puts(".\\\" Generated from metrics.def.\n"
	     ".Dd November 20, 2026\n"
	     ".Dt TCPLINT-METRICS 5\n"
	     ".Os\n"
	     ".Sh NAME\n"
	     ".Nm tcplint-metrics\n"
	     ".Nd counters of tcplint for Prometheus\n"
	     ".Sh DESCRIPTION\n"
	     "With\n"
	     ".Fl -metrics-file Ar file\n"
	     ".Xr tcplint 1\n"
	     "keeps its counters in\n"
	     ".Ar file ,\n"
	     "for the textfile collector of node_exporter, which reads files whose names end in\n"
	     ".Pa .prom .\n"
	     "It is valid as OpenMetrics 1.0 and as the text format of Prometheus.\n"
	     "The file is written beside that name, with\n"
	     ".Pa .new\n"
	     "at its end, and renamed, so that nobody reads half of it.\n"
	     ".Pp\n"
	     "Every sample has the label\n"
	     ".Cm source :\n"
	     "the interface, or the first file that is read.\n"
	     "Counters count from the start of the run.\n"
	     ".Sh METRICS\n"
	     ".Bl -tag -width Ds");
	for (size_t i = 0; i < COUNT(metrics); i++) {
		printf(".It Ic tcplint_%s%s", metrics[i].name, metrics[i].counter ? "_total" : "");
		if (metrics[i].label)
			printf(" Ns { Ns Ar %s Ns }", metrics[i].label);
		putchar('\n');
		roff(metrics[i].help, strlen(metrics[i].help));
	}
	puts(".El\n"
	     ".Pp\n"
	     "The values of the labels\n"
	     ".Ar reason , end\n"
	     "and\n"
	     ".Ar verdict\n"
	     "are those of the summary in\n"
	     ".Xr tcplint-output 5 ,\n"
	     "and of\n"
	     ".Ar rule\n"
	     "the names in\n"
	     ".Xr tcplint-rules 7 .\n"
	     ".Sh SEE ALSO\n"
	     ".Xr tcplint 1 ,\n"
	     ".Xr tcplint-output 5 ,\n"
	     ".Xr tcplint-rules 7");
}

static void rule_names(void)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		printf("        \"%s\"%s\n", rows[i].rule.name, i + 1 < COUNT(rows) ? "," : "");
}

static void drop_names(void)
{
	for (size_t i = 0; i < COUNT(drops); i++)
		printf("        \"%s\": { \"description\": \"Frames: %s.\", \"$ref\": "
		       "\"#/$defs/count\" }%s\n",
		       drops[i].name, drops[i].meaning, i + 1 < COUNT(drops) ? "," : "");
}

static bool schema(const char *path)
{
	FILE *in = fopen(path, "r");
	char line[1024];
	bool ok;

	if (!in)
		return false;
	while (fgets(line, sizeof(line), in)) {
		if (!strcmp(line, "@RULES@\n"))
			rule_names();
		else if (!strcmp(line, "@DROPS@\n"))
			drop_names();
		else
			fputs(line, stdout);
	}
	ok = !ferror(in);
	return !fclose(in) && ok;
}

int main(int argc, char **argv)
{
	bool ok = true;

	if (argc == 3 && !strcmp(argv[1], "schema")) {
		ok = schema(argv[2]);
		if (!ok)
			perror(argv[2]);
	} else if (argc == 2 && !strcmp(argv[1], "man")) {
		page();
	} else if (argc == 2 && !strcmp(argv[1], "metrics")) {
		metrics_page();
	} else {
		fputs("usage: rulegen schema TEMPLATE | rulegen man | rulegen metrics\n", stderr);
		return 2;
	}
	return ok && !fflush(stdout) && !ferror(stdout) ? 0 : 1;
}
