/* What surrounds a TCP segment: link layers, tunnels, IP and its lengths, ICMP errors. */
#include "unit.h"

#include <pcap/dlt.h>
#include <string.h>

#include "decode.h"
#include "frames.h"
#include "links.h"
#include "segment.h"

static struct built b;
static struct decoder *d;

static int setup(void **state)
{
	struct error e;

	(void)state;
	d = decoder_create(&(struct decode_options){ .tunnels = true, .verify_checksums = true },
			   &e);
	return d ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	decoder_destroy(d);
	return 0;
}

static enum decode_result decode_as(int linktype, struct segment *s)
{
	return decode_frame(d, built_frame(&b, linktype), s);
}

/* The segment is the same whatever carries it. */
static void every_link_layer(void **state)
{
	(void)state;
	for (unsigned i = 0; i < link_layer_count * 2; i++) {
		const struct link_layer *l = &link_layers[i / 2];
		struct segment s;

		built_plain(&b, i & 1);
		l->wrap(&b, i & 1);
		if (decode_as(l->linktype, &s) != DECODE_SEGMENT)
			print_message("%s\n", l->name);
		assert_int_equal(decode_as(l->linktype, &s), DECODE_SEGMENT);
		assert_true(decode_supports(l->linktype));
		assert_int_equal(s.ipv6, i & 1);
		assert_int_equal(s.src.port, 40000);
		assert_int_equal(s.dst.port, 443);
		assert_int_equal(s.len, 100);
		assert_int_equal(s.opt.ts_ecr, 9);
		assert_int_equal(s.checksum, CHECKSUM_OK);
		assert_int_equal(s.vlan, l->vlan);
		assert_int_equal(s.direction, l->direction);
		assert_int_equal(s.tunnel != 0, l->tunnel);
		assert_false(s.truncated);
	}
}

static void tunnels_when_not_asked(void **state)
{
	struct error e;
	struct decoder *plain = decoder_create(&(struct decode_options){ .tunnels = false }, &e);

	(void)state;
	for (unsigned i = 0; i < link_layer_count; i++) {
		const struct link_layer *l = &link_layers[i];
		struct segment s;
		enum decode_result r = DECODE_SEGMENT;

		if (l->tunnel)
			r = l->heuristic ? DECODE_not_tcp : DECODE_tunnel;
		built_plain(&b, false);
		l->wrap(&b, false);
		assert_int_equal(decode_frame(plain, built_frame(&b, l->linktype), &s), r);
	}
	decoder_destroy(plain);
}

static uint32_t vxlan_of(uint8_t vni)
{
	struct segment s;

	built_plain(&b, false);
	built_ethernet(&b, 0x0800);
	built_push(&b, (const uint8_t[8]){ 8, 0, 0, 0, 0, 0, vni, 0 }, 8);
	built_udp(&b, vni, 4789);
	built_ipv4(&b, &(struct ip_fields){ .protocol = 17 });
	assert_int_equal(decode_as(DLT_RAW, &s), DECODE_SEGMENT);
	return s.tunnel;
}

static void tunnels_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(vxlan_of(1), vxlan_of(1));
	assert_int_not_equal(vxlan_of(1), vxlan_of(2));
}

static void padding_is_not_payload(void **state)
{
	struct segment s;

	(void)state;
	built_start(&b, NULL, 0);
	built_tcp(&b, &(struct tcp_fields){ .flags = FLAG_ACK });
	built_ipv4(&b, &(struct ip_fields){ .protocol = 6 });
	built_ethernet(&b, 0x0800);
	built_append(&b, "\1\2\3\4\5\6", 6);
	assert_int_equal(decode_as(DLT_EN10MB, &s), DECODE_SEGMENT);
	assert_int_equal(s.len, 0);
	assert_int_equal(s.checksum, CHECKSUM_OK);
}

/*
 * The first one, one in the middle and the last one, as most frames come; DF is no fragment, and neither is what must
 * be zero.
 */
