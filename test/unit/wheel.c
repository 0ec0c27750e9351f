/* Timers against a list of what is armed: whatever is armed, disarmed and done to the clock, the same fires. */
#include "unit.h"
#include "wheel.h"

#define TIMERS 200
#define SECOND INT64_C(1000000000)

static struct wheel wheel;
static struct model {
	bool armed;
	int64_t when;
} model[TIMERS + 1];
static uint64_t seed = 1;

static uint64_t pick(uint64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (seed >> 33) % n;
}

/* Orders are numbers. */
static uint32_t first_due(int64_t now)
{
	uint32_t first = 0;

	for (uint32_t i = 1; i <= TIMERS; i++)
		if (model[i].armed && model[i].when <= now && (!first || model[i].when < model[first].when))
			first = i;
	return first;
}

static void fire(int64_t now)
{
	int64_t when;

	for (uint32_t number; (number = first_due(now));) {
		assert_int_equal(wheel_next(&wheel, now, &when), number);
		assert_int_equal(when, model[number].when);
		model[number].armed = false;
	}
	assert_int_equal(wheel_next(&wheel, now, &when), 0);
}

static int64_t any_time(void)
{
	static const int64_t scale[] = { SECOND / 100, SECOND, 30 * SECOND, 600 * SECOND, 20000 * SECOND };

	return (int64_t)pick((uint64_t)scale[pick(5)]);
}

static void a_model(void **unused)
{
	int64_t now = 1700000000 * SECOND;
	struct error e;

	(void)unused;
	assert_true(wheel_init(&wheel, TIMERS, &e));
	for (unsigned i = 0; i < 100000; i++) {
		const uint32_t number = 1 + (uint32_t)pick(TIMERS);

		switch (pick(4)) {
		case 0:
			wheel_disarm(&wheel, number);
			model[number].armed = false;
			break;
		case 1:
			now += any_time();
			break;
		case 2:
			if (pick(10))
				break;
			now -= any_time();
			wheel_turn_back(&wheel, now);
			break;
		default:
			model[number] = (struct model){ true, now + any_time() - SECOND };
			wheel_arm(&wheel, number, number, model[number].when);
		}
		if (pick(2))
			fire(now);
	}
	/* what was disarmed does not pile up */
	assert_in_range(wheel.heap_size, 1, 4 * TIMERS);
	wheel_finish(&wheel);
}

/* Not what is due in minutes, however soon after the beginning it is armed. */
static void the_heap_is_for_what_is_due(void **unused)
{
	const int64_t now = 1700000000 * SECOND;
	struct error e;
	int64_t when;

	(void)unused;
	assert_true(wheel_init(&wheel, TIMERS, &e));
	assert_int_equal(wheel_next(&wheel, now, &when), 0);
	for (uint32_t i = 1; i <= TIMERS; i++)
		wheel_arm(&wheel, i, i, now + (1 + i % 2 * 240) * SECOND);
	assert_int_equal(wheel.heap_used, 0);
	assert_int_equal(wheel_next(&wheel, now + SECOND, &when), 2);
	assert_int_equal(wheel.heap_used, TIMERS / 2 - 1);
	wheel_finish(&wheel);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_model), cmocka_unit_test(the_heap_is_for_what_is_due) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
