/*
 * The hash of the two indexes: the arithmetic against a slow one, and that keys which count up do not crowd together.
 */
#include "unit.h"

#include <string.h>

#include "hosts.h"
#include "multilinear.h"

/* a * b modulo 2^128, bit by bit. */
static struct multilinear times(struct multilinear a, uint64_t b)
{
	struct multilinear sum = { 0, 0 };

	for (; b; b >>= 1) {
		if (b & 1) {
			sum.low += a.low;
			sum.high += a.high + (sum.low < a.low);
		}
		a.high = a.high << 1 | a.low >> 63;
		a.low <<= 1;
	}
	return sum;
}

static void sums_are_those_of_long_multiplication(void **state)
{
	const uint64_t words[] = { 0, 1, 2, UINT32_MAX, UINT64_MAX, UINT64_C(0x8000000000000000), UINT64_C(0x123456789abcdef1) };
	const unsigned n = sizeof(words) / sizeof(words[0]);

	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		const struct multilinear_key k = multilinear_expand(&(struct siphash_key){ seed, ~seed });
		struct multilinear sum = multilinear_begin(&k), slow = sum;

		for (unsigned i = 0; i < n; i++) {
			const struct multilinear product = times((struct multilinear){ k.low[i + 1], k.high[i + 1] }, words[i]);

			slow.low += product.low;
			slow.high += product.high + (slow.low < product.low);
			multilinear_add(&sum, &k, i + 1, words[i]);
			assert_true(sum.low == slow.low && sum.high == slow.high);
		}
	}
}

enum { KEYS = 1 << 16, SLOTS = 2 * KEYS };

/* How far the worst of the keys 0, step, 2 * step, ... stands from its place, in an index that is half full. */
static unsigned farthest(const struct multilinear_key *k, unsigned position, uint64_t step)
{
	static uint8_t taken[SLOTS];
	unsigned most = 0;

	memset(taken, 0, sizeof(taken));
	for (uint64_t i = 0; i < KEYS; i++) {
		struct multilinear sum = multilinear_begin(k);
		unsigned far = 0;

		multilinear_add(&sum, k, position, i * step);
		const uint64_t home = multilinear_end(sum) >> 32;

		while (taken[(home + far) % SLOTS])
			far++;
		taken[(home + far) % SLOTS] = 1;
		most = far > most ? far : most;
	}
	return most;
}

static void keys_that_count_up_do_not_crowd(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		const struct multilinear_key k = multilinear_expand(&(struct siphash_key){ seed, 1 });

		for (unsigned shift = 0; shift < 48; shift += 8)
			assert_in_range(farthest(&k, 1 + shift / 8, UINT64_C(1) << shift), 1, 100);
	}
}

/* The same of hosts whose addresses count up, in any byte. */
static unsigned farthest_host(const struct hosts *t, unsigned byte)
{
	static uint8_t taken[SLOTS];
	unsigned most = 0;

	memset(taken, 0, sizeof(taken));
	for (uint32_t i = 0; i < KEYS; i++) {
		uint8_t ip[16] = { [10] = 0xff, [11] = 0xff, [12] = 10 };
		unsigned far = 0;

		ip[byte] = (uint8_t)i;
		ip[byte - 1] = (uint8_t)(i >> 8);
		const uint32_t home = hosts_hash(t, HOST_CLIENT, ip, 0);

		while (taken[(home + far) % SLOTS])
			far++;
		taken[(home + far) % SLOTS] = 1;
		most = far > most ? far : most;
	}
	return most;
}

static void hosts_that_count_up_do_not_crowd(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		const struct hosts t = { .key = multilinear_expand(&(struct siphash_key){ seed, 1 }) };

		for (unsigned byte = 1; byte < 16; byte += 2)
			assert_in_range(farthest_host(&t, byte), 1, 100);
	}
}

/* Kind and port, and each part of the address, make another host of it. */
static void hosts_are_told_apart(void **state)
{
	const struct hosts t = { .key = multilinear_expand(&(struct siphash_key){ 1, 2 }) };
	uint8_t ip[16] = { [10] = 0xff, [11] = 0xff };
	const uint32_t hash = hosts_hash(&t, HOST_CLIENT, ip, 0);

	(void)state;
	assert_int_not_equal(hosts_hash(&t, HOST_SERVER, ip, 0), hash);
	assert_int_not_equal(hosts_hash(&t, HOST_CLIENT, ip, 1), hash);
	for (unsigned i = 0; i < sizeof(ip); i++) {
		ip[i] ^= 1;
		assert_int_not_equal(hosts_hash(&t, HOST_CLIENT, ip, 0), hash);
		ip[i] ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_those_of_long_multiplication),
		cmocka_unit_test(keys_that_count_up_do_not_crowd),
		cmocka_unit_test(hosts_that_count_up_do_not_crowd),
		cmocka_unit_test(hosts_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
