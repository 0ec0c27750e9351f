/* What is put comes back, whatever it is; and the two ways make the same bytes. */
#include "unit.h"

#include <string.h>

#include "distance.h"

enum { NUMBERS = 65, ROOM = 4 * NUMBERS + (4 * NUMBERS + 15) / 16 };

static uint64_t state = 88172645463325252;

static uint32_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

/* How many bytes a distance takes, by the definition. */
static size_t length_of(uint32_t distance)
{
	const int64_t d = (int32_t)distance;

	return !d ? 0 : d >= -128 && d < 128 ? 1 : d >= -32768 && d < 32768 ? 2 : 4;
}

static void compare(const uint32_t *from, const uint32_t *expected, size_t n)
{
	uint8_t bytes[ROOM + DISTANCE_SLACK], narrow[ROOM + DISTANCE_SLACK];
	uint32_t to[NUMBERS + 1];
	const size_t size = 4 * n;
	size_t length = (n + 3) / 4;

	for (size_t i = 0; i < n; i++)
		length += length_of(from[i] - expected[i]);
	assert_int_equal(distance_put(bytes, from, expected, size) - bytes, length);
	assert_int_equal(distance_put_narrow(narrow, from, expected, size) - narrow, length);
	assert_memory_equal(bytes, narrow, length);

	memset(to, 0xee, sizeof(to));
	memset(bytes + length, 0x55, sizeof(bytes) - length);
	assert_int_equal(distance_get(bytes, to, expected, size) - bytes, length);
	assert_memory_equal(to, from, size);
	assert_int_equal(to[n], 0xeeeeeeee);
	memset(to, 0, sizeof(to));
	assert_int_equal(distance_get_narrow(bytes, to, expected, size) - bytes, length);
	assert_memory_equal(to, from, size);
}

static void each_limit(void **unused)
{
	static const int64_t limits[] = { 0,     1,     -1,        127,      128,    -128,
					  -129,  32767, 32768,     -32768,   -32769, 65535,
					  65536, 255,   INT32_MAX, INT32_MIN };
	const unsigned n = sizeof(limits) / sizeof(*limits);

	(void)unused;
	for (unsigned i = 0; i < n * n; i++) {
		const uint32_t expected[4] = { 7, UINT32_MAX, draw(), 0 };
		const uint32_t from[4] = { expected[0] + (uint32_t)limits[i % n],
					   expected[1] + (uint32_t)limits[i / n],
					   expected[2] + (uint32_t)limits[(i + i / n) % n],
					   expected[3] + (uint32_t)limits[(i * 7) % n] };

		for (size_t k = 0; k <= 4; k++)
			compare(from, expected, k);
	}
}

static void many_numbers(void **unused)
{
	uint32_t from[NUMBERS], expected[NUMBERS];

	(void)unused;
	for (unsigned round = 0; round < 20000; round++) {
		for (unsigned i = 0; i < NUMBERS; i++) {
			const unsigned shift = draw() % 40;

			expected[i] = draw();
			from[i] = expected[i] + (shift < 32 ? draw() >> shift : 0) *
							(draw() & 1 ? 1 : UINT32_MAX);
		}
		compare(from, expected, draw() % (NUMBERS + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_limit),
					    cmocka_unit_test(many_numbers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
