/*
 * What shows only over many connections: simulated hosts of known kinds through the public API, floods, scans.
 *
 *	unit-hosts		2,000 hosts of each kind
 *	unit-hosts 100000	as many as one likes, with a line for each kind
 *
 * Hosts that choose their numbers well must never be accused; the others must be found.
 */
#undef NDEBUG
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tcplint/tcplint.h>

#include "frames.h"

#define DLT_RAW_IP 12
#define SECOND     INT64_C(1000000000)

enum { SYN = 2, RST = 4, ACK = 16, FIN = 1 };

static uint64_t state = 88172645463325252;

static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(2685821657736338717);
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)((draw() >> 32) % n);
}

/* ---- what the library said ---- */

struct heard {
	unsigned fired[256]; /* findings about hosts, by rule */
	unsigned verdict[256];
	unsigned about_connections, hosts;
	uint64_t aggregated;
	float confidence;
	uint64_t digest;
	char message[512];
	char related[256];
};

static void on_finding(void *user, const struct tcplint_finding *f)
{
	struct heard *h = user;

	assert(!f->conn == !!f->host);
	for (const char *m = f->message; *m; m++)
		h->digest = (h->digest ^ (uint8_t)*m) * UINT64_C(0x100000001b3);
	if (f->conn) {
		h->about_connections++;
		return;
	}
	assert(f->message[0] && !strchr(f->message, '{') && f->ts && f->frame_count);
	for (unsigned i = 1; i < f->frame_count; i++)
		assert(f->frame[i] > f->frame[i - 1]);
	h->fired[f->rule]++;
	h->verdict[f->rule] = f->verdict;
	h->confidence = f->confidence;
	snprintf(h->message, sizeof(h->message), "%s", f->message);
}

static void on_host(void *user, const struct tcplint_host *t)
{
	struct heard *h = user;

	assert(t->finding_count);
	h->hosts++;
	h->aggregated += t->aggregated;
	for (unsigned i = 0; i < t->finding_count && t->findings[i]->related_count; i++)
		snprintf(h->related, sizeof(h->related), "%s", tcplint_rule(t->findings[i]->related[0])->name);
}

static unsigned fired(const struct heard *h, const char *rule)
{
	const int r = tcplint_rule_by_name(rule);

	assert(r >= 0);
	return h->fired[r];
}

static struct tcplint *open_with(struct heard *h, const uint8_t *key, enum tcplint_severity least)
{
	const struct tcplint_sink sink = { .user = h, .finding = on_finding, .host = on_host };
	struct tcplint_options o;
	struct tcplint *t;

	memset(h, 0, sizeof(*h));
	tcplint_options_init(&o);
	o.max_connections = 20000;
	o.min_severity = least;
	if (key)
		memcpy(o.hash_key, key, sizeof(o.hash_key));
	t = tcplint_new(&o, &sink, NULL, 0);
	assert(t);
	return t;
}

/* ---- segments ---- */

struct end {
	uint32_t ip;
	uint16_t port;
};

static struct built frame;
static uint16_t ip_id;

static void address(uint8_t out[16], uint32_t ip)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(ip >> (24 - 8 * i));
}

static void say(struct tcplint *t, int64_t ts, struct end from, struct end to, uint16_t flags, uint32_t seq,
		uint32_t ack)
{
	struct ip_fields ip = { .protocol = 6, .id = ++ip_id };

	address(ip.src, from.ip);
	address(ip.dst, to.ip);
	built_start(&frame, NULL, 0);
	built_tcp(&frame, &(struct tcp_fields){ .sport = from.port, .dport = to.port, .flags = flags, .seq = seq,
						.ack = ack, .window = 65535 });
	built_ipv4(&frame, &ip);
	const struct frame *f = built_frame(&frame, DLT_RAW_IP);

	tcplint_feed(t, ts, DLT_RAW_IP, f->data, f->captured, f->wire);
}

