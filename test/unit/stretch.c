/*
 * Frames come to the thread of an engine as they were decoded: each in two lines of a cache, and in three where its
 * segment has a rest.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "stretch.h"

/* A segment with addresses of its own, in which nothing is 0 but what says that there is a rest. */
static struct segment usual(uint32_t i)
{
	struct segment s;

	memset(&s, (int)(i % 255 + 1), sizeof(s));
	s.ts = i;
	s.flags = FLAG_SYN;
	s.opt.present = OPT_MSS | OPT_WSCALE | OPT_SACK_PERMITTED | OPT_TIMESTAMPS;
	s.checksum = CHECKSUM_OK;
	s.bad_header = s.quoted = s.truncated = false;
	s.vlan = s.tunnel = 0;
	return s;
}

enum { RESTS = 8 };

/* What the rest may be of. */
static void give_rest(struct segment *s, unsigned why)
{
	static const uint32_t options[] = { OPT_SACK, OPT_EXPERIMENT, OPT_BAD_LIST };

	if (why < 3)
		s->opt.present |= options[why];
	else if (why == 3)
		s->flags |= FLAG_URG;
	else if (why == 4)
		s->checksum = CHECKSUM_BAD;
	s->truncated = why == 5;
	s->bad_header = why == 6;
	s->quoted = why == 7;
}

static struct stretch *new_stretch(void)
{
	struct stretch *x = aligned_alloc(alignof(struct stretch), sizeof(*x));

	assert_non_null(x);
	memset(x, 0xff, sizeof(*x));
	stretch_clear(x);
	return x;
}

static void add(struct stretch *x, const struct segment *s, const struct engine_place *p, int64_t now)
{
	struct waiting w;

	memset(&w, 0, sizeof(w));
	w.result = p ? s->quoted ? DECODE_QUOTE : DECODE_SEGMENT : DECODE_COUNT;
	w.segment = *s;
	stretch_add(x, &w, p, now);
}

static void check_segment(const struct segment *s, const struct segment *was)
{
	const size_t usual_bytes = offsetof(struct segment, opt.exids);

	assert_memory_equal(s, was, segment_has_rest(was) ? sizeof(*s) : usual_bytes);
}

static void segments_cross(void **state)
{
	struct stretch *x = new_stretch();
	struct segment was[STRETCH];
	unsigned rests = 0;

	(void)state;
	for (uint32_t i = 0; i < STRETCH; i++) {
		was[i] = usual(i);
		if (i % 3 == 0)
			give_rest(&was[i], i / 3 % RESTS);
		add(x, &was[i], &(struct engine_place){ .hash = i }, i);
	}
	assert_int_equal(x->n, STRETCH);
	for (uint32_t i = 0; i < STRETCH; i++) {
		const struct waiting *w = stretch_frame(x, i);

		assert_int_equal(w->result, was[i].quoted ? DECODE_QUOTE : DECODE_SEGMENT);
		assert_int_equal(segment_has_rest(&was[i]), i % 3 == 0);
		assert_int_equal(x->at[i + 1] - x->at[i], i % 3 ? 2 : 3);
		check_segment(&w->segment, &was[i]);
		rests += i % 3 == 0;
	}
	assert_int_equal(x->at[STRETCH], 2 * STRETCH + rests);
	free(x);
}

/* Three lines each. */
static void all_have_rests(void **state)
{
	struct stretch *x = new_stretch();
	struct segment was[STRETCH];

	(void)state;
	for (uint32_t i = 0; i < STRETCH; i++) {
		was[i] = usual(i);
		give_rest(&was[i], 0);
		add(x, &was[i], &(struct engine_place){ .hash = i }, i);
	}
	assert_int_equal(x->at[STRETCH], sizeof(x->line) / LINE);
	for (uint32_t i = 0; i < STRETCH; i++)
		check_segment(&stretch_frame(x, i)->segment, &was[i]);
	stretch_clear(x);
	assert_int_equal(x->n, 0);
	assert_int_equal(x->at[0], 0);
	free(x);
}

static void places_and_times_cross(void **state)
{
	struct stretch *x = new_stretch();
	const struct twin twin = { .seq = 17, .mark = { .ts = 5, .frame = 6 } };
	const struct segment s = usual(3);
	struct engine_place p = { .hash = UINT64_C(0x123456789abcdef0), .from_first = true }, got;
	const struct { int64_t back; const struct twin *twin; int64_t now; } odd[] = {
		{ 0, NULL, 3 }, { 42, NULL, 3 }, { 0, &twin, 3 }, { 42, &twin, 3 }, { 0, NULL, -7 },
	};
	enum { N = sizeof(odd) / sizeof(odd[0]) };

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		p.back = odd[i].back;
		p.twin = odd[i].twin;
		add(x, &s, &p, odd[i].now);
	}
	add(x, &(struct segment){ .ts = 0 }, NULL, 9); /* a tick */
	for (unsigned i = 0; i < N; i++) {
		memset(&got, 0xff, sizeof(got));
		stretch_get_place(x, i, &got, false);
		assert_int_equal(got.hash, p.hash);
		assert_true(got.from_first);
		assert_memory_equal(got.key.end[0].ip, s.src.ip, sizeof(s.src.ip));
		assert_int_equal(got.key.end[1].port, s.dst.port);
		assert_int_equal(got.back, odd[i].back);
		assert_int_equal(!got.twin, !odd[i].twin);
		assert_true(!got.twin || !memcmp(got.twin, &twin, sizeof(twin)));
		assert_int_equal(stretch_now(x, i), odd[i].now);
	}
	assert_false(waiting_has_place(stretch_frame(x, N)));
	assert_int_equal(stretch_now(x, N), 9);
	free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_cross),
		cmocka_unit_test(all_have_rests),
		cmocka_unit_test(places_and_times_cross),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
