/* History: what is kept of whom, in which order it comes back, and who makes room. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <tcplint/frame.h>

#include "history.h"

static struct error e;
static uint8_t bytes[5000];

struct heard {
	unsigned count;
	uint64_t number[64];
};

static void hear(void *user, const struct tcplint_frame *f)
{
	struct heard *h = user;

	assert_true(h->count < 64);
	h->number[h->count++] = f->number;
	assert_int_equal(f->wire, f->captured + 1);
	assert_int_equal(f->linktype, 1);
	assert_true(f->ts == (int64_t)f->number * 10);
	for (uint32_t i = 0; i < f->captured; i++)
		assert_int_equal(f->data[i], (uint8_t)(f->number + i));
}

static struct history_key flow(uint16_t port)
{
	struct history_key key = { .port = { port, 80 }, .ip = { { 10 }, { 9 } } };

	history_sort(&key);
	return key;
}

static void add(struct history *h, uint16_t port, uint64_t number, uint32_t size, enum history_kind kind)
{
	const struct history_key key = flow(port);

	for (uint32_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(number + i);
	history_add(h, &key, &(struct tcplint_frame){ .ts = (int64_t)number * 10, .number = number, .captured = size,
					      .wire = size + 1, .linktype = 1, .data = bytes }, kind);
}

static struct heard take(struct history *h, uint16_t port)
{
	const struct history_key key = flow(port);
	struct heard heard = { 0 };

	history_take(h, &key, hear, &heard);
	return heard;
}

static void ends_are_sorted(void **state)
{
	struct history_key a = { .port = { 1, 2 }, .ip = { { 1 }, { 2 } } }, b = { .port = { 2, 1 }, .ip = { { 2 }, { 1 } } };

	(void)state;
	history_sort(&a);
	history_sort(&b);
	assert_memory_equal(&a, &b, sizeof(a));
}

/* The first ones and the latest ones of a connection come back in order, of whatever size, and once. */
static void first_and_latest(void **state)
{
	struct history *h = history_create(10, &e);
	struct heard got;

	(void)state;
	assert_non_null(h);
	for (uint64_t i = 1; i <= 100; i++)
		add(h, 1, i, (uint32_t)(i * 37), HISTORY_OTHER);
	got = take(h, 1);
	assert_int_equal(got.count, HISTORY_FIRST + HISTORY_LATEST);
	for (unsigned i = 0; i < got.count; i++)
		assert_int_equal(got.number[i], i < HISTORY_FIRST ? i + 1 : 100 - HISTORY_LATEST + 1 + i - HISTORY_FIRST);
	assert_int_equal(take(h, 1).count, 0);
	add(h, 1, 101, 0, HISTORY_OTHER);
	assert_int_equal(take(h, 1).count, 1);
	history_destroy(h);
}

/* A SYN after a FIN begins a connection with first frames of its own; the latest of the old one are still there. */
static void used_again(void **state)
{
	struct history *h = history_create(10, &e);
	struct heard got;

	(void)state;
	for (uint64_t i = 1; i <= 8; i++)
		add(h, 1, i, 60, i == 8 ? HISTORY_CLOSES : HISTORY_OTHER);
	for (uint64_t i = 9; i <= 30; i++)
		add(h, 1, i, 60, i == 9 ? HISTORY_OPENS : HISTORY_OTHER);
	got = take(h, 1);
	assert_int_equal(got.count, HISTORY_FIRST + HISTORY_LATEST);
	assert_int_equal(got.number[0], 9);
	assert_int_equal(got.number[HISTORY_FIRST], 30 - HISTORY_LATEST + 1);
	for (uint64_t i = 31; i <= 34; i++)
		add(h, 1, i, 60, i == 34 ? HISTORY_CLOSES : HISTORY_OTHER);
	add(h, 1, 35, 60, HISTORY_OTHER);
	add(h, 1, 36, 60, HISTORY_OPENS);
	got = take(h, 1);
	assert_int_equal(got.count, 2);
	assert_int_equal(got.number[0], 35);
	assert_int_equal(got.number[1], 36);
	history_destroy(h);
}

/* Who has been silent for longest makes room; a mark protects, as long as there are others. */
static void room(void **state)
{
	struct history *h = history_create(3, &e);
	struct history_key key = flow(1);

	(void)state;
	for (uint16_t port = 1; port <= 3; port++)
		add(h, port, port, 60, HISTORY_OTHER);
	history_set_mark(h, &key, 7);
	add(h, 4, 4, 60, HISTORY_OTHER); /* instead of 2 */
	assert_int_equal(history_mark(h, &key), 7);
	assert_int_equal(take(h, 2).count, 0);
	assert_int_equal(take(h, 3).count, 1);
	assert_int_equal(history_forgotten(h), 0);
	for (uint16_t port = 3; port <= 4; port++) {
		key = flow(port);
		history_set_mark(h, &key, port);
	}
	key = flow(1);
	assert_int_equal(history_mark(h, &key), 7); /* heard of: now 3 is the oldest */
	add(h, 5, 5, 60, HISTORY_OTHER);
	assert_int_equal(history_forgotten(h), 1);
	assert_int_equal(history_mark(h, &key), 7);
	key = flow(3);
	assert_int_equal(history_mark(h, &key), 0);
	history_destroy(h);
}

/* More than the pool holds, of large frames: nobody is left with a part of one. */
static void pool(void **state)
{
	struct history *h = history_create(20000, &e);
	unsigned kept = 0;

	(void)state;
	for (uint16_t port = 1; port <= 18000; port++)
		add(h, port, port, 4900, HISTORY_OTHER);
	for (uint16_t port = 1; port <= 18000; port++)
		kept += take(h, port).count;
	assert_true(kept > 10000 && kept < 15000);
	assert_true(history_bound(h) < 80 << 20);
	history_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_are_sorted), cmocka_unit_test(first_and_latest), cmocka_unit_test(used_again),
		cmocka_unit_test(room),            cmocka_unit_test(pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
