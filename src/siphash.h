/*
 * SipHash-1-3 over a key of 64-bit words: the hash of histories, evidence and fragments, and what the random numbers of
 * multilinear.h are made by.
 *
 * A keyed function, so that who writes the packets cannot choose the bucket; one
 * compression and three finalisation rounds are what hash tables use (Aumasson, Bernstein).
 */
#ifndef TCPLINT_SIPHASH_H
#define TCPLINT_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

static inline uint64_t siphash_rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

struct siphash_state {
	uint64_t a, b, c, d;
};

static inline struct siphash_state siphash_round(struct siphash_state v)
{
	v.a += v.b;
	v.c += v.d;
	v.b = siphash_rotl(v.b, 13) ^ v.a;
	v.d = siphash_rotl(v.d, 16) ^ v.c;
	v.a = siphash_rotl(v.a, 32);
	v.c += v.b;
	v.a += v.d;
	v.b = siphash_rotl(v.b, 17) ^ v.c;
	v.d = siphash_rotl(v.d, 21) ^ v.a;
	v.c = siphash_rotl(v.c, 32);
	return v;
}

static inline struct siphash_state siphash_absorb(struct siphash_state v, uint64_t word)
{
	v.d ^= word;
	v = siphash_round(v);
	v.a ^= word;
	return v;
}

static inline uint64_t siphash_words(const struct siphash_key *key, const uint64_t *words, size_t n)
{
	struct siphash_state v = { key->k0 ^ UINT64_C(0x736f6d6570736575), key->k1 ^ UINT64_C(0x646f72616e646f6d),
				   key->k0 ^ UINT64_C(0x6c7967656e657261), key->k1 ^ UINT64_C(0x7465646279746573) };

	for (size_t i = 0; i < n; i++)
		v = siphash_absorb(v, words[i]);
	v = siphash_absorb(v, (uint64_t)n << 59); /* the length in bytes, in the top byte */
	v.c ^= 0xff;
	v = siphash_round(siphash_round(siphash_round(v)));
	return v.a ^ v.b ^ v.c ^ v.d;
}

#endif