static void handshake(struct tcplint *t, int64_t ts, struct end c, struct end s, uint32_t isn, uint32_t peer_isn)
{
	say(t, ts, c, s, SYN, isn, 0);
	say(t, ts + 1000000, s, c, SYN | ACK, peer_isn, isn + 1);
	say(t, ts + 2000000, c, s, ACK, isn + 1, peer_isn + 1);
}

/* ---- kinds of hosts ---- */

struct clock_host {
	uint64_t secret;
	uint32_t last;
	int64_t booted;
	unsigned n;
};

/* A function of addresses, ports and secret. */
static uint32_t keyed(const struct clock_host *h, struct end a, struct end b)
{
	uint64_t x = h->secret ^ ((uint64_t)a.ip << 32 | b.ip);

	x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	x ^= (uint64_t)a.port << 16 | b.port;
	x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)((x ^ x >> 32) * UINT64_C(0x94d049bb133111eb) >> 32);
}

static uint32_t clock_of(const struct clock_host *h, int64_t ts, uint32_t rate)
{
	const int64_t up = ts - h->booted;

	return (uint32_t)((uint64_t)(up / SECOND) * rate + (uint64_t)(up % SECOND) * rate / (uint64_t)SECOND);
}

static uint32_t chosen_random(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	(void)h, (void)ts, (void)a, (void)b;
	return (uint32_t)(draw() >> 32);
}

static uint32_t chosen_6528(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	return clock_of(h, ts, 250000) + keyed(h, a, b);
}

static uint32_t chosen_linux(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	return clock_of(h, ts, 15625000) + keyed(h, a, b);
}

static uint32_t chosen_250k(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	(void)a, (void)b;
	return clock_of(h, ts, 250000) + (uint32_t)h->secret;
}

static uint32_t chosen_1m(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	(void)a, (void)b;
	return clock_of(h, ts, 1000000) + (uint32_t)h->secret;
}

static uint32_t chosen_constant(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	(void)ts, (void)a, (void)b;
	return (uint32_t)h->secret;
}

static uint32_t chosen_step(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	(void)ts, (void)a, (void)b;
	return (uint32_t)h->secret + 64000 * h->n;
}

static uint32_t chosen_16_bits(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	(void)h, (void)ts, (void)a, (void)b;
	return below(65536);
}

static uint32_t chosen_small_steps(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	(void)ts, (void)a, (void)b;
	return h->last = (h->n ? h->last : (uint32_t)h->secret) + 1 + below(1 << 20);
}

/* 4.2BSD: a counter that gains 128000 each second and 64000 with each connection. */
static uint32_t chosen_bsd(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	(void)a, (void)b;
	return (uint32_t)h->secret + (uint32_t)((ts - h->booted) / SECOND) * 128000 + 64000 * h->n;
}

