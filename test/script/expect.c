/* Implementation of expect.h: one row, one key. */
#include "expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "drive.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct text {
	char *at;
	size_t left;
};

static void say(struct text *t, const char *word)
{
	snprintf(t->at, t->left, "%s", word);
}

static void say_number(struct text *t, uint64_t n)
{
	snprintf(t->at, t->left, "%" PRIu64, n);
}

static void say_name(struct text *t, const char *const *names, size_t n, unsigned i)
{
	say(t, i < n && names[i] ? names[i] : "-");
}

static void say_side(struct text *t, int side)
{
	static const char *const names[] = { "client", "server", "both" };

	say_name(t, names, COUNT(names), (unsigned)side);
}

static void say_judgement(struct text *t, enum tcplint_judgement j)
{
	static const char *const names[] = {
		[TCPLINT_NOT_SEEN] = "not_seen",     [TCPLINT_UNDECIDABLE] = "undecidable",
		[TCPLINT_VIOLATED] = "violated",     [TCPLINT_CONFORMANT] = "conformant",
		[TCPLINT_INCOMPLETE] = "incomplete",
	};

	say_name(t, names, COUNT(names), j);
}

static void say_end(struct text *t, enum tcplint_end e)
{
	static const char *const names[] = {
		[TCPLINT_END_FIN] = "fin",
		[TCPLINT_END_RST] = "rst",
		[TCPLINT_END_TIMEOUT] = "timeout",
		[TCPLINT_END_REUSE] = "reuse",
		[TCPLINT_END_EVICTED] = "evicted",
		[TCPLINT_END_EOF] = "eof",
		[TCPLINT_END_INTERRUPTED] = "interrupted",
	};

	say_name(t, names, COUNT(names), e);
}

static void say_origin(struct text *t, enum tcplint_origin o)
{
	static const char *const names[] = {
		[TCPLINT_ORIGIN_SYN] = "syn",
		[TCPLINT_ORIGIN_SYNACK] = "synack",
		[TCPLINT_ORIGIN_MIDSTREAM] = "midstream",
		[TCPLINT_ORIGIN_STRAY] = "stray",
	};

	say_name(t, names, COUNT(names), o);
}

static void say_handshake(struct text *t, enum tcplint_handshake_kind k)
{
	static const char *const names[] = {
		[TCPLINT_HANDSHAKE_NONE] = "none",
		[TCPLINT_HANDSHAKE_THREE_WAY] = "three_way",
		[TCPLINT_HANDSHAKE_SIMULTANEOUS] = "simultaneous",
		[TCPLINT_HANDSHAKE_FAST_OPEN] = "fast_open",
		[TCPLINT_HANDSHAKE_SPLIT] = "split",
	};

	say_name(t, names, COUNT(names), k);
}

static void say_teardown(struct text *t, enum tcplint_teardown_kind k)
{
	static const char *const names[] = {
		[TCPLINT_TEARDOWN_NONE] = "none",
		[TCPLINT_TEARDOWN_FOUR_WAY] = "four_way",
		[TCPLINT_TEARDOWN_THREE_SEGMENT] = "three_segment",
		[TCPLINT_TEARDOWN_SIMULTANEOUS] = "simultaneous",
		[TCPLINT_TEARDOWN_RST] = "rst",
		[TCPLINT_TEARDOWN_HALF_CLOSED] = "half_closed",
	};

	say_name(t, names, COUNT(names), k);
}

/* "ESTABLISHED?": the question mark says that it is not certain. */
static void say_state(struct text *t, const struct tcplint_endpoint *e)
{
	if (e->has_state)
		snprintf(t->at, t->left, "%s%s", tcplint_state_name(e->state),
			 e->state_certain ? "" : "?");
	else
		say(t, "-");
}

static void say_states(struct text *t, const struct tcplint_endpoint *e)
{
	size_t n = 0;

	say(t, "-");
	for (unsigned i = 0; i < e->state_count && n < t->left; i++)
		n += (size_t)snprintf(t->at + n, t->left - n, "%s%s", i ? " " : "",
				      tcplint_state_name(e->states[i].state));
}

/* "3 timer 3 exponential 1 2 4": milliseconds as decimals of seconds. */
static void say_retries(struct text *t, const struct tcplint_retries *r)
{
	static const char *const backoff[] = { "-", "exponential", "linear", "linear_then_exponential", "irregular" };
	size_t n;

	say(t, "-");
	if (!r->count)
		return;
	n = (size_t)snprintf(t->at, t->left, "%u timer %u %s", r->count, r->timer, backoff[r->backoff]);
	for (unsigned i = 0; i < r->interval_count && n < t->left; i++)
		n += (size_t)snprintf(t->at + n, t->left - n, " %g", (double)(r->interval[i] / 1000000) / 1000);
}

static void say_vantage(struct text *t, const struct tcplint_connection *c)
{
	static const char *const names[] = { "-", "near_client", "middle", "near_server" };

	say(t, names[c->vantage.estimate]);
}

