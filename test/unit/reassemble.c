/*
 * Reassembly, seen through the decoder: whatever way a segment is cut to pieces and
 * shuffled, the last piece to arrive delivers it, with its checksum verified.
 */
#include "unit.h"

#include <pcap/dlt.h>
#include <string.h>

#include "decode.h"
#include "frames.h"
#include "segment.h"

enum { MORE = 0x2000, PAYLOAD = 3000, SEGMENT_BYTES = PAYLOAD + 32 };

static struct built whole, piece;
static struct decoder *d;
static uint8_t segment_bytes[SEGMENT_BYTES];

static int setup(void **state)
{
	struct error e;
	uint8_t payload[PAYLOAD];

	(void)state;
	d = decoder_create(&(struct decode_options){ .max_fragments = 4, .verify_checksums = true },
			   &e);
	for (unsigned i = 0; i < PAYLOAD; i++)
		payload[i] = (uint8_t)(i * 31 + i / 256);
	built_start(&whole, payload, PAYLOAD);
	built_tcp(&whole,
		  &(struct tcp_fields){
			  .sport = 1,
			  .dport = 2,
			  .seq = 77,
			  .flags = 0x10,
			  .options = (const uint8_t[12]){ 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2 },
			  .options_length = 12,
		  });
	built_ipv4(&whole, &(struct ip_fields){ .protocol = 6 });
	memcpy(segment_bytes, built_bytes(&whole) + 20, SEGMENT_BYTES);
	return d ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	decoder_destroy(d);
	return 0;
}

/* The bytes [from, to) of the segment as a fragment of datagram `id`, `captured` of them in the snapshot. */
static enum decode_result send_cut(uint16_t id, uint32_t from, uint32_t to, uint32_t captured,
				   struct segment *s)
{
	const uint16_t more = to < SEGMENT_BYTES ? MORE : 0;

	built_start(&piece, segment_bytes + from, to - from);
	built_ipv4(&piece, &(struct ip_fields){
				   .protocol = 6,
				   .keep_checksum = true,
				   .id = id,
				   .fragment = (uint16_t)(from / 8 | more),
			   });
	return decode_frame(d, built_snapshot(&piece, DLT_RAW, 20 + captured), s);
}

static enum decode_result send(uint16_t id, uint32_t from, uint32_t to, struct segment *s)
{
	return send_cut(id, from, to, to - from, s);
}

static void assert_whole(const struct segment *s)
{
	assert_true(s->fragmented);
	assert_false(s->truncated);
	assert_int_equal(s->seq, 77);
	assert_int_equal(s->len, PAYLOAD);
	assert_int_equal(s->opt.present, OPT_TIMESTAMPS);
	assert_int_equal(s->checksum, CHECKSUM_OK);
}

static void in_order(void **state)
{
	struct segment s;

	(void)state;
	assert_int_equal(send(1, 0, 1480, &s), DECODE_fragment);
	assert_int_equal(send(1, 1480, 2960, &s), DECODE_fragment);
	assert_int_equal(send(1, 2960, SEGMENT_BYTES, &s), DECODE_SEGMENT);
	assert_whole(&s);
	assert_int_equal(s.ip_id, 1);
	assert_int_equal(decoder_counters(d)->fragments_seen, 3);
	assert_int_equal(decoder_counters(d)->datagrams_reassembled, 1);
}

static void in_any_order(void **state)
{
	static const uint8_t orders[][4] = {
		{ 3, 2, 1, 0 }, { 0, 3, 1, 2 }, { 1, 3, 0, 2 }, { 2, 0, 3, 1 }
	};

	(void)state;
	for (uint16_t k = 0; k < 4; k++) {
		struct segment s;
		enum decode_result r = DECODE_COUNT;

		for (unsigned i = 0; i < 4; i++) {
			const uint32_t from = orders[k][i] * 800U, end = from + 800;

			r = send(k, from, end < SEGMENT_BYTES ? end : SEGMENT_BYTES, &s);
			assert_int_equal(r, i < 3 ? DECODE_fragment : DECODE_SEGMENT);
		}
		assert_whole(&s);
	}
}

/* Eight bytes at a time, as an attacker does: the header itself is in pieces. */
static void in_crumbs(void **state)
{
	struct segment s;

	(void)state;
	for (uint32_t at = 0; at < SEGMENT_BYTES - 8; at += 8)
		assert_int_equal(send(1, at, at + 8, &s), DECODE_fragment);
	assert_int_equal(send(1, SEGMENT_BYTES - 8, SEGMENT_BYTES, &s), DECODE_SEGMENT);
	assert_whole(&s);
}

