/*
 * A closed connection that was packed is played out as one that was not: the same conversations with two engines, of
 * which one packs.
 */
#include <string.h>

#include "quiet.h"
#include "quiet_talk.h"
#include "unit.h"

static bool acknowledge_all(struct talk *t, enum side x, uint16_t flags, uint32_t len)
{
	t->acked[x] = t->next[other(x)];
	return talk_say(t, x, FLAG_ACK | flags, len, false);
}

/* Some data both ways, some of it cut, and an end with three or four segments. */
static bool converse(struct talk *t)
{
	const enum side closer = talk_draw(2) ? SERVER : CLIENT;
	const unsigned last_data = talk_draw(3) ? 0 : 500;
	const bool cuts = talk_draw(2);

	talk_open(t);
	for (unsigned i = 2 + talk_draw(6); i; i--) {
		t->now += (int64_t)talk_draw(2000) * MILLISECOND;
		t->acked[i % 2] = t->next[(i + 1) % 2];
		if (!talk_say(t, i % 2 ? SERVER : CLIENT, FLAG_ACK, 1 + talk_draw(1000),
			      cuts && talk_draw(2)))
			return false;
	}
	acknowledge_all(t, closer, 0, 0);
	if (!acknowledge_all(t, closer, FLAG_FIN, last_data))
		return false;
	if (talk_draw(2) && !acknowledge_all(t, other(closer), 0, 0))
		return false;
	return acknowledge_all(t, other(closer), FLAG_FIN, 0) && acknowledge_all(t, closer, 0, 0);
}

static bool run(struct talk *t, uint64_t seed, uint32_t from)
{
	talk_seed(seed);
	talk_begin(t);
	t->engine.packing.from = from;
	return converse(t);
}

/* But for pointers into themselves. */
static void compare(struct conn *a, struct conn *b)
{
	assert_ptr_equal(a->syn, &a->first_syn);
	assert_ptr_equal(b->syn, &b->first_syn);
	a->syn = a->synack = b->syn = b->synack = NULL;
	assert_memory_equal(a, b, sizeof(*a));
}

static void what_is_packed_comes_back(void **unused)
{
	unsigned packed = 0;

	(void)unused;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct talk a, b;
		const bool quiet = run(&a, seed, 0);
		const struct flow_table *f = &a.engine.flows;

		assert_int_equal(run(&b, seed, 10), quiet);
		assert_int_equal(b.engine.flows.packed.used, 0);
		if (quiet) {
			const bool put_away = f->packed.used;

			packed += put_away;
			assert_int_equal(f->answers.used, !put_away);
			assert_int_equal(f->closings.used, !put_away);
			compare(quiet_replay(&a.engine, talk_number(&a)),
				quiet_replay(&b.engine, talk_number(&b)));
			assert_int_equal(f->packed.used, 0);
			assert_int_equal(f->answers.used, 0);
			assert_int_equal(f->closings.used, 0);
		}
		talk_end(&a);
		talk_end(&b);
	}
	assert_in_range(packed, 1500, 2000);
}

/* Once more than an eighth of what was packed is asked for again, nothing is, until that is long ago. */
static void not_where_it_comes_back(void **unused)
{
	struct talk t;

	(void)unused;
	assert_true(run(&t, 1, 0));
	assert_int_equal(t.engine.flows.packed.used, 1);
	talk_end(&t);
	talk_seed(1);
	talk_begin(&t);
	t.engine.packing.from = 0;
	t.engine.packing.packed = 800;
	t.engine.packing.again = 165;
	assert_true(converse(&t));
	assert_int_equal(t.engine.flows.packed.used, 0);
	talk_end(&t);

	talk_seed(1);
	talk_begin(&t);
	t.engine.packing = (struct quiet_packing){ .closed = UINT16_MAX, .packed = 800, .again = 200 };
	assert_true(converse(&t));
	assert_int_equal(t.engine.flows.packed.used, 1);
	assert_int_equal(t.engine.packing.again, 100);
	assert_false(talk_say(&t, CLIENT, FLAG_RST, 0, false)); /* on the closed one */
	assert_int_equal(t.engine.packing.again, 101);
	talk_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_packed_comes_back),
					    cmocka_unit_test(not_where_it_comes_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