static const struct kind {
	const char *name;
	uint32_t (*choose)(struct clock_host *h, int64_t ts, struct end a, struct end b);
	bool good;
} kinds[] = {
	{ "random", chosen_random, true },
	{ "RFC 6528, 250 kHz", chosen_6528, true },
	{ "Linux, 15.625 MHz and keyed", chosen_linux, true },
	{ "global clock, 250 kHz", chosen_250k, false },
	{ "global clock, 1 MHz", chosen_1m, false },
	{ "constant", chosen_constant, false },
	{ "64000 each", chosen_step, false },
	{ "16 bits", chosen_16_bits, false },
	{ "small random steps", chosen_small_steps, false },
	{ "4.2BSD", chosen_bsd, false },
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* `n` connections of a host of that kind, as client or server; the other ends choose at random. */
static void live(struct tcplint *t, const struct kind *k, uint32_t ip, unsigned n, int64_t *ts)
{
	struct clock_host h = { .secret = draw(), .booted = *ts - below(1000000) * SECOND };
	const bool server = below(2);

	for (h.n = 0; h.n < n; h.n++) {
		const struct end self = { ip, server ? 80 : (uint16_t)(32768 + below(28000)) };
		const struct end peer = { 0xc6120000 + below(200), server ? (uint16_t)(1024 + h.n * 97 + below(90)) :
									    (uint16_t)(80 + below(3)) };

		*ts += 1000 * (int64_t)(1 + below(2000000));
		const uint32_t isn = k->choose(&h, *ts + (server ? 1000000 : 0), self, peer);

		if (server)
			handshake(t, *ts, peer, self, (uint32_t)(draw() >> 32), isn);
		else
			handshake(t, *ts, self, peer, isn, (uint32_t)(draw() >> 32));
		*ts += 3000000;
	}
}

/* How many hosts of a kind were accused, by rule. */
static unsigned simulate(const struct kind *k, unsigned hosts, bool loud)
{
	static const char *const rules[] = { "isn_repeated", "isn_constant", "isn_fixed_increment",
					     "isn_clock_predictable" };
	int64_t ts = 1700000000 * SECOND;
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_NOTICE);
	unsigned accused = 0;

	for (unsigned i = 0; i < hosts; i++)
		live(t, k, 0x0a000000 + i, i % 50 ? 5 + i % 4 : 70, &ts);
	tcplint_finish(t, false);
	tcplint_free(t);
	if (loud)
		printf("%-30s", k->name);
	for (unsigned r = 0; r < 4; r++) {
		accused += fired(&h, rules[r]);
		if (loud)
			printf(" %s %u", rules[r], fired(&h, rules[r]));
	}
	if (loud)
		printf("; accused %u of %u\n", accused, hosts);
	return accused;
}

/* The peers choose at random too, and are 200 servers or clients with thousands of connections. */
static void numbers(unsigned hosts, bool loud)
{
	for (unsigned k = 0; k < KINDS; k++) {
		const unsigned accused = simulate(&kinds[k], hosts, loud);

		fflush(stdout);
		if (kinds[k].good)
			assert(accused <= hosts / 100000); /* one in a million, and a margin */
		else
			assert(accused >= hosts - hosts / 500);
	}
}

/* ---- few connections ---- */

static struct end client_at(uint16_t port)
{
	return (struct end){ 0x0a000001, port };
}

static struct end server_at(unsigned i)
{
	return (struct end){ 0xc0000201 + i / 100, (uint16_t)(1 + i % 100) };
}

/* Connections with these numbers, a second apart. */
static struct heard some(const uint32_t *isn, unsigned n, bool complete)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_NOTICE);

	for (unsigned i = 0; i < n; i++) {
		const int64_t ts = (1000 + 2 * i) * SECOND;

		if (complete)
			handshake(t, ts, client_at((uint16_t)(2000 + i)), server_at(i), isn[i], below(UINT32_MAX));
		else
			say(t, ts, client_at((uint16_t)(2000 + i)), server_at(i), SYN, isn[i], 0);
	}
	tcplint_finish(t, false);
	tcplint_free(t);
	return h;
}

static void few_numbers(void)
{
	const uint32_t same[] = { 1000, 1000, 1000, 1000, 1000, 1000 };
	const uint32_t repeated[] = { 7, 4000000000, 7, 900000000, 1800000000, 2500000000, 77, 3500000000 };
	const uint32_t steps[] = { 64000, 128000, 192000, 256000 };
	struct heard h;

	h = some(same, 3, true);
	assert(fired(&h, "isn_constant") == 1 && !fired(&h, "isn_repeated") && h.hosts == 1);
	assert(!strcmp(h.message, "All 3 connections of 10.0.0.1 that were looked at began with sequence number 1000"));
	h = some(same, 2, true);
	assert(!fired(&h, "isn_constant") && fired(&h, "isn_repeated") == 1);
	h = some(same, 6, false); /* no handshake completed: not a TCP */
	assert(fired(&h, "isn_constant") == 1 && h.verdict[tcplint_rule_by_name("isn_constant")] == TCPLINT_ATTACK_SUSPECT);
	h = some(repeated, 8, true);
	assert(fired(&h, "isn_repeated") == 1 && h.hosts == 1);
	h = some(repeated + 1, 7, true);
	assert(!h.hosts);
	h = some(steps, 4, true);
	assert(fired(&h, "isn_fixed_increment") == 1 && h.hosts == 1 && !strcmp(h.related, "isn_clock_predictable"));
	h = some(steps, 3, true);
	assert(!h.hosts);
	h = some(steps, 4, false);
	assert(!h.hosts);
}