static void too_many_holes_are_refused(void **state)
{
	struct segment s;

	(void)state;
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(send(1, i * 16, i * 16 + 8, &s), DECODE_fragment);
	assert_int_equal(send(1, 32 * 16, 32 * 16 + 8, &s), DECODE_fragment_dropped);
	assert_int_equal(send(1, 8, 16, &s), DECODE_fragment); /* closes a hole */
	assert_int_equal(send(1, 32 * 16, 32 * 16 + 8, &s), DECODE_fragment);
}

static void first_copy_wins(void **state)
{
	struct segment s;

	(void)state;
	assert_int_equal(send(1, 0, 1600, &s), DECODE_fragment);
	segment_bytes[1000] ^= 0xff; /* a second copy that lies about the bytes that have arrived */
	assert_int_equal(send(1, 800, 2400, &s), DECODE_fragment);
	assert_int_equal(send(1, 1600, 2400, &s), DECODE_fragment);
	assert_int_equal(send(1, 800, SEGMENT_BYTES, &s), DECODE_SEGMENT);
	assert_whole(&s);
	assert_int_equal(decoder_counters(d)->fragments_overlapping, 3);
}

static void late_copies_start_nothing(void **state)
{
	struct segment s;

	(void)state;
	assert_int_equal(send(1, 0, 1600, &s), DECODE_fragment);
	assert_int_equal(send(1, 0, 1600, &s), DECODE_fragment);
	assert_int_equal(send(1, 1600, SEGMENT_BYTES, &s), DECODE_SEGMENT);
	assert_int_equal(send(1, 1600, SEGMENT_BYTES, &s), DECODE_fragment);
	assert_int_equal(decoder_counters(d)->datagrams_reassembled, 1);
}

static void lies_about_size_are_refused(void **state)
{
	struct segment s;

	(void)state;
	assert_int_equal(send(1, 1600, SEGMENT_BYTES, &s), DECODE_fragment);
	built_start(&piece, segment_bytes, 800); /* beyond the end that the last one set */
	built_ipv4(&piece, &(struct ip_fields){ .protocol = 6,
						.keep_checksum = true,
						.id = 1,
						.fragment = 2960 / 8 | MORE });
	assert_int_equal(decode_frame(d, built_frame(&piece, DLT_RAW), &s),
			 DECODE_fragment_dropped);
	built_start(&piece, segment_bytes, 801); /* not a multiple of eight */
	built_ipv4(&piece,
		   &(struct ip_fields){
			   .protocol = 6, .keep_checksum = true, .id = 1, .fragment = MORE });
	assert_int_equal(decode_frame(d, built_frame(&piece, DLT_RAW), &s),
			 DECODE_fragment_dropped);
	built_start(&piece, segment_bytes, 80); /* beyond 65535 */
	built_ipv4(&piece,
		   &(struct ip_fields){
			   .protocol = 6, .keep_checksum = true, .id = 1, .fragment = 8191 });
	assert_int_equal(decode_frame(d, built_frame(&piece, DLT_RAW), &s),
			 DECODE_fragment_dropped);
	built_start(&piece, NULL, 0); /* nothing */
	built_ipv4(&piece, &(struct ip_fields){ .protocol = 6, .id = 1, .fragment = 100 | MORE });
	assert_int_equal(decode_frame(d, built_frame(&piece, DLT_RAW), &s),
			 DECODE_fragment_dropped);
	assert_int_equal(send(1, 0, 1600, &s), DECODE_SEGMENT);
	assert_whole(&s);
}

static void the_oldest_is_evicted(void **state)
{
	struct segment s;

	(void)state;
	for (uint16_t id = 1; id <= 5; id++)
		assert_int_equal(send(id, 0, 1600, &s), DECODE_fragment);
	assert_int_equal(decoder_counters(d)->fragments_evicted, 1);
	assert_int_equal(send(2, 1600, SEGMENT_BYTES, &s), DECODE_SEGMENT);
	assert_int_equal(send(1, 1600, SEGMENT_BYTES, &s), DECODE_fragment);
	assert_int_equal(decoder_counters(d)->fragments_evicted,
			 1); /* it took the place of the completed one */
}

