/*
 * The engine on random conversations that no stack would have: a few hosts, few ports, numbers that
 * are near each other, any flags, times that stand still, jump and go back.
 *
 * Nothing may crash, no rule may fire outside the events of its row (asserted in the engine
 * where assertions are on), every segment is counted, every connection is released once, and a
 * run in which no segment takes the short way (in_order.c) gives the same answer.  The seed is printed; another may be given.
 */
#undef NDEBUG
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tcplint/tcplint.h>

#define DLT_RAW_IP 12
#define SEGMENTS   30000

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

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t tcp_checksum(const uint8_t *p, uint32_t length)
{
	uint32_t sum = 6 + length;

	for (uint32_t i = 12; i < 20 + length; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
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
	const uint32_t options = extra.stamped ? 12 : 0;

	memset(p, 0, 100);
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
	p[32] = extra.stamped ? 0x80 : 0x50;
	p[33] = f;
	put16(p + 34, extra.window);
	if (extra.stamped) {
		put32(p + 40, 0x0101080a);
		put32(p + 44, extra.value);
		put32(p + 48, extra.echo);
	}
	put16(p + 36, tcp_checksum(p, 20 + options + len));
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

/* A raw IPv4 packet with a TCP segment whose checksum field is 0, which counts as not filled in yet. */
static uint32_t noise(uint8_t *p)
{
	static const uint8_t flags[] = { 0x02, 0x12, 0x10, 0x10, 0x10, 0x18, 0x11, 0x11, 0x04, 0x14, 0x00, 0x29, 0x03 };
	const bool odd = draw(200) == 0, forward = draw(2);
	const uint32_t len = draw(3) ? 0 : 1 + draw(40);
	const uint8_t f = odd ? (uint8_t)draw(64) : flags[draw(10)];

	memset(p, 0, 80);
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

/* `segments`: every segment goes the long way. */
static struct tally run(uint32_t (*packet)(uint8_t *), uint64_t seed, uint32_t max_connections, bool segments)
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
	uint8_t p[100];

	tcplint_options_init(&o);
	o.min_severity = TCPLINT_INFO;
	o.min_confidence = 0;
	o.all = true;
	o.segments = segments;
	o.max_connections = max_connections;
	struct tcplint *lint = tcplint_new(&o, &sink, error, sizeof(error));

	assert(lint);
	state = seed;
	memset(talk, 0, sizeof(talk));
	memset(&extra, 0, sizeof(extra));
	for (unsigned i = 0; i < SEGMENTS; i++) {
		const uint32_t kind = draw(1000);

		now += kind < 700 ? draw(20000000) : kind < 990 ? draw(400000) : kind < 998 ? draw(5) * INT64_C(20000000000) :
										 -(int64_t)draw(3000000000);
		const uint32_t len = packet(p);

		tcplint_feed(lint, now, DLT_RAW_IP, p, len, len);
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

	printf("seed %" PRIu64 "\n", seed);
	for (unsigned i = 0; i < 2 * sizeof(limits) / sizeof(*limits); i++) {
		uint32_t (*packet)(uint8_t *) = i % 2 ? ordinary : noise;
		const uint32_t limit = limits[i / 2];
		const struct tally a = run(packet, seed, limit, false), b = run(packet, seed, limit, true);

		printf("%s, %u segments, at most %u connections: %" PRIu64 " connections, %" PRIu64 " findings\n",
		       i % 2 ? "ordinary" : "noise", SEGMENTS, limit, a.connections, a.findings);
		assert(a.digest == b.digest && a.findings == b.findings && a.connections == b.connections);
	}
	return 0;
}
