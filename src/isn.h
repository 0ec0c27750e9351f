/*
 * Whether initial sequence numbers can be guessed: tests over the numbers that one host chose for
 * connections with different addresses or ports (rules.md 2.3).
 *
 * RFC 9293, 3.4.1 wants ISN = M + F(addresses, ports, secret): for whoever does not know the secret, numbers
 * of different 4-tuples are independent and uniform, whatever the clock M does.  Every test gives the
 * probability that such numbers look at least as regular as these: exact, or an upper bound.
 */
#ifndef TCPLINT_ISN_H
#define TCPLINT_ISN_H

#include <stdbool.h>
#include <stdint.h>

#define ISN_KEPT 64 /* the first so many numbers of a host are judged */

/*
 * The numbers are looked at when there are 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48 and 64 of them, and a
 * test may be wrong once in a million hosts, not once in a million looks.
 */
#define ISN_ALPHA (1e-6 / 12)

struct isn_sample {
	int64_t ts;
	uint32_t isn;
	uint32_t peer; /* tells the peers' addresses and ports apart */
};

/* In the order of precedence. */
enum isn_test {
	ISN_CONSTANT,
	ISN_FIXED_INCREMENT,
	ISN_CLOCK,
	ISN_COMMON_DIVISOR,
	ISN_BIT_BIAS,
	ISN_ZERO,
	ISN_REPEATED,
	ISN_TESTS,
};

struct isn_verdict {
	unsigned asked;  /* bits 1 << enum isn_test: what was looked for */
	unsigned failed; /* bits 1 << enum isn_test; 0: the numbers look random */
	enum isn_test test; /* the first of them; `p` and what follows belong to it */
	double p;
	unsigned n, distinct;
	int64_t rate;       /* clock: ticks a second */
	uint32_t low, high; /* fixed increment: the smallest and the largest */
	bool predicted;     /* the last number was to be expected */
	uint32_t expected;
	uint32_t value;     /* repeated, constant: the number */
	uint32_t divisor;
	uint8_t bit, ones;  /* bit bias: which, 0 the lowest; how often it is set */
	uint8_t zeros, zero[2]; /* zero: how many are, the first and the last of them */
	unsigned a, b;      /* two samples that have it */
};

/* Whether `n` numbers are to be looked at. */
bool isn_look_at(unsigned n);

/*
 * All tests but ISN_ZERO and ISN_REPEATED at every look; these only where `settle` says that no other can follow, and
 * a single zero only when it is the `last` look.  `passive`: numbers of SYN-ACKs, where SYN cookies (RFC 4987,
 * appendix A) keep some bits for a minute.  `asked`: the tests that count.
 */
struct isn_verdict isn_judge(const struct isn_sample *s, unsigned n, bool settle, bool last, bool passive,
			     unsigned asked);

#define ISN_ALL ((1u << ISN_TESTS) - 1)

/*
 * The smallest part of the circle of 2^32 numbers that holds all of `x` (which is sorted), as a fraction; `*first`
 * is where it begins.
 */
double isn_arc(uint32_t *x, unsigned n, uint32_t *first);

/* How many powers of ten lie below 1: 12 for 3e-13. */
int isn_exponent(double p);

#endif
