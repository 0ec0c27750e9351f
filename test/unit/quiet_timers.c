/*
 * When connections in the small form are looked at, and what comes of it: each end at its own time, to the nanosecond.
 */
#include "unit.h"

#include "lifetime.h"
#include "quiet_talk.h"

static int64_t deadline(const struct talk *t)
{
	return flow_quiet(&t->engine.flows, talk_number(t))->deadline;
}

static void close_it(struct talk *t)
{
	t->acked[SERVER] = t->next[CLIENT];
	assert_true(talk_say(t, SERVER, FLAG_ACK, 100, false));
	t->acked[CLIENT] = t->next[SERVER];
	assert_true(talk_say(t, CLIENT, FLAG_FIN | FLAG_ACK, 0, false));
	t->acked[SERVER] = t->next[CLIENT];
	assert_true(talk_say(t, SERVER, FLAG_FIN | FLAG_ACK, 0, false));
	t->acked[CLIENT] = t->next[SERVER];
	assert_true(talk_say(t, CLIENT, FLAG_ACK, 0, false));
}

static void a_syn_waits_for_four_minutes(void **unused)
{
	struct talk t;

	(void)unused;
	talk_begin(&t);
	assert_true(talk_say(&t, CLIENT, FLAG_SYN, 0, false));
	const int64_t syn = t.now;

	assert_true(talk_wait(&t, syn + IDLE_HALF_OPEN - 1));
	assert_int_equal(t.told[RULE_syn_unanswered], 0);
	assert_false(talk_wait(&t, syn + IDLE_HALF_OPEN));
	assert_int_equal(talk_number(&t), 0);
	assert_int_equal(t.told[RULE_syn_unanswered], 1);
	assert_int_equal(t.told_at, syn + IDLE_HALF_OPEN);
	talk_end(&t);
}

/* `late`: how long the SYN waits for it. */
static void answer_that_nobody_acknowledges(int64_t late)
{
	struct talk t;

	talk_begin(&t);
	assert_true(talk_say(&t, CLIENT, FLAG_SYN, 0, false));
	assert_true(talk_wait(&t, t.now + late));
	t.acked[SERVER] = t.next[CLIENT];
	assert_true(talk_say(&t, SERVER, FLAG_SYN | FLAG_ACK, 0, false));
	const int64_t answered = t.now;

	assert_int_equal(deadline(&t), answered + SYNACK_WAIT);
	assert_true(talk_wait(&t, answered + SYNACK_WAIT - 1));
	assert_int_equal(t.told[RULE_handshake_incomplete], 0);
	assert_true(talk_wait(&t, answered + SYNACK_WAIT));
	assert_int_equal(t.told[RULE_handshake_incomplete], 1);
	assert_int_equal(t.told_at, answered + SYNACK_WAIT);
	assert_true(talk_wait(&t, answered + IDLE_HALF_OPEN - 1));
	assert_false(talk_wait(&t, answered + IDLE_HALF_OPEN));
	assert_int_equal(t.told[RULE_handshake_incomplete], 1);
	talk_end(&t);
}

static void an_answer_waits_for_a_minute(void **unused)
{
	(void)unused;
	answer_that_nobody_acknowledges(0);
	answer_that_nobody_acknowledges(SECOND);
	answer_that_nobody_acknowledges(4 * SECOND); /* later ones are not ordinary */
}

/* `idle`: how long it is open and nothing is said. */
static void close_after(int64_t idle)
{
	struct talk t;

	talk_begin(&t);
	talk_open(&t);
	assert_true(talk_wait(&t, t.now + idle));
	close_it(&t);
	const int64_t last = t.now;

	assert_true(talk_wait(&t, last + 2 * t.engine.limits.msl - 1));
	assert_int_equal(t.counters.end[TCPLINT_END_FIN], 0);
	assert_false(talk_wait(&t, last + 2 * t.engine.limits.msl));
	assert_int_equal(t.counters.end[TCPLINT_END_FIN], 1);
	talk_end(&t);
}

static void what_is_closed_waits_for_two_lifetimes(void **unused)
{
	(void)unused;
	close_after(0);
	close_after(30 * SECOND);
	close_after(SYNACK_WAIT);
	close_after(1000 * SECOND);
	close_after(7000 * SECOND);
}

static void what_is_silent_ends_after_two_hours(void **unused)
{
	struct talk t;

	(void)unused;
	talk_begin(&t);
	talk_open(&t);
	assert_true(talk_wait(&t, t.now + 7000 * SECOND));
	assert_true(talk_say(&t, CLIENT, FLAG_ACK, 10, false));
	const int64_t last = t.now;

	assert_true(talk_wait(&t, last + IDLE_ESTABLISHED - 1));
	assert_false(talk_wait(&t, last + IDLE_ESTABLISHED));
	talk_end(&t);
}

/* The rule about a FIN that stays alone is asked of a struct conn. */
static void a_fin_alone_waits_for_a_minute(void **unused)
{
	struct talk t;

	(void)unused;
	talk_begin(&t);
	talk_open(&t);
	t.acked[SERVER] = t.next[CLIENT];
	assert_true(talk_say(&t, SERVER, FLAG_ACK, 100, false));
	t.acked[CLIENT] = t.next[SERVER];
	assert_true(talk_say(&t, CLIENT, FLAG_FIN | FLAG_ACK, 0, false));
	assert_int_equal(deadline(&t), t.now + STALL_WARN + 1);
	assert_true(talk_wait(&t, t.now + STALL_WARN));
	assert_false(talk_wait(&t, t.now + 1));
	assert_int_not_equal(talk_number(&t), 0);
	talk_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_waits_for_four_minutes),
		cmocka_unit_test(an_answer_waits_for_a_minute),
		cmocka_unit_test(what_is_closed_waits_for_two_lifetimes),
		cmocka_unit_test(what_is_silent_ends_after_two_hours),
		cmocka_unit_test(a_fin_alone_waits_for_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
