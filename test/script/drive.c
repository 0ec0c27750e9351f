/* Implementation of drive.h. */
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schedule.h"
#include "script.h"
#include "wire.h"

/* One more element of `size` bytes behind `n`; null when there is no memory. */
static void *one_more(void **array, unsigned n, size_t size)
{
	void *bigger = realloc(*array, (n + 1) * size);

	if (!bigger)
		return NULL;
	*array = bigger;
	memset((char *)bigger + n * size, 0, size);
	return (char *)bigger + n * size;
}

/* A capture that begins late may show the server first, and then it is called the client. */
static enum tcplint_offender culprit_of(const struct tcplint_finding *f)
{
	if (!f->conn || f->conn->client.port != WIRE_SERVER_PORT)
		return f->offender;
	if (f->offender == TCPLINT_BY_CLIENT)
		return TCPLINT_BY_SERVER;
	return f->offender == TCPLINT_BY_SERVER ? TCPLINT_BY_CLIENT : f->offender;
}

static void on_finding(void *user, const struct tcplint_finding *f)
{
	struct seen *v = user;
	void *array = v->finding;
	struct seen_finding *s = one_more(&array, v->findings, sizeof(*s));

	v->finding = array;
	v->failed = v->failed || !s;
	if (!s)
		return;
	v->findings++;
	s->rule = f->rule;
	s->verdict = f->verdict;
	s->severity = f->severity;
	s->offender = f->offender;
	s->culprit = culprit_of(f);
	s->confidence = f->confidence;
	s->host = !f->conn;
	s->frame = f->frame_count ? f->frame[f->frame_count - 1] : 0;
	s->would_be = f->would_be;
	snprintf(s->message, sizeof(s->message), "%s", f->message ? f->message : "");
}

static void on_segment(void *user, const struct tcplint_segment *g)
{
	struct seen *v = user;
	struct seen_segment *s;

	if (g->frame == 0 || g->frame > v->frames)
		return;
	s = &v->segment[g->frame];
	s->seen = true;
	for (unsigned x = 0; x < 2; x++) {
		s->after[x] = g->after[x];
		s->known[x] = g->known_after[x];
		s->certain[x] = g->certain_after[x];
	}
	snprintf(s->ignored, sizeof(s->ignored), "%s", g->ignored ? g->ignored : "");
}

static void on_connection(void *user, const struct tcplint_connection *c)
{
	struct seen *v = user;
	void *array = v->connection;
	struct seen_connection *s = one_more(&array, v->connections, sizeof(*s));

	v->connection = array;
	v->failed = v->failed || !s;
	if (!s)
		return;
	v->connections++;
	s->c = *c;
	s->id = *c->conn;
	s->c.conn = NULL;
	s->c.findings = NULL;
	snprintf(s->conn_state, sizeof(s->conn_state), "%s", c->conn_state ? c->conn_state : "");
	snprintf(s->history, sizeof(s->history), "%s", c->history ? c->history : "");
}

static int by_id(const void *a, const void *b)
{
	const struct seen_connection *x = a, *y = b;

	if (x->id.id != y->id.id)
		return x->id.id < y->id.id ? -1 : 1;
	return (x->id.incarnation > y->id.incarnation) - (x->id.incarnation < y->id.incarnation);
}

static void disable(const struct script *s, bool *disabled)
{
	for (unsigned i = 0; i < s->disabled_count; i++) {
		int rule = tcplint_rule_by_name(s->disabled[i]);

		if (rule >= 0)
			disabled[rule] = true;
	}
}

/* `disabled` has one element for each rule, and lives as long as the engine. */
static struct tcplint *make_engine(const struct script *s, bool *disabled, struct seen *out,
				   char *error, size_t size)
{
	struct tcplint_sink sink = {
		.user = out,
		.finding = on_finding,
		.connection = on_connection,
		.segment = on_segment,
	};
	struct tcplint_options o;

	tcplint_options_init(&o);
	o.max_connections = 64;
	o.min_severity = TCPLINT_INFO;
	o.min_confidence = 0;
	o.all = true;
	o.segments = true;
	o.profile = s->profile;
	if (s->msl)
		o.msl = s->msl;
	disable(s, disabled);
	o.disabled = disabled;
	return tcplint_new(&o, &sink, error, size);
}

static void feed(struct tcplint *t, const struct script *s, const struct play *p,
		 const struct wire_setting *w, struct wire_frame *f)
{
	uint32_t headers = wire_headers(s, w);
	uint8_t *exact;

	wire_build(s, p->step, w, f);
	if (p->headers_only && f->captured > headers)
		f->captured = headers;
	/* On a heap block of exactly its size, so that the sanitizer sees a read past the end. */
	exact = malloc(f->captured ? f->captured : 1);
	if (!exact)
		return;
	memcpy(exact, f->data, f->captured);
	tcplint_feed(t, p->ts, wire_dlt(s), exact, f->captured, f->wire);
	free(exact);
}

bool drive(const struct script *s, const struct schedule *h, const struct wire_setting *w,
	   struct seen *out, char *error, size_t size)
{
	struct wire_frame *f = malloc(sizeof(*f));
	bool *disabled = calloc(tcplint_rule_count(), sizeof(*disabled));
	struct tcplint *t;

	memset(out, 0, sizeof(*out));
	snprintf(error, size, "out of memory");
	out->frames = h->count;
	out->segment = calloc(h->count + 1, sizeof(*out->segment));
	t = f && disabled && out->segment ? make_engine(s, disabled, out, error, size) : NULL;
	if (!t) {
		free(disabled);
		free(f);
		seen_free(out);
		return false;
	}
	for (unsigned i = 0; i < h->count; i++)
		feed(t, s, &h->play[i], w, f);
	tcplint_finish(t, false);
	tcplint_free(t);
	free(disabled);
	free(f);
	if (out->connections > 1)
		qsort(out->connection, out->connections, sizeof(*out->connection), by_id);
	return !out->failed;
}

void seen_free(struct seen *v)
{
	free(v->finding);
	free(v->segment);
	free(v->connection);
	memset(v, 0, sizeof(*v));
}

bool drive_setting(const struct script *s, unsigned n, struct wire_setting *w, char *name,
		   size_t size)
{
	/* Ordinary numbers, zero, and both places where serial numbers turn over: 2^31 and 2^32. */
	static const uint32_t isns[SETTINGS / 2][2] = {
		{ 0x10000000, 0x20000000 }, { 0, 0 },
		{ 0x7ffffff0, 0x7ffffff0 }, { 0xfffffff0, 0xfffffff0 },
		{ 0xfffffff0, 0x7ffffff0 },
	};

	w->ipv6 = n % 2;
	w->isn[0] = isns[n / 2][0];
	w->isn[1] = isns[n / 2][1];
	snprintf(name, size, "IPv%d, ISNs 0x%08x and 0x%08x", w->ipv6 ? 6 : 4, (unsigned)w->isn[0],
		 (unsigned)w->isn[1]);
	return !(s->isn_fixed && n >= 2) && !(s->ipv4_only && w->ipv6) &&
	       !(s->ipv6_only && !w->ipv6);
}
