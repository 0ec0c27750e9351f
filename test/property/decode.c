/*
 * Properties of the decoder, over every link layer and over random bytes.
 *
 * Every frame is decoded from a heap copy of exactly the bytes that it has, so that
 * AddressSanitizer sees the first byte read too many.  The seed is printed; given as
 * an argument it replays a run.
 */
#include <inttypes.h>
#include <pcap/dlt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decode_private.h"
#include "frames.h"
#include "links.h"
#include "segment.h"

/* An assert that stays in release builds. */
#define HOLDS(condition) holds(condition, #condition, __LINE__)

static uint64_t seed, x;
static struct built b;
static const char *what = "";

static void holds(bool condition, const char *text, int line)
{
	if (condition)
		return;
	fprintf(stderr, "property/decode.c:%d: %s: does not hold: %s (seed %" PRIu64 ")\n", line,
		what, text, seed);
	abort();
}

static uint64_t next_random(void)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static struct decoder *decoder(bool tunnels)
{
	struct error e;
	struct decoder *d;

	d = decoder_create(&(struct decode_options){ .tunnels = tunnels, .verify_checksums = true },
			   &e);
	if (!d) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	return d;
}

/* Of a segment that has no rest, none of it says more than the others do (segment.h). */
static void check_rest(const struct segment *s)
{
	const struct tcp_options *o = &s->opt;

	HOLDS(s->tcp_length == segment_tcp_length(s) && s->tcp_captured == s->tcp_length);
	HOLDS(!o->exids && !o->exid && !o->user_timeout && !o->cookie_len && !o->bad_kind && !o->bad_len &&
	      !o->sack_count);
	HOLDS(!s->tcp_sum && !s->icmp_type && !s->icmp_code);
}

/* What holds for every answer, whatever the bytes. */
static void check_invariants(const struct tcplint_frame *f, enum decode_result r, const struct segment *s)
{
	HOLDS(r < DECODE_COUNT);
	if (r != DECODE_SEGMENT && r != DECODE_QUOTE)
		return;
	HOLDS(s->frame == f->number && s->ts == f->ts);
	HOLDS(s->quoted == (r == DECODE_QUOTE));
	HOLDS(s->vlan < 1 << 24);
	HOLDS(s->flags < 1 << 12);
	HOLDS(s->opt.sack_count <= 4);
	HOLDS(!(s->opt.present & OPT_FAST_OPEN) || s->opt.cookie_len <= 36);
	HOLDS(!s->bad_header || s->len == 0);
	HOLDS(s->truncated || s->fragmented || s->len <= f->wire);
	HOLDS(!s->truncated || s->checksum == CHECKSUM_UNKNOWN);
	if (!segment_has_rest(s))
		check_rest(s);
}

static unsigned straight;

/* The straight line answers what the walk does, to the last byte. */
static void check_straight_line(struct decoder *d, const struct tcplint_frame *f)
{
	struct segment plain, walked;

	memset(&plain, 0, sizeof(plain));
	memset(&walked, 0, sizeof(walked));
	if (!decode_plain(d, f, &plain))
		return;
	straight++;
	HOLDS(decode_walk(d, f, &walked) == DECODE_SEGMENT);
	HOLDS(memcmp(&plain, &walked, sizeof(plain)) == 0);
}

/* Decode an exact copy of the first bytes of a frame. */
static enum decode_result decode_copy(struct decoder *d, const struct tcplint_frame *f, uint32_t captured,
				      uint32_t wire, struct segment *s)
{
	struct tcplint_frame copy = *f;
	uint8_t *bytes = malloc(captured ? captured : 1);
	enum decode_result r;

	if (!bytes)
		abort();
	memcpy(bytes, f->data, captured);
	copy.data = captured ? bytes : NULL;
	copy.captured = captured;
	copy.wire = wire;
	check_straight_line(d, &copy);
	r = decode_frame(d, &copy, s);
	check_invariants(&copy, r, s);
	free(bytes);
	return r;
}

