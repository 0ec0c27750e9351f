/* The record `connection`. */
#include <string.h>

#include "names.h"
#include "report_line.h"

static void put_handshake(struct report *r, const struct tcplint_connection *c)
{
	open_object(r, "handshake");
	put_word(r, "verdict", name_of_judgement(c->handshake.verdict));
	put_word(r, "kind", name_of_handshake(c->handshake.kind));
	put_number(r, "syn_count", c->handshake.syn_count);
	put_number(r, "synack_count", c->handshake.synack_count);
	if (c->handshake.syn_synack >= 0 || c->handshake.synack_ack >= 0 || c->handshake.total >= 0) {
		open_object(r, "rtt");
		put_seconds(r, "syn_synack", c->handshake.syn_synack);
		put_seconds(r, "synack_ack", c->handshake.synack_ack);
		put_seconds(r, "total", c->handshake.total);
		close_object(r);
	}
	close_object(r);
}

static void put_teardown(struct report *r, const struct tcplint_connection *c)
{
	open_object(r, "teardown");
	put_word(r, "verdict", name_of_judgement(c->teardown.verdict));
	put_word(r, "kind", name_of_teardown(c->teardown.kind));
	put_word(r, "active_closer", name_of_side(c->teardown.active_closer));
	if (c->teardown.has_half_close)
		put_number(r, "half_close_bytes", c->teardown.half_close_bytes);
	put_seconds(r, "duration", c->teardown.duration);
	close_object(r);
}

static void put_time_wait(struct report *r, const struct tcplint_connection *c)
{
	if (!name_of_side(c->time_wait.holder))
		return;
	open_object(r, "time_wait");
	put_word(r, "holder", name_of_side(c->time_wait.holder));
	put_time(r, "start", c->time_wait.start);
	put_seconds(r, "lower", c->time_wait.lower);
	put_seconds(r, "upper", c->time_wait.upper);
	put_seconds(r, "reuse_after", c->time_wait.reuse_after);
	close_object(r);
}

static void put_opening(struct report *r, const struct tcplint_endpoint *e)
{
	if (e->has_isn) {
		put_number(r, "isn", e->isn);
		put_bool(r, "isn_inferred", e->isn_inferred);
	}
	if (e->has_syn) {
		if (e->has_mss)
			put_number(r, "mss", e->mss);
		if (e->has_wscale)
			put_number(r, "wscale", e->wscale);
		put_bool(r, "sack_permitted", e->sack_permitted);
		put_bool(r, "timestamps", e->timestamps);
		put_bool(r, "fast_open", e->fast_open);
		put_bool(r, "ecn", e->ecn);
	}
	if (e->has_ttl)
		put_number(r, "ttl", e->ttl);
}

static void put_path(struct report *r, const struct tcplint_endpoint *e)
{
	if (!e->has_state)
		return;
	put_word(r, "state", tcplint_state_name(e->state));
	put_bool(r, "state_certain", e->state_certain);
	open_array(r, "states");
	for (unsigned i = 0; i < e->state_count; i++) {
		open_object(r, NULL);
		put_word(r, "state", tcplint_state_name(e->states[i].state));
		put_span(r, "t", 0, e->states[i].t);
		if (i + 1 < e->state_count)
			put_seconds(r, "for", e->states[i + 1].t - e->states[i].t);
		close_object(r);
	}
	close_array(r);
}

static void put_copies(struct report *r, const char *key, const struct tcplint_retries *from)
{
	if (!from->count)
		return;
	open_object(r, key);
	put_number(r, "count", from->count);
	put_number(r, "timer", from->timer);
	open_array(r, "intervals");
	for (unsigned i = 0; i < from->interval_count; i++)
		put_span(r, NULL, 0, from->interval[i]);
	close_array(r);
	put_seconds(r, "total", from->total);
	if (from->backoff != TCPLINT_BACKOFF_UNKNOWN)
		put_word(r, "backoff", name_of_backoff(from->backoff));
	close_object(r);
}

