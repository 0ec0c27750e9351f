/*
 * The engine on random conversations that no stack would have: a few hosts, few ports, numbers that
 * are near each other, any flags, times that stand still, jump and go back.
 *
 * Nothing may crash, no rule may fire outside the events of its row (asserted in the engine
 * where assertions are on), every segment is counted, every connection is released once, and a
 * run in which no segment takes the short way (in_order.c) and no connection the small form (quiet.h) gives the same answer,
 * and so do several threads.  The seed is printed; another may be given.
 */
#undef NDEBUG
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tcplint/tcplint.h>

#include "packet.h"

#define DLT_RAW_IP 12
#define SEGMENTS   30000
#define PACKET_MAX 100

static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

struct tally {
	uint64_t findings, connections, digest;
};

static void mix(struct tally *t, uint64_t x)
{
	t->digest = (t->digest ^ x) * UINT64_C(0x100000001b3);
}

static void on_finding(void *user, const struct tcplint_finding *f)
{
	struct tally *t = user;

	assert(f->confidence >= 0 && f->confidence <= 1 && f->message[0]);
	t->findings++;
	mix(t, f->rule);
	mix(t, f->frame_count ? f->frame[f->frame_count - 1] : 0);
}

static void on_connection(void *user, const struct tcplint_connection *c)
{
	struct tally *t = user;

	t->connections++;
	mix(t, c->conn->id);
	mix(t, (uint64_t)c->end << 8 | c->handshake.verdict);
	for (unsigned i = 0; i < 2; i++) {
		const struct tcplint_endpoint *e = &c->endpoint[i];

		mix(t, e->segments << 32 ^ e->payload_bytes << 8 ^ e->state);
		mix(t, e->retransmitted_segments << 8 ^ e->state_count);
	}
	for (const char *h = c->history; *h; h++)
		mix(t, (uint64_t)*h);
}

/* What differs from plain segments, now and then. */
static struct {
	bool stamped;
	uint32_t value, echo;
	uint8_t tos;
	uint16_t window;
} extra;

static uint32_t tcp_packet(uint8_t *p, bool forward, uint32_t port, uint32_t seq, uint32_t ack, uint8_t f, uint32_t len)
{
	const uint32_t options = extra.stamped ? 12 : f & 0x02 ? 4 : 0; /* other SYNs have an MSS option */

	memset(p, 0, PACKET_MAX);
	p[0] = 0x45;
	p[1] = extra.tos;
	put16(p + 2, 40 + options + len);
	put16(p + 4, draw(65536));
	p[8] = 64;
	p[9] = 6;
	p[12] = p[16] = 10;
	p[15] = forward ? 1 : 2;
	p[19] = forward ? 2 : 1;
	put16(p + 20, forward ? port : 80);
	put16(p + 22, forward ? 80 : port);
	put32(p + 24, seq);
	put32(p + 28, ack);
	p[32] = (uint8_t)(0x50 + (options << 2));
	p[33] = f;
	put16(p + 34, extra.window);
	if (options == 4)
		put32(p + 40, 0x020405b4);
	if (extra.stamped) {
		put32(p + 40, 0x0101080a);
		put32(p + 44, extra.value);
		put32(p + 48, extra.echo);
	}
	put16(p + 36, tcp_checksum(p, 20 + options + len, PACKET_MAX));
	return 40 + options + len;
}

static struct {
	bool open;
	uint32_t next[2], clock[2];
} talk[3];

/* The second connection has timestamps; glitches of them, of windows and of the type of service. */
static void adorn(uint32_t i, uint32_t side)
{
	uint32_t *clock = talk[i].clock;
	const uint32_t glitch = draw(300);

	clock[side] += draw(3);
	extra.stamped = i == 1 ? glitch != 0 : glitch == 1;
	extra.value = clock[side] - (glitch == 2 ? 50 : 0);
	extra.echo = clock[!side] + (glitch == 3 ? 500000 : 0) - (glitch == 4 ? 500000 : 0);
	extra.tos = glitch == 5 ? 2 : 0;
	extra.window = glitch == 6 ? 0 : glitch == 7 ? 30 : 65535;
}

