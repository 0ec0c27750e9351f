/* The TCP header: fields, snapshots that cut it, options legal and not, and the four verdicts on its checksum. */
#include "unit.h"

#include <pcap/dlt.h>
#include <string.h>

#include "decode.h"
#include "frames.h"
#include "segment.h"

static struct built b;
static struct decoder *d;

static int setup(void **state)
{
	struct error e;

	(void)state;
	d = decoder_create(&(struct decode_options){ .verify_checksums = true }, &e);
	return d ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	decoder_destroy(d);
	return 0;
}

static void fields(void **state)
{
	struct segment s;

	(void)state;
	built_start(&b, "abc", 3);
	built_tcp(&b, &(struct tcp_fields){ .sport = 0xfedc,
					    .dport = 1,
					    .seq = 0xfffffffe,
					    .ack = 0x80000001,
					    .flags = 0xfff,
					    .window = 0xfeed,
					    .urgent = 0xabcd });
	built_ipv4(
		&b,
		&(struct ip_fields){
			.protocol = 6, .ttl = 3, .tos = 0xb9, .id = 0xbeef, .fragment = 0x4000 });
	built_ethernet(&b, 0x0800);
	assert_int_equal(decode_frame(d, built_frame(&b, DLT_EN10MB), &s), DECODE_SEGMENT);
	assert_int_equal(s.src.port, 0xfedc);
	assert_int_equal(s.dst.port, 1);
	assert_int_equal(s.seq, 0xfffffffe);
	assert_int_equal(s.ack, 0x80000001);
	assert_int_equal(s.flags, 0xfff);
	assert_int_equal(s.window, 0xfeed);
	assert_int_equal(s.urgent, 0xabcd);
	assert_int_equal(s.len, 3);
	assert_int_equal(s.data_offset, 5);
	assert_int_equal(s.ttl, 3);
	assert_int_equal(s.tos, 0xb9);
	assert_int_equal(s.ip_id, 0xbeef);
	assert_int_equal(s.checksum, CHECKSUM_OK);
	assert_int_equal(s.opt.present, 0);
	assert_int_equal(s.opt.layout, 0);
	assert_int_equal(s.ts, INT64_C(1000000000));
	assert_int_equal(s.frame, 1);
	assert_true(s.has_mac);
	assert_memory_equal(s.src.ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 16);
	assert_false(s.truncated || s.bad_header || s.fragmented || s.quoted || s.len_unknown ||
		     s.ipv6);
}

/* A header whose offset is too small, or points behind the packet. */
static void bad_offsets(void **state)
{
	(void)state;
	for (uint8_t offset = 1; offset <= 15; offset++) {
		struct segment s;

		built_start(&b, "abcdefgh", 8);
		built_tcp(&b,
			  &(struct tcp_fields){ .seq = 5, .flags = FLAG_SYN, .offset = offset });
		built_ipv4(&b, &(struct ip_fields){ .protocol = 6 });
		assert_int_equal(decode_frame(d, built_frame(&b, DLT_RAW), &s), DECODE_SEGMENT);
		assert_int_equal(s.bad_header, offset < 5 || offset > 7);
		assert_int_equal(s.len, s.bad_header ? 0 : 28 - offset * 4);
		assert_int_equal(s.seq, 5);
		assert_int_equal(s.checksum, CHECKSUM_OK);
	}
}

static void too_short_on_the_wire(void **state)
{
	struct segment s;

	(void)state;
	for (uint32_t n = 0; n < 20; n++) {
		built_start(&b, "01234567890123456789", n);
		built_ipv4(&b, &(struct ip_fields){ .protocol = 6 });
		assert_int_equal(decode_frame(d, built_frame(&b, DLT_RAW), &s),
				 DECODE_malformed_tcp);
	}
}

/* Up to the flags a segment is a segment; its length is exact whatever was captured. */
static void snapshots(void **state)
{
	struct segment s;

	(void)state;
	built_plain(&b, false);
	for (uint32_t captured = 0; captured <= built_length(&b); captured++) {
		const enum decode_result r =
			decode_frame(d, built_snapshot(&b, DLT_RAW, captured), &s);

		assert_int_equal(r, captured < 34 ? DECODE_truncated : DECODE_SEGMENT);
		if (r != DECODE_SEGMENT)
			continue;
		assert_int_equal(s.truncated, captured < 152);
		assert_int_equal(s.len, 100);
		assert_int_equal(s.flags, FLAG_PSH | FLAG_ACK);
		assert_int_equal(s.window, captured < 36 ? 0 : 502);
		assert_int_equal(s.opt.present & OPT_CUT, captured < 52 ? OPT_CUT : 0);
		assert_int_equal(s.opt.present & OPT_TIMESTAMPS,
				 captured < 52 ? 0 : OPT_TIMESTAMPS);
		assert_int_equal(s.checksum, captured < 152 ? CHECKSUM_UNKNOWN : CHECKSUM_OK);
	}
}