static void put_retries(struct report *r, const struct tcplint_endpoint *e)
{
	if (!e->syn_retries.count && !e->synack_retries.count && !e->fin_retries.count)
		return;
	open_object(r, "retries");
	put_copies(r, "syn", &e->syn_retries);
	put_copies(r, "synack", &e->synack_retries);
	put_copies(r, "fin", &e->fin_retries);
	close_object(r);
}

static void put_endpoint(struct report *r, const char *key, const struct tcplint_endpoint *e)
{
	open_object(r, key);
	put_opening(r, e);
	put_number(r, "segments", e->segments);
	put_number(r, "payload_bytes", e->payload_bytes);
	put_number(r, "retransmitted_segments", e->retransmitted_segments);
	put_number(r, "syn", e->syn);
	put_number(r, "synack", e->synack);
	put_number(r, "fin", e->fin);
	put_number(r, "rst", e->rst);
	put_retries(r, e);
	put_path(r, e);
	close_object(r);
}

static void put_vantage(struct report *r, const struct tcplint_connection *c)
{
	static const char *const hops[] = { "client_hops", "server_hops" };
	static const char *const rtt[] = { "client_rtt", "server_rtt" };

	if (c->vantage.estimate == TCPLINT_VANTAGE_UNKNOWN)
		return;
	open_object(r, "vantage");
	put_word(r, "estimate", name_of_vantage(c->vantage.estimate));
	for (unsigned i = 0; i < 2; i++) {
		if (c->vantage.has_hops[i])
			put_number(r, hops[i], c->vantage.hops[i]);
		put_seconds(r, rtt[i], c->vantage.rtt[i]);
	}
	close_object(r);
}

static void put_quality(struct report *r, const struct tcplint_connection *c)
{
	open_object(r, "quality");
	put_number(r, "capture_loss", c->quality.capture_loss);
	put_number(r, "duplicates", c->quality.duplicates);
	put_number(r, "reordered", c->quality.reordered);
	put_bool(r, "one_sided", c->quality.one_sided);
	put_bool(r, "truncated", c->quality.truncated);
	close_object(r);
}

/* By reason, each in the order in which the connection has it. */
static void put_not_evaluated(struct report *r, const struct tcplint_connection *c)
{
	bool done[TCPLINT_MAX_NOT_EVALUATED] = { false };

	if (!c->not_evaluated_count)
		return;
	open_object(r, "not_evaluated");
	for (unsigned i = 0; i < c->not_evaluated_count; i++) {
		const char *reason = c->not_evaluated[i].reason;

		if (done[i])
			continue;
		open_array(r, reason);
		for (unsigned j = i; j < c->not_evaluated_count; j++) {
			if (done[j] || strcmp(c->not_evaluated[j].reason, reason) != 0)
				continue;
			put_rule(r, NULL, c->not_evaluated[j].rule);
			done[j] = true;
		}
		close_array(r);
	}
	close_object(r);
}

bool json_connection(struct report *r, const struct tcplint_connection *c)
{
	if (r->failed || !report_wants(r, REPORT_CONNECTION))
		return !r->failed;
	record_begin(r, "connection");
	put_when(r, (int64_t)((uint64_t)c->start + (uint64_t)c->duration));
	put_conn(r, c->conn);
	put_time(r, "start", c->start);
	/* Below zero where the clock of the capture went back: that was measured too. */
	put_span(r, "duration", 0, c->duration);
	put_word(r, "origin", name_of_origin(c->origin));
	put_word(r, "end", name_of_end(c->end));
	if (c->self_connect)
		put_bool(r, "self_connect", true);
	put_handshake(r, c);
	put_teardown(r, c);
	put_time_wait(r, c);
	put_endpoint(r, "client", &c->endpoint[TCPLINT_CLIENT]);
	put_endpoint(r, "server", &c->endpoint[TCPLINT_SERVER]);
	put_quality(r, c);
	put_vantage(r, c);
	put_word(r, "conn_state", c->conn_state);
	put_word(r, "history", c->history);
	put_not_evaluated(r, c);
	put_findings(r, c->findings, c->finding_count);
	return record_end(r);
}