static void fragments_are_not_segments(void **state)
{
	static const struct {
		uint16_t flags;
		bool fragment;
	} cases[] = { { 0x2000, true }, { 0x2001, true }, { 0x0001, true }, { 0x1fff, true }, { 0x0100, true },
		      { 0x6000, true }, { 0x4000, false }, { 0x8000, false }, { 0, false } };
	struct segment s;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		built_start(&b, "12345678", 8);
		built_tcp(&b, &(struct tcp_fields){ .flags = FLAG_ACK });
		built_ipv4(&b, &(struct ip_fields){ .protocol = 6, .fragment = cases[i].flags });
		built_ethernet(&b, 0x0800);
		const enum decode_result r = decode_as(DLT_EN10MB, &s);

		assert_int_equal(r == DECODE_SEGMENT, !cases[i].fragment);
		assert_true(!cases[i].fragment || r == DECODE_fragment || r == DECODE_fragment_dropped);
	}
}

/* A length of 0 is the frame's; a jumbo payload option says it. */
static void lengths_that_the_frame_knows(void **state)
{
	static uint8_t big[80000];
	uint8_t jumbo[8] = { 6, 0, 0xc2, 4 };
	const uint32_t length = sizeof(big) + 20 + sizeof(jumbo);
	struct segment s;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct ip_fields ip = { .protocol = 6, .lie = true };

		built_start(&b, big, sizeof(big));
		built_tcp(&b, &(struct tcp_fields){ .flags = FLAG_ACK });
		for (unsigned k = 0; k < 4; k++)
			jumbo[4 + k] = (uint8_t)(length >> (24 - 8 * k));
		if (i == 2) {
			built_push(&b, jumbo, sizeof(jumbo));
			ip.protocol = 0;
		}
		if (i)
			built_ipv6(&b, &ip);
		else
			built_ipv4(&b, &ip);
		assert_int_equal(decode_as(DLT_RAW, &s), DECODE_SEGMENT);
		assert_int_equal(s.len, sizeof(big));
		assert_false(s.truncated);
	}
}

/* The capture was cut without saying so: the header is believed. */
static void lengths_beyond_the_frame(void **state)
{
	struct segment s;

	(void)state;
	built_plain(&b, false);
	built_ethernet(&b, 0x0800);
	built_bytes(&b)[14 + 2] = 2; /* 512 and some */
	assert_int_equal(decode_as(DLT_EN10MB, &s), DECODE_SEGMENT);
	assert_int_equal(s.len, 512 + 152 - 52);
	assert_true(s.truncated);
	assert_int_equal(s.checksum, CHECKSUM_UNKNOWN);
}

static void lengths_beyond_the_packet_around(void **state)
{
	struct segment s;

	(void)state;
	built_plain(&b, false);
	built_bytes(&b)[2] = 2;
	built_ipv4(&b, &(struct ip_fields){ .protocol = 4 });
	assert_int_equal(decode_as(DLT_RAW, &s), DECODE_malformed_ip);
}