static void time_runs_out(void **state)
{
	struct segment s;
	struct tcplint_frame f;

	(void)state;
	assert_int_equal(send(1, 0, 1600, &s), DECODE_fragment);
	assert_int_equal(send(2, 0, 1600, &s), DECODE_fragment);
	send(1, 1600, SEGMENT_BYTES, &s);
	f = *built_frame(&piece, DLT_RAW);
	f.ts += INT64_C(31000000000);
	assert_int_equal(decode_frame(d, &f, &s), DECODE_fragment);
	assert_int_equal(decoder_counters(d)->fragments_timed_out, 1); /* 1 had been completed */
}

static void snapshots_leave_the_length(void **state)
{
	struct segment s;

	(void)state;
	assert_int_equal(send_cut(1, 0, 1600, 60, &s), DECODE_fragment);
	assert_int_equal(send_cut(1, 1600, SEGMENT_BYTES, 0, &s), DECODE_SEGMENT);
	assert_true(s.truncated && s.fragmented);
	assert_int_equal(s.len, PAYLOAD);
	assert_int_equal(s.opt.present, OPT_TIMESTAMPS);
	assert_int_equal(s.checksum, CHECKSUM_UNKNOWN);
	assert_int_equal(send_cut(2, 0, 1600, 10, &s), DECODE_fragment);
	assert_int_equal(send(2, 1600, SEGMENT_BYTES, &s), DECODE_truncated);
}

static void ipv6(void **state)
{
	struct segment s;
	uint8_t header[8] = { 6, 0, 0, 0, 1, 2, 3, 4 };

	(void)state;
	for (uint32_t at = 0; at < SEGMENT_BYTES; at += 1200) {
		const uint32_t n = at + 1200 < SEGMENT_BYTES ? 1200 : SEGMENT_BYTES - at;
		const uint32_t word = at | (at + n < SEGMENT_BYTES);

		built_start(&piece, segment_bytes + at, n);
		header[2] = (uint8_t)(word >> 8);
		header[3] = (uint8_t)word;
		built_push(&piece, header, 8);
		built_ipv6(&piece, &(struct ip_fields){ .protocol = 44 });
		assert_int_equal(decode_frame(d, built_frame(&piece, DLT_RAW), &s),
				 at + n < SEGMENT_BYTES ? DECODE_fragment : DECODE_SEGMENT);
	}
	assert_int_equal(s.len, PAYLOAD);
	assert_int_equal(s.ip_id, 0x0304);
	assert_int_equal(s.checksum, CHECKSUM_BAD); /* it was made for other addresses */
}

static void an_atomic_fragment_is_whole(void **state)
{
	struct segment s;

	(void)state;
	built_start(&piece, segment_bytes, SEGMENT_BYTES);
	built_push(&piece, (const uint8_t[8]){ 6, 0, 0, 0, 1, 2, 3, 4 }, 8);
	built_ipv6(&piece, &(struct ip_fields){ .protocol = 44 });
	assert_int_equal(decode_frame(d, built_frame(&piece, DLT_RAW), &s), DECODE_SEGMENT);
	assert_false(s.fragmented);
	assert_int_equal(s.ip_id, 0x0304);
}

static void other_protocols_are_not_kept(void **state)
{
	struct segment s;

	(void)state;
	built_start(&piece, segment_bytes, 800);
	built_ipv4(&piece, &(struct ip_fields){ .protocol = 17, .fragment = MORE });
	assert_int_equal(decode_frame(d, built_frame(&piece, DLT_RAW), &s), DECODE_not_tcp);
	built_start(&piece, segment_bytes, 800);
	built_ipv4(&piece, &(struct ip_fields){ .protocol = 1, .fragment = MORE });
	assert_int_equal(decode_frame(d, built_frame(&piece, DLT_RAW), &s), DECODE_not_tcp);
	assert_int_equal(decoder_counters(d)->fragments_seen, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_order),
		TEST(in_any_order),
		TEST(in_crumbs),
		TEST(too_many_holes_are_refused),
		TEST(first_copy_wins),
		TEST(late_copies_start_nothing),
		TEST(lies_about_size_are_refused),
		TEST(the_oldest_is_evicted),
		TEST(time_runs_out),
		TEST(snapshots_leave_the_length),
		TEST(ipv6),
		TEST(an_atomic_fragment_is_whole),
		TEST(other_protocols_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