/* The fields that a snapshot leaves are those of the whole segment. */
static void check_subset(const struct segment *whole, const struct segment *s)
{
	HOLDS(memcmp(&s->src, &whole->src, sizeof(s->src)) == 0);
	HOLDS(memcmp(&s->dst, &whole->dst, sizeof(s->dst)) == 0);
	HOLDS(s->seq == whole->seq && s->ack == whole->ack && s->flags == whole->flags);
	HOLDS(s->len == whole->len && s->ttl == whole->ttl && s->tunnel == whole->tunnel);
	HOLDS(s->vlan == whole->vlan && s->has_mac == whole->has_mac &&
	      s->data_offset == whole->data_offset);
	HOLDS(s->window == 0 || s->window == whole->window);
	HOLDS(((s->opt.present & ~(uint32_t)OPT_CUT) & ~whole->opt.present) == 0);
}

/* Every prefix is truncated, or a segment with fewer fields. */
static void prefixes(struct decoder *d, const struct link_layer *l, bool ipv6)
{
	struct segment whole, s;
	const struct tcplint_frame *f;

	built_plain(&b, ipv6);
	l->wrap(&b, ipv6);
	f = built_frame(&b, l->linktype);
	HOLDS(decode_copy(d, f, f->wire, f->wire, &whole) == DECODE_SEGMENT);
	for (uint32_t captured = 0; captured < f->wire; captured++) {
		const enum decode_result r = decode_copy(d, f, captured, f->wire, &s);

		HOLDS(r == DECODE_SEGMENT || r == DECODE_truncated ||
		      (l->heuristic && r == DECODE_not_tcp));
		if (r == DECODE_SEGMENT)
			check_subset(&whole, &s);
	}
}

/*
 * A wire that ends early contradicts the headers, up to the end of the IP header;
 * from there on its length is believed, and the frame counts as cut.
 */
static void short_wires(struct decoder *d, const struct link_layer *l, bool ipv6)
{
	struct segment whole, s;
	const struct tcplint_frame *f;

	built_plain(&b, ipv6);
	l->wrap(&b, ipv6);
	f = built_frame(&b, l->linktype);
	HOLDS(decode_copy(d, f, f->wire, f->wire, &whole) == DECODE_SEGMENT);
	for (uint32_t wire = 0; wire < f->wire; wire++) {
		const enum decode_result r = decode_copy(d, f, wire, wire, &s);
		const bool header = f->wire - wire > 132;

		HOLDS(r != DECODE_SEGMENT || s.len == whole.len);
		HOLDS(r != DECODE_SEGMENT || s.truncated);
		if (header && !l->tunnel)
			HOLDS(r == DECODE_malformed_link || r == DECODE_malformed_ip);
		else if (!l->tunnel)
			HOLDS(r == DECODE_SEGMENT || r == DECODE_truncated);
	}
}

/* To the last byte that means something. */
static bool is_same(const struct segment *one, const struct segment *other)
{
	return !memcmp(one, other, offsetof(struct segment, opt.sack)) &&
	       !memcmp(&one->tcp_length, &other->tcp_length, sizeof(*one) - offsetof(struct segment, tcp_length)) &&
	       !memcmp(one->opt.sack, other->opt.sack, one->opt.sack_count * sizeof(one->opt.sack[0]));
}

/* Bytes after the packet change nothing. */
static void padding(struct decoder *d, const struct link_layer *l, bool ipv6)
{
	struct segment whole, s;
	const struct tcplint_frame *f;

	built_plain(&b, ipv6);
	l->wrap(&b, ipv6);
	f = built_frame(&b, l->linktype);
	HOLDS(decode_copy(d, f, f->wire, f->wire, &whole) == DECODE_SEGMENT);
	built_append(&b, "\xff\xff\xff\xff\xff\xff\xff", 7);
	f = built_frame(&b, l->linktype);
	HOLDS(decode_copy(d, f, f->wire, f->wire, &s) == DECODE_SEGMENT);
	HOLDS(is_same(&s, &whole));
}

/* The TCP part of a segment does not depend on what carries it. */
static void same_segment(struct decoder *d, const struct link_layer *l, bool ipv6)
{
	struct segment raw, s;
	const struct tcplint_frame *f;

	built_plain(&b, ipv6);
	f = built_frame(&b, 12);
	HOLDS(decode_copy(d, f, f->wire, f->wire, &raw) == DECODE_SEGMENT);
	l->wrap(&b, ipv6);
	f = built_frame(&b, l->linktype);
	HOLDS(decode_copy(d, f, f->wire, f->wire, &s) == DECODE_SEGMENT);
	raw.has_mac = s.has_mac;
	raw.vlan = s.vlan;
	raw.tunnel = s.tunnel;
	raw.direction = s.direction;
	HOLDS(is_same(&s, &raw));
}

