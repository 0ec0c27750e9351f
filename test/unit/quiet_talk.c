#include "unit.h"

#include "quiet_talk.h"

static uint64_t state;

void talk_seed(uint64_t seed)
{
	state = seed * UINT64_C(0x9e3779b97f4a7c15);
}

uint32_t talk_draw(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % n;
}

static struct told *room(void *user)
{
	return &((struct talk *)user)->room.told;
}

static void hear(void *user, struct told *told, int64_t now)
{
	struct talk *t = user;

	if (told->kind != TOLD_COMMON)
		return;
	t->told[((const struct told_common *)(void *)told)->rule]++;
	t->told_at = now;
}

void talk_begin(struct talk *t)
{
	const struct ear ear = { .room = room, .hear = hear, .user = t };
	struct tcplint_options o;
	struct error e;

	*t = (struct talk){ .now = 1700000000 * SECOND, .next = { [CLIENT] = 1000000, [SERVER] = 5000000 } };
	tcplint_options_init(&o);
	o.min_severity = TCPLINT_ERROR; /* a note makes nothing loud */
	rule_index_init(&t->rules);
	assert_true(engine_init(&t->engine, &o, &ear, &t->rules, &t->counters, 10, &e));
}

void talk_end(struct talk *t)
{
	engine_finish(&t->engine);
}

uint32_t talk_number(const struct talk *t)
{
	return flow_find(&t->engine.flows, &t->place.key, t->place.hash);
}

bool talk_say(struct talk *t, enum side x, uint16_t flags, uint32_t len, bool cut)
{
	static const struct endpoint_address end[2] = { { { [10] = 0xff, 0xff, 10, 0, 0, 1 }, 40000 },
							{ { [10] = 0xff, 0xff, 10, 0, 0, 2 }, 80 } };
	const struct engine_finder finder = engine_finder(&t->engine);
	const bool syn = flags & FLAG_SYN;
	const struct segment s = {
		.ts = t->now += MILLISECOND,
		.frame = ++t->frames,
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

	t->next[x] += segment_length(&s);
	engine_find_place(&finder, &s, &t->place);
	engine_tick(&t->engine, s.ts);
	engine_segment(&t->engine, &s, &t->place, 0);
	zeek_segment(&t->zeek, (int)x, &s);
	return flow_is_quiet(talk_number(t));
}

void talk_open(struct talk *t)
{
	assert_true(talk_say(t, CLIENT, FLAG_SYN, 0, false));
	t->acked[SERVER] = t->next[CLIENT];
	assert_true(talk_say(t, SERVER, FLAG_SYN | FLAG_ACK, 0, false));
	t->acked[CLIENT] = t->next[SERVER];
	assert_true(talk_say(t, CLIENT, FLAG_ACK, 0, false));
}

bool talk_wait(struct talk *t, int64_t until)
{
	t->now = until;
	engine_tick(&t->engine, until);
	return flow_is_quiet(talk_number(t));
}