/*
 * What two stacks would say, most of the time: data in order and ACKs of it, with now and then a segment
 * that the tap missed, saw twice, or that nobody would send.
 */
static uint32_t ordinary(uint8_t *p)
{
	const uint32_t i = draw(3), side = draw(2), len = draw(2) ? 0 : 1 + draw(39), glitch = draw(200);
	uint32_t *next = talk[i].next;
	uint8_t flags = len ? 0x18 : 0x10;

	adorn(i, side);
	if (glitch == 0)
		next[side] += 1 + draw(100); /* the tap missed some */
	if (glitch == 1)
		flags = (uint8_t)draw(64);
	if (glitch == 2) {
		talk[i].open = false;
		return tcp_packet(p, side, 1000 + i, next[side], next[!side], draw(2) ? 0x14 : 0x11, 0);
	}
	if (!talk[i].open) {
		talk[i].open = true;
		next[0] = draw(UINT32_MAX);
		next[1] = draw(UINT32_MAX);
		return tcp_packet(p, 1, 1000 + i, next[1]++, 0, 0x02, 0);
	}
	next[side] += glitch == 3 ? 0 : len;
	return tcp_packet(p, side, 1000 + i, next[side] - len - (glitch == 4), next[!side] + (glitch == 5), flags, len);
}

static struct {
	unsigned step; /* SYN, SYN-ACK, ACK, data, FIN, ACK, FIN, ACK */
	uint32_t next[2], closer;
} dialogue[3];

/* Whole conversations of three stacks, from SYN to the ACK of the last FIN, and now and then something else. */
static uint32_t polite(uint8_t *p)
{
	static const uint8_t flags[] = { 0x02, 0x12, 0x10, 0x18, 0x11, 0x10, 0x11, 0x10 };
	const uint32_t i = draw(3), port = 1000 + i, glitch = draw(80);
	uint32_t *next = dialogue[i].next, step = dialogue[i].step, side = draw(2), len = 0;

	if (step == 3 && draw(12) == 0) {
		dialogue[i].closer = side;
		dialogue[i].step = step = 4;
	}
	if (step == 0) {
		next[0] = draw(2) ? 0xfffff000u + draw(0xfff) : draw(UINT32_MAX);
		next[1] = draw(UINT32_MAX);
	}
	if (step == 3)
		len = draw(3) ? 1 + draw(39) : 0;
	else
		side = step < 3 ? step != 1 : step == 4 || step == 7 ? dialogue[i].closer : !dialogue[i].closer;
	const uint32_t seq = next[side], ack = step ? next[!side] : 0;

	if (step == 4 && draw(3) == 0)
		dialogue[i].step++; /* the other FIN acknowledges this one */
	dialogue[i].step = step == 3 ? 3 : (dialogue[i].step + 1) % 8;
	next[side] += len + (step < 2) + (step == 4 || step == 6);
	if (glitch == 0)
		next[side] += draw(2); /* its sender counts otherwise */
	if (glitch == 1)
		dialogue[i].step = draw(8);
	return tcp_packet(p, side, port, seq - (glitch == 2), ack + (glitch == 3), glitch == 4 ? (uint8_t)draw(64) : flags[step], len);
}

/* A raw IPv4 packet with a TCP segment whose checksum field is 0, which counts as not filled in yet. */
static uint32_t noise(uint8_t *p)
{
	static const uint8_t flags[] = { 0x02, 0x12, 0x10, 0x10, 0x10, 0x18, 0x11, 0x11, 0x04, 0x14, 0x00, 0x29, 0x03 };
	const bool odd = draw(200) == 0, forward = draw(2);
	const uint32_t len = draw(3) ? 0 : 1 + draw(40);
	const uint8_t f = odd ? (uint8_t)draw(64) : flags[draw(10)];

	memset(p, 0, PACKET_MAX);
	p[0] = 0x45;
	put16(p + 2, 40 + len);
	put16(p + 4, draw(65536));
	p[8] = 64;
	p[9] = 6;
	p[12] = 10;
	p[15] = (uint8_t)(1 + draw(2));
	p[16] = 10;
	p[19] = (uint8_t)(1 + draw(2));
	put16(p + 20, forward ? 1000 + draw(3) : 80);
	put16(p + 22, forward ? 80 : 1000 + draw(3));
	put32(p + 24, (forward ? 0xfffffff0u : 0x7ffffff0u) + draw(60));
	put32(p + 28, (forward ? 0x7ffffff0u : 0xfffffff0u) + draw(60));
	p[32] = 0x50;
	p[33] = f;
	put16(p + 34, draw(10) ? 65535 : draw(30));
	return 40 + len;
}