static void ip_headers_that_contradict_themselves(void **state)
{
	static const struct {
		bool ipv6;
		uint8_t at, value;
	} lies[] = {
		{ false, 0, 0x44 }, /* header length */
		{ false, 0, 0x55 }, /* version, behind an Ethernet type that says 4 */
		{ false, 3, 19 },   /* total length, its high byte being 0 */
		{ true, 0, 0x40 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct segment s;

		built_plain(&b, lies[i].ipv6);
		built_bytes(&b)[lies[i].at] = lies[i].value;
		built_ethernet(&b, lies[i].ipv6 ? 0x86dd : 0x0800);
		assert_int_equal(decode_as(DLT_EN10MB, &s), DECODE_malformed_ip);
	}
}

static enum decode_result with_ipv4_options(const uint8_t *options, uint32_t n, struct segment *s)
{
	built_start(&b, "x", 1);
	built_tcp(&b, &(struct tcp_fields){ .flags = FLAG_ACK });
	built_ipv4(&b,
		   &(struct ip_fields){ .protocol = 6, .options = options, .options_length = n });
	return decode_as(DLT_RAW, s);
}

static void ipv4_options(void **state)
{
	static const uint8_t route[] = { 131, 11, 4, 10, 0, 0, 7, 10, 0, 0, 8, 0 };
	static const uint8_t record[] = { 1, 7, 7, 4, 0, 0, 0, 0 };
	static const uint8_t beyond[] = { 7, 9, 4, 0 };
	static const uint8_t nothing[] = { 7, 0, 4, 0 };
	struct segment s;

	(void)state;
	assert_int_equal(with_ipv4_options(record, sizeof(record), &s), DECODE_SEGMENT);
	assert_int_equal(s.len, 1);
	assert_int_equal(s.checksum, CHECKSUM_OK);
	assert_int_equal(with_ipv4_options(route, sizeof(route), &s), DECODE_SEGMENT);
	assert_int_equal(s.dst.ip[15], 8);
	assert_int_equal(with_ipv4_options(beyond, sizeof(beyond), &s), DECODE_malformed_ip);
	assert_int_equal(with_ipv4_options(nothing, sizeof(nothing), &s), DECODE_malformed_ip);
}

/* Push an extension header of eight bytes that names the one behind it. */
static uint8_t push_extension(uint8_t kind, uint8_t next)
{
	const uint8_t header[8] = { next };

	built_push(&b, header, sizeof(header));
	if (kind == 51) {
		built_push(&b, (const uint8_t[4]){ 0 },
			   4); /* AH counts in words of four, less two */
		built_bytes(&b)[0] = next;
		built_bytes(&b)[1] = 1;
	}
	return kind;
}

static void ipv6_extension_headers(void **state)
{
	static const uint8_t chain[] = { 140, 139, 135, 51, 60, 43, 60, 0 };
	struct segment s;
	uint8_t next = 6;

	(void)state;
	built_start(&b, "abc", 3);
	built_tcp(&b, &(struct tcp_fields){ .flags = FLAG_ACK });
	for (unsigned i = 0; i < sizeof(chain); i++)
		next = push_extension(chain[i], next);
	built_ipv6(&b, &(struct ip_fields){ .protocol = next });
	assert_int_equal(decode_as(DLT_RAW, &s), DECODE_SEGMENT);
	assert_int_equal(s.len, 3);
}

static void headers_without_end(void **state)
{
	struct segment s;
	uint8_t next = 6;

	(void)state;
	built_start(&b, NULL, 0);
	for (unsigned i = 0; i < 100; i++)
		next = push_extension(60, next);
	built_ipv6(&b, &(struct ip_fields){ .protocol = next });
	assert_int_equal(decode_as(DLT_RAW, &s), DECODE_too_deep);
	built_plain(&b, false);
	for (unsigned i = 0; i < 100; i++)
		built_vlan(&b, 1, i ? 0x8100 : 0x0800);
	built_ethernet(&b, 0x8100);
	assert_int_equal(decode_as(DLT_EN10MB, &s), DECODE_too_deep);
}

static void routes_end_at_their_last_address(void **state)
{
	uint8_t routing[40] = { 6, 4, 0, 2, [23] = 0x77, [39] = 0x99 };
	struct segment s;

	(void)state;
	built_start(&b, NULL, 0);
	built_tcp(&b, &(struct tcp_fields){ .flags = FLAG_SYN });
	built_push(&b, routing, sizeof(routing));
	built_ipv6(&b, &(struct ip_fields){ .protocol = 43 });
	assert_int_equal(decode_as(DLT_RAW, &s), DECODE_SEGMENT);
	assert_int_equal(s.dst.ip[15], 0x99);
	routing[2] = 4; /* a segment routing header lists them backwards */
	built_start(&b, NULL, 0);
	built_tcp(&b, &(struct tcp_fields){ .flags = FLAG_SYN });
	built_push(&b, routing, sizeof(routing));
	built_ipv6(&b, &(struct ip_fields){ .protocol = 43 });
	assert_int_equal(decode_as(DLT_RAW, &s), DECODE_SEGMENT);
	assert_int_equal(s.dst.ip[15], 0x77);
}

/* An error of `type` that quotes the first `quoted` bytes of the packet that was built. */
static enum decode_result quote(bool ipv6, uint8_t type, uint32_t quoted, struct segment *s)
{
	static uint8_t packet[256];

	built_plain(&b, ipv6);
	memcpy(packet, built_bytes(&b), quoted);
	built_start(&b, packet, quoted);
	built_icmp(&b, type, 4);
	if (ipv6)
		built_ipv6(&b, &(struct ip_fields){ .protocol = 58 });
	else
		built_ipv4(&b, &(struct ip_fields){ .protocol = 1, .src = { 192, 0, 2, 1 } });
	built_ethernet(&b, ipv6 ? 0x86dd : 0x0800);
	return decode_as(DLT_EN10MB, s);
}

static void quotes(void **state)
{
	(void)state;
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		const uint32_t ip = ipv6 ? 40 : 20;
		struct segment s;

		assert_int_equal(quote(ipv6, ipv6 ? 1 : 3, ip + 8, &s), DECODE_QUOTE);
		assert_true(s.quoted && s.len_unknown && s.truncated);
		assert_int_equal(s.icmp_type, ipv6 ? 1 : 3);
		assert_int_equal(s.icmp_code, 4);
		assert_int_equal(s.src.port, 40000);
		assert_int_equal(s.dst.port, 443);
		assert_int_equal(s.seq, 0xfffffff0);
		assert_int_equal(s.src.ip[12], ipv6 ? 0 : 10);
		assert_int_equal(quote(ipv6, ipv6 ? 3 : 11, ip + 32, &s), DECODE_QUOTE);
		assert_int_equal(s.flags, FLAG_PSH | FLAG_ACK);
		assert_int_equal(s.len, 100);
		assert_int_equal(s.opt.ts_val, 7);
		assert_int_equal(quote(ipv6, ipv6 ? 4 : 12, ip + 7, &s), DECODE_truncated);
		assert_int_equal(quote(ipv6, ipv6 ? 128 : 8, ip + 32, &s), DECODE_not_tcp);
	}
}

