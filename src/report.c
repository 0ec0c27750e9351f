/* What both reporters are made of: the buffer of the line, what was counted, and the failure that sticks. */
#include <stdlib.h>
#include <string.h>

#include "report_private.h"

#define FIRST_SIZE 4096

struct report *report_create(const struct report_options *o, struct error *e)
{
	struct report *r = calloc(1, sizeof(*r));

	if (r) {
		r->o = *o;
		if (!r->o.emit)
			r->o.emit = REPORT_DEFAULT;
		r->size = FIRST_SIZE;
		r->buffer = malloc(r->size);
		r->rules = calloc(tcplint_rule_count(), sizeof(*r->rules));
	}
	if (r && r->buffer && r->rules)
		return r;
	report_destroy(r);
	fail(e, "not enough memory to write records");
	return NULL;
}

void report_destroy(struct report *r)
{
	if (!r)
		return;
	for (unsigned i = 0; r->rules && i < tcplint_rule_count(); i++)
		free(r->rules[i].clauses);
	free(r->rules);
	free(r->buffer);
	free(r);
}

void report_start(struct report *r, int64_t first_ts)
{
	r->started = true;
	r->first_ts = first_ts;
}

const char *report_error(const struct report *r)
{
	return r->no_memory ? "not enough memory for a record" : NULL;
}

int report_type_by_name(const char *name)
{
	static const char *const names[REPORT_TYPE_COUNT] = {
		[REPORT_CAPTURE] = "capture",
		[REPORT_FINDING] = "finding",
		[REPORT_CONNECTION] = "connection",
		[REPORT_SEGMENT] = "segment",
		[REPORT_HOST] = "host",
		[REPORT_STATS] = "stats",
		[REPORT_SUMMARY] = "summary",
	};

	for (int t = 0; t < REPORT_TYPE_COUNT; t++)
		if (!strcmp(names[t], name))
			return t;
	return -1;
}

bool report_wants(const struct report *r, enum report_type type)
{
	return r->o.emit & 1U << type;
}

void report_count(struct report *r, const struct tcplint_finding *f)
{
	if (f->rule < tcplint_rule_count())
		r->rules[f->rule].listed++;
	if (f->severity <= TCPLINT_ERROR)
		r->severity_listed[f->severity]++;
}

/* Make room for a line of `size` bytes; what is in the buffer stays. */
bool report_reserve(struct report *r, size_t size)
{
	size_t bigger = r->size;
	char *buffer;

	if (size <= r->size)
		return true;
	while (bigger < size)
		bigger *= 2;
	buffer = realloc(r->buffer, bigger);
	if (!buffer) {
		r->no_memory = true;
		return false;
	}
	r->buffer = buffer;
	r->size = bigger;
	return true;
}

/* Hand the line on. */
bool report_write(struct report *r)
{
	if (r->failed || r->no_memory || !r->o.write(r->o.write_user, r->buffer, r->used))
		r->failed = true;
	return !r->failed;
}

const char *report_community_id(struct report *r, const struct tcplint_conn_id *c)
{
	const struct tcplint_address *kept = r->last.end;

	if (r->last.valid && kept[0].port == c->client.port && kept[1].port == c->server.port &&
	    !memcmp(kept[0].ip, c->client.ip, sizeof(c->client.ip)) &&
	    !memcmp(kept[1].ip, c->server.ip, sizeof(c->server.ip)))
		return r->last.id;
	r->last.valid = true;
	r->last.end[0] = c->client;
	r->last.end[1] = c->server;
	return community_id(&c->client, &c->server, r->last.id);
}

void report_locate(const struct report *r, uint64_t ordinal, const char **file, uint64_t *number)
{
	*file = NULL;
	*number = ordinal;
	if (r->o.locate)
		r->o.locate(r->o.locate_user, ordinal, file, number);
}
