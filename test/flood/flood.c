/*
 * Hostile traffic with innocent connections in it, as a capture on standard output or out of an interface.
 *
 *	flood WORKLOAD COUNT [--mute | INTERFACE FRAMES-A-SECOND]
 *
 * COUNT frames of the workload, and between them four conversations with 198.18.255.1: one that stands from before to
 * after, one that opens and closes in the middle, one that sends data beyond its FIN, and one whose data comes in
 * fragments.  With --mute the frames of the workload are of another protocol: the same capture, byte for byte, but for
 * the flood, so that what is said of the innocent can be compared.
 */
#define _GNU_SOURCE /* sendmmsg() */
#include <errno.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "transmit.h"

#define SECOND   INT64_C(1000000000)
#define FRAME    1514
#define BATCH    64
#define MUTED    0x88b5 /* IEEE 802: for local experiments */
#define INNOCENT UINT32_C(0xc612ff01)
#define VICTIM   UINT32_C(0xc6120001) /* 198.18.0.1 */

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

struct tcp {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	unsigned flags, len; /* of payload, which is zeros */
};

/* ---- frames ---- */

static uint64_t scramble(uint64_t x)
{
	x = (x + 12345) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Ethernet and IPv4 around `len` bytes that stand at f + 34; `fragment` as the header has it.  The frame's length. */
static size_t wrap(uint8_t *f, uint32_t src, uint32_t dst, uint32_t id, uint32_t fragment, size_t len)
{
	memset(f, 0, 34);
	f[0] = f[6] = 2;
	f[5] = 1;
	put16(f + 12, ETH_P_IP);
	f[14] = 0x45;
	put16(f + 16, (uint32_t)(20 + len));
	put16(f + 18, id);
	put16(f + 20, fragment);
	f[22] = 64;
	f[23] = 6;
	put32(f + 26, src);
	put32(f + 30, dst);
	checksum(f + 24, f + 14, 20, 0);
	return 34 + len;
}

/* The segment at f + 34; its length. */
static size_t segment(uint8_t *f, const struct tcp *t)
{
	const uint32_t header = t->flags & SYN ? 24 : 20; /* with the MSS */
	uint8_t *tcp = f + 34;

	memset(tcp, 0, header + t->len);
	put16(tcp, t->sport);
	put16(tcp + 2, t->dport);
	put32(tcp + 4, t->seq);
	put32(tcp + 8, t->flags & ACK ? t->ack : 0);
	tcp[12] = (uint8_t)(header << 2);
	tcp[13] = (uint8_t)t->flags;
	put16(tcp + 14, 65535);
	if (t->flags & SYN)
		put32(tcp + 20, 0x02040000 | 1460);
	checksum(tcp + 16, tcp, header,
		 (t->src >> 16) + (t->src & 0xffff) + (t->dst >> 16) + (t->dst & 0xffff) + 6 + header + t->len);
	return header + t->len;
}

static size_t whole(uint8_t *f, const struct tcp *t, uint64_t n)
{
	return wrap(f, t->src, t->dst, (uint32_t)n, 0, segment(f, t));
}

/* ---- workloads: frame `n` of `count`, its length ---- */

static uint32_t somebody(uint64_t n) /* 1.0.0.0 to 99.255.255.255, but for 10.0.0.0/8 */
{
	const uint32_t x = (uint32_t)scramble(n), first = 1 + (x >> 24) % 99;

	return (first == 10 ? 11 : first) << 24 | (x & 0xffffff);
}

/* SYNs of made-up sources to one service. */
static size_t make_syn(uint8_t *f, uint64_t n, uint64_t count)
{
	const uint64_t r = scramble(~n);

	(void)count;
	return whole(f, &(struct tcp){ somebody(n), VICTIM, (uint16_t)(1024 + r % 60000), 80, (uint32_t)(r >> 32), 0, SYN, 0 }, n);
}

/* One host tries the ports of many others, and each answers with a RST. */
static size_t make_scan(uint8_t *f, uint64_t n, uint64_t count)
{
	const uint64_t k = n / 2;
	const uint32_t from = 0xcb007107, to = VICTIM + (uint32_t)(k / 10000);
	const uint16_t port = (uint16_t)(1 + k % 10000), own = 40000;
	const uint32_t isn = (uint32_t)scramble(k);

	(void)count;
	if (n % 2 == 0)
		return whole(f, &(struct tcp){ from, to, own, port, isn, 0, SYN, 0 }, n);
	return whole(f, &(struct tcp){ to, from, port, own, 0, isn + 1, RST | ACK, 0 }, n);
}

/* A quarter as many connections as frames: first all open, then each sends something. */
static size_t make_hold(uint8_t *f, uint64_t n, uint64_t count)
{
	const uint64_t all = (count + 3) / 4, c = n < 3 * all ? n / 3 : n - 3 * all;
	const unsigned step = n < 3 * all ? (unsigned)(n % 3) : 3;
	const uint32_t client = somebody(c % 65536), a = (uint32_t)scramble(2 * c), b = (uint32_t)scramble(2 * c + 1);
	const uint16_t port = (uint16_t)(1024 + c / 65536);

	if (step == 0)
		return whole(f, &(struct tcp){ client, VICTIM, port, 80, a, 0, SYN, 0 }, n);
	if (step == 1)
		return whole(f, &(struct tcp){ VICTIM, client, 80, port, b, a + 1, SYN | ACK, 0 }, n);
	return whole(f, &(struct tcp){ client, VICTIM, port, 80, a + 1, b + 1, step == 2 ? ACK : PSH | ACK, step == 2 ? 0 : 10 }, n);
}

/* First fragments of datagrams whose rest never comes. */
static size_t make_fragments(uint8_t *f, uint64_t n, uint64_t count)
{
	(void)count;
	segment(f, &(struct tcp){ somebody(n), VICTIM, 1024, 80, 1, 1, ACK, 100 });
	return wrap(f, somebody(n), VICTIM, (uint32_t)scramble(n), 0x2000, 64);
}

/* Pieces of a few datagrams at once that lie across each other, out of order, and with more than one end. */
static size_t make_overlap(uint8_t *f, uint64_t n, uint64_t count)
{
	const uint64_t r = scramble(n);
	const uint32_t at = (uint32_t)(r % 200), more = r >> 32 & 7 ? 0x2000 : 0;

	(void)count;
	memset(f + 34, (int)(r >> 40), 400);
	return wrap(f, somebody(n / 512 % 256), VICTIM, (uint32_t)(n / 512), more | at, 8 + 8 * (r >> 20) % 392);
}

/* 4-tuples that a hash by sums or by exclusive or cannot tell apart. */
static size_t make_adversarial(uint8_t *f, uint64_t n, uint64_t count)
{
	const uint32_t k = (uint32_t)(n / 2), src = 0x01000000 + k, sum = 0xc7000000 - k, exor = 0x20000000 ^ src;

	(void)count;
	return whole(f, &(struct tcp){ src, n % 2 ? sum : exor, 1024, 80, (uint32_t)scramble(n), 0, SYN, 0 }, n);
}

/* SYN after SYN on one 4-tuple, each with a number of its own. */
static size_t make_again(uint8_t *f, uint64_t n, uint64_t count)
{
	(void)count;
	return whole(f, &(struct tcp){ 0x02020202, VICTIM, 1024, 80, (uint32_t)scramble(n), 0, SYN, 0 }, n);
}

/* Connections of which every other segment is missing: two hundred gaps each, and nobody says what became of them. */
static size_t make_gaps(uint8_t *f, uint64_t n, uint64_t count)
{
	const uint64_t c = n / 200;
	const unsigned step = (unsigned)(n % 200);
	const uint32_t client = somebody(c), a = (uint32_t)scramble(2 * c), b = (uint32_t)scramble(2 * c + 1);

	(void)count;
	if (step == 0)
		return whole(f, &(struct tcp){ client, VICTIM, 1024, 80, a, 0, SYN, 0 }, n);
	if (step == 1)
		return whole(f, &(struct tcp){ VICTIM, client, 80, 1024, b, a + 1, SYN | ACK, 0 }, n);
	return whole(f, &(struct tcp){ client, VICTIM, 1024, 80, a + 1 + 20 * (step - 2), b + 1, ACK, step == 2 ? 0 : 10 }, n);
}

static const struct workload {
	const char *name;
	size_t (*make)(uint8_t *f, uint64_t n, uint64_t count);
} workloads[] = {
	{ "syn", make_syn },	     { "scan", make_scan },		  { "hold", make_hold },   { "fragments", make_fragments },
	{ "overlap", make_overlap }, { "adversarial", make_adversarial }, { "again", make_again }, { "gaps", make_gaps },
};

/* ---- the innocent ---- */

#define PARTS 64 /* of the run: what the innocent do in it comes at its beginning */

enum { STANDING, MIDDLE, FAULTY, FRAGMENTED, WHO };

struct step {
	uint8_t part, who, back, flags;
	uint32_t seq, ack;
	unsigned len;
};

static const struct step steps[] = {
	{ 0, STANDING, 0, SYN, 0, 0, 0 },
	{ 1, STANDING, 1, SYN | ACK, 0, 1, 0 },
	{ 2, STANDING, 0, ACK, 1, 1, 0 },
	/* here it says something every four parts: chat() */
	{ 61, STANDING, 0, FIN | ACK, 141, 1, 0 },
	{ 62, STANDING, 1, FIN | ACK, 1, 142, 0 },
	{ 63, STANDING, 0, ACK, 142, 2, 0 },

	{ 16, FRAGMENTED, 0, SYN, 0, 0, 0 },
	{ 17, FRAGMENTED, 1, SYN | ACK, 0, 1, 0 },
	{ 18, FRAGMENTED, 0, ACK, 1, 1, 0 },
	{ 19, FRAGMENTED, 0, PSH | ACK, 1, 1, 1200 },
	{ 20, FRAGMENTED, 1, ACK, 1, 1201, 0 },
	{ 21, FRAGMENTED, 1, FIN | ACK, 1, 1201, 0 },
	{ 22, FRAGMENTED, 0, FIN | ACK, 1201, 2, 0 },
	{ 23, FRAGMENTED, 1, ACK, 2, 1202, 0 },

	{ 30, MIDDLE, 0, SYN, 0, 0, 0 },
	{ 31, MIDDLE, 1, SYN | ACK, 0, 1, 0 },
	{ 32, MIDDLE, 0, ACK, 1, 1, 0 },
	{ 33, MIDDLE, 0, PSH | ACK, 1, 1, 10 },
	{ 34, MIDDLE, 1, PSH | ACK, 1, 11, 20 },
	{ 35, MIDDLE, 0, FIN | ACK, 11, 21, 0 },
	{ 36, MIDDLE, 1, FIN | ACK, 21, 12, 0 },
	{ 37, MIDDLE, 0, ACK, 12, 22, 0 },

	{ 40, FAULTY, 0, SYN, 0, 0, 0 },
	{ 41, FAULTY, 1, SYN | ACK, 0, 1, 0 },
	{ 42, FAULTY, 0, ACK, 1, 1, 0 },
	{ 43, FAULTY, 0, FIN | ACK, 1, 1, 0 },
	{ 44, FAULTY, 1, FIN | ACK, 1, 2, 0 },
	{ 45, FAULTY, 0, ACK, 2, 2, 0 },
	{ 46, FAULTY, 0, PSH | ACK, 2, 2, 9 },
};

/* What the standing one says in a part: ten bytes, and their acknowledgment in the next. */
static bool chat(unsigned part, struct step *s)
{
	const unsigned said = part / 4 * 10;

	*s = (struct step){ (uint8_t)part, STANDING, 0, PSH | ACK, said - 9, 1, 10 };
	if (part % 4 == 1)
		*s = (struct step){ (uint8_t)part, STANDING, 1, ACK, 1, said + 1, 0 };
	return part >= 4 && part < 60 && part % 4 <= 1;
}

/* The frame of a step, in one piece or two; how many pieces. */
static unsigned innocent(const struct step *s, uint8_t f[2][FRAME], size_t len[2])
{
	const uint32_t client = 0xc6330000 | (1U + s->who); /* 198.51.0.1 and on */
	const uint32_t isn[2] = { (uint32_t)scramble(s->who), (uint32_t)scramble(WHO + s->who) };
	const uint16_t port = (uint16_t)(5000 + s->who);
	const struct tcp t = {
		.src = s->back ? INNOCENT : client,
		.dst = s->back ? client : INNOCENT,
		.sport = s->back ? 443 : port,
		.dport = s->back ? port : 443,
		.seq = isn[s->back] + s->seq,
		.ack = isn[!s->back] + s->ack,
		.flags = s->flags,
		.len = s->len,
	};

	if (s->who != FRAGMENTED || !s->len) {
		len[0] = whole(f[0], &t, s->part);
		return 1;
	}
	const size_t all = segment(f[0], &t), first = 800;

	memset(f[1] + 34, 0, all - first);
	len[0] = wrap(f[0], t.src, t.dst, s->part, 0x2000, first);
	len[1] = wrap(f[1], t.src, t.dst, s->part, (uint32_t)first / 8, all - first);
	return 2;
}

/* ---- where they go ---- */

struct sink {
	FILE *file;
	int fd; /* an interface, when there is no file */
	double rate;
	int64_t begun;
	uint64_t sent; /* frames, and with a file the time is of them */
	unsigned filled;
	struct mmsghdr message[BATCH];
	struct iovec part[BATCH];
	uint8_t frame[BATCH][FRAME];
};

/* Send what waits, when its time has come. */
static bool flush(struct sink *s)
{
	const int64_t due = s->begun + (int64_t)((double)s->sent / s->rate * (double)SECOND);

	while (clock_now() < due)
		nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
	if (!send_batch(s->fd, s->message, s->filled))
		return false;
	s->sent += s->filled;
	s->filled = 0;
	return true;
}

/* A frame for pcap with nanoseconds: one a microsecond. */
static bool write_frame(struct sink *s, const uint8_t *f, size_t len)
{
	const uint64_t t = s->sent++ * 1000;
	const uint32_t header[4] = { (uint32_t)(1700000000 + t / SECOND), (uint32_t)(t % SECOND), (uint32_t)len, (uint32_t)len };

	return fwrite(header, sizeof(header), 1, s->file) == 1 && fwrite(f, len, 1, s->file) == 1;
}

static bool put(struct sink *s, const uint8_t *f, size_t len)
{
	if (s->file)
		return write_frame(s, f, len);
	memcpy(s->frame[s->filled], f, len);
	s->part[s->filled] = (struct iovec){ s->frame[s->filled], len };
	s->message[s->filled].msg_hdr = (struct msghdr){ .msg_iov = &s->part[s->filled], .msg_iovlen = 1 };
	return ++s->filled < BATCH || flush(s);
}

static bool put_innocent(struct sink *s, const struct step *step)
{
	static uint8_t f[2][FRAME];
	size_t len[2];
	const unsigned pieces = innocent(step, f, len);

	for (unsigned i = 0; i < pieces; i++)
		if (!put(s, f[i], len[i]))
			return false;
	return true;
}

/* What the innocent do in a part. */
static bool put_part(struct sink *s, unsigned part)
{
	struct step said;

	if (chat(part, &said) && !put_innocent(s, &said))
		return false;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].part == part && !put_innocent(s, &steps[i]))
			return false;
	return true;
}