static void on_segment(void *user, const struct tcplint_segment *g)
{
	(void)user;
	assert(g->after[0] < TCPLINT_STATE_COUNT && g->after[1] < TCPLINT_STATE_COUNT);
}

/* `segments`: every connection is kept in full, and every segment goes the long way. */
static struct tally run(uint32_t (*packet)(uint8_t *), uint64_t seed, uint32_t max_connections, bool segments, unsigned threads)
{
	struct tally t = { 0 };
	const struct tcplint_sink sink = {
		.user = &t,
		.finding = on_finding,
		.connection = on_connection,
		.segment = on_segment,
	};
	struct tcplint_options o;
	char error[256];
	int64_t now = INT64_C(1700000000000000000);
	uint8_t p[PACKET_MAX];

	tcplint_options_init(&o);
	o.min_severity = TCPLINT_INFO;
	o.min_confidence = 0;
	o.all = true;
	o.segments = segments;
	o.max_connections = max_connections;
	o.threads = threads;
	memcpy(o.hash_key, &seed, sizeof(seed)); /* who shares an engine with whom */
	struct tcplint *lint = tcplint_new(&o, &sink, error, sizeof(error));

	assert(lint);
	state = seed;
	memset(talk, 0, sizeof(talk));
	memset(&extra, 0, sizeof(extra));
	memset(dialogue, 0, sizeof(dialogue));
	for (unsigned i = 0; i < SEGMENTS; i++) {
		const uint32_t kind = draw(1000);

		now += kind < 700 ? draw(20000000) : kind < 990 ? draw(400000) : kind < 998 ? draw(5) * INT64_C(20000000000) :
										 -(int64_t)draw(3000000000);
		const uint32_t len = packet(p);

		tcplint_feed_ahead(lint, &(struct tcplint_frame){
			.ts = now, .number = i + 1, .captured = len, .wire = len, .linktype = DLT_RAW_IP, .data = p }, 1);
		if (draw(300) == 0)
			tcplint_flush(lint);
		if (draw(1000) == 0)
			tcplint_tick(lint, now + draw(1000000000));
	}
	tcplint_finish(lint, false);
	const struct tcplint_counters *c = tcplint_counters(lint);

	assert(c->segments == SEGMENTS && c->connections == t.connections);
	assert(c->findings == t.findings && !c->findings_below_threshold);
	tcplint_free(lint);
	return t;
}

int main(int argc, char **argv)
{
	const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 9293;
	static const uint32_t limits[] = { 1000, 3, 1 };
	static uint32_t (*const packets[])(uint8_t *) = { noise, ordinary, polite };
	static const char *const names[] = { "noise", "ordinary", "polite" };

	printf("seed %" PRIu64 "\n", seed);
	for (unsigned i = 0; i < 3 * sizeof(limits) / sizeof(*limits); i++) {
		uint32_t (*packet)(uint8_t *) = packets[i % 3];
		const uint32_t limit = limits[i / 3];
		const struct tally a = run(packet, seed, limit, false, 1), b = run(packet, seed, limit, true, 1);

		printf("%s, %u segments, at most %u connections: %" PRIu64 " connections, %" PRIu64 " findings\n",
		       names[i % 3], SEGMENTS, limit, a.connections, a.findings);
		assert(a.digest == b.digest && a.findings == b.findings && a.connections == b.connections);
		/* one engine, two and three; where somebody has to make room, one */
		for (unsigned n = 2; n <= (limit == limits[0] ? 4 : 2); n++) {
			const struct tally t = run(packet, seed, limit, false, n);

			assert(a.digest == t.digest && a.findings == t.findings && a.connections == t.connections);
		}
	}
	return 0;
}
