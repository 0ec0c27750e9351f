/* The record `finding`, alone and inside a connection's, and what else names a connection or a rule. */
#include <string.h>

#include "names.h"
#include "report_line.h"

static void put_address(struct report *r, const char *key, const struct tcplint_address *a)
{
	open_object(r, key);
	put_ip(r, a->ip);
	put_number(r, "port", a->port);
	close_object(r);
}

void put_conn(struct report *r, const struct tcplint_conn_id *c)
{
	open_object(r, "conn");
	put_number(r, "id", c->id);
	put_word(r, "community_id", report_community_id(r, c));
	put_address(r, "client", &c->client);
	put_address(r, "server", &c->server);
	if (c->vlan) {
		open_array(r, "vlan");
		if (c->vlan >> 12)
			put_number(r, NULL, c->vlan >> 12);
		if (c->vlan & 0xfff)
			put_number(r, NULL, c->vlan & 0xfff);
		close_array(r);
	}
	if (c->tunnel)
		put_number(r, "tunnel", c->tunnel);
	put_number(r, "incarnation", c->incarnation);
	close_object(r);
}

/* Inside the record of the host only what narrows it down. */
static void put_host(struct report *r, const struct tcplint_host_id *h, bool embedded)
{
	open_object(r, "host");
	if (!embedded)
		put_ip(r, h->ip);
	if (h->role >= 0)
		put_word(r, "role", name_of_side(h->role));
	if (h->port >= 0)
		put_number(r, "port", (uint64_t)h->port);
	close_object(r);
}

static void put_clause_list(struct report *r, unsigned rule)
{
	const struct tcplint_rule *known = tcplint_rule(rule);
	const char *rest = known ? known->clauses : NULL;
	struct clause c;

	if (!next_clause(&rest, &c))
		return;
	open_array(r, "clause");
	do {
		open_object(r, NULL);
		put_number(r, "rfc", c.rfc);
		put_text(r, "section", *c.section ? c.section : NULL);
		put_text(r, "tag", *c.tag ? c.tag : NULL);
		close_object(r);
	} while (next_clause(&rest, &c));
	close_array(r);
}

/* The list is made once for each rule and then only copied. */
void put_clauses(struct report *r, unsigned rule)
{
	const size_t before = r->used;

	if (rule >= tcplint_rule_count())
		return;
	if (r->rules[rule].clauses) {
		put_members(r, r->rules[rule].clauses);
		return;
	}
	put_clause_list(r, rule);
	r->rules[rule].clauses = strndup(r->buffer + before, r->used - before);
}

void put_rules(struct report *r, const char *key, const unsigned *rules, unsigned count)
{
	if (!count)
		return;
	open_array(r, key);
	for (unsigned i = 0; i < count; i++)
		put_rule(r, NULL, rules[i]);
	close_array(r);
}

static void put_words(struct report *r, const char *key, const char *const *words)
{
	if (!*words)
		return;
	open_array(r, key);
	for (; *words; words++)
		put_word(r, NULL, *words);
	close_array(r);
}

static void put_value(struct report *r, const struct tcplint_value *v, bool expected)
{
	static const char *const relative[TCPLINT_FIELD_COUNT] = {
		[TCPLINT_FIELD_SEQ] = "seq_relative",
		[TCPLINT_FIELD_ACK] = "ack_relative",
		[TCPLINT_FIELD_ISN] = "isn_relative",
		[TCPLINT_FIELD_FIN] = "fin_relative",
	};
	const uint32_t number = expected ? v->expected : v->actual;
	char flags[NAMES_FLAGS_SIZE];

	if (v->field >= TCPLINT_FIELD_COUNT)
		return;
	if (v->field == TCPLINT_FIELD_FLAGS) {
		put_word(r, "flags", name_of_flags((uint16_t)number, flags));
		return;
	}
	put_number(r, name_of_field(v->field), number);
	if (v->relative && relative[v->field])
		put_number(r, relative[v->field],
			   expected ? v->expected_relative : v->actual_relative);
}

static void put_values(struct report *r, const struct tcplint_finding *f, bool expected)
{
	bool any = false;

	for (unsigned i = 0; i < f->value_count; i++) {
		const struct tcplint_value *v = &f->value[i];

		if (!(expected ? v->has_expected : v->has_actual))
			continue;
		if (!any)
			open_object(r, expected ? "expected" : "actual");
		any = true;
		put_value(r, v, expected);
	}
	if (any)
		close_object(r);
}

static void put_frames(struct report *r, const struct tcplint_finding *f)
{
	const char *file;
	uint64_t number;

	open_array(r, "frames");
	for (unsigned i = 0; i < f->frame_count; i++) {
		report_locate(r, f->frame[i], &file, &number);
		put_number(r, NULL, number);
	}
	close_array(r);
	if (!r->o.several_inputs)
		return;
	open_array(r, "files");
	for (unsigned i = 0; i < f->frame_count; i++) {
		report_locate(r, f->frame[i], &file, &number);
		put_foreign(r, NULL, file ? file : "");
	}
	close_array(r);
}

static void put_states(struct report *r, const struct tcplint_finding *f)
{
	if (!f->has_state)
		return;
	open_object(r, "state");
	for (int side = TCPLINT_CLIENT; side <= TCPLINT_SERVER; side++)
		if (f->state[side] < TCPLINT_STATE_COUNT)
			put_word(r, name_of_side(side), tcplint_state_name(f->state[side]));
	close_object(r);
}

/* What the finding is, without where and when. */
static void put_judgement(struct report *r, const struct tcplint_finding *f)
{
	const struct tcplint_rule *rule = tcplint_rule(f->rule);

	put_rule(r, "rule", f->rule);
	put_word(r, "verdict", tcplint_verdict_name(f->verdict));
	put_word(r, "severity", tcplint_severity_name(f->severity));
	put_fraction(r, "confidence", f->confidence);
	put_word(r, "phase", rule ? tcplint_phase_name(rule->phase) : NULL);
	put_word(r, "offender", tcplint_offender_name(f->offender));
}

static void put_finding(struct report *r, const struct tcplint_finding *f, bool embedded)
{
	if (f->ts)
		put_when(r, f->ts);
	put_judgement(r, f);
	if (!embedded && f->conn)
		put_conn(r, f->conn);
	if (f->host)
		put_host(r, f->host, embedded);
	put_states(r, f);
	put_values(r, f, true);
	put_values(r, f, false);
	if (f->frame_count)
		put_frames(r, f);
	put_clauses(r, f->rule);
	put_text(r, "message", f->message);
	put_words(r, "alternatives", f->alternatives);
	put_words(r, "evidence", f->evidence);
	put_rules(r, "related", f->related, f->related_count);
	if (f->would_be >= 0)
		put_rule(r, "would_be", (unsigned)f->would_be);
	put_number(r, "count", f->count);
	if (f->count > 1 && f->first_ts && f->last_ts) {
		put_time(r, "first_ts", f->first_ts);
		put_time(r, "last_ts", f->last_ts);
	}
}

void put_findings(struct report *r, const struct tcplint_finding *const *findings, unsigned count)
{
	open_array(r, "findings");
	for (unsigned i = 0; i < count; i++) {
		open_object(r, NULL);
		put_finding(r, findings[i], true);
		close_object(r);
	}
	close_array(r);
}

bool json_finding(struct report *r, const struct tcplint_finding *f)
{
	report_count(r, f);
	if (r->failed || !report_wants(r, REPORT_FINDING))
		return !r->failed;
	record_begin(r, "finding");
	put_finding(r, f, false);
	return record_end(r);
}
