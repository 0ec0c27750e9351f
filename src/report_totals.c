/* The records about the run: `capture`, `stats` and `summary`. */
#include "names.h"
#include "report_private.h"

/* Which rules can be reported: the shorter of the two lists, under the name of the option that made it. */
static void put_rule_choice(struct report *r, json_t *object, const struct tcplint_options *o)
{
	unsigned disabled = 0;
	bool only;
	json_t *list;

	for (unsigned i = 0; o->disabled && i < tcplint_rule_count(); i++)
		disabled += o->disabled[i];
	if (!disabled)
		return;
	only = disabled > tcplint_rule_count() / 2;
	list = put_array(r, object, only ? "only" : "disabled");
	for (unsigned i = 0; i < tcplint_rule_count(); i++)
		if (o->disabled[i] != only)
			append(r, list, rule_name(i));
}

static void put_options(struct report *r, json_t *object, const struct tcplint_options *o)
{
	const unsigned every = (1U << TCPLINT_VERDICT_COUNT) - 1;
	json_t *verdicts;

	put_text(r, object, "profile", name_of_profile(o->profile));
	put_seconds(r, object, "msl", o->msl);
	put_text(r, object, "min_severity", tcplint_severity_name(o->min_severity));
	put_fraction(r, object, "min_confidence", o->min_confidence);
	if (o->verdicts && (o->verdicts & every) != every) {
		verdicts = put_array(r, object, "verdicts");
		for (unsigned v = 0; v < TCPLINT_VERDICT_COUNT; v++)
			if (o->verdicts & 1U << v)
				append(r, verdicts,
				       json_string_nocheck(
					       tcplint_verdict_name((enum tcplint_verdict)v)));
	}
	put_rule_choice(r, object, o);
	put_number(r, object, "max_connections", o->max_connections);
	put_bool(r, object, "all", o->all);
	put_bool(r, object, "tunnels", o->tunnels);
	put_bool(r, object, "vlan_in_key", o->vlan_in_key);
}

static void put_sandbox(struct report *r, json_t *object, const struct report_sandbox *s)
{
	json_t *sandbox = put_object(r, object, "sandbox");

	put_number(r, sandbox, "uid", s->uid);
	put_bool(r, sandbox, "no_new_privs", s->no_new_privs);
	put_bool(r, sandbox, "no_capabilities", s->no_capabilities);
	put_bool(r, sandbox, "seccomp", s->seccomp);
	put_bool(r, sandbox, "landlock", s->landlock);
}

bool json_capture(struct report *r, const struct report_capture *c)
{
	json_t *object, *sources;

	if (r->failed || !report_wants(r, REPORT_CAPTURE))
		return !r->failed;
	object = record_begin(r, "capture");
	put_text(r, object, "program", "tcplint");
	put_text(r, object, "version", tcplint_version());
	put_number(r, object, "schema", TCPLINT_SCHEMA_VERSION);
	sources = put_array(r, object, "source");
	for (unsigned i = 0; i < c->source_count; i++)
		append(r, sources, foreign_text(c->sources[i]));
	put_bool(r, object, "live", c->live);
	put_text(r, object, "linktype", c->linktype);
	put_number(r, object, "snaplen", c->snaplen);
	put_foreign(r, object, "filter", c->filter);
	if (c->sandbox)
		put_sandbox(r, object, c->sandbox);
	put_options(r, object, c->options);
	if (c->memory_bound)
		put_number(r, object, "memory_bound", c->memory_bound);
	return record_end(r, object);
}

static void put_drops(struct report *r, json_t *object, const struct report_totals *t)
{
	json_t *drops = put_object(r, object, "drops");

	for (unsigned i = 0; i < t->drop_count; i++)
		put_number(r, drops, t->drop_names[i], t->drops[i]);
}

static void put_source(struct report *r, json_t *object, const struct report_totals *t)
{
	json_t *source = put_object(r, object, "source");

	put_number(r, source, "read", t->read);
	put_number(r, source, "filtered_out", t->filtered_out);
	if (t->kernel_drops_known)
		put_number(r, source, "kernel_drops", t->kernel_drops);
	if (t->interface_drops_known)
		put_number(r, source, "interface_drops", t->interface_drops);
	if (t->interface)
		put_text(r, source, "interface", t->interface);
}

static void put_connections(struct report *r, json_t *object, const struct tcplint_counters *c)
{
	json_t *connections = put_object(r, object, "connections");
	json_t *by;
	uint64_t ended = 0;

	for (unsigned i = 0; i < TCPLINT_END_COUNT; i++)
		ended += c->end[i];
	put_number(r, connections, "total", c->connections);
	put_number(r, connections, "open", c->connections > ended ? c->connections - ended : 0);
	by = put_object(r, connections, "by_origin");
	for (unsigned i = 0; i < TCPLINT_ORIGIN_COUNT; i++)
		put_number(r, by, name_of_origin((enum tcplint_origin)i), c->origin[i]);
	by = put_object(r, connections, "by_end");
	for (unsigned i = 0; i < TCPLINT_END_COUNT; i++)
		put_number(r, by, name_of_end((enum tcplint_end)i), c->end[i]);
	put_number(r, connections, "evicted", c->evicted);
	put_number(r, connections, "pool_exhausted", c->pool_exhausted);
	if (c->hosts_evicted)
		put_number(r, connections, "hosts_evicted", c->hosts_evicted);
}