static void what_is_not_tcp(void **state)
{
	static const struct {
		uint8_t protocol;
		enum decode_result result;
	} protocols[] = { { 17, DECODE_not_tcp },
			  { 132, DECODE_not_tcp },
			  { 50, DECODE_encrypted },
			  { 0, DECODE_not_tcp } };
	struct segment s;

	(void)state;
	for (unsigned i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		built_start(&b, "01234567890123456789", 20);
		built_ipv4(&b, &(struct ip_fields){ .protocol = protocols[i].protocol });
		assert_int_equal(decode_as(DLT_RAW, &s), protocols[i].result);
	}
	built_start(&b, "01234567890123456789", 20);
	built_ethernet(&b, 0x0806);
	assert_int_equal(decode_as(DLT_EN10MB, &s), DECODE_not_ip);
	assert_int_equal(decode_as(12345, &s), DECODE_not_ip);
	assert_false(decode_supports(12345));
	assert_false(decode_supports(DLT_PPP_BSDOS)); /* 16; 14 is OpenBSD's raw IP */
}

static void protected_frames(void **state)
{
	struct segment s;

	(void)state;
	built_plain(&b, false);
	built_push(&b, "\x08\x41\0\0\2\0\0\0\0\3\2\0\0\0\0\1\2\0\0\0\0\2\0\0", 24);
	assert_int_equal(decode_as(DLT_IEEE802_11, &s), DECODE_encrypted);
}

static void names(void **state)
{
	(void)state;
	assert_null(decode_result_name(DECODE_SEGMENT));
	assert_null(decode_result_name(DECODE_QUOTE));
	assert_string_equal(decode_result_name(DECODE_not_ip), "not_ip");
	for (int r = DECODE_QUOTE + 1; r < DECODE_COUNT; r++)
		assert_non_null(decode_result_name((enum decode_result)r));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_link_layer),
		TEST(tunnels_when_not_asked),
		TEST(tunnels_are_told_apart),
		TEST(padding_is_not_payload), TEST(fragments_are_not_segments),
		TEST(lengths_that_the_frame_knows),
		TEST(lengths_beyond_the_frame),
		TEST(lengths_beyond_the_packet_around),
		TEST(ip_headers_that_contradict_themselves),
		TEST(ipv4_options),
		TEST(ipv6_extension_headers),
		TEST(headers_without_end),
		TEST(routes_end_at_their_last_address),
		TEST(quotes),
		TEST(what_is_not_tcp),
		TEST(protected_frames),
		TEST(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
