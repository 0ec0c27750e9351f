/*
 * The Internet checksum of many bytes.
 *
 * Eight of them are a lane, which keeps their sum, which may wrap, and the
 * sum of their high halves, which cannot: the sum of the low halves is the
 * difference, so that no carry is ever lost.
 */
#include "checksum.h"

/* n bytes, a multiple of CHECKSUM_BLOCK. */
static ALWAYS_INLINE uint64_t add_blocks(const uint8_t *p, size_t n)
{
	lanes all0 = { 0 }, high0 = { 0 }, all1 = { 0 }, high1 = { 0 };

	for (const uint8_t *end = p + n; p < end; p += CHECKSUM_BLOCK) {
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

uint64_t checksum_blocks(const uint8_t *p, size_t n, bool wide)
{
	return wide ? add_wide(p, n) : add_narrow(p, n);
}
