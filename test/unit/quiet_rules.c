/*
 * A connection of which there is nothing to say asks no rule (quiet.h).  So each rule whose row has it asked about a
 * segment of an ordinary conversation, or when a connection's timer fires or it ends, has to be silent of every
 * connection that stays in the small form, or be counted by it: somebody looked at quiet.c, found what sees to it, and
 * named the rule below.  Which events an ordinary conversation has is what the tracker says of one.
 */
#include "engine.h"
#include "tracker.h"
#include "unit.h"

#define LIST(...) { __VA_ARGS__, RULE_COUNT }
#define LISTED    24

static const struct {
	const char *kept_silent_by;
	enum rule rule[LISTED];
} looked_at[] = {
	{ "clean_syn(): no data, no sequence number that wraps, a header and options without fault",
	  LIST(RULE_syn_carries_data, RULE_synack_carries_data, RULE_tfo_data_not_recovered) },
	{ "answers(): one SYN-ACK, of the server, with the acknowledgment that is due; any other makes the connection loud",
	  LIST(RULE_synack_ack_mismatch, RULE_synack_without_syn, RULE_synack_isn_changed, RULE_synack_retransmit_after_ack,
	       RULE_simultaneous_open, RULE_simopen_synack_seq_wrong, RULE_split_handshake, RULE_bad_synack_not_reset,
	       RULE_bad_synack_accepted, RULE_old_duplicate_syn, RULE_old_syn_accepted, RULE_syn_sync_wrong_reply,
	       RULE_middlebox_rewrite) },
	{ "one SYN: another one makes the connection loud, or begins a new one",
	  LIST(RULE_syn_isn_changed, RULE_syn_in_synchronized, RULE_syn_giveup_early) },
	{ "quiet_may_reopen(), quiet_may_accept(): where the 4-tuple was used before, numbers and timestamps beyond those; an "
	  "older connection that is not quiet is asked about",
	  LIST(RULE_isn_overlaps_previous, RULE_time_wait_old_syn_accepted, RULE_time_wait_reopen_isn_low,
	       RULE_time_wait_syn_rejected, RULE_tuple_reuse_after_rst) },
	{ "the same, and counted; or the older connection becomes loud where they would be reported",
	  LIST(RULE_time_wait_cut_short, RULE_time_wait_reopened, RULE_time_wait_estimate) },
	{ "third(): the numbers that are due",
	  LIST(RULE_hs_ack_seq_wrong, RULE_hs_ack_ack_wrong, RULE_hs_third_has_syn, RULE_client_data_before_synack,
	       RULE_server_data_before_ack) },
	{ "counted, or loud where it would be reported",
	  LIST(RULE_handshake_incomplete, RULE_syn_unanswered, RULE_close_normal_4way, RULE_close_3seg) },
	{ "in order: each segment begins where the last one ended, and acknowledges no less and nothing unseen",
	  LIST(RULE_keepalive_unanswered, RULE_challenge_ack, RULE_challenge_ack_flood, RULE_time_wait_fin_reacked) },
	{ "fin_opens_closing(), next_stage(): each segment is the next of four or three, or all that are kept are played",
	  LIST(RULE_ack_beyond_fin, RULE_close_simultaneous, RULE_half_close_data, RULE_fin_before_established,
	       RULE_fin_seq_moved, RULE_data_after_fin, RULE_fin_below_sent_data, RULE_fin_ack_wrong, RULE_fin_retransmitted,
	       RULE_post_fin_seq_wrong, RULE_last_ack_fields_wrong, RULE_fin_forged, RULE_fin_ack_regressed,
	       RULE_time_wait_fin_not_reacked) },
	{ "quiet_fire(), is_silent(): a closing that is not complete becomes loud, and so does a silence of an hour",
	  LIST(RULE_fin_unacked, RULE_fin_wait_2_stall, RULE_close_wait_stall, RULE_last_ack_unanswered,
	       RULE_teardown_incomplete, RULE_close_without_fin) },
	{ "both ends are seen, and from the SYN on", LIST(RULE_midstream_start, RULE_capture_reorder, RULE_one_sided_flow) },
};