/* E-NAT2: the same SYN on both sides of a translator; the same connection again. */
static void copies(void)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_NOTICE);

	for (unsigned i = 0; i < 20; i++) {
		const int64_t ts = (1000 + i) * SECOND;
		const uint32_t isn = (uint32_t)(draw() >> 32);

		say(t, ts, client_at((uint16_t)(2000 + i)), server_at(0), SYN, isn, 0);
		ip_id--;
		say(t, ts + 50000, client_at((uint16_t)(2000 + i)), server_at(1), SYN, isn, 0);
		say(t, ts + 100000, server_at(1), client_at((uint16_t)(2000 + i)), SYN | ACK, 5 * isn, isn + 1);
		ip_id--;
		say(t, ts + 150000, server_at(0), client_at((uint16_t)(2000 + i)), SYN | ACK, 5 * isn, isn + 1);
		say(t, ts + 200000, client_at((uint16_t)(2000 + i)), server_at(0), ACK, isn + 1, 5 * isn + 1);
		say(t, ts + 250000, client_at((uint16_t)(2000 + i)), server_at(1), ACK, isn + 1, 5 * isn + 1);
	}
	tcplint_finish(t, false);
	tcplint_free(t);
	assert(!h.hosts);
}

/* ---- floods and scans ---- */

/* The same for every run. */
static uint32_t mixed(uint32_t i)
{
	const struct clock_host h = { .secret = 42 };

	return keyed(&h, (struct end){ i, 0 }, (struct end){ 0, 0 });
}

/* `n` SYNs from as many addresses at `rate` a second, of which `completed` in a hundred complete. */
static struct heard flood(unsigned n, unsigned rate, unsigned completed, bool answered, const uint8_t *key)
{
	const struct end target = { 0xcb007101, 80 };
	struct heard h;
	struct tcplint *t = open_with(&h, key, TCPLINT_NOTICE);

	/* something else goes on too */
	handshake(t, 999 * SECOND, client_at(999), server_at(0), below(UINT32_MAX), below(UINT32_MAX));
	for (unsigned i = 0; i < n; i++) {
		const int64_t ts = 1000 * SECOND + i * (SECOND / rate);
		const struct end source = { 0x0b000000 + i * 7919, (uint16_t)(1024 + i % 60000) };

		if (i % 100 < completed) {
			handshake(t, ts, source, target, mixed(i), mixed(i + n));
			continue;
		}
		say(t, ts, source, target, SYN, mixed(i), 0);
		if (answered)
			say(t, ts + 100000, target, source, SYN | ACK, mixed(i + n), mixed(i) + 1);
	}
	tcplint_tick(t, (1100 + n / rate) * SECOND);
	tcplint_finish(t, false);
	tcplint_free(t);
	return h;
}

static void floods(void)
{
	const uint8_t key[16] = { 1 }, other[16] = { 2 };
	struct heard h = flood(5000, 500, 0, true, key), again = flood(5000, 500, 0, true, other);

	assert(fired(&h, "syn_flood") == 1 && h.hosts == 1);
	assert(h.digest == again.digest && !strcmp(h.message, again.message));
	/* the half-open connections are counted, not reported one by one */
	assert(h.about_connections == 0 && h.aggregated == 5000);
	h = flood(300, 100, 0, false, NULL);
	assert(fired(&h, "syn_flood") == 1);
	h = flood(5000, 500, 96, true, NULL);
	assert(!h.hosts);
	h = flood(150, 100, 0, true, NULL);
	assert(!fired(&h, "syn_flood"));
}

