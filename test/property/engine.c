/*
 * The engine on random conversations that no stack would have: a few hosts, few ports, numbers that
 * are near each other, any flags, times that stand still, jump and go back.
 *
 * Nothing may crash, no rule may fire outside the events of its row (asserted in the engine
 * where assertions are on), every segment is counted, every connection is released once, and a
 * second run gives the same answer.  The seed is printed; another may be given.
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

/* A raw IPv4 packet with a TCP segment whose checksum field is 0, which counts as not filled in yet. */
static uint32_t packet(uint8_t *p)
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

static struct tally run(uint64_t seed, uint32_t max_connections)
{
	struct tally t = { 0 };
	const struct tcplint_sink sink = { .user = &t, .finding = on_finding, .connection = on_connection };
	struct tcplint_options o;
	char error[256];
	int64_t now = INT64_C(1700000000000000000);
	uint8_t p[80];

	tcplint_options_init(&o);
	o.min_severity = TCPLINT_INFO;
	o.min_confidence = 0;
	o.all = true;
	o.max_connections = max_connections;
	struct tcplint *lint = tcplint_new(&o, &sink, error, sizeof(error));

	assert(lint);
	state = seed;
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
	for (unsigned i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		const struct tally a = run(seed, limits[i]), b = run(seed, limits[i]);

		assert(a.digest == b.digest && a.findings == b.findings && a.connections == b.connections);
		printf("%u segments, at most %u connections: %" PRIu64 " connections, %" PRIu64 " findings\n", SEGMENTS,
		       limits[i], a.connections, a.findings);
	}
	return 0;
}
