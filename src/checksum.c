/*
 * The Internet checksum.
 *
 * Eight bytes are read at a time.  A lane keeps their sum, which may wrap, and the
 * sum of their high halves, which cannot: the sum of the low halves is the
 * difference, so that no carry is ever lost.
 */
#include <stdbool.h>
#include <string.h>

#include "checksum.h"
#include "compiler.h"

enum { BLOCK = 2 * sizeof(lanes) };

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint16_t load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t halves(uint64_t v)
{
	return (v & UINT32_MAX) + (v >> 32);
}

/* The last n < 8 bytes; an odd one counts as if a zero followed. */
static uint64_t add_tail(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;

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

/* n bytes, a multiple of BLOCK. */
static ALWAYS_INLINE uint64_t add_blocks(const uint8_t *p, size_t n)
{
	lanes all0 = { 0 }, high0 = { 0 }, all1 = { 0 }, high1 = { 0 };

	for (const uint8_t *end = p + n; p < end; p += BLOCK) {
		lanes v, w;

		memcpy(&v, p, sizeof(v));
		memcpy(&w, p + sizeof(v), sizeof(w));
		all0 += v;
		all1 += w;
		high0 += v >> 32;
		high1 += w >> 32;
	}
	const lanes high = high0 + high1, sum = all0 + all1 - (high << 32) + high;

	return sum[0] + sum[1] + sum[2] + sum[3];
}

static uint64_t add_narrow(const uint8_t *p, size_t n)
{
	return add_blocks(p, n);
}

WIDE_REGISTERS static uint64_t add_wide(const uint8_t *p, size_t n)
{
	return add_blocks(p, n);
}

static inline uint64_t add(bool wide, const uint8_t *p, size_t n)
{
	const size_t blocks = n - n % BLOCK;
	uint64_t sum = 0;

	if (blocks) {
		sum = wide ? add_wide(p, blocks) : add_narrow(p, blocks);
		p += blocks;
		n -= blocks;
	}
	for (; n >= 8; n -= 8, p += 8)
		sum += halves(load64(p));
	return sum + add_tail(p, n);
}

uint64_t checksum_add(const uint8_t *p, size_t n)
{
	return add(HAS_WIDE_REGISTERS, p, n);
}

uint64_t checksum_add_narrow(const uint8_t *p, size_t n)
{
	return add(false, p, n);
}

uint64_t checksum_number(uint32_t number)
{
	const uint8_t bytes[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
				   (uint8_t)(number >> 8), (uint8_t)number };

	return load32(bytes);
}

uint64_t checksum_minus(uint64_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

uint16_t checksum_fold(uint64_t sum)
{
	sum = halves(sum);
	sum = halves(sum);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}
