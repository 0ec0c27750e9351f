/* A rule as a page of text, 78 columns wide. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <tcplint/tcplint.h>

#include "catalogue.h"
#include "compiler.h"
#include "names.h"
#include "report.h"
#include "rules.h"

#define WIDTH     78
#define LABEL     12 /* columns of the labels */
#define LONGEST   64 /* names of rules are shorter */
#define LINE_SIZE 256

struct page {
	bool (*write)(void *user, const char *line, size_t len);
	void *user;
	bool failed;
};

static void FORMAT(2, 3) line(struct page *p, const char *fmt, ...)
{
	char text[LINE_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->failed = p->failed || !p->write(p->user, text, strlen(text));
}

/* How much of `text` goes on a line of `width`: up to a blank, unless one word is longer than that. */
static size_t fit(const char *text, size_t width)
{
	size_t end = 0;

	for (size_t at = 0; at <= width; at++) {
		if (!text[at])
			return at;
		if (text[at] == ' ')
			end = at;
	}
	return end ? end : strcspn(text, " ");
}

static void paragraph(struct page *p, const char *text)
{
	while (*text && !p->failed) {
		const size_t len = fit(text, WIDTH);

		line(p, "%.*s", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

/* RFCs one a line, the sections of each behind it. */
static void clauses(struct page *p, const char *list)
{
	const char *label = "clauses";

	while (*list && !p->failed) {
		char rfc[8], where[LONGEST];
		const size_t len = strcspn(list, " ");
		const size_t digits = strspn(list, "0123456789");
		char *slash;

		snprintf(rfc, sizeof(rfc), "%.*s", (int)digits, list);
		snprintf(where, sizeof(where), "%.*s", (int)(len - digits), list + digits);
		slash = *where ? strchr(where + 1, '/') : NULL;
		if (slash)
			*slash = '\0';
		line(p, "%-*sRFC %s%s%s%s%s", LABEL, label, rfc, *where ? ", " : "",
		     *where ? where + 1 : "", slash ? ", " : "", slash ? slash + 1 : "");
		label = "";
		list += len;
		list += strspn(list, " ");
	}
}

/* Segments stand one a line; a semicolon divides them. */
static void conversation(struct page *p, const char *title, const char *text)
{
	line(p, "%s", "");
	line(p, "%s", title);
	while (text && *text && !p->failed) {
		const char *end = strstr(text, "; ");
		const size_t len = end ? (size_t)(end - text) : strlen(text);

		line(p, "    %.*s", (int)len, text);
		text += len;
		text += strspn(text, "; ");
	}
}

static void facts(struct page *p, const struct rule_row *row, unsigned rule)
{
	const struct tcplint_rule *r = &row->public;

	line(p, "%-*s%s", LABEL, "phase", tcplint_phase_name(r->phase));
	line(p, "%-*s%s", LABEL, "verdict", tcplint_verdict_name(r->verdict));
	if (row->textbook == r->severity)
		line(p, "%-*s%s", LABEL, "severity", tcplint_severity_name(r->severity));
	else
		line(p, "%-*s%s (%s with --profile textbook)", LABEL, "severity",
		     tcplint_severity_name(r->severity), tcplint_severity_name(row->textbook));
	line(p, "%-*s%c: %s", LABEL, "evidence", r->evidence, name_of_evidence(r->evidence));
	line(p, "%-*sup to %.2f", LABEL, "confidence",
	     (double)rule_base_confidence((enum rule)rule));
	clauses(p, r->clauses);
}

bool catalogue_explain(unsigned rule, bool (*write)(void *user, const char *line, size_t len),
		       void *user)
{
	struct page p = { write, user, false };
	const struct rule_row *row = &rule_rows[rule];
	char title[LINE_SIZE];

	snprintf(title, sizeof(title), "%s: %s", row->public.name, row->public.summary);
	paragraph(&p, title);
	line(&p, "%s", "");
	facts(&p, row, rule);
	line(&p, "%s", "");
	paragraph(&p, row->public.why);
	conversation(&p, "Fires:", row->public.fires);
	conversation(&p, "Does not fire:", row->public.near_miss);
	return !p.failed;
}

bool catalogue_list(struct report *r)
{
	for (unsigned rule = 0; rule < tcplint_rule_count(); rule++)
		if (!report_rule(r, rule))
			return false;
	return true;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	const unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein's: letters to insert, remove or change. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[LONGEST];
	const size_t width = strlen(b);

	if (width >= LONGEST)
		return UINT32_MAX;
	for (unsigned j = 0; j <= width; j++)
		row[j] = j;
	for (; *a; a++) {
		unsigned corner = row[0]++;

		for (size_t j = 1; j <= width; j++) {
			const unsigned above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1, corner + (*a != b[j - 1]));
			corner = above;
		}
	}
	return row[width];
}

const char *catalogue_nearest(const char *name)
{
	unsigned best = 4; /* more than three mistakes are another word */
	const char *nearest = NULL;

	for (unsigned r = 0; r < tcplint_rule_count(); r++) {
		const unsigned d = distance(name, tcplint_rule(r)->name);

		if (d < best) {
			best = d;
			nearest = tcplint_rule(r)->name;
		}
	}
	return nearest;
}
