/* What few connections have is put aside, keeps what it was, and is given back. */
#include "unit.h"

#include <string.h>

#include "engine.h"
#include "tracker.h"

struct talk {
	struct flow_table flows;
	struct holes holes;
	struct conn *c;
	uint32_t number;
	uint64_t frames;
};

static void begin(struct talk *t)
{
	static const uint8_t random[16];
	const struct flow_key key = { .end = { { .port = 80 }, { .port = 4000 } } };
	struct error e;

	memset(t, 0, sizeof(*t));
	assert_true(flow_init(&t->flows, 4, false, random, &e));
	assert_true(holes_init(&t->holes, 4, &e));
	t->number = flow_add(&t->flows, &key, flow_hash(&t->flows, &key));
	t->c = flow_conn(&t->flows, t->number);
	assert_null(t->c->aside);
}

static void say(struct talk *t, enum side x, uint16_t flags, uint32_t seq, uint32_t ack)
{
	const struct segment s = {
		.ts = (int64_t)++t->frames * SECOND,
		.frame = t->frames,
		.seq = seq,
		.ack = ack,
		.flags = flags,
		.window = 60000,
		.checksum = CHECKSUM_OK,
	};
	struct view v = { .holes = &t->holes, .now = s.ts };

	if (t->frames == 1)
		engine_begin(t->c, &s, true);
	tracker_classify(&v, t->c, &s, x, t->frames == 1);
	tracker_apply(t->c, &t->holes, &t->flows.asides, &v);
}

static void end(struct talk *t)
{
	flow_remove(&t->flows, t->number);
	assert_int_equal(t->flows.asides.pool.used, 0);
	flow_finish(&t->flows);
	holes_finish(&t->holes);
}

static void ordinary_ones_have_none(void **unused)
{
	struct talk t;

	(void)unused;
	begin(&t);
	say(&t, CLIENT, FLAG_SYN, 100, 0);
	say(&t, SERVER, FLAG_SYN | FLAG_ACK, 900, 101);
	say(&t, CLIENT, FLAG_ACK, 101, 901);
	say(&t, CLIENT, FLAG_FIN | FLAG_ACK, 101, 901);
	say(&t, SERVER, FLAG_FIN | FLAG_ACK, 901, 102);
	say(&t, CLIENT, FLAG_ACK, 102, 902);
	assert_null(t.c->aside);
	assert_int_equal(t.c->syns, 1);
	assert_int_equal(t.c->syn[0].isn, 100);
	assert_int_equal(t.c->synack[0].isn, 900);
	end(&t);
}

static void attempts_keep_their_order(void **unused)
{
	struct talk t;

	(void)unused;
	begin(&t);
	say(&t, CLIENT, FLAG_SYN, 100, 0);
	say(&t, CLIENT, FLAG_SYN, 200, 0);
	assert_int_equal(t.c->syns, 2);
	assert_int_equal(t.c->syn[0].isn, 100);
	assert_int_equal(t.c->syn[0].first.frame, 1);
	assert_int_equal(t.c->syn[1].isn, 200);
	say(&t, SERVER, FLAG_SYN | FLAG_ACK, 900, 201);
	assert_int_equal(t.c->synack[0].isn, 900);
	say(&t, SERVER, FLAG_SYN | FLAG_ACK, 950, 201);
	assert_int_equal(t.c->synacks, 2);
	assert_int_equal(t.c->synack[0].isn, 900);
	assert_int_equal(t.c->synack[0].first.frame, 3);
	assert_int_equal(t.c->synack[1].isn, 950);
	say(&t, CLIENT, FLAG_SYN, 300, 0);
	say(&t, CLIENT, FLAG_SYN, 400, 0); /* the oldest makes room */
	assert_int_equal(t.c->syns, ATTEMPTS);
	for (unsigned i = 0; i < ATTEMPTS; i++)
		assert_int_equal(t.c->syn[i].isn, 200 + 100 * i);
	assert_int_equal(t.flows.asides.pool.used, 1);
	end(&t);
}

static void retries_are_of_one_attempt(void **unused)
{
	struct talk t;

	(void)unused;
	begin(&t);
	say(&t, CLIENT, FLAG_SYN, 100, 0);
	say(&t, CLIENT, FLAG_SYN, 100, 0);
	assert_int_equal(t.c->aside->end[CLIENT].opening.count, 1);
	assert_int_equal(t.c->aside->end[CLIENT].opening.us[0], 1000000);
	say(&t, CLIENT, FLAG_SYN, 200, 0);
	assert_int_equal(t.c->aside->end[CLIENT].opening.count, 0);
	end(&t);
}

static void a_path_goes_on_after_its_past(void **unused)
{
	struct tcplint_state_time path[TCPLINT_MAX_STATES];
	struct talk t;

	(void)unused;
	begin(&t);
	say(&t, CLIENT, FLAG_SYN, 100, 0);
	say(&t, SERVER, FLAG_SYN | FLAG_ACK, 900, 101);
	say(&t, CLIENT, FLAG_ACK, 101, 901);
	say(&t, SERVER, FLAG_RST | FLAG_ACK, 901, 101);
	say(&t, SERVER, FLAG_SYN | FLAG_ACK, 5000, 101);
	const unsigned n = tracker_path(t.c, SERVER, path, TCPLINT_MAX_STATES);

	assert_int_equal(t.c->detail[SERVER].pasts, 3);
	assert_in_range(n, 4, TCPLINT_MAX_STATES);
	assert_int_equal(path[0].state, TCPLINT_SYN_RECEIVED);
	assert_int_equal(path[1].state, TCPLINT_ESTABLISHED);
	assert_int_equal(path[2].state, TCPLINT_CLOSED);
	assert_int_equal(path[n - 1].state, TCPLINT_SYN_RECEIVED);
	end(&t);
}

static void cells_are_zeroed(void **unused)
{
	struct talk t;

	(void)unused;
	begin(&t);
	aside_of(&t.flows.asides, t.c)->end[SERVER].opening.count = 7;
	assert_int_equal(aside_of(&t.flows.asides, t.c)->end[SERVER].opening.count, 7);
	assert_int_equal(t.flows.asides.pool.used, 1);
	aside_give(&t.flows.asides, t.c);
	assert_null(t.c->aside);
	assert_int_equal(aside_of(&t.flows.asides, t.c)->end[SERVER].opening.count, 0);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_ones_have_none),    cmocka_unit_test(attempts_keep_their_order),
		cmocka_unit_test(retries_are_of_one_attempt), cmocka_unit_test(a_path_goes_on_after_its_past),
		cmocka_unit_test(cells_are_zeroed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
