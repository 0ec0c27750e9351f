/* What shows only over many connections, through the public API: numbers, ports, floods, scans. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tcplint/tcplint.h>

#include "simulated.h"

/* ---- few connections ---- */

static struct end client_at(uint16_t port)
{
	return (struct end){ 0x0a000001, port };
}

static struct end server_at(unsigned i)
{
	return (struct end){ 0xc0000201 + i / 100, (uint16_t)(1 + i % 100) };
}

/* The same for every run. */
static uint32_t mixed(uint32_t i)
{
	uint64_t x = (i + UINT64_C(42)) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)((x ^ x >> 32) * UINT64_C(0x94d049bb133111eb) >> 32);
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

/* Numbers that have something in common. */
static void odd_numbers(void)
{
	uint32_t isn[30], random[30];
	struct heard h;

	for (unsigned i = 0; i < 30; i++)
		random[i] = isn[i] = mixed(i);
	h = some(isn, 30, true);
	assert(!h.hosts);
	for (unsigned i = 0; i < 30; i++)
		isn[i] = random[i] & ~UINT32_C(255);
	h = some(isn, 7, true);
	assert(fired(&h, "isn_common_divisor") == 1 && h.hosts == 1 && h.severity[tcplint_rule_by_name("isn_common_divisor")] == TCPLINT_WARNING);
	h = some(isn, 4, true);
	assert(!h.hosts);
	for (unsigned i = 0; i < 30; i++)
		isn[i] = random[i] >> 1;
	h = some(isn, 30, true);
	assert(fired(&h, "isn_bit_bias") == 1 && h.hosts == 1);
	assert(!strcmp(h.message, "In the initial sequence numbers of 30 connections of 10.0.0.1, bit 31 is set 0 times"));
	h = some(isn, 25, true);
	assert(!h.hosts);
	random[2] = 0;
	h = some(random, 6, true);
	assert(!h.hosts); /* a single zero is information */
	random[4] = 0;
	h = some(random, 6, true);
	assert(fired(&h, "isn_zero") == 1 && h.hosts == 1 && !fired(&h, "isn_repeated") && !strcmp(h.related, "isn_repeated"));
}

/* SYNs that nobody answers. */
static void zeros_of_a_scanner(void)
{
	const uint32_t zeros[] = { 0, 0, 12345 };
	struct heard h = some(zeros, 3, false);

	assert(fired(&h, "isn_zero") == 1 && h.verdict[tcplint_rule_by_name("isn_zero")] == TCPLINT_DEVIATION);
}

/* A capture whose numbers are all zero says nothing about hosts. */
static void relative_numbers(void)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_INFO);

	for (unsigned i = 0; i < 6; i++)
		handshake(t, (1000 + 2 * i) * SECOND, client_at((uint16_t)(2000 + i)), server_at(i), 0, 0);
	finish(t);
	assert(fired(&h, "isn_constant") && h.verdict[tcplint_rule_by_name("isn_constant")] == TCPLINT_ARTEFACT);
	assert(h.severity[tcplint_rule_by_name("isn_constant")] == TCPLINT_INFO);
}

/* `n` connections from ports that are `step` apart, to one server or to many. */
static bool sequential(unsigned n, unsigned step, bool one, bool complete)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_INFO);

	for (unsigned i = 0; i < n; i++) {
		const struct end c = client_at((uint16_t)(40000 + i * step));
		const int64_t ts = (1000 + 2 * i) * SECOND;

		if (complete)
			handshake(t, ts, c, server_at(one ? 0 : i), mixed(i), mixed(i + 1000));
		else
			say(t, ts, c, server_at(i), SYN, mixed(i), 0);
	}
	finish(t);
	return fired(&h, "port_sequential");
}

static void ports(void)
{
	assert(sequential(9, 1, false, true));
	assert(sequential(40, 8, false, true));
	assert(!sequential(8, 1, false, true));
	assert(!sequential(40, 9, false, true));
	assert(!sequential(40, 2, true, true)); /* RFC 6056, algorithm 3 */
	assert(!sequential(9, 1, false, false)); /* perhaps a scanner */
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
		same_id();
		say(t, ts + 50000, client_at((uint16_t)(2000 + i)), server_at(1), SYN, isn, 0);
		say(t, ts + 100000, server_at(1), client_at((uint16_t)(2000 + i)), SYN | ACK, 5 * isn, isn + 1);
		same_id();
		say(t, ts + 150000, server_at(0), client_at((uint16_t)(2000 + i)), SYN | ACK, 5 * isn, isn + 1);
		say(t, ts + 200000, client_at((uint16_t)(2000 + i)), server_at(0), ACK, isn + 1, 5 * isn + 1);
		say(t, ts + 250000, client_at((uint16_t)(2000 + i)), server_at(1), ACK, isn + 1, 5 * isn + 1);
	}
	tcplint_finish(t, false);
	tcplint_free(t);
	assert(!h.hosts);
}

/* ---- floods and scans ---- */

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

int main(void)
{
	few_numbers();
	odd_numbers();
	zeros_of_a_scanner();
	relative_numbers();
	ports();
	copies();
	floods();
	scans();
	probes(0, "scan_null", "flags_null");
	probes(FIN, "scan_fin", "flags_fin_no_ack");
	probes(FIN | 8 | 32, "scan_xmas", "flags_xmas");
	many_hosts();
	return 0;
}
