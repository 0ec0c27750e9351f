/*
 * The Internet checksum (RFC 1071).
 *
 * Sums are kept unfolded and in the machine's byte order, which one's complement
 * arithmetic does not mind: sums add up, whatever the order of the parts, as long
 * as every part but the last has an even length.
 */
#ifndef TCPLINT_CHECKSUM_H
#define TCPLINT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The sum of n bytes.  May be added to others' many times over before it is folded. */
uint64_t checksum_add(const uint8_t *p, size_t n);
/* The same as a processor without wide registers has it. */
uint64_t checksum_add_narrow(const uint8_t *p, size_t n);

/* The same of an address of sixteen bytes. */
static inline uint64_t checksum_address(const uint8_t p[16])
{
	uint32_t v[4];

	memcpy(v, p, sizeof(v));
	return (uint64_t)v[0] + v[1] + v[2] + v[3];
}

/* A number as it would stand in the packet in four bytes, or in two with two zero bytes before. */
uint64_t checksum_number(uint32_t number);

/* What must be added to undo `sum`. */
uint64_t checksum_minus(uint64_t sum);

/* Folded to 16 bits, in the machine's byte order; 0xffff over a packet with a good checksum. */
uint16_t checksum_fold(uint64_t sum);

#endif