static bool say_endpoint(struct text *t, const struct tcplint_endpoint *e, const char *key)
{
	const struct {
		const char *key;
		uint64_t value;
		bool has;
	} numbers[] = {
		{ "segments", e->segments, true },
		{ "payload_bytes", e->payload_bytes, true },
		{ "retransmitted_segments", e->retransmitted_segments, true },
		{ "syn", e->syn, true },
		{ "synack", e->synack, true },
		{ "fin", e->fin, true },
		{ "rst", e->rst, true },
		{ "mss", e->mss, e->has_syn && e->has_mss },
		{ "wscale", e->wscale, e->has_syn && e->has_wscale },
		{ "sack_permitted", e->sack_permitted, e->has_syn },
		{ "timestamps", e->timestamps, e->has_syn },
		{ "fast_open", e->fast_open, e->has_syn },
		{ "ecn", e->ecn, e->has_syn },
		{ "ttl", e->ttl, e->has_ttl },
		{ "has_isn", e->has_isn, true },
		{ "isn_inferred", e->isn_inferred, e->has_isn },
	};

	if (strcmp(key, "syn_retries") == 0)
		return say_retries(t, &e->syn_retries), true;
	if (strcmp(key, "synack_retries") == 0)
		return say_retries(t, &e->synack_retries), true;
	if (strcmp(key, "fin_retries") == 0)
		return say_retries(t, &e->fin_retries), true;
	if (strcmp(key, "state") == 0)
		return say_state(t, e), true;
	if (strcmp(key, "states") == 0)
		return say_states(t, e), true;
	for (unsigned i = 0; i < COUNT(numbers); i++) {
		if (strcmp(key, numbers[i].key) != 0)
			continue;
		if (numbers[i].has)
			say_number(t, numbers[i].value);
		else
			say(t, "-");
		return true;
	}
	return false;
}

static bool say_count(struct text *t, const struct tcplint_connection *c, const char *key)
{
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{ "self_connect", c->self_connect },
		{ "handshake.syn_count", c->handshake.syn_count },
		{ "handshake.synack_count", c->handshake.synack_count },
		{ "quality.capture_loss", c->quality.capture_loss },
		{ "quality.duplicates", c->quality.duplicates },
		{ "quality.reordered", c->quality.reordered },
		{ "quality.one_sided", c->quality.one_sided },
		{ "quality.truncated", c->quality.truncated },
		{ "findings", c->finding_count },
	};

	for (unsigned i = 0; i < COUNT(numbers); i++) {
		if (strcmp(key, numbers[i].key) == 0)
			return say_number(t, numbers[i].value), true;
	}
	return false;
}

/* Seconds, to the millisecond. */
static bool say_time_wait(struct text *t, const struct tcplint_connection *c, const char *key)
{
	const int64_t ns = strcmp(key, "time_wait.lower") == 0	       ? c->time_wait.lower
			   : strcmp(key, "time_wait.upper") == 0       ? c->time_wait.upper
			   : strcmp(key, "time_wait.reuse_after") == 0 ? c->time_wait.reuse_after
								       : -2;
	char seconds[32];

	if (ns < 0) {
		say(t, "-");
		return ns == -1;
	}
	snprintf(seconds, sizeof(seconds), "%g", (double)(ns / 1000000) / 1000);
	say(t, seconds);
	return true;
}

static bool say_record(struct text *t, const struct seen_connection *c, const char *key)
{
	if (strcmp(key, "origin") == 0)
		return say_origin(t, c->c.origin), true;
	if (strcmp(key, "end") == 0)
		return say_end(t, c->c.end), true;
	if (strcmp(key, "handshake.verdict") == 0)
		return say_judgement(t, c->c.handshake.verdict), true;
	if (strcmp(key, "handshake.kind") == 0)
		return say_handshake(t, c->c.handshake.kind), true;
	if (strcmp(key, "teardown.verdict") == 0)
		return say_judgement(t, c->c.teardown.verdict), true;
	if (strcmp(key, "teardown.kind") == 0)
		return say_teardown(t, c->c.teardown.kind), true;
	if (strcmp(key, "active_closer") == 0)
		return say_side(t, c->c.teardown.active_closer), true;
	if (strcmp(key, "vantage") == 0)
		return say_vantage(t, &c->c), true;
	if (strcmp(key, "time_wait.holder") == 0)
		return say_side(t, c->c.time_wait.holder), true;
	if (strncmp(key, "time_wait.", 10) == 0)
		return say_time_wait(t, &c->c, key);
	if (strcmp(key, "conn_state") == 0)
		return say(t, c->conn_state), true;
	if (strcmp(key, "history") == 0)
		return say(t, c->history), true;
	if (strcmp(key, "half_close_bytes") != 0)
		return false;
	if (c->c.teardown.has_half_close)
		say_number(t, c->c.teardown.half_close_bytes);
	else
		say(t, "-");
	return true;
}

bool expect_value(const struct seen_connection *c, const char *key, char *out, size_t size)
{
	struct text t = { .at = out, .left = size };

	if (strncmp(key, "client.", 7) == 0)
		return say_endpoint(&t, &c->c.endpoint[TCPLINT_CLIENT], key + 7);
	if (strncmp(key, "server.", 7) == 0)
		return say_endpoint(&t, &c->c.endpoint[TCPLINT_SERVER], key + 7);
	return say_record(&t, c, key) || say_count(&t, &c->c, key);
}