static void put_coverage(struct report *r, json_t *object, const struct tcplint_counters *c)
{
	json_t *coverage = put_object(r, object, "coverage");
	json_t *handshake = put_object(r, coverage, "handshake");
	json_t *teardown = put_object(r, coverage, "teardown");

	for (unsigned i = 0; i < TCPLINT_JUDGEMENT_COUNT; i++) {
		const char *name = name_of_judgement((enum tcplint_judgement)i);

		put_number(r, handshake, name, c->handshake[i]);
		put_number(r, teardown, name, c->teardown[i]);
	}
}

/* Rules that never fired are left out: the list is as long as the news. */
static void put_by_rule(struct report *r, json_t *object, const uint64_t *hits)
{
	json_t *rules = put_object(r, object, "by_rule");

	for (unsigned i = 0; i < tcplint_rule_count(); i++) {
		json_t *one;

		if (!hits[i])
			continue;
		one = put_object(r, rules, tcplint_rule(i)->name);
		put_number(r, one, "fired", hits[i]);
		put_number(r, one, "reported", r->rules[i].listed);
	}
}

static void put_finding_counts(struct report *r, json_t *object, const struct report_totals *t)
{
	json_t *findings = put_object(r, object, "findings");

	put_number(r, findings, "reported", t->counters->findings);
	put_number(r, findings, "below_threshold", t->counters->findings_below_threshold);
	put_number(r, findings, "ignored", t->counters->findings_ignored);
	if (t->rule_hits)
		put_by_rule(r, findings, t->rule_hits);
}

static void put_capture_quality(struct report *r, json_t *object, const struct tcplint_counters *c)
{
	json_t *q = put_object(r, object, "quality");

	put_number(r, q, "capture_loss", c->capture_loss);
	put_number(r, q, "duplicates", c->duplicates);
	put_number(r, q, "reordered", c->reordered);
	put_number(r, q, "truncated", c->truncated);
	put_number(r, q, "checksum_bad", c->checksum_bad);
	put_number(r, q, "checksum_offload", c->checksum_offload);
}

/* What became of what was written. */
static void put_destinations(struct report *r, json_t *object, const struct report_totals *t)
{
	json_t *packets;

	if (t->may_lose)
		put_number(r, put_object(r, object, "output"), "lost", t->lost_records);
	if (!t->packets)
		return;
	packets = put_object(r, object, "packets");
	put_number(r, packets, "written", t->packets_written);
	if (t->may_lose)
		put_number(r, packets, "lost", t->packets_lost);
	put_number(r, packets, "forgotten", t->packets_forgotten);
}

/* What both records count. */
static void put_totals(struct report *r, json_t *object, const struct report_totals *t)
{
	const struct tcplint_counters *c = t->counters;

	if (c->frames) {
		put_time(r, object, "first_ts", c->first_ts);
		put_time(r, object, "last_ts", c->last_ts);
		put(r, object, "duration", json_real(format_since(c->last_ts, c->first_ts)));
	}
	put_source(r, object, t);
	put_number(r, object, "frames", c->frames);
	put_number(r, object, "bytes", c->bytes);
	put_number(r, object, "segments", c->segments);
	put_number(r, object, "icmp_errors", c->icmp_errors);
	put_drops(r, object, t);
	put_connections(r, object, c);
	put_finding_counts(r, object, t);
	put_capture_quality(r, object, c);
	put_destinations(r, object, t);
}

bool json_stats(struct report *r, const struct report_totals *t)
{
	json_t *object;

	if (r->failed || !report_wants(r, REPORT_STATS))
		return !r->failed;
	object = record_begin(r, "stats");
	if (t->counters->frames)
		put_when(r, object, t->counters->last_ts);
	put_totals(r, object, t);
	return record_end(r, object);
}

bool json_summary(struct report *r, const struct report_totals *t)
{
	json_t *object;

	if (r->failed || !report_wants(r, REPORT_SUMMARY))
		return !r->failed;
	object = record_begin(r, "summary");
	if (t->counters->frames)
		put_when(r, object, t->counters->last_ts);
	put_bool(r, object, "complete", !t->error);
	put_foreign(r, object, "error", t->error);
	put_bool(r, object, "interrupted", t->interrupted);
	put_totals(r, object, t);
	put_coverage(r, object, t->counters);
	return record_end(r, object);
}
