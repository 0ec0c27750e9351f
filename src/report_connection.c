/* The record `connection`. */
#include <string.h>

#include "names.h"
#include "report_private.h"

static void put_handshake(struct report *r, json_t *object, const struct tcplint_connection *c)
{
	json_t *h = put_object(r, object, "handshake");
	json_t *rtt;

	put_text(r, h, "verdict", name_of_judgement(c->handshake.verdict));
	put_text(r, h, "kind", name_of_handshake(c->handshake.kind));
	put_number(r, h, "syn_count", c->handshake.syn_count);
	put_number(r, h, "synack_count", c->handshake.synack_count);
	if (c->handshake.syn_synack < 0 && c->handshake.synack_ack < 0 && c->handshake.total < 0)
		return;
	rtt = put_object(r, h, "rtt");
	put_seconds(r, rtt, "syn_synack", c->handshake.syn_synack);
	put_seconds(r, rtt, "synack_ack", c->handshake.synack_ack);
	put_seconds(r, rtt, "total", c->handshake.total);
}

static void put_teardown(struct report *r, json_t *object, const struct tcplint_connection *c)
{
	json_t *t = put_object(r, object, "teardown");

	put_text(r, t, "verdict", name_of_judgement(c->teardown.verdict));
	put_text(r, t, "kind", name_of_teardown(c->teardown.kind));
	put_text(r, t, "active_closer", name_of_side(c->teardown.active_closer));
	if (c->teardown.has_half_close)
		put_number(r, t, "half_close_bytes", c->teardown.half_close_bytes);
	put_seconds(r, t, "duration", c->teardown.duration);
}

static void put_time_wait(struct report *r, json_t *object, const struct tcplint_connection *c)
{
	json_t *t;

	if (!name_of_side(c->time_wait.holder))
		return;
	t = put_object(r, object, "time_wait");
	put_text(r, t, "holder", name_of_side(c->time_wait.holder));
	put_time(r, t, "start", c->time_wait.start);
	put_seconds(r, t, "lower", c->time_wait.lower);
	put_seconds(r, t, "upper", c->time_wait.upper);
	put_seconds(r, t, "reuse_after", c->time_wait.reuse_after);
}

static void put_opening(struct report *r, json_t *object, const struct tcplint_endpoint *e)
{
	if (e->has_isn) {
		put_number(r, object, "isn", e->isn);
		put_bool(r, object, "isn_inferred", e->isn_inferred);
	}
	if (e->has_syn) {
		if (e->has_mss)
			put_number(r, object, "mss", e->mss);
		if (e->has_wscale)
			put_number(r, object, "wscale", e->wscale);
		put_bool(r, object, "sack_permitted", e->sack_permitted);
		put_bool(r, object, "timestamps", e->timestamps);
		put_bool(r, object, "fast_open", e->fast_open);
		put_bool(r, object, "ecn", e->ecn);
	}
	if (e->has_ttl)
		put_number(r, object, "ttl", e->ttl);
}

static void put_path(struct report *r, json_t *object, const struct tcplint_endpoint *e)
{
	json_t *states;

	if (!e->has_state)
		return;
	put_text(r, object, "state", tcplint_state_name(e->state));
	put_bool(r, object, "state_certain", e->state_certain);
	states = put_array(r, object, "states");
	for (unsigned i = 0; i < e->state_count; i++) {
		json_t *one = json_object();

		put_text(r, one, "state", tcplint_state_name(e->states[i].state));
		put(r, one, "t", json_real(format_seconds(e->states[i].t)));
		if (i + 1 < e->state_count)
			put_seconds(r, one, "for", e->states[i + 1].t - e->states[i].t);
		append(r, states, one);
	}
}

static void put_copies(struct report *r, json_t *object, const char *key, const struct tcplint_retries *from)
{
	json_t *one, *intervals;

	if (!from->count)
		return;
	one = put_object(r, object, key);
	put_number(r, one, "count", from->count);
	put_number(r, one, "timer", from->timer);
	intervals = put_array(r, one, "intervals");
	for (unsigned i = 0; i < from->interval_count; i++)
		append(r, intervals, json_real(format_seconds(from->interval[i])));
	put_seconds(r, one, "total", from->total);
	if (from->backoff != TCPLINT_BACKOFF_UNKNOWN)
		put_text(r, one, "backoff", name_of_backoff(from->backoff));
}

