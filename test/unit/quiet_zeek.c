/*
 * What Zeek would know of a connection that is in the small form, whose snapshot cuts some segments and not others, is
 * what it would know had it seen all of them: after any number of them the small form is played out, and compared.
 */
#include "quiet.h"
#include "quiet_talk.h"
#include "unit.h"

/* Data, cut or whole, and acknowledgments of some of it. */
static bool say_something(struct talk *t)
{
	const enum side x = talk_draw(2) ? SERVER : CLIENT;
	const uint32_t waiting = t->next[!x] - t->acked[x], len = talk_draw(3) ? 1 + talk_draw(300) : 0;
	const bool cut = len && talk_draw(2);

	t->acked[x] += talk_draw(3) ? talk_draw(waiting + 1) : waiting;
	return talk_say(t, x, FLAG_ACK, len, cut);
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
	unsigned with_blocks = 0, long_ones = 0;

	(void)unused;
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct talk t;
		unsigned left;

		talk_seed(seed);
		talk_begin(&t);
		talk_open(&t);
		for (left = talk_draw(40); left && say_something(&t); left--)
			;
		const uint32_t number = talk_number(&t);
		const struct conn *c = flow_is_quiet(number) ? quiet_replay(&t.engine, number) :
							       flow_conn(&t.engine.flows, number);

		compare(&c->zeek, &t.zeek);
		with_blocks += flow_is_quiet(number) && (t.zeek.end[0].blocks || t.zeek.end[1].blocks);
		long_ones += flow_is_quiet(number) && t.frames > 20;
		talk_end(&t);
	}
	assert_in_range(with_blocks, 100, 3000);
	assert_in_range(long_ones, 30, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(zeek_knows_what_it_would_have_seen) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