static bool pour(struct sink *s, const struct workload *w, uint64_t count, bool mute)
{
	static uint8_t f[FRAME];
	uint64_t n = 0;

	for (unsigned part = 0; part < PARTS; part++) {
		if (!put_part(s, part))
			return false;
		for (; n < count * (part + 1) / PARTS; n++) {
			const size_t size = w->make(f, n, count);

			if (mute)
				put16(f + 12, MUTED);
			if (!put(s, f, size))
				return false;
		}
	}
	return s->file ? fflush(s->file) == 0 : flush(s);
}

int main(int argc, char **argv)
{
	static const uint32_t header[6] = { 0xa1b23c4d, 4 << 16 | 2, 0, 0, 65535, 1 };
	static struct sink s;
	const struct workload *w = NULL;
	const bool mute = argc == 4 && strcmp(argv[3], "--mute") == 0;

	for (size_t i = 0; argc >= 3 && i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (strcmp(workloads[i].name, argv[1]) == 0)
			w = &workloads[i];
	if (!w || argc > 5 || (argc == 4 && !mute))
		return fprintf(stderr, "flood WORKLOAD COUNT [--mute | INTERFACE FRAMES-A-SECOND]\n"), 2;
	if (argc == 5) {
		s.fd = open_interface(argv[3]);
		s.rate = strtod(argv[4], NULL);
		s.begun = clock_now();
	} else {
		s.file = stdout;
		fwrite(header, sizeof(header), 1, stdout);
	}
	if (s.fd < 0 || !pour(&s, w, strtoull(argv[2], NULL, 10), mute))
		return perror("flood"), 1;
	return 0;
}
