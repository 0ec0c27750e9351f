/*
 * Captures that a connection tracker may find expensive, for growth.sh and the profile of the output.
 *
 *	made KIND COUNT >FILE
 *
 * What COUNT counts is said at each kind below.  Raw IPv4, nanoseconds, right checksums, no payload captured that is
 * not there; the same arguments make the same bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

#define MICROSECOND INT64_C(1000)
#define SECOND      INT64_C(1000000000)

/* One direction of a connection. */
struct way {
	uint32_t from, to;
	uint16_t from_port, to_port;
	uint32_t seq, ack;
};

static int64_t now = 1700000000 * SECOND, step = 10 * MICROSECOND;
static uint8_t options[40];
static unsigned options_len;

static uint8_t *be(uint8_t *at, uint32_t n, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
	return at + bytes;
}

static uint32_t sum(const uint8_t *at, size_t len)
{
	uint32_t s = 0;

	for (size_t i = 0; i < len; i++)
		s += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return s;
}

static uint32_t folded(uint32_t s)
{
	s = (s >> 16) + (s & 0xffff);
	return ~((s >> 16) + s) & 0xffff;
}

static void put_frame(const uint8_t *bytes, uint32_t len)
{
	const uint32_t header[4] = { (uint32_t)(now / SECOND), (uint32_t)(now % SECOND), len, len };

	fwrite(header, sizeof(header), 1, stdout);
	fwrite(bytes, len, 1, stdout);
	now += step;
}

static void put_ip(uint8_t *ip, const struct way *w, uint32_t len, uint32_t fragment, uint32_t id)
{
	be(ip, 0x4500, 2);
	be(ip + 2, len, 2);
	be(ip + 4, id, 2);
	be(ip + 6, fragment, 2);
	be(ip + 8, 64 << 8 | 6, 2);
	be(ip + 12, w->from, 4);
	be(ip + 16, w->to, 4);
	be(ip + 10, folded(sum(ip, 20)), 2);
}

/* A segment with `len` zeros; `fragment` as it stands in the header of IP. */
static void put_fragment(struct way *w, unsigned flags, uint32_t len, uint32_t window, uint32_t fragment)
{
	static uint32_t id;
	uint8_t b[2000] = { 0 }, *tcp = b + 20;
	const uint32_t tcp_len = 20 + options_len + len;

	be(tcp, w->from_port, 2);
	be(tcp + 2, w->to_port, 2);
	be(tcp + 4, w->seq, 4);
	be(tcp + 8, flags & ACK ? w->ack : 0, 4);
	be(tcp + 12, (tcp_len - len) / 4 << 12 | flags, 2);
	be(tcp + 14, window, 2);
	memcpy(tcp + 20, options, options_len);
	put_ip(b, w, 20 + tcp_len, fragment, id++);
	be(tcp + 16, folded(sum(b + 12, 8) + 6 + tcp_len + sum(tcp, tcp_len)), 2);
	put_frame(b, 20 + tcp_len);
}

/* The next segment in order, which the other way will acknowledge. */
static void put(struct way *w, struct way *back, unsigned flags, uint32_t len)
{
	put_fragment(w, flags, len, 60000, 0x4000);
	w->seq += len + !!(flags & SYN) + !!(flags & FIN);
	back->ack = w->seq;
}

struct connection {
	struct way c, s;
};

/* Numbers in which nothing can be seen. */
static uint32_t mixed(uint32_t n)
{
	n = (n ^ n >> 16) * 0x85ebca6b;
	n = (n ^ n >> 13) * 0xc2b2ae35;
	return n ^ n >> 16;
}

/* Its client is one of 2^14, at a port of its own; its server one of 16. */
static struct connection connection(uint32_t i)
{
	const uint32_t client = 0x0a000000 + i % 16384, server = 0xc6120000 + i % 16, isn = mixed(i + 1);
	const uint16_t port = (uint16_t)(1024 + i / 16384 % 60000);

	return (struct connection){ { client, server, port, 80, isn, 0 }, { server, client, 80, port, mixed(~i), 0 } };
}

static void mss(void)
{
	memcpy(options, "\2\4\5\264", 4);
	options_len = 4;
}