struct list {
	const char *bytes;
	unsigned n; /* without the NOPs that fill the last word: those come in front */
	uint16_t flags;
	uint32_t present;
	uint8_t bad_kind, bad_len;
};

#define BAD(bytes, flags, present, kind, length)                                                   \
	{                                                                                          \
		bytes, sizeof(bytes) - 1, flags, present, kind, length                             \
	}
#define GOOD(bytes, flags, present) BAD(bytes, flags, present, 0, 0)

static const struct list lists[] = {
	GOOD("\2\4\5\xb4", FLAG_SYN, OPT_MSS),
	GOOD("\3\3\7", FLAG_SYN, OPT_WSCALE),
	GOOD("\4\2", FLAG_SYN, OPT_SACK_PERMITTED),
	GOOD("\2\4\5\xb4\4\2\x08\x0a\0\0\0\1\0\0\0\2\1\3\3\7", FLAG_SYN,
	     OPT_MSS | OPT_SACK_PERMITTED | OPT_TIMESTAMPS | OPT_WSCALE),
	GOOD("\5\x0a\0\0\0\1\0\0\0\2", FLAG_ACK, OPT_SACK),
	BAD("\5\2", FLAG_ACK, OPT_BAD_LENGTH, 5, 2),
	BAD("\5\x0b\0\0\0\1\0\0\0\2\0", FLAG_ACK, OPT_BAD_LENGTH, 5, 11),
	BAD("\2\3\5", FLAG_SYN, OPT_BAD_LENGTH, 2, 3),
	BAD("\2\3\5\3\4\0\0", FLAG_SYN, OPT_BAD_LENGTH, 2, 3),
	GOOD("\x13\x12"
	     "0123456789abcdef",
	     FLAG_ACK, OPT_MD5),
	GOOD("\x1d\x10"
	     "0123456789abcd",
	     FLAG_ACK, OPT_AO),
	BAD("\x1d\x03"
	    "0",
	    FLAG_ACK, OPT_BAD_LENGTH, 29, 3),
	GOOD("\x1c\x04\x80\x05", FLAG_ACK, OPT_USER_TIMEOUT),
	GOOD("\x0b\6\0\0\0\1", FLAG_SYN, OPT_TTCP),
	GOOD("\x1b\4\0\0", FLAG_SYN, OPT_OTHER),
	/* Fast Open: a request, a cookie, odd and too short ones, the experimental form */
	GOOD("\x22\2", FLAG_SYN, OPT_FAST_OPEN),
	GOOD("\x22\x0a"
	     "01234567",
	     FLAG_SYN, OPT_FAST_OPEN),
	BAD("\x22\4"
	    "01",
	    FLAG_SYN, OPT_BAD_LENGTH, 34, 4),
	BAD("\x22\7"
	    "01234",
	    FLAG_SYN, OPT_BAD_LENGTH, 34, 7),
	BAD("\x22\x14"
	    "0123456789abcdef01",
	    FLAG_SYN, OPT_BAD_LENGTH, 34, 20),
	GOOD("\xfe\4\xf9\x89", FLAG_SYN, OPT_FAST_OPEN | OPT_FAST_OPEN_EXP),
	GOOD("\xfe\4\xe2\xd4", FLAG_SYN, OPT_EXPERIMENT),
	GOOD("\xfe\4\xf9\x89\x22\2", FLAG_SYN, OPT_FAST_OPEN | OPT_FAST_OPEN_EXP | OPT_FAST_OPEN_BOTH),
	GOOD("\x22\2\xfe\4\xf9\x89", FLAG_SYN, OPT_FAST_OPEN | OPT_FAST_OPEN_EXP | OPT_FAST_OPEN_BOTH),
	BAD("\xfd\3\xf9", FLAG_SYN, OPT_BAD_LENGTH, 253, 3),
	/* MPTCP: version 1 and 0 */
	GOOD("\x1e\4\1\1", FLAG_SYN, OPT_MP_CAPABLE),
	BAD("\x1e\4\0\1", FLAG_SYN, OPT_BAD_LENGTH, 30, 4),
	GOOD("\x1e\x0c\0\1"
	     "01234567",
	     FLAG_SYN, OPT_MP_CAPABLE),
	BAD("\x1e\x0c\1\1"
	    "01234567",
	    FLAG_SYN, OPT_BAD_LENGTH, 30, 12),
	GOOD("\x1e\x0c\1\1"
	     "01234567",
	     FLAG_SYN | FLAG_ACK, OPT_MP_CAPABLE),
	GOOD("\x1e\x16\1\1"
	     "0123456789abcdef01",
	     FLAG_ACK, OPT_MP_CAPABLE),
	BAD("\x1e\x16\0\1"
	    "0123456789abcdef01",
	    FLAG_ACK, OPT_BAD_LENGTH, 30, 22),
	GOOD("\x1e\x0c\x10\1"
	     "01234567",
	     FLAG_SYN, OPT_MP_JOIN),
	BAD("\x1e\x0c\x10\1"
	    "01234567",
	    FLAG_SYN | FLAG_ACK, OPT_BAD_LENGTH, 30, 12),
	GOOD("\x1e\4\x20\1\x1e\4\x30\1", FLAG_ACK, OPT_MPTCP_OTHER),
	BAD("\x1e\2", FLAG_ACK, OPT_BAD_LENGTH, 30, 2),
	/* duplicates, and what is none */
	GOOD("\2\4\5\xb4\2\4\2\x18", FLAG_SYN, OPT_MSS | OPT_DUPLICATE),
	GOOD("\x1b\2\x1b\2", FLAG_SYN, OPT_OTHER | OPT_DUPLICATE),
	GOOD("\xfe\4\xe2\xd4\xfe\4\xe2\xd5\xfd\4\xe2\xd4", FLAG_SYN, OPT_EXPERIMENT),
	GOOD("\xfe\4\xe2\xd4\xfe\4\xe2\xd4", FLAG_SYN, OPT_EXPERIMENT | OPT_DUPLICATE),
	/* the end of the list, and lists that do not parse */
	GOOD("\2\4\5\xb4\0\0\0\0", FLAG_SYN, OPT_MSS),
	GOOD("\0\1\2\3", FLAG_SYN, OPT_AFTER_EOL),
	GOOD("\1\1\0\0", FLAG_SYN, 0),
	BAD("\2\0\5\xb4", FLAG_SYN, OPT_BAD_LIST, 2, 0),
	BAD("\2\1\5\xb4", FLAG_SYN, OPT_BAD_LIST, 2, 1),
	BAD("\1\1\1\2", FLAG_SYN, OPT_BAD_LIST, 2, 0),
	BAD("\x08\x0a\0\0", FLAG_SYN, OPT_BAD_LIST, 8, 10),
	BAD("\2\3\5\2\xff", FLAG_SYN, OPT_BAD_LENGTH | OPT_BAD_LIST, 2, 255),
};

