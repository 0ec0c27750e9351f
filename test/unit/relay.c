/*
 * What is told on one thread comes to another as it was, in its order, also where the ring ends and where it is full.
 */
#include "unit.h"

#include <pthread.h>
#include <string.h>

#include "relay.h"

enum { STRETCHES = 300, MOST = 40 };

struct test {
	struct engine engine;
	struct relay relay;
};

/* Anything: of all sizes, so that the ring ends in all ways. */
struct message {
	struct told told;
	uint8_t bytes[3000];
};

static uint64_t stir_in(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *state >> 33;
}

static unsigned messages_of(uint64_t *state)
{
	return (unsigned)stir_in(state) % MOST;
}

static void make(struct message *m, uint64_t *state)
{
	/* mostly lines that are full: then the ring ends just behind a message now and then */
	const size_t sizes[] = { 32, 96, 160, 224, sizeof(m->told) + stir_in(state) % sizeof(m->bytes) };

	memset(m, 0, sizeof(*m));
	m->told.size = (uint32_t)sizes[stir_in(state) % 5];
	memset(m->bytes, (int)stir_in(state), m->told.size - sizeof(m->told));
}

static void *write_all(void *user)
{
	struct test *t = user;
	static const int64_t now[1];
	struct message m;
	uint64_t state = 1;

	for (unsigned k = 0; k < STRETCHES; k++) {
		const unsigned n = messages_of(&state);

		relay_begin(&t->relay, now, 1);
		relay_frame(&t->relay, 0);
		for (unsigned i = 0; i < n; i++) {
			make(&m, &state);
			relay_hear(&t->relay, &m.told);
		}
		relay_end(&t->relay);
	}
	return NULL;
}

static void read_all(struct test *t)
{
	struct told_place place;
	struct message m;
	uint64_t state = 1;

	for (unsigned k = 0; k < STRETCHES; k++) {
		const unsigned n = messages_of(&state);

		for (unsigned i = 0; i < n; i++) {
			const struct told *told = relay_peek(&t->relay, &place, k + 1);

			make(&m, &state);
			assert_non_null(told);
			assert_int_equal(told->size, m.told.size);
			assert_memory_equal(told, &m, m.told.size);
			assert_true(place.segment && !place.frame);
			relay_next(&t->relay);
		}
		assert_null(relay_peek(&t->relay, &place, k + 1));
		assert_int_equal(place.frame, RELAY_END);
		relay_next(&t->relay);
	}
	assert_int_equal(relay_ended(&t->relay), STRETCHES);
}

static void all_comes_as_it_was_told(void **state)
{
	static struct test t;
	struct error e;
	pthread_t writer;

	(void)state;
	assert_true(relay_init(&t.relay, &t.engine, &e));
	assert_int_equal(pthread_create(&writer, NULL, write_all, &t), 0);
	read_all(&t);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_true(t.relay.write > 8 * RELAY_MEMORY);
	relay_finish(&t.relay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_comes_as_it_was_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
