/*
 * A keyed hash of a few 64-bit words: the index of connections, and that of hosts.
 *
 * The multilinear family modulo 2^128 (Lemire and Kaser, "Strongly universal string hashing is fast", 2014): whatever
 * two keys the author of the packets chooses, knowing all but the random numbers, each pair of upper halves is as
 * likely as any other.  Two multiplications a word, where SipHash takes fourteen additions, rotations and exclusive ors
 * twice or more.  What follows is a bijection, so that addresses and ports that count up do not become neighbours in
 * the index.
 *
 * What it is not is a pseudorandom function: who could learn from our timing that two keys collide would know others
 * that do.  An analyser answers nobody, so nobody learns; where that is not so, SipHash is better (design.md asks for
 * it, "or better").
 */
#ifndef TCPLINT_MULTILINEAR_H
#define TCPLINT_MULTILINEAR_H

#include "compiler.h"
#include "siphash.h"

#define MULTILINEAR_WORDS 7

/* Random numbers of 128 bits: one that is added, and one for each position of a word. */
struct multilinear_key {
	uint64_t low[MULTILINEAR_WORDS + 1], high[MULTILINEAR_WORDS + 1];
};

/* All of them out of one key. */
static inline struct multilinear_key multilinear_expand(const struct siphash_key *key)
{
	struct multilinear_key k;

	for (uint64_t i = 0; i <= MULTILINEAR_WORDS; i++) {
		k.low[i] = siphash_words(key, (uint64_t[]){ 2 * i }, 1);
		k.high[i] = siphash_words(key, (uint64_t[]){ 2 * i + 1 }, 1);
	}
	return k;
}

/* The sum so far. */
struct multilinear {
	uint64_t low, high;
};

static inline struct multilinear multilinear_begin(const struct multilinear_key *k)
{
	return (struct multilinear){ k->low[0], k->high[0] };
}

/* `position`: 1 to MULTILINEAR_WORDS, each of them once. */
static inline void multilinear_add(struct multilinear *m, const struct multilinear_key *k, unsigned position,
				   uint64_t word)
{
	const uint64_t low = k->low[position] * word;

	m->low += low;
	m->high += (m->low < low) + k->high[position] * word + multiply_high(k->low[position], word);
}

static inline uint64_t multilinear_end(struct multilinear m)
{
	uint64_t h = m.high;

	h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

/*
 * The same of a sum modulo 2^64 of 32-bit words and the lower halves, where 32 bits are enough: one multiplication a
 * word.
 */
static inline uint32_t multilinear_end_short(uint64_t sum)
{
	uint32_t h = (uint32_t)(sum >> 32);

	h = (h ^ h >> 16) * UINT32_C(0x9e3779b1);
	return h ^ h >> 15;
}

#endif