static void scans(void)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_INFO);

	for (unsigned i = 0; i < 1000; i++) {
		const int64_t ts = 1000 * SECOND + i * (SECOND / 50);

		say(t, ts, client_at(4000), server_at(i), SYN, 77, 0);
		say(t, ts + 1000000, server_at(i), client_at(4000), i % 33 ? RST | ACK : SYN | ACK,
		    i % 33 ? 0 : below(UINT32_MAX), 78);
		if (i % 33 == 0)
			say(t, ts + 2000000, client_at(4000), server_at(i), RST, 78, 0);
	}
	tcplint_finish(t, false);
	tcplint_free(t);
	assert(fired(&h, "scan_syn") == 1 && h.hosts == 1 && h.about_connections < 100 && h.aggregated > 900);

	t = open_with(&h, NULL, TCPLINT_INFO); /* a fast one that nobody answers */
	handshake(t, 999 * SECOND, client_at(4001), server_at(999), below(UINT32_MAX), below(UINT32_MAX));
	for (unsigned i = 0; i < 10000; i++)
		say(t, 1000 * SECOND + i * (SECOND / 1000), client_at(4000), server_at(i), SYN, below(UINT32_MAX), 0);
	tcplint_finish(t, false);
	tcplint_free(t);
	assert(fired(&h, "scan_syn") == 1 && h.aggregated >= 6900 && h.about_connections < 10);

	t = open_with(&h, NULL, TCPLINT_NOTICE); /* a busy browser */
	for (unsigned i = 0; i < 1000; i++)
		handshake(t, 1000 * SECOND + i * (SECOND / 50), client_at((uint16_t)(4000 + i)), server_at(i), below(UINT32_MAX),
			  below(UINT32_MAX));
	tcplint_finish(t, false);
	tcplint_free(t);
	assert(!h.hosts && !h.about_connections);
}

static void probes(uint16_t flags, const char *rule, const char *of_connections)
{
	for (unsigned n = 4; n <= 400; n += 396) {
		struct heard h;
		struct tcplint *t = open_with(&h, NULL, TCPLINT_NOTICE);

		for (unsigned i = 0; i < n; i++)
			say(t, 1000 * SECOND + i * (SECOND / 50), client_at(4000), server_at(i), flags, 77, 0);
		tcplint_finish(t, false);
		assert(fired(&h, rule) == (n > 4));
		assert(h.about_connections == 4); /* its samples */
		assert(tcplint_rule_hits(t, (unsigned)tcplint_rule_by_name(of_connections)) == n);
		assert(n == 4 || h.aggregated == n - 4);
		tcplint_free(t);
	}
}

/* The table is bounded: more hosts than it holds, and one that was seen often stays in it. */
static void many_hosts(void)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_NOTICE);

	for (unsigned i = 0; i < 20000; i++) {
		say(t, (1000 + i) * SECOND, (struct end){ 0x0c000000 + i, 1024 }, server_at(i), SYN, below(UINT32_MAX), 0);
		if (i % 500 == 0)
			handshake(t, (1000 + i) * SECOND + 5, client_at((uint16_t)(1024 + i)), server_at(i), 1000, below(UINT32_MAX));
	}
	tcplint_finish(t, false);
	assert(tcplint_counters(t)->hosts_evicted > 10000);
	assert(fired(&h, "isn_constant") == 1);
	tcplint_free(t);
}

int main(int argc, char **argv)
{
	const unsigned hosts = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000;

	few_numbers();
	copies();
	floods();
	scans();
	probes(0, "scan_null", "flags_null");
	probes(FIN, "scan_fin", "flags_fin_no_ack");
	probes(FIN | 8 | 32, "scan_xmas", "flags_xmas");
	many_hosts();
	numbers(hosts, argc > 1);
	return 0;
}
