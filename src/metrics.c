#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metrics.h"
#include "names.h"

struct page {
	char *text; /* null: out of memory */
	size_t used, size;
	const char *source;
	/* of the metric at hand */
	const char *name, *label;
	bool counter;
};

static void add(struct page *p, const char *fmt, ...) FORMAT(2, 3);

static void add(struct page *p, const char *fmt, ...)
{
	va_list arguments;
	char *bigger;
	int n;

	va_start(arguments, fmt);
	n = p->text ? vsnprintf(p->text + p->used, p->size - p->used, fmt, arguments) : 0;
	va_end(arguments);
	if (n >= 0 && (size_t)n >= p->size - p->used && p->text) {
		bigger = realloc(p->text, 2 * p->size + (size_t)n);
		if (!bigger)
			free(p->text);
		p->text = bigger;
		p->size = 2 * p->size + (size_t)n;
		va_start(arguments, fmt);
		n = p->text ? vsnprintf(p->text + p->used, p->size - p->used, fmt, arguments) : 0;
		va_end(arguments);
	}
	p->used += n > 0 ? (size_t)n : 0;
}

/* The value of a label: a name that the world gave has what it has. */
static void add_escaped(struct page *p, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			add(p, "\\%c", *value);
		else if (*value == '\n')
			add(p, "\\n");
		else
			add(p, "%c", *value);
	}
}

static void begin_sample(struct page *p, const char *value)
{
	add(p, "tcplint_%s%s{source=\"", p->name, p->counter ? "_total" : "");
	add_escaped(p, p->source);
	if (value)
		add(p, "\",%s=\"%s", p->label, value);
	add(p, "\"} ");
}

/* One line; `value` is that of the label, null where there is none. */
static void sample(struct page *p, const char *value, uint64_t n)
{
	begin_sample(p, value);
	add(p, "%" PRIu64 "\n", n);
}

/* ---- metrics of several samples, or perhaps none ---- */

static void version(struct page *p, const struct report_totals *t)
{
	(void)t;
	sample(p, tcplint_version(), 1);
}

static void last_frame(struct page *p, const struct report_totals *t)
{
	const int64_t ts = t->counters->last_ts;

	if (!t->counters->frames)
		return;
	begin_sample(p, NULL);
	add(p, "%" PRId64 ".%09" PRId64 "\n", ts / 1000000000, ts % 1000000000);
}

static void kernel_drops(struct page *p, const struct report_totals *t)
{
	if (t->kernel_drops_known)
		sample(p, NULL, t->kernel_drops);
}

static void interface_drops(struct page *p, const struct report_totals *t)
{
	if (t->interface_drops_known)
		sample(p, NULL, t->interface_drops);
}

static void drops(struct page *p, const struct report_totals *t)
{
	for (unsigned i = 0; i < t->drop_count; i++)
		sample(p, t->drop_names[i], t->drops[i]);
}

static void open_connections(struct page *p, const struct report_totals *t)
{
	uint64_t ended = 0;

	for (unsigned i = 0; i < TCPLINT_END_COUNT; i++)
		ended += t->counters->end[i];
	sample(p, NULL, t->counters->connections > ended ? t->counters->connections - ended : 0);
}

static void ends(struct page *p, const struct report_totals *t)
{
	for (unsigned i = 0; i < TCPLINT_END_COUNT; i++)
		sample(p, name_of_end((enum tcplint_end)i), t->counters->end[i]);
}

static void judgements(struct page *p, const uint64_t *n)
{
	for (unsigned i = 0; i < TCPLINT_JUDGEMENT_COUNT; i++)
		sample(p, name_of_judgement((enum tcplint_judgement)i), n[i]);
}

static void handshakes(struct page *p, const struct report_totals *t)
{
	judgements(p, t->counters->handshake);
}

static void teardowns(struct page *p, const struct report_totals *t)
{
	judgements(p, t->counters->teardown);
}

/* All of them: a counter that appears when it is 1 has no rate. */
static void rules(struct page *p, const struct report_totals *t)
{
	for (unsigned i = 0; i < tcplint_rule_count() && t->rule_hits; i++)
		sample(p, tcplint_rule(i)->name, t->rule_hits[i]);
}

static void packets(struct page *p, const struct report_totals *t)
{
	if (t->packets)
		sample(p, NULL, t->packets_written);
}

/* ---- the page ---- */

static void begin_metric(struct page *p, const char *name, bool counter, const char *help, const char *label)
{
	add(p, "# HELP tcplint_%s %s\n", name, help);
	add(p, "# TYPE tcplint_%s %s\n", name, counter ? "counter" : "gauge");
	p->name = name;
	p->label = label;
	p->counter = counter;
}

static void add_metrics(struct page *p, const struct report_totals *t)
{
	const struct tcplint_counters *c = t->counters;

	enum { gauge, counter };
#define ONE(value)     sample(p, NULL, (uint64_t)(value))
#define MANY(function) function(p, t)
#define METRIC(name, type, help, label, fill)           \
	begin_metric(p, #name, type == counter, help, label); \
	fill;
#include "metrics.def"
#undef METRIC
	add(p, "# EOF\n");
}

static bool write_file(const char *path, const struct page *p)
{
	/* Not through a link that somebody laid there. */
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return false;
	while (done < p->used && (n >= 0 || errno == EINTR)) {
		n = write(fd, p->text + done, p->used - done);
		done += n > 0 ? (size_t)n : 0;
	}
	if (done == p->used)
		return close(fd) == 0;
	const int cause = errno;
	close(fd);
	errno = cause;
	return false;
}

bool metrics_write(const char *path, const char *source, const struct report_totals *t, struct error *e)
{
	struct page p = { .size = 16384, .source = source };
	char beside[PATH_MAX];
	bool good;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
		return fail(e, "the name of the file of metrics is too long");
	p.text = malloc(p.size);
	if (p.text)
		add_metrics(&p, t);
	if (!p.text)
		return fail(e, "no memory for metrics");
	good = write_file(beside, &p) && rename(beside, path) == 0;
	if (!good)
		fail(e, "cannot write metrics to %s: %s", path, strerror(errno));
	free(p.text);
	return good;
}
