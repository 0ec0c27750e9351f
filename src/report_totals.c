/* The records about the run: `capture`, `stats` and `summary`. */
#include "names.h"
#include "report_line.h"

/* Which rules can be reported: the shorter of the two lists, under the name of the option that made it. */
static void put_rule_choice(struct report *r, const struct tcplint_options *o)
{
	unsigned disabled = 0;
	bool only;

	for (unsigned i = 0; o->disabled && i < tcplint_rule_count(); i++)
		disabled += o->disabled[i];
	if (!disabled)
		return;
	only = disabled > tcplint_rule_count() / 2;
	open_array(r, only ? "only" : "disabled");
	for (unsigned i = 0; i < tcplint_rule_count(); i++)
		if (o->disabled[i] != only)
			put_rule(r, NULL, i);
	close_array(r);
}

static void put_options(struct report *r, const struct tcplint_options *o)
{
	const unsigned every = (1U << TCPLINT_VERDICT_COUNT) - 1;

	put_text(r, "profile", name_of_profile(o->profile));
	put_seconds(r, "msl", o->msl);
	put_text(r, "min_severity", tcplint_severity_name(o->min_severity));
	put_fraction(r, "min_confidence", o->min_confidence);
	if (o->verdicts && (o->verdicts & every) != every) {
		open_array(r, "verdicts");
		for (unsigned v = 0; v < TCPLINT_VERDICT_COUNT; v++)
			if (o->verdicts & 1U << v)
				put_text(r, NULL, tcplint_verdict_name((enum tcplint_verdict)v));
		close_array(r);
	}
	put_rule_choice(r, o);
	put_number(r, "max_connections", o->max_connections);
	put_bool(r, "all", o->all);
	put_bool(r, "tunnels", o->tunnels);
	put_bool(r, "vlan_in_key", o->vlan_in_key);
}

static void put_sandbox(struct report *r, const struct report_sandbox *s)
{
	open_object(r, "sandbox");
	put_number(r, "uid", s->uid);
	put_bool(r, "no_new_privs", s->no_new_privs);
	put_bool(r, "no_capabilities", s->no_capabilities);
	put_bool(r, "seccomp", s->seccomp);
	put_bool(r, "landlock", s->landlock);
	close_object(r);
}

bool json_capture(struct report *r, const struct report_capture *c)
{
	if (r->failed || !report_wants(r, REPORT_CAPTURE))
		return !r->failed;
	record_begin(r, "capture");
	put_text(r, "program", "tcplint");
	put_text(r, "version", tcplint_version());
	put_number(r, "schema", TCPLINT_SCHEMA_VERSION);
	open_array(r, "source");
	for (unsigned i = 0; i < c->source_count; i++)
		put_foreign(r, NULL, c->sources[i]);
	close_array(r);
	put_bool(r, "live", c->live);
	put_text(r, "linktype", c->linktype);
	put_number(r, "snaplen", c->snaplen);
	put_foreign(r, "filter", c->filter);
	if (c->sandbox)
		put_sandbox(r, c->sandbox);
	put_options(r, c->options);
	if (c->memory_bound)
		put_number(r, "memory_bound", c->memory_bound);
	return record_end(r);
}

static void put_drops(struct report *r, const struct report_totals *t)
{
	open_object(r, "drops");
	for (unsigned i = 0; i < t->drop_count; i++)
		put_number(r, t->drop_names[i], t->drops[i]);
	close_object(r);
}

static void put_source(struct report *r, const struct report_totals *t)
{
	open_object(r, "source");
	put_number(r, "read", t->read);
	put_number(r, "filtered_out", t->filtered_out);
	if (t->kernel_drops_known)
		put_number(r, "kernel_drops", t->kernel_drops);
	if (t->interface_drops_known)
		put_number(r, "interface_drops", t->interface_drops);
	if (t->interface)
		put_text(r, "interface", t->interface);
	close_object(r);
}

static void put_connections(struct report *r, const struct tcplint_counters *c)
{
	uint64_t ended = 0;

	open_object(r, "connections");
	for (unsigned i = 0; i < TCPLINT_END_COUNT; i++)
		ended += c->end[i];
	put_number(r, "total", c->connections);
	put_number(r, "open", c->connections > ended ? c->connections - ended : 0);
	open_object(r, "by_origin");
	for (unsigned i = 0; i < TCPLINT_ORIGIN_COUNT; i++)
		put_number(r, name_of_origin((enum tcplint_origin)i), c->origin[i]);
	close_object(r);
	open_object(r, "by_end");
	for (unsigned i = 0; i < TCPLINT_END_COUNT; i++)
		put_number(r, name_of_end((enum tcplint_end)i), c->end[i]);
	close_object(r);
	put_number(r, "evicted", c->evicted);
	put_number(r, "pool_exhausted", c->pool_exhausted);
	if (c->hosts_evicted)
		put_number(r, "hosts_evicted", c->hosts_evicted);
	close_object(r);
}

