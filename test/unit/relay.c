/*
 * What is told on one thread comes to another as it was, in its order, also where the ring ends and where it is full.
 */
#include "unit.h"

#include <pthread.h>
#include <string.h>

#include "relay.h"

enum { STRETCHES = 300, MOST = 40, FRAMES = 3 };

static const int64_t times[FRAMES] = { 100, 200, 300 };

struct test {
	struct engine engine;
	struct relay relay;
};

/* Anything: of all sizes, so that the ring ends in all ways; of a segment, or of a timer. */
struct message {
	union {
		struct told told;
		uint8_t bytes[TOLD_MOST];
	};
	struct told_place place;
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
	const size_t least = sizeof(m->told);
	const size_t sizes[] = { 64, 128, 192, 256, least + stir_in(state) % (TOLD_MOST - least + 1) };
	const size_t size = sizes[stir_in(state) % 5];

	memset(m, 0, sizeof(*m));
	memset(m->bytes, (int)stir_in(state), size);
	m->told.size = (uint16_t)size;
	m->place.segment = stir_in(state) % 2;
	m->place.frame = m->place.segment ? (uint16_t)(stir_in(state) % FRAMES) : FRAMES - 1;
	m->place.now = times[m->place.frame];
	if (m->place.segment)
		return;
	m->place.now += (int64_t)stir_in(state) % 10;
	m->place.when = times[m->place.frame];
	m->place.order = (uint32_t)stir_in(state);
}

static void tell(struct test *t, const struct message *m)
{
	struct told *at = relay_room(&t->relay);

	relay_frame(&t->relay, m->place.frame);
	t->engine.firing = !m->place.segment;
	t->engine.due = m->place.when;
	t->engine.due_order = m->place.order;
	memcpy(at, m->bytes, m->told.size);
	relay_hear(&t->relay, at, m->place.now);
}

static void assert_same(const struct told *told, const struct told_place *place, const struct message *m)
{
	const size_t rest = offsetof(struct told, way) + sizeof(told->way);

	assert_non_null(told);
	assert_int_equal(told->kind, m->told.kind);
	assert_int_equal(told->shard, m->told.shard);
	assert_int_equal(told->size, m->told.size);
	assert_memory_equal((const uint8_t *)told + rest, m->bytes + rest, m->told.size - rest);
	assert_int_equal(place->frame, m->place.frame);
	assert_int_equal(place->segment, m->place.segment);
	assert_int_equal(place->now, m->place.now);
	if (!place->segment) {
		assert_int_equal(place->when, m->place.when);
		assert_int_equal(place->order, m->place.order);
	}
}

static void *write_all(void *user)
{
	struct test *t = user;
	struct message m;
	uint64_t state = 1;

	for (unsigned k = 0; k < STRETCHES; k++) {
		const unsigned n = messages_of(&state);

		relay_begin(&t->relay, times, FRAMES);
		for (unsigned i = 0; i < n; i++) {
			make(&m, &state);
			tell(t, &m);
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
			const struct told *told = relay_peek(&t->relay, times, &place, k + 1);

			make(&m, &state);
			assert_same(told, &place, &m);
			relay_next(&t->relay);
		}
		assert_null(relay_peek(&t->relay, times, &place, k + 1));
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