static void open_it(struct connection *t)
{
	mss();
	put(&t->c, &t->s, SYN, 0);
	put(&t->s, &t->c, SYN | ACK, 0);
	options_len = 0;
	put(&t->c, &t->s, ACK, 0);
}

static void close_it(struct connection *t)
{
	put(&t->c, &t->s, FIN | ACK, 0);
	put(&t->s, &t->c, ACK, 0);
	put(&t->s, &t->c, FIN | ACK, 0);
	put(&t->c, &t->s, ACK, 0);
}

static void talk(struct connection *t)
{
	put(&t->c, &t->s, PSH | ACK, 100);
	put(&t->s, &t->c, PSH | ACK, 1000);
	put(&t->c, &t->s, ACK, 0);
}

/* ---- connections that end as they should, and such of which there is much to say ---- */

static void clean(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct connection t = connection(i);

		open_it(&t);
		talk(&t);
		talk(&t);
		close_it(&t);
	}
}

/* The same, and data beyond the FIN. */
static void faulty(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct connection t = connection(i);

		open_it(&t);
		talk(&t);
		talk(&t);
		close_it(&t);
		put(&t.c, &t.s, PSH | ACK, 100);
	}
}

/* A SYN-ACK that acknowledges too much, data beyond the FIN, and a RST that follows. */
static void bad(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct connection t = connection(i);

		mss();
		put(&t.c, &t.s, SYN, 0);
		t.s.ack += 5;
		put(&t.s, &t.c, SYN | ACK, 0);
		options_len = 0;
		put(&t.c, &t.s, ACK, 0);
		talk(&t);
		close_it(&t);
		put(&t.c, &t.s, PSH | ACK, 100);
		put(&t.s, &t.c, RST, 0);
	}
}

/* ---- one connection, and segments of it ---- */

static void violations(uint32_t n)
{
	struct connection t = connection(0);

	open_it(&t);
	for (uint32_t i = 0; i < n; i++) {
		t.c.ack += 100000;
		put(&t.c, &t.s, ACK, 0);
		t.c.ack -= 100000;
	}
}

static void holes(uint32_t n)
{
	struct connection t = connection(0);

	open_it(&t);
	for (uint32_t i = 0; i < n; i++) {
		t.c.seq += 10;
		put_fragment(&t.c, ACK, 10, 60000, 0x4000);
		t.c.seq += 10;
		if (i % 1000 == 999) /* or its window would be full */
			t.s.ack = t.c.seq, put(&t.s, &t.c, ACK, 0);
	}
}

static void copies(uint32_t n)
{
	struct connection t = connection(0);

	open_it(&t);
	talk(&t);
	for (uint32_t i = 0; i < n; i++)
		put_fragment(&t.s, ACK, 0, 60000, 0x4000);
}

static void zero_windows(uint32_t n)
{
	struct connection t = connection(0);

	open_it(&t);
	for (uint32_t i = 0; i < n; i++) {
		put_fragment(&t.s, ACK, 0, 0, 0x4000);
		put_fragment(&t.c, ACK, i % 2, 60000, 0x4000);
	}
}

static void sacks(uint32_t n)
{
	struct connection t = connection(0);

	open_it(&t);
	for (uint32_t i = 0; i < n; i++) {
		options[0] = options[1] = 1;
		options[2] = 5;
		options[3] = 34;
		for (unsigned j = 0; j < 8; j++)
			be(options + 4 + (size_t)4 * j, t.s.ack + (i * 7919u + j * 104729u) % 50000, 4);
		options_len = 36;
		put_fragment(&t.s, ACK, 0, 60000, 0x4000);
	}
}

static void resets(uint32_t n)
{
	struct connection t = connection(0);

	open_it(&t);
	for (uint32_t i = 0; i < n; i++) {
		t.s.seq += 1 + i % 1000;
		put_fragment(&t.s, RST, 0, 60000, 0x4000);
		t.s.seq -= 1 + i % 1000;
	}
}

/* ---- one 4-tuple, used again and again ---- */

static void incarnations(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct connection t = connection(0);

		t.c.seq += i * 100000;
		t.s.seq += i * 300000;
		open_it(&t);
		close_it(&t);
	}
}

