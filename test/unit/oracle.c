/* The oracle of RFC 6191, 2, row by row: both sides of every comparison, and around 2^31 and 2^32. */
#include "unit.h"

#include "oracle.h"

static const struct {
	struct reopening r;
	enum newer expected;
} rows[] = {
	/* neither incarnation has timestamps: the sequence number decides */
	{ { .fin = 5000, .seq = 5001 }, NEWER_SEQUENCE },
	{ { .fin = 5000, .seq = 5000 }, NOT_NEWER },
	{ { .fin = 5000, .seq = 3000 }, NOT_NEWER },
	{ { .fin = 0xfffffff0, .seq = 0x10 }, NEWER_SEQUENCE },
	{ { .fin = 0x10, .seq = 0xfffffff0 }, NOT_NEWER },
	{ { .fin = 0x7ffffff0, .seq = 0x80000010 }, NEWER_SEQUENCE },
	/* the old one had none, the SYN has them */
	{ { .has_timestamps = true, .tsval = 1, .fin = 5000, .seq = 3000 }, NEWLY_TIMESTAMPED },
	/* both have them */
	{ { .had_timestamps = true, .has_timestamps = true, .tsval_last = 100, .tsval = 101, .fin = 5000, .seq = 3000 },
	  NEWER_TIMESTAMP },
	{ { .had_timestamps = true, .has_timestamps = true, .tsval_last = 100, .tsval = 100, .fin = 5000, .seq = 5001 },
	  NEWER_SEQUENCE },
	{ { .had_timestamps = true, .has_timestamps = true, .tsval_last = 100, .tsval = 100, .fin = 5000, .seq = 5000 },
	  NOT_NEWER },
	{ { .had_timestamps = true, .has_timestamps = true, .tsval_last = 100, .tsval = 99, .fin = 5000, .seq = 9000 },
	  NOT_NEWER },
	{ { .had_timestamps = true, .has_timestamps = true, .tsval_last = 0xffffffff, .tsval = 1, .fin = 5000, .seq = 1 },
	  NEWER_TIMESTAMP },
	/* the old one had them, the SYN has none */
	{ { .had_timestamps = true, .tsval_last = 100, .fin = 5000, .seq = 5001 }, NEWER_SEQUENCE },
	{ { .had_timestamps = true, .tsval_last = 100, .fin = 5000, .seq = 5000 }, NOT_NEWER },
	/* its options were not captured */
	{ { .had_timestamps = true, .cut = true, .fin = 5000, .seq = 3000 }, PERHAPS_NEWER },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(oracle_reopening(&rows[i].r), rows[i].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
