/*
 * The reporter for people: a finding is a line as a compiler writes it.
 *
 *	a.pcap:2: error: The server ... [synack_ack_mismatch] RFC 9293 3.10.7.2 (10.0.0.1:1024 > 10.0.0.2:80)
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "report_private.h"

/* ECMA-48, 8.3.117. */
#define BOLD   "\033[1m"
#define FAINT  "\033[2m"
#define NORMAL "\033[0m"

static void FORMAT(2, 3) add(struct report *r, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || !report_reserve(r, r->used + (size_t)len + 1))
		return;
	va_start(ap, fmt);
	vsnprintf(r->buffer + r->used, r->size - r->used, fmt, ap);
	va_end(ap);
	r->used += (size_t)len;
}

static const char *style(const struct report *r, const char *code)
{
	return r->o.colour ? code : "";
}

static const char *severity_style(enum tcplint_severity s)
{
	switch (s) {
	case TCPLINT_ERROR:
		return "\033[1;31m";
	case TCPLINT_WARNING:
		return "\033[1;33m";
	case TCPLINT_NOTICE:
		return "\033[1;36m";
	case TCPLINT_INFO:
		break;
	}
	return BOLD;
}

/* A name that the world gave must not talk to the terminal. */
static void add_name(struct report *r, const char *name)
{
	for (; *name; name++)
		add(r, "%c", (unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}

static void add_place(struct report *r, const struct tcplint_finding *f)
{
	const char *file;
	uint64_t number;

	if (!f->frame_count)
		return;
	report_locate(r, f->frame[f->frame_count - 1], &file, &number);
	add(r, "%s", style(r, BOLD));
	add_name(r, file ? file : "-");
	add(r, ":%" PRIu64 ":%s ", number, style(r, NORMAL));
}

static void add_clauses(struct report *r, unsigned rule)
{
	const struct tcplint_rule *known = tcplint_rule(rule);
	const char *rest = known ? known->clauses : NULL;
	unsigned rfc = 0;
	struct clause c;

	while (next_clause(&rest, &c)) {
		if (c.rfc != rfc)
			add(r, "%s RFC %u", rfc ? "," : "", c.rfc);
		if (*c.section)
			add(r, " %s", c.section);
		if (*c.tag)
			add(r, " %s", c.tag);
		rfc = c.rfc;
	}
}

static void add_ends(struct report *r, const struct tcplint_conn_id *c)
{
	char client[ENDPOINT_SIZE], server[ENDPOINT_SIZE];

	add(r, "%s > %s", format_endpoint(&c->client, client), format_endpoint(&c->server, server));
}

static void add_host(struct report *r, const struct tcplint_host_id *h)
{
	struct tcplint_address a = { .port = (uint16_t)(h->port < 0 ? 0 : h->port) };
	char text[ENDPOINT_SIZE];

	memcpy(a.ip, h->ip, sizeof(a.ip));
	add(r, " (%s", h->port < 0 ? format_address(h->ip, text) : format_endpoint(&a, text));
	if (h->role >= 0)
		add(r, " as %s", name_of_side(h->role));
	add(r, ")");
}

static bool text_capture(struct report *r, const struct report_capture *c)
{
	(void)c;
	return !r->failed;
}

static bool text_finding(struct report *r, const struct tcplint_finding *f)
{
	const struct tcplint_rule *rule = tcplint_rule(f->rule);

	report_count(r, f);
	if (r->failed || !report_wants(r, REPORT_FINDING))
		return !r->failed;
	r->used = 0;
	add_place(r, f);
	add(r, "%s%s:%s %s", style(r, severity_style(f->severity)),
	    tcplint_severity_name(f->severity), style(r, NORMAL), f->message ? f->message : "");
	add(r, " %s[%s]%s", style(r, FAINT), rule ? rule->name : "?", style(r, NORMAL));
	add_clauses(r, f->rule);
	if (f->conn) {
		add(r, " (");
		add_ends(r, f->conn);
		add(r, ")");
	}
	if (f->host)
		add_host(r, f->host);
	return report_write(r);
}

static void add_end(struct report *r, const char *who, const struct tcplint_endpoint *e)
{
	add(r, "; %s ", who);
	if (e->has_state)
		add(r, "%s%s", tcplint_state_name(e->state), e->state_certain ? "" : "?");
	else
		add(r, "unknown");
	add(r, ", %" PRIu64 " bytes", e->payload_bytes);
}

/* Findings have had their own lines already. */
static bool text_connection(struct report *r, const struct tcplint_connection *c)
{
	char start[TIME_SIZE];

	if (r->failed || !r->o.all || !report_wants(r, REPORT_CONNECTION))
		return !r->failed;
	r->used = 0;
	add(r, "%s ", format_time(c->start, start));
	add_ends(r, c->conn);
	add(r, ": handshake %s (%s), teardown %s (%s), end %s",
	    name_of_judgement(c->handshake.verdict), name_of_handshake(c->handshake.kind),
	    name_of_judgement(c->teardown.verdict), name_of_teardown(c->teardown.kind),
	    name_of_end(c->end));
	add_end(r, "client", &c->endpoint[TCPLINT_CLIENT]);
	if (!c->self_connect)
		add_end(r, "server", &c->endpoint[TCPLINT_SERVER]);
	add(r, "; %.15g s", format_seconds(c->duration));
	return report_write(r);
}

static bool text_segment(struct report *r, const struct tcplint_segment *s)
{
	char flags[NAMES_FLAGS_SIZE];
	const char *file;
	uint64_t number;

	if (r->failed || !report_wants(r, REPORT_SEGMENT))
		return !r->failed;
	report_locate(r, s->frame, &file, &number);
	r->used = 0;
	add_name(r, file ? file : "-");
	add(r, ":%" PRIu64 ": %s %s seq %" PRIu32, number, name_of_side((int)s->from),
	    name_of_flags(s->flags, flags), s->has_relative ? s->seq_relative : s->seq);
	add(r, " ack %" PRIu32 " len %" PRIu32 ":", s->has_relative ? s->ack_relative : s->ack,
	    s->len);
	for (int side = TCPLINT_CLIENT; side <= TCPLINT_SERVER; side++)
		add(r, " %s %s%s", name_of_side(side),
		    s->known_after[side] ? tcplint_state_name(s->after[side]) : "unknown",
		    s->known_after[side] && !s->certain_after[side] ? "?" : "");
	return report_write(r);
}

/* Its findings have had their own lines already. */
static bool text_host(struct report *r, const struct tcplint_host *h)
{
	(void)h;
	return !r->failed;
}

static void add_count(struct report *r, uint64_t n, const char *one, const char *many)
{
	add(r, "%" PRIu64 " %s", n, n == 1 ? one : many);
}

static void add_findings(struct report *r, const struct tcplint_counters *c)
{
	const char *before = " (";

	add_count(r, c->findings, "finding", "findings");
	for (int s = TCPLINT_ERROR; s >= TCPLINT_INFO; s--) {
		if (!r->severity_listed[s])
			continue;
		add(r, "%s%" PRIu64 " %s", before, r->severity_listed[s],
		    tcplint_severity_name((enum tcplint_severity)s));
		before = ", ";
	}
	add(r, "%s", *before == ',' ? ")" : "");
	if (c->findings_below_threshold)
		add(r, ", %" PRIu64 " below the thresholds", c->findings_below_threshold);
	if (c->findings_ignored)
		add(r, ", %" PRIu64 " ignored", c->findings_ignored);
}

static bool text_totals(struct report *r, const struct report_totals *t)
{
	const struct tcplint_counters *c = t->counters;

	r->used = 0;
	add_count(r, c->frames, "frame", "frames");
	add(r, ", ");
	add_count(r, c->segments, "segment", "segments");
	add(r, ", ");
	add_count(r, c->connections, "connection", "connections");
	add(r, ": ");
	add_findings(r, c);
	if (c->evicted)
		add(r, "; %" PRIu64 " evicted", c->evicted);
	if (t->kernel_drops + t->interface_drops)
		add(r, "; %" PRIu64 " frames dropped", t->kernel_drops + t->interface_drops);
	if (t->lost_records)
		add(r, "; %" PRIu64 " lines lost", t->lost_records);
	if (t->error) {
		add(r, "; incomplete: ");
		add_name(r, t->error);
	}
	return report_write(r);
}

static bool text_stats(struct report *r, const struct report_totals *t)
{
	return r->failed || !report_wants(r, REPORT_STATS) ? !r->failed : text_totals(r, t);
}

static bool text_summary(struct report *r, const struct report_totals *t)
{
	return r->failed || !report_wants(r, REPORT_SUMMARY) ? !r->failed : text_totals(r, t);
}

const struct reporter report_text = {
	.capture = text_capture,
	.finding = text_finding,
	.connection = text_connection,
	.segment = text_segment,
	.host = text_host,
	.stats = text_stats,
	.summary = text_summary,
};
