/* Bytes of an IPv4 packet without options, that carries TCP. */
#ifndef TCPLINT_TEST_PACKET_H
#define TCPLINT_TEST_PACKET_H

#include <stdint.h>

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* Of `length` bytes of TCP; of the packet, no more than `held` are there, and the others are zero. */
static inline uint32_t tcp_checksum(const uint8_t *p, uint32_t length, uint32_t held)
{
	uint32_t sum = 6 + length;

	for (uint32_t i = 12; i < 20 + length && i < held; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

#endif
