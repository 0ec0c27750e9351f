/*
 * Comparisons modulo 2^32 (RFC 9293, 3.4; RFC 7323, 5.2 for timestamps).
 *
 * At a distance of exactly 2^31 the order is undefined by the RFC; here the
 * first argument then counts as the smaller one.
 */
#ifndef TCPLINT_SEQ_H
#define TCPLINT_SEQ_H

#include <stdbool.h>
#include <stdint.h>

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (a - b) & UINT32_C(0x80000000);
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return seq_lt(b, a);
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return a == b || seq_lt(a, b);
}

static inline bool seq_ge(uint32_t a, uint32_t b)
{
	return a == b || seq_lt(b, a);
}

/* lo <= x <= hi on the circle, for ranges shorter than 2^31. */
static inline bool seq_in(uint32_t lo, uint32_t x, uint32_t hi)
{
	return x - lo <= hi - lo;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? b : a;
}

#endif