static void put_retries(struct report *r, json_t *end, const struct tcplint_endpoint *e)
{
	json_t *retries;

	if (!e->syn_retries.count && !e->synack_retries.count && !e->fin_retries.count)
		return;
	retries = put_object(r, end, "retries");
	put_copies(r, retries, "syn", &e->syn_retries);
	put_copies(r, retries, "synack", &e->synack_retries);
	put_copies(r, retries, "fin", &e->fin_retries);
}

static void put_endpoint(struct report *r, json_t *object, const char *key,
			 const struct tcplint_endpoint *e)
{
	json_t *end = put_object(r, object, key);

	put_opening(r, end, e);
	put_number(r, end, "segments", e->segments);
	put_number(r, end, "payload_bytes", e->payload_bytes);
	put_number(r, end, "retransmitted_segments", e->retransmitted_segments);
	put_number(r, end, "syn", e->syn);
	put_number(r, end, "synack", e->synack);
	put_number(r, end, "fin", e->fin);
	put_number(r, end, "rst", e->rst);
	put_retries(r, end, e);
	put_path(r, end, e);
}

static void put_vantage(struct report *r, json_t *object, const struct tcplint_connection *c)
{
	static const char *const hops[] = { "client_hops", "server_hops" };
	static const char *const rtt[] = { "client_rtt", "server_rtt" };
	json_t *v;

	if (c->vantage.estimate == TCPLINT_VANTAGE_UNKNOWN)
		return;
	v = put_object(r, object, "vantage");
	put_text(r, v, "estimate", name_of_vantage(c->vantage.estimate));
	for (unsigned i = 0; i < 2; i++) {
		if (c->vantage.has_hops[i])
			put_number(r, v, hops[i], c->vantage.hops[i]);
		put_seconds(r, v, rtt[i], c->vantage.rtt[i]);
	}
}

static void put_quality(struct report *r, json_t *object, const struct tcplint_connection *c)
{
	json_t *q = put_object(r, object, "quality");

	put_number(r, q, "capture_loss", c->quality.capture_loss);
	put_number(r, q, "duplicates", c->quality.duplicates);
	put_number(r, q, "reordered", c->quality.reordered);
	put_bool(r, q, "one_sided", c->quality.one_sided);
	put_bool(r, q, "truncated", c->quality.truncated);
}

/* By reason, each in the order in which the connection has it. */
static void put_not_evaluated(struct report *r, json_t *object, const struct tcplint_connection *c)
{
	json_t *reasons;

	if (!c->not_evaluated_count)
		return;
	reasons = put_object(r, object, "not_evaluated");
	for (unsigned i = 0; i < c->not_evaluated_count; i++) {
		const char *reason = c->not_evaluated[i].reason;
		json_t *rules = json_object_get(reasons, reason);

		if (!rules)
			rules = put_array(r, reasons, reason);
		append(r, rules, rule_name(c->not_evaluated[i].rule));
	}
}

static void put_findings(struct report *r, json_t *object, const struct tcplint_connection *c)
{
	json_t *findings = put_array(r, object, "findings");

	for (unsigned i = 0; i < c->finding_count; i++) {
		json_t *one = json_object();

		put_finding(r, one, c->findings[i], true);
		append(r, findings, one);
	}
}

bool json_connection(struct report *r, const struct tcplint_connection *c)
{
	json_t *object;

	if (r->failed || !report_wants(r, REPORT_CONNECTION))
		return !r->failed;
	object = record_begin(r, "connection");
	put_when(r, object, (int64_t)((uint64_t)c->start + (uint64_t)c->duration));
	put_conn(r, object, c->conn);
	put_time(r, object, "start", c->start);
	/* Below zero where the clock of the capture went back: that was measured too. */
	put(r, object, "duration", json_real(format_seconds(c->duration)));
	put_text(r, object, "origin", name_of_origin(c->origin));
	put_text(r, object, "end", name_of_end(c->end));
	if (c->self_connect)
		put_bool(r, object, "self_connect", true);
	put_handshake(r, object, c);
	put_teardown(r, object, c);
	put_time_wait(r, object, c);
	put_endpoint(r, object, "client", &c->endpoint[TCPLINT_CLIENT]);
	put_endpoint(r, object, "server", &c->endpoint[TCPLINT_SERVER]);
	put_quality(r, object, c);
	put_vantage(r, object, c);
	put_text(r, object, "conn_state", c->conn_state);
	put_text(r, object, "history", c->history);
	put_not_evaluated(r, object, c);
	put_findings(r, object, c);
	return record_end(r, object);
}
