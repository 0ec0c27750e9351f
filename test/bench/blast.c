/*
 * A packet blaster: whole TCP connections, both directions, out of one interface at a given rate.
 *
 *	blast INTERFACE FRAMES-A-SECOND COUNT
 *
 * Each connection is SYN, SYN-ACK, ACK, three times 1000 bytes and their ACK, FIN, FIN and ACK, with right checksums,
 * from an address and port of its own.  Prints how many frames were sent, and how many a second that were.
 */
#define _GNU_SOURCE /* sendmmsg() */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH   64
#define PAYLOAD 1000
#define HEADERS (14 + 20 + 20)
#define SECOND  INT64_C(1000000000)

enum { FIN = 1, SYN = 2, ACK = 16 };

/* Numbers are relative to the sender's initial one. */
static const struct step {
	uint8_t back, flags;
	uint16_t len;
	uint32_t seq, ack;
} steps[] = {
	{ 0, SYN, 0, 0, 0 },
	{ 1, SYN | ACK, 0, 0, 1 },
	{ 0, ACK, 0, 1, 1 },
	{ 0, ACK, PAYLOAD, 1, 1 },
	{ 1, ACK, 0, 1, 1 + PAYLOAD },
	{ 1, ACK, PAYLOAD, 1, 1 + PAYLOAD },
	{ 0, ACK, 0, 1 + PAYLOAD, 1 + PAYLOAD },
	{ 0, ACK, PAYLOAD, 1 + PAYLOAD, 1 + PAYLOAD },
	{ 1, ACK, 0, 1 + PAYLOAD, 1 + 2 * PAYLOAD },
	{ 0, FIN | ACK, 0, 1 + 2 * PAYLOAD, 1 + PAYLOAD },
	{ 1, FIN | ACK, 0, 1 + PAYLOAD, 2 + 2 * PAYLOAD },
	{ 0, ACK, 0, 2 + 2 * PAYLOAD, 2 + PAYLOAD },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static uint8_t frames[BATCH][HEADERS + PAYLOAD];

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* An initial sequence number like any other. */
static uint32_t isn(uint64_t c, unsigned side)
{
	c = (c * 2 + side + 1) * UINT64_C(0x9e3779b97f4a7c15);
	c = (c ^ c >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(c >> 32);
}

static void checksum(uint8_t *at, const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	put16(at, ~sum);
}

/* Frame `n` of the run; its length.  The payload is zeros. */
static size_t make(uint8_t *f, uint64_t n)
{
	const struct step *s = &steps[n % STEPS];
	const uint64_t c = n / STEPS;
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

static int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	const int fd = socket(AF_PACKET, SOCK_RAW, 0), yes = 1;

	if (fd < 0 || !to.sll_ifindex || bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return -1;
	(void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes));
	return fd;
}

/* Send all of the batch; frames that a full queue refuses are offered again. */
static int send_batch(int fd, struct mmsghdr *m, unsigned n)
{
	for (unsigned done = 0; done < n;) {
		const int sent = sendmmsg(fd, m + done, n - done, 0);

		if (sent < 0 && errno != EINTR && errno != ENOBUFS && errno != EAGAIN)
			return -1;
		done += sent > 0 ? (unsigned)sent : 0;
	}
	return 0;
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
		if (send_batch(fd, messages, k) != 0) {
			perror("sendmmsg");
			return 1;
		}
	}
	printf("%llu %.0f\n", (unsigned long long)count, (double)count / ((double)(clock_now() - begun) / (double)SECOND));
	return 0;
}
