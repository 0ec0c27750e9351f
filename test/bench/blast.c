/*
 * A packet blaster: whole TCP connections, both directions, out of one interface at a given rate.
 *
 *	blast INTERFACE FRAMES-A-SECOND COUNT
 *
 * 4096 connections are open at once and take turns, a frame each.  Each is SYN, SYN-ACK, ACK, segments of 500 bytes and
 * their acknowledgments, now in one direction and now in the other, FIN, FIN and ACK, with right checksums: 3/4 of them
 * are 12 frames long, 3/16 are 60 and the rest 400; each is followed by another one from an address and port of its own.
 * Prints how many frames were sent, and how many a second that were.
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

#define BATCH   64
#define PAYLOAD 500
#define SLOTS   4096
#define HEADERS (14 + 20 + 20)
#define SECOND  INT64_C(1000000000)

enum { FIN = 1, SYN = 2, ACK = 16 };

struct step {
	bool back;
	uint8_t flags;
	uint16_t len;
	uint32_t seq, ack; /* relative to the initial numbers */
};

static uint8_t frames[BATCH][HEADERS + PAYLOAD];

/* An initial sequence number like any other. */
static uint32_t isn(uint64_t c, unsigned side)
{
	c = (c * 2 + side + 1) * UINT64_C(0x9e3779b97f4a7c15);
	c = (c ^ c >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(c >> 32);
}

/* How many frames the connections of a slot have. */
static uint64_t length_of(uint64_t slot)
{
	return slot % 16 < 12 ? 12 : slot % 16 < 15 ? 60 : 400;
}

/* Frame `i` of a connection of `length` frames. */
static struct step step_of(uint64_t i, uint64_t length)
{
	const uint64_t left = length - 1 - i, datum = i >= 3 ? (i - 3) / 2 : 0;
	/* the even ones are the client's */
	const bool back = datum % 2;
	uint32_t sent[2] = { 1 + (uint32_t)((datum + 1) / 2) * PAYLOAD, 1 + (uint32_t)(datum / 2) * PAYLOAD };

	if (i < 3)
		return (struct step){ i == 1, i == 0 ? SYN : i == 1 ? SYN | ACK : ACK, 0, i == 2, i > 0 };
	if (left < 3) {
		const uint64_t data = (length - 6) / 2;

		sent[0] = 1 + (uint32_t)((data + 1) / 2) * PAYLOAD;
		sent[1] = 1 + (uint32_t)(data / 2) * PAYLOAD;
		if (left == 1)
			return (struct step){ true, FIN | ACK, 0, sent[1], sent[0] + 1 };
		return (struct step){ false, left ? FIN | ACK : ACK, 0, sent[0] + !left, sent[1] + !left };
	}
	if ((i - 3) % 2 == 0)
		return (struct step){ back, ACK, PAYLOAD, sent[back], sent[!back] };
	return (struct step){ !back, ACK, 0, sent[!back], sent[back] + PAYLOAD };
}

/* Frame `n` of the run; its length.  The payload is zeros. */
static size_t make(uint8_t *f, uint64_t n)
{
	const uint64_t slot = n % SLOTS, turn = n / SLOTS, length = length_of(slot);
	const uint64_t c = turn / length * SLOTS + slot;
	const struct step step = step_of(turn % length, length), *s = &step;
	/* Many hosts, as behind a busy service: one that opened them all would be a finding. */
	const uint32_t client = 0x0a000002 + (uint32_t)(c % 4096), server = 0xc0000201;
	const uint32_t port = 10000 + (uint32_t)(c / 4096 % 50000), from = s->back ? server : client, to = s->back ? client : server;
	const uint32_t header = s->flags & SYN ? 24 : 20; /* with the MSS */
	uint8_t *ip = f + 14, *tcp = ip + 20;

	memset(f, 0, HEADERS + 4);
	f[0] = f[6] = 2;
	f[s->back ? 5 : 11] = 1;
	put16(f + 12, ETH_P_IP);
	ip[0] = 0x45;
	put16(ip + 2, 20 + header + s->len);
	put16(ip + 4, (uint32_t)n);
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, from);
	put32(ip + 16, to);
	checksum(ip + 10, ip, 20, 0);
	put16(tcp, s->back ? 80 : port);
	put16(tcp + 2, s->back ? port : 80);
	put32(tcp + 4, isn(c, s->back) + s->seq);
	put32(tcp + 8, s->flags & ACK ? isn(c, !s->back) + s->ack : 0);
	tcp[12] = (uint8_t)(header << 2);
	tcp[13] = s->flags;
	put16(tcp + 14, 65535);
	if (s->flags & SYN)
		put32(tcp + 20, 0x02040000 | PAYLOAD);
	checksum(tcp + 16, tcp, header, (from >> 16) + (from & 0xffff) + (to >> 16) + (to & 0xffff) + 6 + header + s->len);
	return 14 + 20 + header + s->len;
}

int main(int argc, char **argv)
{
	static struct mmsghdr messages[BATCH];
	static struct iovec parts[BATCH];
	const double rate = argc == 4 ? strtod(argv[2], NULL) : 0;
	const uint64_t count = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	const int fd = rate > 0 && count ? open_interface(argv[1]) : -1;

	if (fd < 0) {
		fprintf(stderr, "blast INTERFACE FRAMES-A-SECOND COUNT%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
		return 1;
	}
	const int64_t begun = clock_now();
	for (uint64_t n = 0; n < count;) {
		const int64_t due = begun + (int64_t)((double)n / rate * (double)SECOND);
		unsigned k = 0;

		for (; k < BATCH && n < count; k++, n++) {
			parts[k] = (struct iovec){ frames[k], make(frames[k], n) };
			messages[k].msg_hdr = (struct msghdr){ .msg_iov = &parts[k], .msg_iovlen = 1 };
		}
		while (clock_now() < due)
			;
		if (!send_batch(fd, messages, k)) {
			perror("sendmmsg");
			return 1;
		}
	}
	printf("%llu %.0f\n", (unsigned long long)count, (double)count / ((double)(clock_now() - begun) / (double)SECOND));
	return 0;
}