static enum decode_result decode_list(const uint8_t *options, uint32_t n, uint16_t flags,
				      uint32_t cut, struct segment *s)
{
	built_start(&b, NULL, 0);
	built_tcp(&b,
		  &(struct tcp_fields){ .flags = flags, .options = options, .options_length = n });
	built_ipv4(&b, &(struct ip_fields){ .protocol = 6 });
	return decode_frame(d, built_snapshot(&b, DLT_RAW, built_length(&b) - cut), s);
}

static void options(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct list *l = &lists[i];
		const uint32_t n = (l->n + 3) & ~3U, nops = n - l->n;
		uint8_t bytes[40] = { 1, 1, 1 };
		struct segment s;

		memcpy(bytes + nops, l->bytes, l->n);
		assert_int_equal(decode_list(bytes, n, l->flags, 0, &s), DECODE_SEGMENT);
		if (s.opt.present != l->present || s.opt.bad_kind != l->bad_kind ||
		    s.opt.bad_len != l->bad_len)
			print_message("list %u: present %#x, bad kind %u, length %u\n", i,
				      s.opt.present, s.opt.bad_kind, s.opt.bad_len);
		assert_int_equal(s.opt.present, l->present);
		assert_int_equal(s.opt.bad_kind, l->bad_kind);
		assert_int_equal(s.opt.bad_len, l->bad_len);
	}
}

/* The snapshot's end is nobody's fault, wherever it falls. */
static void cut_lists_are_not_bad(void **state)
{
	static const uint8_t list[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
					0, 1, 0, 0,    0, 2, 1, 3,  3, 7 };

	(void)state;
	for (uint32_t cut = 1; cut <= sizeof(list); cut++) {
		struct segment s;

		assert_int_equal(decode_list(list, sizeof(list), FLAG_SYN, cut, &s),
				 DECODE_SEGMENT);
		assert_int_equal(s.opt.present & (OPT_BAD_LIST | OPT_BAD_LENGTH | OPT_CUT),
				 OPT_CUT);
		assert_true(s.truncated);
	}
}