static void syns(uint32_t n)
{
	struct connection t = connection(0);

	mss();
	for (uint32_t i = 0; i < n; i++) {
		t.c.seq = mixed(i + 1);
		put_fragment(&t.c, SYN, 0, 60000, 0x4000);
	}
}

/* ---- many hosts, and many of one ---- */

static void scan(uint32_t n)
{
	mss();
	for (uint32_t i = 0; i < n; i++) {
		struct way w = { 0x0a000001, 0xc6120000 + i, (uint16_t)(1024 + i % 60000), 445, mixed(i + 1), 0 };

		put_fragment(&w, SYN, 0, 60000, 0x4000);
	}
}

static void ports(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct connection t = { { 0x0a000001, 0xc6120001, (uint16_t)(1024 + i % 60000), (uint16_t)(1 + i / 7 % 65000), mixed(i + 1), 0 }, { 0 } };

		t.s = (struct way){ t.c.to, t.c.from, t.c.to_port, t.c.from_port, 0, t.c.seq + 1 };
		mss();
		put(&t.c, &t.s, SYN, 0);
		options_len = 0;
		put_fragment(&t.s, RST | ACK, 0, 0, 0x4000);
	}
}

static void hosts(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct connection t = connection(i);

		t.c.from = t.s.to = 0x0a000000 + i;
		t.c.to = t.s.from = 0xc6120000 + i;
		open_it(&t);
		close_it(&t);
	}
}

/* Options of a random kind and length. */
static void noise(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct connection t = connection(i);

		for (unsigned j = 0; j < 40; j++)
			options[j] = (uint8_t)mixed(i * 40 + j);
		options_len = 40;
		put_fragment(&t.c, SYN, 0, 60000, 0x4000);
	}
}

/* First fragments of which no other comes. */
static void fragments(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct connection t = connection(i);

		put_fragment(&t.c, ACK, 500, 60000, 0x2000);
	}
}

/* ---- the clock ---- */

/* Connections that all began within a millisecond, and fall silent; a frame now and then until nothing is left of them. */
static void together(uint32_t n)
{
	struct connection t = connection(n);

	step = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct connection u = connection(i);

		open_it(&u);
		if (i % 1000 == 999)
			now += SECOND / 1000000;
	}
	open_it(&t);
	for (unsigned i = 0; i < 300; i++) {
		now += 30 * SECOND;
		talk(&t);
	}
}

/* Connections that stay open, and as many frames whose clock goes to and fro. */
static void clocks(uint32_t n)
{
	const int64_t base = now;

	for (uint32_t i = 0; i < n; i++) {
		struct connection t = connection(i);

		open_it(&t);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct connection t = connection(i);

		t.c.seq++;
		now = base + (i % 2 ? 3000 : 0) * SECOND;
		put_fragment(&t.c, ACK, 0, 60000, 0x4000);
	}
}

static const struct kind {
	const char *name;
	void (*make)(uint32_t n);
} kinds[] = {
	{ "clean", clean },	  { "faulty", faulty }, { "bad", bad },		      { "violations", violations },
	{ "holes", holes },	  { "copies", copies }, { "zero-windows", zero_windows }, { "sacks", sacks },
	{ "resets", resets },	  { "incarnations", incarnations }, { "syns", syns },   { "scan", scan },
	{ "ports", ports },	  { "hosts", hosts },	{ "noise", noise },	      { "fragments", fragments },
	{ "together", together }, { "clocks", clocks },
};

int main(int argc, char **argv)
{
	const uint32_t header[6] = { 0xa1b23c4d, 4 << 16 | 2, 0, 0, 65535, 101 };

	if (argc != 3) {
		fprintf(stderr, "usage: made KIND COUNT >FILE\n");
		return 2;
	}
	fwrite(header, sizeof(header), 1, stdout);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, argv[1]) != 0)
			continue;
		kinds[i].make((uint32_t)strtoul(argv[2], NULL, 10));
		return fflush(stdout) != 0;
	}
	fprintf(stderr, "made: there is no kind %s\n", argv[1]);
	return 2;
}
