/* Fingerprints: not keyed, for what they tell must not depend on the key. */
#ifndef TCPLINT_STIR_H
#define TCPLINT_STIR_H

#include <stdint.h>
#include <string.h>

#include <tcplint/tcplint.h>

static inline uint64_t stir(uint64_t h, uint64_t x)
{
	h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static inline uint64_t stir_address(uint64_t h, const struct tcplint_address *a)
{
	uint64_t half[2];

	memcpy(half, a->ip, sizeof(half));
	return stir(stir(stir(h, half[0]), half[1]), a->port);
}

#endif
