/* What shows of hosts that are watched (src/watch.h), and of services, through the public API. */
#include <stdlib.h>
#include <string.h>

#include "simulated.h"

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

/* `n` bare ACKs, answered with a RST by all; from one port or a port each, to `ports` ports. */
static struct heard ack_scan(unsigned n, bool one_source, unsigned ports, bool with_data)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_INFO);

	for (unsigned i = 0; i < n; i++) {
		const struct end c = client_at((uint16_t)(one_source ? 4000 : 4000 + i));
		const struct end s = { 0xc0000201 + i / ports, (uint16_t)(1 + i % ports) };
		const int64_t ts = 1000 * SECOND + i * (SECOND / 50);

		if (with_data) /* somebody else's connection goes on there */
			say(t, ts, s, c, ACK | FIN, 500, mixed(i));
		else
			say(t, ts, c, s, ACK, mixed(i), mixed(i + 100));
		say(t, ts + 1000000, with_data ? c : s, with_data ? s : c, RST, with_data ? mixed(i) + 1 : mixed(i + 100), 0);
	}
	finish(t);
	return h;
}

/* A server closes what its client forgot long ago. */
static struct heard forgotten_clients(void)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_NOTICE);

	for (unsigned i = 0; i < 30; i++) {
		const struct end c = client_at((uint16_t)(49152 + i)), s = { 0xc0000201, 445 };

		say(t, (1000 + i) * SECOND, s, c, FIN | ACK, mixed(i), mixed(i + 100));
		say(t, (1000 + i) * SECOND + 1000000, c, s, RST, mixed(i + 100), 0);
	}
	finish(t);
	return h;
}

static void ack_scans(void)
{
	struct heard h = ack_scan(50, true, 50, false);

	assert(fired(&h, "scan_ack") == 1 && h.hosts == 1 && h.confidence > 0.8F && h.aggregated == 40);
	h = ack_scan(50, false, 50, false);
	assert(fired(&h, "scan_ack") == 1 && h.confidence > 0.8F);
	h = ack_scan(9, true, 9, false);
	assert(!fired(&h, "scan_ack"));
	h = ack_scan(50, false, 2, false); /* a laptop wakes up */
	assert(!fired(&h, "scan_ack"));
	h = forgotten_clients();
	assert(!fired(&h, "scan_ack"));
	h = ack_scan(50, true, 50, true); /* the RSTs have other numbers */
	assert(!fired(&h, "scan_ack"));
}

/* Each closed with a RST, or with FINs, after that time. */
static struct heard connect_scan(unsigned n, unsigned ports, int64_t open_for, bool fins)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_INFO);

	for (unsigned i = 0; i < n; i++) {
		const struct end c = client_at((uint16_t)(4000 + 17 * i)), s = { 0xc0000201, (uint16_t)(1 + i % ports) };
		const int64_t ts = (1000 + i) * SECOND;

		handshake(t, ts, c, s, mixed(i), mixed(i + 100));
		say(t, ts + open_for, c, s, (fins ? FIN : RST) | ACK, mixed(i) + 1, mixed(i + 100) + 1);
		if (!fins)
			continue;
		say(t, ts + open_for + 1000000, s, c, FIN | ACK, mixed(i + 100) + 1, mixed(i) + 2);
		say(t, ts + open_for + 2000000, c, s, ACK, mixed(i) + 2, mixed(i + 100) + 2);
	}
	finish(t);
	return h;
}

static void connect_scans(void)
{
	struct heard h = connect_scan(20, 20, SECOND / 100, false);

	assert(fired(&h, "scan_connect") == 1 && h.hosts == 1);
	assert(!strcmp(h.message, "10.0.0.1 opened connections to 10 different ports within 9 s and closed each within a "
				  "second, without any data"));
	h = connect_scan(20, 20, SECOND / 100, true);
	assert(fired(&h, "scan_connect") == 1);
	h = connect_scan(9, 9, SECOND / 100, false);
	assert(!fired(&h, "scan_connect"));
	h = connect_scan(40, 2, SECOND / 100, true); /* health checks */
	assert(!fired(&h, "scan_connect"));
	h = connect_scan(20, 20, 2 * SECOND, false);
	assert(!fired(&h, "scan_connect"));
}

/*
 * SYN-ACKs, or RSTs, to `n` addresses, which may refuse them; `go_on`: of connections of which one direction is
 * captured.
 */
static struct heard unasked(unsigned n, uint16_t flags, bool refused, bool go_on)
{
	const struct end victim = { 0xcb007101, 80 };
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_INFO);

	for (unsigned i = 0; i < n; i++) {
		const struct end dark = { 0x0b000000 + i * 7919, (uint16_t)(1024 + i) };
		const int64_t ts = 1000 * SECOND + i * SECOND;

		say(t, ts, victim, dark, flags, flags & SYN ? mixed(i) : 0, mixed(i + 1000));
		if (refused)
			say(t, ts + SECOND / 20, dark, victim, RST, mixed(i + 1000), 0);
		if (go_on)
			say(t, ts + SECOND / 10, victim, dark, FIN | ACK, mixed(i) + 1, mixed(i + 1000));
	}
	finish(t);
	return h;
}

