/* The record `finding`, alone and inside a connection's, and what else names a connection or a rule. */
#include "names.h"
#include "report_private.h"

static void put_address(struct report *r, json_t *object, const char *key,
			const struct tcplint_address *a)
{
	char ip[ADDRESS_SIZE];
	json_t *end = put_object(r, object, key);

	put_text(r, end, "ip", format_address(a->ip, ip));
	put_number(r, end, "port", a->port);
}

void put_conn(struct report *r, json_t *object, const struct tcplint_conn_id *c)
{
	json_t *conn = put_object(r, object, "conn");
	json_t *tags;

	put_number(r, conn, "id", c->id);
	put_text(r, conn, "community_id", report_community_id(r, c));
	put_address(r, conn, "client", &c->client);
	put_address(r, conn, "server", &c->server);
	if (c->vlan) {
		tags = put_array(r, conn, "vlan");
		if (c->vlan >> 12)
			append(r, tags, json_integer(c->vlan >> 12));
		if (c->vlan & 0xfff)
			append(r, tags, json_integer(c->vlan & 0xfff));
	}
	if (c->tunnel)
		put_number(r, conn, "tunnel", c->tunnel);
	put_number(r, conn, "incarnation", c->incarnation);
}

/* Inside the record of the host only what narrows it down. */
static void put_host(struct report *r, json_t *object, const struct tcplint_host_id *h, bool embedded)
{
	char ip[ADDRESS_SIZE];
	json_t *host = put_object(r, object, "host");

	if (!embedded)
		put_text(r, host, "ip", format_address(h->ip, ip));
	if (h->role >= 0)
		put_text(r, host, "role", name_of_side(h->role));
	if (h->port >= 0)
		put_number(r, host, "port", (uint64_t)h->port);
}

static json_t *clause_list(struct report *r, unsigned rule)
{
	const struct tcplint_rule *known = tcplint_rule(rule);
	const char *rest = known ? known->clauses : NULL;
	json_t *list = json_array();
	struct clause c;

	while (next_clause(&rest, &c)) {
		json_t *one = json_object();

		put_number(r, one, "rfc", c.rfc);
		put_text(r, one, "section", *c.section ? c.section : NULL);
		put_text(r, one, "tag", *c.tag ? c.tag : NULL);
		append(r, list, one);
	}
	return list;
}

/* The list is made once for each rule and then only referred to. */
void put_clauses(struct report *r, json_t *object, unsigned rule)
{
	if (rule >= tcplint_rule_count())
		return;
	if (!r->rules[rule].clauses)
		r->rules[rule].clauses = clause_list(r, rule);
	if (json_array_size(r->rules[rule].clauses))
		put(r, object, "clause", json_incref(r->rules[rule].clauses));
}

void put_rules(struct report *r, json_t *object, const char *key, const unsigned *rules,
	       unsigned count)
{
	json_t *list = count ? put_array(r, object, key) : NULL;

	for (unsigned i = 0; i < count; i++)
		append(r, list, rule_name(rules[i]));
}

static void put_words(struct report *r, json_t *object, const char *key, const char *const *words)
{
	json_t *list = *words ? put_array(r, object, key) : NULL;

	for (; *words; words++)
		append(r, list, json_string_nocheck(*words));
}

static void put_value(struct report *r, json_t *object, const struct tcplint_value *v,
		      bool expected)
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
		put_text(r, object, "flags", name_of_flags((uint16_t)number, flags));
		return;
	}
	put_number(r, object, name_of_field(v->field), number);
	if (v->relative && relative[v->field])
		put_number(r, object, relative[v->field],
			   expected ? v->expected_relative : v->actual_relative);
}

static void put_values(struct report *r, json_t *object, const struct tcplint_finding *f,
		       bool expected)
{
	json_t *values = NULL;

	for (unsigned i = 0; i < f->value_count; i++) {
		const struct tcplint_value *v = &f->value[i];

		if (!(expected ? v->has_expected : v->has_actual))
			continue;
		if (!values)
			values = put_object(r, object, expected ? "expected" : "actual");
		put_value(r, values, v, expected);
	}
}

static void put_frames(struct report *r, json_t *object, const struct tcplint_finding *f)
{
	json_t *frames = put_array(r, object, "frames");
	json_t *files = r->o.several_inputs ? put_array(r, object, "files") : NULL;

	for (unsigned i = 0; i < f->frame_count; i++) {
		const char *file;
		uint64_t number;

		report_locate(r, f->frame[i], &file, &number);
		append(r, frames, json_integer((json_int_t)number));
		if (r->o.several_inputs)
			append(r, files, foreign_text(file ? file : ""));
	}
}

static void put_states(struct report *r, json_t *object, const struct tcplint_finding *f)
{
	json_t *state;

	if (!f->has_state)
		return;
	state = put_object(r, object, "state");
	for (int side = TCPLINT_CLIENT; side <= TCPLINT_SERVER; side++)
		if (f->state[side] < TCPLINT_STATE_COUNT)
			put_text(r, state, name_of_side(side), tcplint_state_name(f->state[side]));
}

/* What the finding is, without where and when. */
static void put_judgement(struct report *r, json_t *object, const struct tcplint_finding *f)
{
	const struct tcplint_rule *rule = tcplint_rule(f->rule);

	put(r, object, "rule", rule_name(f->rule));
	put_text(r, object, "verdict", tcplint_verdict_name(f->verdict));
	put_text(r, object, "severity", tcplint_severity_name(f->severity));
	put_fraction(r, object, "confidence", f->confidence);
	put_text(r, object, "phase", rule ? tcplint_phase_name(rule->phase) : NULL);
	put_text(r, object, "offender", tcplint_offender_name(f->offender));
}

void put_finding(struct report *r, json_t *object, const struct tcplint_finding *f, bool embedded)
{
	if (f->ts)
		put_when(r, object, f->ts);
	put_judgement(r, object, f);
	if (!embedded && f->conn)
		put_conn(r, object, f->conn);
	if (f->host)
		put_host(r, object, f->host, embedded);
	put_states(r, object, f);
	put_values(r, object, f, true);
	put_values(r, object, f, false);
	if (f->frame_count)
		put_frames(r, object, f);
	put_clauses(r, object, f->rule);
	put_text(r, object, "message", f->message);
	put_words(r, object, "alternatives", f->alternatives);
	put_words(r, object, "evidence", f->evidence);
	put_rules(r, object, "related", f->related, f->related_count);
	if (f->would_be >= 0)
		put(r, object, "would_be", rule_name((unsigned)f->would_be));
	put_number(r, object, "count", f->count);
	if (f->count > 1 && f->first_ts && f->last_ts) {
		put_time(r, object, "first_ts", f->first_ts);
		put_time(r, object, "last_ts", f->last_ts);
	}
}

bool json_finding(struct report *r, const struct tcplint_finding *f)
{
	json_t *object;

	report_count(r, f);
	if (r->failed || !report_wants(r, REPORT_FINDING))
		return !r->failed;
	object = record_begin(r, "finding");
	put_finding(r, object, f, false);
	return record_end(r, object);
}
