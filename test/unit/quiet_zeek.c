/*
 * What Zeek would know of a connection that is in the small form, whose snapshot cuts some segments and not others, is
 * what it would know had it seen all of them: after any number of them the small form is played out, and compared.
 */
#include "engine.h"
#include "quiet.h"
#include "unit.h"
#include "zeek.h"

static uint64_t state;

static uint32_t draw(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % n;
}

struct talk {
	struct engine engine;
	struct zeek zeek;
	struct engine_place place;
	uint32_t next[2], acked[2]; /* by side: what it sends next, and what of the other's it has acknowledged */
	uint64_t frames;
};

static void hear(void *user, const struct told *t)
{
	(void)user;
	(void)t;
}

/* False: the connection is not quiet any more. */
static bool say(struct talk *t, enum side x, uint16_t flags, uint32_t len, bool cut)
{
	static const struct endpoint_address end[2] = { { { [10] = 0xff, 0xff, 10, 0, 0, 1 }, 40000 },
							{ { [10] = 0xff, 0xff, 10, 0, 0, 2 }, 80 } };
	const bool syn = flags & FLAG_SYN;
	const struct segment s = {
		.ts = 1700000000 * SECOND + (int64_t)++t->frames * MILLISECOND,
		.frame = t->frames,
		.src = end[x],
		.dst = end[!x],
		.seq = t->next[x],
		.ack = flags & FLAG_ACK ? t->acked[x] : 0,
		.len = len,
		.flags = flags,
		.window = 60000,
		.tcp_length = 20 + 4U * syn + len,
		.tcp_captured = 20 + 4U * syn + (cut ? 0 : len),
		.data_offset = (uint8_t)(5 + syn),
		.ttl = 64,
		.checksum = cut ? CHECKSUM_UNKNOWN : CHECKSUM_OK,
		.truncated = cut,
		.opt = { .present = syn ? OPT_MSS : 0, .mss = syn ? 1460 : 0 },
	};

	const struct engine_finder finder = engine_finder(&t->engine);

	t->next[x] += segment_length(&s);
	engine_find_place(&finder, &s, &t->place);
	engine_tick(&t->engine, s.ts);
	engine_segment(&t->engine, &s, &t->place, 0);
	zeek_segment(&t->zeek, (int)x, &s);
	return flow_is_quiet(flow_find(&t->engine.flows, &t->place.key, t->place.hash));
}

static void open_connection(struct talk *t)
{
	t->next[CLIENT] = 1000000;
	t->next[SERVER] = 5000000;
	assert_true(say(t, CLIENT, FLAG_SYN, 0, false));
	t->acked[SERVER] = t->next[CLIENT];
	assert_true(say(t, SERVER, FLAG_SYN | FLAG_ACK, 0, false));
	t->acked[CLIENT] = t->next[SERVER];
	assert_true(say(t, CLIENT, FLAG_ACK, 0, false));
}

/* Data, cut or whole, and acknowledgments of some of it. */
static bool say_something(struct talk *t)
{
	const enum side x = draw(2) ? SERVER : CLIENT;
	const uint32_t waiting = t->next[!x] - t->acked[x], len = draw(3) ? 1 + draw(300) : 0;
	const bool cut = len && draw(2);

	t->acked[x] += draw(3) ? draw(waiting + 1) : waiting;
	return say(t, x, FLAG_ACK, len, cut);
}

static void compare(const struct zeek *quiet, const struct zeek *seen)
{
	assert_string_equal(zeek_history(quiet), zeek_history(seen));
	for (unsigned x = 0; x < 2; x++) {
		const struct zeek_end *a = &quiet->end[x], *b = &seen->end[x];

		assert_int_equal(a->last, b->last);
		assert_int_equal(a->ack, b->ack);
		assert_int_equal(a->trimmed, b->trimmed);
		assert_int_equal(a->delivered, b->delivered);
		assert_int_equal(a->gaps, b->gaps);
		assert_int_equal(a->blocks, b->blocks);
		assert_memory_equal(a->above, b->above, a->blocks * sizeof(*a->above));
	}
}

static void zeek_knows_what_it_would_have_seen(void **unused)
{
	const struct ear ear = { .hear = hear };
	unsigned with_blocks = 0, long_ones = 0;

	(void)unused;
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct talk t = { 0 };
		struct rule_index rules;
		struct tcplint_counters counters = { 0 };
		struct tcplint_options o;
		struct error e;
		unsigned left;

		state = seed * UINT64_C(0x9e3779b97f4a7c15);
		tcplint_options_init(&o);
		rule_index_init(&rules);
		assert_true(engine_init(&t.engine, &o, &ear, &rules, &counters, 10, &e));
		open_connection(&t);
		for (left = draw(40); left && say_something(&t); left--)
			;
		const uint32_t number = flow_find(&t.engine.flows, &t.place.key, t.place.hash);
		const struct conn *c = flow_is_quiet(number) ? quiet_replay(&t.engine, number) :
							       flow_conn(&t.engine.flows, number);

		compare(&c->zeek, &t.zeek);
		with_blocks += flow_is_quiet(number) && (t.zeek.end[0].blocks || t.zeek.end[1].blocks);
		long_ones += flow_is_quiet(number) && t.frames > 20;
		engine_finish(&t.engine);
	}
	assert_in_range(with_blocks, 100, 3000);
	assert_in_range(long_ones, 30, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(zeek_knows_what_it_would_have_seen) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