static void option_values(void **state)
{
	static const uint8_t syn[] = { 2, 4, 5, 0xb4, 3, 3,    15, 8,  10, 1, 2, 3, 4, 5,
				       6, 7, 8, 28,   4, 0x80, 5,  34, 6,  1, 2, 3, 4, 0 };
	static const uint8_t sack[] = { 1, 1, 5,    18, 0, 0, 0, 1, 0, 0,
					0, 2, 0xff, 0,  0, 3, 0, 0, 0, 4 };
	struct segment s;

	(void)state;
	decode_list(syn, sizeof(syn), FLAG_SYN, 0, &s);
	assert_int_equal(s.opt.mss, 1460);
	assert_int_equal(s.opt.wscale, 15);
	assert_int_equal(s.opt.ts_val, 0x01020304);
	assert_int_equal(s.opt.ts_ecr, 0x05060708);
	assert_int_equal(s.opt.user_timeout, 0x8005);
	assert_int_equal(s.opt.cookie_len, 4);
	decode_list(sack, sizeof(sack), FLAG_ACK, 0, &s);
	assert_int_equal(s.opt.sack_count, 2);
	assert_int_equal(s.opt.sack[0].right, 2);
	assert_int_equal(s.opt.sack[1].left, 0xff000003);
}

static void layouts_tell_orders_apart(void **state)
{
	static const uint8_t plain[] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2 };
	static const uint8_t spread[] = { 1, 1, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4 };
	static const uint8_t behind[] = { 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1 };
	static const uint8_t longer[] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 1, 1 };
	struct segment s[4];

	(void)state;
	decode_list(plain, sizeof(plain), FLAG_ACK, 0, &s[0]);
	decode_list(spread, sizeof(spread), FLAG_ACK, 0, &s[1]);
	decode_list(behind, sizeof(behind), FLAG_ACK, 0, &s[2]);
	decode_list(longer, sizeof(longer), FLAG_ACK, 0, &s[3]);
	assert_int_equal(s[0].opt.layout, s[1].opt.layout);
	assert_int_not_equal(s[0].opt.layout, s[2].opt.layout);
	assert_int_not_equal(s[0].opt.layout, s[3].opt.layout);
	assert_int_equal(s[2].opt.ts_ecr, 2);
}

/* Put a value into the checksum field of built_plain(). */
static uint8_t verdict_on(bool ipv6, uint16_t field)
{
	const uint32_t at = (ipv6 ? 40 : 20) + 16;
	struct segment s;

	built_plain(&b, ipv6);
	built_bytes(&b)[at] = (uint8_t)(field >> 8);
	built_bytes(&b)[at + 1] = (uint8_t)field;
	assert_int_equal(decode_frame(d, built_frame(&b, DLT_RAW), &s), DECODE_SEGMENT);
	assert_int_equal(s.tcp_checksum, field);
	return s.checksum;
}

static void checksums(void **state)
{
	(void)state;
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		const uint32_t n = ipv6 ? 32 : 8, at = ipv6 ? 8 : 12;
		uint16_t right, pseudo;

		built_plain(&b, ipv6);
		right = (uint16_t)(built_bytes(&b)[ipv6 ? 56 : 36] << 8 |
				   built_bytes(&b)[ipv6 ? 57 : 37]);
		pseudo = (uint16_t)~slow_checksum(built_bytes(&b) + at, n, 6);
		assert_int_equal(verdict_on(ipv6, right), CHECKSUM_OK);
		assert_int_equal(verdict_on(ipv6, right ^ 0x100), CHECKSUM_BAD);
		assert_int_equal(verdict_on(ipv6, 0), CHECKSUM_OFFLOAD);
		assert_int_equal(verdict_on(ipv6, pseudo), CHECKSUM_OFFLOAD);
		assert_int_equal(verdict_on(ipv6, (uint16_t)(pseudo + 132)), CHECKSUM_OFFLOAD);
	}
}

static void checksums_when_not_asked(void **state)
{
	struct segment s;
	struct error e;
	struct decoder *lazy = decoder_create(&(struct decode_options){ .tunnels = false }, &e);

	(void)state;
	built_plain(&b, false);
	assert_int_equal(decode_frame(lazy, built_frame(&b, DLT_RAW), &s), DECODE_SEGMENT);
	assert_int_equal(s.checksum, CHECKSUM_UNKNOWN);
	decoder_destroy(lazy);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fields),
		TEST(bad_offsets),
		TEST(too_short_on_the_wire),
		TEST(snapshots),
		TEST(options),
		TEST(cut_lists_are_not_bad),
		TEST(option_values),
		TEST(layouts_tell_orders_apart),
		TEST(checksums),
		TEST(checksums_when_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