/* As long as nobody fragments, there is nothing to say. */
static void put_fragments(struct report *r, const struct tcplint_counters *c)
{
	if (!c->fragments)
		return;
	open_object(r, "fragments");
	put_number(r, "seen", c->fragments);
	put_number(r, "reassembled", c->datagrams);
	put_number(r, "overlapping", c->fragments_overlapping);
	put_number(r, "evicted", c->datagrams_evicted);
	put_number(r, "timed_out", c->datagrams_timed_out);
	close_object(r);
}

static void put_judgements(struct report *r, const char *key, const uint64_t *count)
{
	open_object(r, key);
	for (unsigned i = 0; i < TCPLINT_JUDGEMENT_COUNT; i++)
		put_number(r, name_of_judgement((enum tcplint_judgement)i), count[i]);
	close_object(r);
}

static void put_coverage(struct report *r, const struct tcplint_counters *c)
{
	open_object(r, "coverage");
	put_judgements(r, "handshake", c->handshake);
	put_judgements(r, "teardown", c->teardown);
	close_object(r);
}

/* Rules that never fired are left out: the list is as long as the news. */
static void put_by_rule(struct report *r, const uint64_t *hits)
{
	open_object(r, "by_rule");
	for (unsigned i = 0; i < tcplint_rule_count(); i++) {
		if (!hits[i])
			continue;
		open_object(r, tcplint_rule(i)->name);
		put_number(r, "fired", hits[i]);
		put_number(r, "reported", r->rules[i].listed);
		close_object(r);
	}
	close_object(r);
}

static void put_finding_counts(struct report *r, const struct report_totals *t)
{
	open_object(r, "findings");
	put_number(r, "reported", t->counters->findings);
	put_number(r, "below_threshold", t->counters->findings_below_threshold);
	put_number(r, "ignored", t->counters->findings_ignored);
	if (t->rule_hits)
		put_by_rule(r, t->rule_hits);
	close_object(r);
}

static void put_capture_quality(struct report *r, const struct tcplint_counters *c)
{
	open_object(r, "quality");
	put_number(r, "capture_loss", c->capture_loss);
	put_number(r, "duplicates", c->duplicates);
	put_number(r, "reordered", c->reordered);
	put_number(r, "truncated", c->truncated);
	put_number(r, "checksum_bad", c->checksum_bad);
	put_number(r, "checksum_offload", c->checksum_offload);
	close_object(r);
}

/* What became of what was written. */
static void put_destinations(struct report *r, const struct report_totals *t)
{
	if (t->may_lose) {
		open_object(r, "output");
		put_number(r, "lost", t->lost_records);
		close_object(r);
	}
	if (!t->packets)
		return;
	open_object(r, "packets");
	put_number(r, "written", t->packets_written);
	if (t->may_lose)
		put_number(r, "lost", t->packets_lost);
	put_number(r, "forgotten", t->packets_forgotten);
	close_object(r);
}

/* What both records count. */
static void put_totals(struct report *r, const struct report_totals *t)
{
	const struct tcplint_counters *c = t->counters;

	if (c->frames) {
		put_time(r, "first_ts", c->first_ts);
		put_time(r, "last_ts", c->last_ts);
		put_span(r, "duration", c->first_ts, c->last_ts);
	}
	put_source(r, t);
	put_number(r, "frames", c->frames);
	put_number(r, "bytes", c->bytes);
	put_number(r, "segments", c->segments);
	put_number(r, "icmp_errors", c->icmp_errors);
	put_drops(r, t);
	put_fragments(r, c);
	put_connections(r, c);
	put_finding_counts(r, t);
	put_capture_quality(r, c);
	put_destinations(r, t);
}

bool json_stats(struct report *r, const struct report_totals *t)
{
	if (r->failed || !report_wants(r, REPORT_STATS))
		return !r->failed;
	record_begin(r, "stats");
	if (t->counters->frames)
		put_when(r, t->counters->last_ts);
	put_totals(r, t);
	return record_end(r);
}

bool json_summary(struct report *r, const struct report_totals *t)
{
	if (r->failed || !report_wants(r, REPORT_SUMMARY))
		return !r->failed;
	record_begin(r, "summary");
	if (t->counters->frames)
		put_when(r, t->counters->last_ts);
	put_bool(r, "complete", !t->error);
	put_foreign(r, "error", t->error);
	put_bool(r, "interrupted", t->interrupted);
	put_totals(r, t);
	put_coverage(r, t->counters);
	return record_end(r);
}