static void unasked_answers(void)
{
	struct heard h = unasked(40, SYN | ACK, true, false);

	assert(fired(&h, "backscatter") == 1 && h.hosts == 1);
	assert(h.of_connections[tcplint_rule_by_name("synack_without_syn")] <= 14 && h.aggregated >= 26);
	h = unasked(40, RST | ACK, false, false);
	assert(fired(&h, "backscatter") == 1);
	h = unasked(9, SYN | ACK, false, false);
	assert(!fired(&h, "backscatter"));
	h = unasked(40, SYN | ACK, false, true);
	assert(!fired(&h, "backscatter"));
}

/* `n` connections that were open, and had data or none, are reset, `rate` a second, `after` seconds of silence. */
static struct heard resets(unsigned n, unsigned rate, unsigned after, bool refusals, unsigned data)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_NOTICE);
	const struct end s = { 0xcb007101, 80 };

	offer_options(data > 0);
	handshake(t, 1000 * SECOND, client_at(1000), server_at(1), mixed(1), mixed(2));
	for (unsigned i = 0; i < n; i++) {
		const struct end c = { 0x0b000000 + i * 7919, (uint16_t)(1024 + i) };
		const int64_t ts = (1000 + after) * SECOND + i * (SECOND / rate);

		if (refusals) {
			say(t, ts, c, s, SYN, mixed(i), 0);
			say(t, ts + 1000000, s, c, RST | ACK, 0, mixed(i) + 1);
			continue;
		}
		handshake(t, ts, c, s, mixed(i), mixed(i + 1000));
		if (data) {
			carry(data);
			say(t, ts + 3000000, c, s, ACK, mixed(i) + 1, mixed(i + 1000) + 1);
			carry(0);
			say(t, ts + 4000000, s, c, ACK, mixed(i + 1000) + 1, mixed(i) + 1 + data);
		}
		say(t, ts + 5000000, s, c, RST | ACK, mixed(i + 1000) + 1, mixed(i) + 1 + data);
	}
	offer_options(false);
	finish(t);
	return h;
}

/* A flood of half a minute; its SYNs have options, and so have the SYN-ACKs, or they come twice. */
static struct heard cookies(int options, bool again)
{
	const struct end target = { 0xcb007101, 80 };
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_INFO);

	offer_options(true);
	handshake(t, 999 * SECOND, client_at(999), target, mixed(1), mixed(2));
	for (unsigned i = 0; i < 3100; i++) {
		const int64_t ts = 1000 * SECOND + i * (SECOND / 100);
		const struct end source = { 0x0b000000 + i * 7919, 1024 }, before = { 0x0b000000 + (i - 100) * 7919, 1024 };

		offer_options(true);
		if (i < 3000)
			say(t, ts, source, target, SYN, mixed(i), 0);
		offer_options(options);
		if (i < 3000)
			say(t, ts + 100000, target, source, SYN | ACK, mixed(i + 5000), mixed(i) + 1);
		if (again && i >= 100)
			say(t, ts + 200000, target, before, SYN | ACK, mixed(i + 4900), mixed(i - 100) + 1);
	}
	offer_options(false);
	finish(t);
	return h;
}

static void syn_cookies(void)
{
	struct heard h = cookies(false, true);

	assert(fired(&h, "syn_flood") == 1 && fired(&h, "syn_cookies_active") == 1 && !fired(&h, "handshake_failure_rate"));
	h = cookies(true, false);
	assert(fired(&h, "syn_cookies_active") == 1);
	h = cookies(true, true);
	assert(fired(&h, "syn_flood") == 1 && !fired(&h, "syn_cookies_active"));
}

static struct heard attempts(unsigned n, unsigned refused)
{
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_INFO);
	const struct end s = { 0xcb007101, 80 };

	for (unsigned i = 0; i < n; i++) {
		const struct end c = { 0x0b000000 + i % 7, (uint16_t)(1024 + mixed(i) % 60000) };
		const int64_t ts = (1000 + i) * SECOND;

		if (i >= refused) {
			handshake(t, ts, c, s, mixed(i), mixed(i + 1000));
			continue;
		}
		say(t, ts, c, s, SYN, mixed(i), 0);
		say(t, ts + 1000000, s, c, RST | ACK, 0, mixed(i) + 1);
	}
	finish(t);
	return h;
}

static void failures(void)
{
	struct heard h = attempts(40, 20);

	assert(fired(&h, "handshake_failure_rate") == 1);
	assert(!strcmp(h.message, "Of 40 attempts to open a connection to 203.0.113.1, port 80, 20 were completed, and 20 ended "
				  "with a RST"));
	h = attempts(40, 2);
	assert(!fired(&h, "handshake_failure_rate"));
	h = attempts(19, 10);
	assert(!fired(&h, "handshake_failure_rate"));
}

static void reset_storms(void)
{
	struct heard h = resets(200, 20, 60, false, 0);

	assert(fired(&h, "rst_storm") == 1 && h.hosts == 1);
	h = resets(200, 20, 60, false, 50); /* of which each stays in the small form */
	assert(fired(&h, "rst_storm") == 1 && h.hosts == 1);
	h = resets(200, 20, 0, false, 0); /* what is usual is not known */
	assert(!fired(&h, "rst_storm"));
	h = resets(99, 20, 60, false, 0);
	assert(!fired(&h, "rst_storm"));
	h = resets(2000, 9, 60, false, 0);
	assert(!fired(&h, "rst_storm"));
	h = resets(200, 20, 60, true, 0);
	assert(!fired(&h, "rst_storm"));
}

int main(void)
{
	ack_scans();
	connect_scans();
	unasked_answers();
	reset_storms();
	syn_cookies();
	failures();
	return 0;
}