/* Lists of options such as handshakes have, in any order, with any values and sometimes a mistake; few shapes, again and again. */
static void option_lists(struct decoder *d)
{
	static const struct {
		uint8_t bytes[10], n;
	} option[] = { { { 1 }, 1 }, { { 2, 4 }, 4 }, { { 3, 3 }, 3 }, { { 4, 2 }, 2 }, { { 8, 10 }, 10 }, { { 0 }, 1 }, { { 19, 4 }, 4 } };
	uint8_t list[44] = { 0 };
	uint32_t n = 0;

	for (unsigned i = (unsigned)next_random() % 8; i; i--) {
		const unsigned k = (unsigned)next_random() % (next_random() & 7 ? 5 : 7);

		if (n + option[k].n > 40)
			break;
		memcpy(list + n, option[k].bytes, option[k].n);
		n += option[k].n;
	}
	n = (n + 3) / 4 * 4;
	for (unsigned round = 0; round < 20; round++) {
		struct tcp_fields fields = { .sport = 40000, .dport = 443, .seq = 1, .flags = 2, .window = 502, .options = list, .options_length = n };
		struct segment s;

		for (uint32_t at = 0; at < n && list[at];) {
			const uint32_t length = list[at] == 1 ? 1 : list[at + 1];

			for (uint32_t i = 2; i < length; i++)
				list[at + i] = (uint8_t)next_random();
			at += length;
		}
		const uint8_t before = n ? list[round % n] : 0;

		if (n && next_random() % 8 == 0)
			list[round % n] ^= (uint8_t)next_random();
		built_start(&b, NULL, 0);
		built_tcp(&b, &fields);
		built_ipv4(&b, &(struct ip_fields){ .protocol = 6 });
		link_layers[0].wrap(&b, false);
		const struct tcplint_frame *f = built_frame(&b, link_layers[0].linktype);

		decode_copy(d, f, f->wire, f->wire, &s);
		if (n)
			list[round % n] = before;
	}
}

static void random_bytes(struct decoder *d, const struct link_layer *l, uint8_t *bytes, uint32_t n)
{
	struct tcplint_frame f = { .number = 1, .linktype = l->linktype, .data = bytes };
	struct segment s;

	for (uint32_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)next_random();
	f.ts = (int64_t)next_random();
	decode_copy(d, &f, n, n + (uint32_t)(next_random() & 255), &s);
}

/* A good frame with some bytes changed gets further than noise. */
static void damaged(struct decoder *d, const struct link_layer *l)
{
	struct segment s;
	const struct tcplint_frame *f;
	uint32_t n;

	built_plain(&b, next_random() & 1);
	l->wrap(&b, next_random() & 1);
	n = built_length(&b);
	for (unsigned i = 0; i < 1 + (next_random() & 7); i++)
		built_bytes(&b)[next_random() % n] = (uint8_t)next_random();
	f = built_frame(&b, l->linktype);
	n = next_random() & 1 ? n : (uint32_t)(next_random() % (n + 1));
	decode_copy(d, f, n, f->wire, &s);
}

int main(int argc, char **argv)
{
	enum { ROUNDS = 400 };
	struct decoder *d = decoder(true), *plain = decoder(false);
	static uint8_t bytes[512];

	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
	x = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	printf("seed %" PRIu64 "\n", seed);
	for (unsigned i = 0; i < link_layer_count; i++) {
		const struct link_layer *l = &link_layers[i];

		what = l->name;
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			prefixes(d, l, ipv6);
			short_wires(d, l, ipv6);
			padding(d, l, ipv6);
			same_segment(d, l, ipv6);
		}
		for (unsigned round = 0; round < ROUNDS; round++) {
			random_bytes(round & 1 ? d : plain, l, bytes,
				     (uint32_t)(next_random() % sizeof(bytes)));
			for (unsigned k = 0; k < 10; k++)
				damaged(k & 1 ? d : plain, l);
		}
	}
	what = "the straight line";
	printf("%u frames took the straight line\n", straight);
	HOLDS(straight > 1000);
	HOLDS(link_layers[0].linktype == DLT_EN10MB);
	straight = 0;
	for (unsigned round = 0; round < 500; round++)
		option_lists(plain);
	HOLDS(straight == 500 * 20);
	decoder_destroy(d);
	decoder_destroy(plain);
	return 0;
}
