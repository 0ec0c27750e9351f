/* The fast sum against the slow and obvious one, at every length, alignment and split. */
#include "unit.h"

#include <string.h>

#include "checksum.h"
#include "frames.h"

enum { BYTES = 4096 };

static uint8_t bytes[BYTES + 16];

static int fill(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(x >> 24);
	}
	return 0;
}

/* As a processor without wide registers has it. */
static uint64_t narrow(const uint8_t *p, size_t n)
{
	const size_t rest = n % CHECKSUM_BLOCK;

	return checksum_blocks(p, n - rest, false) + checksum_short(p + n - rest, rest);
}

/* As a number in host order; the sums' byte order is the machine's. */
static uint16_t folded(uint64_t sum)
{
	const uint16_t v = checksum_fold(sum);
	uint8_t p[2];

	memcpy(p, &v, 2);
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void every_length_and_alignment(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 300; n++) {
		for (unsigned at = 0; at < 8; at++) {
			assert_int_equal(folded(checksum_add(bytes + at, n)),
					 (uint16_t)~slow_checksum(bytes + at, n, 0));
			assert_int_equal(folded(narrow(bytes + at, n)),
					 (uint16_t)~slow_checksum(bytes + at, n, 0));
			assert_int_equal(n && checksum_good(checksum_add(bytes + at, n)),
					 folded(checksum_add(bytes + at, n)) == 0xffff);
		}
	}
	assert_int_equal(folded(checksum_add(bytes, BYTES)),
			 (uint16_t)~slow_checksum(bytes, BYTES, 0));
}

static void ones_do_not_overflow(void **state)
{
	static uint8_t ones[1 << 20];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(checksum_fold(checksum_add(ones, sizeof(ones))), 0xffff);
	assert_true(checksum_good(checksum_add(ones, sizeof(ones))));
	assert_int_equal(checksum_fold(checksum_add(ones, 1)),
			 checksum_fold(checksum_number(0xff00)));
}

static void parts_add_up(void **state)
{
	const uint16_t all = checksum_fold(checksum_add(bytes, 1001));

	(void)state;
	for (unsigned cut = 0; cut < 1001; cut += 2) {
		const uint64_t left = checksum_add(bytes, cut),
			       right = checksum_add(bytes + cut, 1001 - cut);

		assert_int_equal(checksum_fold(left + right), all);
		assert_int_equal(checksum_fold(checksum_add(bytes, 1001) + checksum_minus(left)),
				 checksum_fold(right));
	}
}

static void numbers_stand_in_network_order(void **state)
{
	(void)state;
	assert_int_equal(folded(checksum_number(6)), 6);
	assert_int_equal(folded(checksum_number(0x12340001)), 0x1235);
	assert_int_equal(folded(checksum_address(bytes)), (uint16_t)~slow_checksum(bytes, 16, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_and_alignment),
		cmocka_unit_test(ones_do_not_overflow),
		cmocka_unit_test(parts_add_up),
		cmocka_unit_test(numbers_stand_in_network_order),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
