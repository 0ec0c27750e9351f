/* The index of connections: whatever their hashes, what is in it is found while it grows. */
#include <string.h>

#include "unit.h"
#include "flow.h"

#define LIMIT 20000
#define FIRST 1024 /* slots that it has at first */

static struct flow_table flows;
static uint32_t numbers[LIMIT];

static struct flow_key key_of(uint32_t i)
{
	struct flow_key k = { .end = { { .port = 1 }, { .port = 2 } } };

	memcpy(k.end[0].ip + 12, &i, sizeof(i));
	return k;
}

/* Around the table's end, where growing it takes apart what stood together; or anywhere. */
static uint64_t hash_of(uint32_t i)
{
	const uint64_t anywhere = i * UINT64_C(0x9e3779b97f4a7c15);

	return i < 100 ? (uint64_t)((FIRST - 20 + i % 30) + FIRST * (i % 4)) << 32 : anywhere;
}

static void find_all(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		const struct flow_key k = key_of(i);
		const uint64_t glance = flow_glance(&flows, hash_of(i));

		assert_int_equal(flow_find(&flows, &k, hash_of(i)), numbers[i]);
		assert_true(glance <= flows.mask);
		assert_int_equal(flow_find_near(&flows, &k, hash_of(i), glance), numbers[i]);
		/* the first glance is right, but for the few whose home is at the end of the table */
		if (numbers[i] && flow_home(hash_of(i), flows.mask) + 3 <= flows.mask && i >= 100)
			assert_int_equal((uint32_t)flows.slots[glance], numbers[i]);
	}
}

/*
 * Of four numbers, by what each is made of: nothing, only a lower half, the upper half that is looked for, another one.
 */
static void four_at_once(void **unused)
{
	static const uint64_t kinds[] = { 0,
					  7,
					  UINT64_C(0x89abcdef00000007),
					  UINT64_C(0x89abcdef00000000),
					  UINT64_C(0x89abcdee00000007),
					  UINT64_C(0x09abcdef00000001),
					  UINT64_MAX };
	enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

	(void)unused;
	for (unsigned n = 0; n < KINDS * KINDS * KINDS * KINDS; n++) {
		const uint64_t four[4] = { kinds[n % KINDS], kinds[n / KINDS % KINDS], kinds[n / KINDS / KINDS % KINDS],
					   kinds[n / KINDS / KINDS / KINDS] };
		unsigned expected = 0;

		for (unsigned i = 0; i < 4; i++)
			expected |= (unsigned)(four[i] >> 32 == 0x89abcdef || !(four[i] & UINT32_MAX)) << i;
		assert_int_equal(match_four(four, UINT64_C(0x89abcdef12345678)), expected);
	}
}

static void it_grows(void **unused)
{
	static const uint8_t key[16] = { 1 };
	struct error e;

	(void)unused;
	assert_true(flow_init(&flows, LIMIT, false, key, &e));
	for (uint32_t i = 0; i < LIMIT; i++) {
		const struct flow_key k = key_of(i);
		const uint64_t mask = flows.mask;

		assert_int_equal(flow_find(&flows, &k, hash_of(i)), 0);
		numbers[i] = flow_add_quiet(&flows, &k, hash_of(i), i + 1);
		assert_true(flow_is_quiet(numbers[i]));
		if (flows.mask != mask)
			find_all(0, i + 1);
	}
	assert_true(flows.mask + 1 > LIMIT);
	for (uint32_t i = 0; i < LIMIT; i += 3) {
		flow_remove(&flows, numbers[i]);
		numbers[i] = 0;
	}
	find_all(0, LIMIT);
	flow_finish(&flows);
}

/* What is in front of another one, or behind it, is still taken out when nobody will look for it. */
static void the_last_are_dropped(void **unused)
{
	static const uint8_t hash_key[16] = { 1 };
	const struct flow_key k = key_of(1);
	struct error e;

	(void)unused;
	assert_true(flow_init(&flows, LIMIT, false, hash_key, &e));
	const uint32_t older = flow_add(&flows, &k, flow_hash(&flows, &k)),
		       newer = flow_add(&flows, &k, flow_hash(&flows, &k));

	assert_int_equal(flow_conn(&flows, newer)->older, older);
	flow_drop(&flows, older);
	assert_int_equal(flow_conn(&flows, newer)->older, 0);
	assert_false(flow_conn(&flows, older)->in_use);
	flow_drop(&flows, newer);
	assert_false(flow_conn(&flows, newer)->in_use);
	assert_int_equal(flows.conns.used, 0);
	flow_finish(&flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(it_grows), cmocka_unit_test(the_last_are_dropped),
					   cmocka_unit_test(four_at_once) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
