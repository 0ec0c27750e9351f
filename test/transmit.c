#define _GNU_SOURCE /* sendmmsg() */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <time.h>

#include "transmit.h"

#define SECOND INT64_C(1000000000)

void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

void checksum(uint8_t *at, const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	put16(at, ~sum);
}

int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

int open_interface(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	const int fd = socket(AF_PACKET, SOCK_RAW, 0), yes = 1;

	if (fd < 0 || !to.sll_ifindex || bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return -1;
	(void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes));
	return fd;
}

bool send_batch(int fd, struct mmsghdr *m, unsigned n)
{
	for (unsigned done = 0; done < n;) {
		const int sent = sendmmsg(fd, m + done, n - done, 0);

		if (sent < 0 && errno != EINTR && errno != ENOBUFS && errno != EAGAIN)
			return false;
		done += sent > 0 ? (unsigned)sent : 0;
	}
	return true;
}
