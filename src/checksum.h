/*
 * The Internet checksum (RFC 1071).
 *
 * Sums are kept unfolded and in the machine's byte order, which one's complement
 * arithmetic does not mind: sums add up, whatever the order of the parts, as long
 * as every part but the last has an even length.
 */
#ifndef TCPLINT_CHECKSUM_H
#define TCPLINT_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compiler.h"
#include "load.h"

/* Bytes that are added together where there are that many. */
enum { CHECKSUM_BLOCK = 2 * sizeof(lanes) };

static inline uint64_t checksum_halves(uint64_t v)
{
	return (v & UINT32_MAX) + (v >> 32);
}

/* Less than CHECKSUM_BLOCK bytes; an odd one counts as if a zero followed. */
static inline uint64_t checksum_short(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;

	for (uint64_t v; n >= 8; n -= 8, p += 8) {
		v = load64(p);
		sum += v;
		sum += sum < v; /* what overflows counts at the other end */
	}
	sum = checksum_halves(sum);
	if (n & 4) {
		sum += load32(p);
		p += 4;
	}
	if (n & 2) {
		sum += load16(p);
		p += 2;
	}
	if (n & 1)
		sum += load16((const uint8_t[2]){ p[0], 0 });
	return sum;
}

/* n bytes, a multiple of CHECKSUM_BLOCK; `wide`: the processor has registers for them. */
uint64_t checksum_blocks(const uint8_t *p, size_t n, bool wide);

/* The sum of n bytes.  May be added to others' many times over before it is folded. */
static inline uint64_t checksum_add(const uint8_t *p, size_t n)
{
	const size_t rest = n % CHECKSUM_BLOCK;

	return (n >= CHECKSUM_BLOCK ? checksum_blocks(p, n - rest, HAS_WIDE_REGISTERS) : 0) +
	       checksum_short(p + n - rest, rest);
}

/* The same of an address of sixteen bytes. */
static inline uint64_t checksum_address(const uint8_t p[16])
{
	return checksum_halves(load64(p)) + checksum_halves(load64(p + 8));
}

/* A number as it would stand in the packet in four bytes, or in two with two zero bytes before. */
static inline uint64_t checksum_number(uint32_t number)
{
	const uint8_t bytes[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
				   (uint8_t)(number >> 8), (uint8_t)number };

	return load32(bytes);
}

/* Folded to 16 bits, in the machine's byte order; 0xffff over a packet with a good checksum. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = checksum_halves(sum);
	sum = checksum_halves(sum);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* Whether that is 0xffff; of a sum that is not 0. */
static inline bool checksum_good(uint64_t sum)
{
	return sum % 0xffff == 0;
}

/* What must be added to undo `sum`. */
static inline uint64_t checksum_minus(uint64_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

#endif