static bool is_looked_at(enum rule r)
{
	for (size_t i = 0; i < sizeof(looked_at) / sizeof(*looked_at); i++)
		for (const enum rule *at = looked_at[i].rule; *at != RULE_COUNT; at++)
			if (*at == r)
				return true;
	return false;
}

/* ---- an ordinary conversation, as the tracker sees it, and as an engine does that may keep it quiet ---- */

struct talk {
	struct conn c;
	struct engine engine;
	struct rule_index rules;
	struct tcplint_counters counters;
	uint32_t events, next[2];
	uint64_t frames;
	struct told_released room;
};

static struct told *room(void *user)
{
	return &((struct talk *)user)->room.told;
}

static void hear(void *user, struct told *t, int64_t now)
{
	(void)user;
	(void)t;
	(void)now;
}

static void say(struct talk *t, enum side x, uint16_t flags, uint32_t len)
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
		.ack = flags & FLAG_ACK ? t->next[!x] : 0,
		.len = len,
		.flags = flags,
		.window = 60000,
		.tcp_length = 20 + 4U * syn + len,
		.tcp_captured = 20 + 4U * syn + len,
		.data_offset = (uint8_t)(5 + syn),
		.ttl = 64,
		.checksum = CHECKSUM_OK,
		.opt = { .present = syn ? OPT_MSS : 0, .mss = syn ? 1460 : 0 },
	};
	struct view v = { .limits = &t->engine.limits, .holes = &t->engine.holes, .now = s.ts };
	const struct engine_finder finder = engine_finder(&t->engine);
	struct engine_place place = { 0 };

	t->next[x] += segment_length(&s);
	engine_find_place(&finder, &s, &place);
	engine_tick(&t->engine, s.ts);
	engine_segment(&t->engine, &s, &place, 0);
	assert_true(flow_is_quiet(flow_find(&t->engine.flows, &place.key, place.hash)));
	if (t->frames == 1) {
		t->c.key = place.key;
		engine_begin(&t->c, &s, !place.from_first);
	}
	tracker_classify(&v, &t->c, &s, x, t->frames == 1);
	t->events |= v.events;
	tracker_apply(&t->c, &t->engine.holes, &t->engine.flows.asides, &v);
}

static uint32_t ordinary_events(struct talk *t)
{
	const struct ear ear = { .room = room, .hear = hear, .user = t };
	struct tcplint_options o;
	struct error e;

	tcplint_options_init(&o);
	rule_index_init(&t->rules);
	assert_true(engine_init(&t->engine, &o, &ear, &t->rules, &t->counters, 10, &e));
	t->next[CLIENT] = 1000000;
	t->next[SERVER] = 9000000;
	say(t, CLIENT, FLAG_SYN, 0);
	say(t, SERVER, FLAG_SYN | FLAG_ACK, 0);
	say(t, CLIENT, FLAG_ACK, 0);
	say(t, CLIENT, FLAG_ACK | FLAG_PSH, 100);
	say(t, SERVER, FLAG_ACK, 0);
	say(t, SERVER, FLAG_ACK | FLAG_PSH, 1000);
	say(t, CLIENT, FLAG_ACK, 0);
	say(t, CLIENT, FLAG_ACK, 0); /* a window update */
	say(t, CLIENT, FLAG_FIN | FLAG_ACK, 0);
	say(t, SERVER, FLAG_ACK, 0);
	say(t, SERVER, FLAG_FIN | FLAG_ACK, 0);
	say(t, CLIENT, FLAG_ACK, 0);
	engine_finish(&t->engine);
	return t->events;
}

static void every_rule_was_looked_at(void **unused)
{
	static struct talk talk;
	const uint32_t events = ordinary_events(&talk);
	unsigned wrong = 0;

	(void)unused;
	for (enum rule r = 0; r < RULE_COUNT; r++) {
		const struct rule_row *row = &rule_rows[r];
		const bool asked = row->on == ON_TIMER || row->on == ON_END ||
				   (row->on == ON_SEGMENT && row->when & (events | EV_ANY));

		if (asked == is_looked_at(r))
			continue;
		wrong++;
		print_message(asked ? "%s is asked about ordinary conversations (events %#x): what in quiet.c keeps it silent?\n" :
				      "%s is not asked about ordinary conversations any more (events %#x)\n",
			      row->public.name, (unsigned)(row->when & events));
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_rule_was_looked_at) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
