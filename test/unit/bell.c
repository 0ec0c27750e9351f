/* Who waits is woken when enough is done or somebody insists, and never misses it. */
#include "unit.h"

#include <pthread.h>
#include <sched.h>

#include "bell.h"

struct there {
	struct bell bell;
	_Atomic uint64_t done;
};

/* One of two threads that take turns. */
struct waiter {
	struct there *there, *back;
	uint64_t seen, turns, enough; /* so much is to be done before it is worth waking */
};

static bool is_news(const void *what)
{
	const struct waiter *w = what;

	return atomic_load_explicit(&w->there->done, memory_order_acquire) > w->seen;
}

static void do_some(struct there *t)
{
	bell_ring(&t->bell, atomic_fetch_add_explicit(&t->done, 1, memory_order_release) + 1);
}

static void *wait_once(void *user)
{
	struct waiter *w = user;

	bell_wait(&w->there->bell, is_news, w, w->seen + w->enough);
	return NULL;
}

static void *take_turns(void *user)
{
	struct waiter *w = user;

	for (; w->seen < w->turns; w->seen++) {
		bell_wait(&w->there->bell, is_news, w, w->seen + 1);
		do_some(w->back);
	}
	return NULL;
}

static void wait_until_asleep(struct there *t)
{
	while (atomic_load(&t->bell.until) == BELL_AWAKE)
		sched_yield();
}

static pthread_t begin(void *(*what)(void *), struct waiter *w)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, what, w), 0);
	return thread;
}

static void a_sleeper_is_woken_for_enough(void **state)
{
	struct there t = { 0 };
	struct waiter w = { .there = &t, .enough = 3 };

	(void)state;
	bell_init(&t.bell);
	const pthread_t thread = begin(wait_once, &w);

	wait_until_asleep(&t);
	do_some(&t);
	do_some(&t);
	assert_int_equal(atomic_load(&t.bell.until), 3);
	do_some(&t);
	assert_int_equal(atomic_load(&t.bell.until), BELL_AWAKE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	bell_finish(&t.bell);
}

static void a_sleeper_is_woken_for_less_when_somebody_insists(void **state)
{
	struct there t = { 0 };
	struct waiter w = { .there = &t, .enough = 1000 };

	(void)state;
	bell_init(&t.bell);
	const pthread_t thread = begin(wait_once, &w);

	wait_until_asleep(&t);
	bell_ring(&t.bell, BELL_NOW); /* nothing has come: it goes to sleep again */
	wait_until_asleep(&t);
	do_some(&t);
	assert_int_equal(atomic_load(&t.bell.until), 1000);
	bell_ring(&t.bell, BELL_NOW);
	assert_int_equal(pthread_join(thread, NULL), 0);
	bell_finish(&t.bell);
}

static void nobody_sleeps_over_what_has_come(void **state)
{
	struct there there = { 0 }, back = { 0 };
	struct waiter w = { .there = &there, .back = &back, .turns = 20000 }, here = { .there = &back };

	(void)state;
	bell_init(&there.bell);
	bell_init(&back.bell);
	const pthread_t thread = begin(take_turns, &w);

	for (; here.seen < w.turns; here.seen++) {
		if (here.seen % 100 == 0) /* long enough that the other one sleeps, and a race between falling asleep and ringing */
			wait_until_asleep(&there);
		do_some(&there);
		bell_wait(&back.bell, is_news, &here, here.seen + 1);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	bell_finish(&there.bell);
	bell_finish(&back.bell);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sleeper_is_woken_for_enough),
		cmocka_unit_test(a_sleeper_is_woken_for_less_when_somebody_insists),
		cmocka_unit_test(nobody_sleeps_over_what_has_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
