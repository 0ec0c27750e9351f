/*
 * The tests of initial sequence numbers over simulated hosts: false alarms and detections (rules.md 2.3).
 *
 *	isn-hosts [HOSTS] [SEED]	1,000 hosts of each kind when it is not said
 *
 * Each host has 5 to 8 connections, some have 70, as a client or as a server, a second apart on average; those of
 * kinds that differ in single bits have 40, and there are a tenth as many.  Their peers choose at random.  Alarms are
 * findings of the phase isn with severity notice or above; the table has a column for those with warning or error.
 * The run fails when a good kind has more alarms than one host in a hundred thousand and 3, or of a bad kind more than
 * one host in 500 is missed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "simulated.h"

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

/* The lowest byte is always zero. */
static uint32_t chosen_multiples(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	(void)h, (void)ts, (void)a, (void)b;
	return (uint32_t)(draw() >> 32) & ~UINT32_C(255);
}

/* What rand() gives. */
static uint32_t chosen_31_bits(struct clock_host *h, int64_t ts, struct end a, struct end b)
{
	(void)h, (void)ts, (void)a, (void)b;
	return (uint32_t)(draw() >> 33);
}

static const struct kind {
	const char *name;
	uint32_t (*choose)(struct clock_host *h, int64_t ts, struct end a, struct end b);
	bool good;
	unsigned connections; /* 0: 5 to 8, and of each fiftieth host 70 */
} kinds[] = {
	{ "random", chosen_random, true, 0 },
	{ "RFC 6528 (250 kHz, keyed)", chosen_6528, true, 0 },
	{ "Linux (15.625 MHz, keyed)", chosen_linux, true, 0 },
	{ "random, 40 each", chosen_random, true, 40 },
	{ "Linux, 40 each", chosen_linux, true, 40 },
	{ "global clock, 250 kHz", chosen_250k, false, 0 },
	{ "global clock, 1 MHz", chosen_1m, false, 0 },
	{ "constant", chosen_constant, false, 0 },
	{ "64000 more each time", chosen_step, false, 0 },
	{ "16 bits", chosen_16_bits, false, 0 },
	{ "small random steps", chosen_small_steps, false, 0 },
	{ "4.2BSD", chosen_bsd, false, 0 },
	{ "multiples of 256", chosen_multiples, false, 0 },
	{ "31 bits, 40 each", chosen_31_bits, false, 40 },
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const char *const rules[] = { "isn_constant", "isn_fixed_increment", "isn_clock_predictable", "isn_common_divisor",
				     "isn_bit_bias", "isn_zero", "isn_repeated" };

#define RULES (sizeof(rules) / sizeof(*rules))

/* `n` connections of a host of that kind, as client or server. */
static void live(struct tcplint *t, const struct kind *k, uint32_t ip, unsigned n, int64_t *ts)
{
	struct clock_host h = { .secret = draw(), .booted = *ts - below(1000000) * SECOND };
	const bool server = below(2);

	for (h.n = 0; h.n < n; h.n++) {
		const struct end self = { ip, server ? 80 : (uint16_t)(32768 + below(28000)) };
		const struct end peer = { 0xc6120000 + below(200), server ? (uint16_t)(1024 + h.n * 97 + below(90)) :
									    (uint16_t)(80 + below(3)) };

		*ts += 1000 * (int64_t)(1 + below(k->connections ? 60000000 : 2000000));
		const uint32_t isn = k->choose(&h, *ts + (server ? 1000000 : 0), self, peer);

		if (server)
			handshake(t, *ts, peer, self, (uint32_t)(draw() >> 32), isn);
		else
			handshake(t, *ts, self, peer, isn, (uint32_t)(draw() >> 32));
		*ts += 3000000;
	}
}

static bool simulate(const struct kind *k, unsigned hosts)
{
	int64_t ts = 1700000000 * SECOND;
	struct heard h;
	struct tcplint *t = open_with(&h, NULL, TCPLINT_NOTICE);
	unsigned accused = 0, loud = 0;

	for (unsigned i = 0; i < hosts; i++)
		live(t, k, 0x0a000000 + i, k->connections ? k->connections : i % 50 ? 5 + i % 4 : 70, &ts);
	finish(t);
	for (unsigned r = 0; r < RULES; r++) {
		const unsigned n = fired(&h, rules[r]);

		accused += n;
		loud += n && h.severity[tcplint_rule_by_name(rules[r])] >= TCPLINT_WARNING ? n : 0;
	}
	printf("%-27s %8u %8u %8u ", k->name, hosts, accused, loud);
	for (unsigned r = 0; r < RULES; r++)
		if (fired(&h, rules[r]))
			printf(" %s %u", rules[r], fired(&h, rules[r]));
	const bool right = k->good ? accused <= 3 + hosts / 100000 : accused >= hosts - hosts / 500;

	printf("%s\n", right ? "" : "  WRONG");
	fflush(stdout);
	return right;
}

int main(int argc, char **argv)
{
	const unsigned hosts = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
	bool right = true;

	seed(argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
	printf("%-27s %8s %8s %8s  by rule\n", "kind of host", "hosts", "alarms", "warning+");
	for (unsigned k = 0; k < KINDS; k++)
		right = simulate(&kinds[k], kinds[k].connections ? hosts / 10 : hosts) && right;
	return !right;
}
