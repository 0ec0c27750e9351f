/*
 * Memory that is asked for as it comes to be used: enough, not much too much, all of it zero, and of the cheaper kind.
 */
#include <string.h>
#include <sys/mman.h>

#include "pages.h"
#include "unit.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* Whether the page at `offset` is in memory. */
static bool resident(const struct pages *p, size_t offset)
{
	unsigned char in = 0;

	assert_int_equal(mincore(p->base + offset / (4 * KIB) * (4 * KIB), 1, &in), 0);
	return in & 1;
}

static bool is_zero(const uint8_t *at, size_t n)
{
	size_t i = 0;

	while (i < n && !at[i])
		i++;
	return i == n;
}

static void grows_with_use(void **state)
{
	struct pages p;

	(void)state;
	assert_true(pages_init(&p, 64 * MIB + 12345));
	for (size_t to = 1; to <= p.bytes; to += to < 100 ? 1 : to / 3) {
		const size_t before = p.ready;

		pages_get_ready(&p, to);
		assert_true(p.ready >= to && p.ready <= p.bytes && p.ready <= p.block);
		if (before >= to)
			assert_int_equal(p.ready, before); /* there was enough */
		else if (to <= 64 * KIB)
			assert_true(p.ready < to + to + 4 * KIB);
		else if (to <= 2 * MIB)
			assert_true(p.ready <= to + to / 8 + 64 * KIB);
		else
			assert_true(p.ready <= to + 2 * MIB);
		assert_true(resident(&p, p.ready - 1));
		if (p.ready + 4 * MIB < p.bytes)
			assert_false(resident(&p, p.ready + 4 * MIB));
		assert_true(is_zero(p.base + before, p.ready - before));
		memset(p.base + before, 0xff, p.ready - before); /* never to be touched again */
	}
	pages_get_ready(&p, p.bytes);
	assert_int_equal(p.ready, p.bytes);
	assert_int_equal(p.base[0], 0xff);
	assert_true(p.cost[PAGES_SMALL] && p.cost[PAGES_LARGE]); /* both were tried */
	pages_finish(&p);
}

static void small_mappings(void **state)
{
	struct pages p;

	(void)state;
	assert_true(pages_init(&p, 1));
	pages_get_ready(&p, 1);
	assert_int_equal(p.ready, 1);
	pages_finish(&p);
}

static enum pages_kind choose(uint64_t small, uint64_t large, unsigned smalls)
{
	return pages_choose(&(struct pages){
		.cost = { [PAGES_SMALL] = small, [PAGES_LARGE] = large }, .small = smalls, .patience = 8 });
}

/* Of a machine where large pages always pay, or never: how many of the blocks are. */
static unsigned large_ones(uint64_t large_cost)
{
	struct pages p;
	unsigned n = 0;

	assert_true(pages_init(&p, 192 * MIB));
	pages_get_ready(&p, 8 * MIB);
	while (p.ready + 2 * MIB < p.bytes) {
		p.cost[PAGES_SMALL] = 1000;
		p.cost[PAGES_LARGE] = large_cost; /* what was measured does not count */
		n += p.block == p.ready && pages_choose(&p) == PAGES_LARGE;
		pages_get_ready(&p, p.ready + 1);
	}
	pages_finish(&p);
	return n;
}

static void gives_up_trying(void **state)
{
	(void)state;
	assert_in_range(large_ones(100), 85, 93);
	assert_in_range(large_ones(UINT64_C(1) << 60), 2, 4); /* after 8, 16 and 32 small ones */
}

static void takes_the_cheaper(void **state)
{
	(void)state;
	assert_int_equal(choose(0, 0, 0), PAGES_SMALL); /* to know what they cost */
	assert_int_equal(choose(0, 0, 100), PAGES_SMALL);
	assert_int_equal(choose(1000, 0, 1), PAGES_LARGE);
	assert_int_equal(choose(1000, 500, 1), PAGES_LARGE);
	assert_int_equal(choose(1000, 1500, 1), PAGES_LARGE); /* they are worth more */
	assert_int_equal(choose(1000, 1501, 1), PAGES_SMALL);
	assert_int_equal(choose(1000, 9000, 7), PAGES_SMALL);
	assert_int_equal(choose(1000, 9000, 8), PAGES_LARGE); /* are they still as dear? */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_with_use),
		cmocka_unit_test(small_mappings),
		cmocka_unit_test(takes_the_cheaper),
		cmocka_unit_test(gives_up_trying),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
