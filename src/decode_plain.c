/*
 * The frame that nearly all are, in a straight line: Ethernet, IPv4 without options or IPv6 without extension headers,
 * and TCP of which all fixed fields were captured.
 *
 * What it answers is what the walk from header to header would (test/property/decode.c compares them); for
 * whatever is not of this form it answers false, and the walk is asked.
 */
#include <assert.h>
#include <pcap/dlt.h>
#include <stddef.h>

#include "checksum.h"
#include "decode_private.h"

enum {
	ETHERNET = 14,
	IPV4 = 20,
	IPV6 = 40,
	TCP = 20,
	PROTOCOL_TCP = 6,
};

static inline void keep_ipv6(struct segment *s, const uint8_t *p)
{
	s->ipv6 = true;
	s->tos = (uint8_t)(be16(p) >> 4);
	s->ttl = p[7];
	memcpy(s->src.ip, p + 8, 16);
	memcpy(s->dst.ip, p + 24, 16);
}

/* Whether four bytes are those of `want` where `mask` has ones. */
static inline bool are(const uint8_t *p, const uint8_t want[4], const uint8_t mask[4])
{
	return !((load32(p) ^ load32(want)) & load32(mask));
}

/* An Ethernet type, and the first byte of the header that it speaks of. */
static inline bool begins_ipv4(const uint8_t *p)
{
	return are(p, (const uint8_t[4]){ 0x08, 0x00, 0x45 }, (const uint8_t[4]){ 0xff, 0xff, 0xff });
}

static inline bool begins_ipv6(const uint8_t *p)
{
	return are(p, (const uint8_t[4]){ 0x86, 0xdd, 0x60 }, (const uint8_t[4]){ 0xff, 0xff, 0xf0 });
}

/* Of an IPv4 header: it is no fragment, and TCP follows. */
static inline bool holds_tcp(const uint8_t *p)
{
	return are(p + 6, (const uint8_t[4]){ [3] = PROTOCOL_TCP }, (const uint8_t[4]){ 0x3f, 0xff, 0, 0xff });
}

/* The IP header: how long it is, and how many bytes of TCP follow; 0 when it is not plain. */
static inline uint32_t plain_ip(struct segment *s, const struct tcplint_frame *f, uint32_t *length)
{
	const uint8_t *ip = f->data + ETHERNET;

	if (LIKELY(begins_ipv4(f->data + ETHERNET - 2))) {
		*length = (uint32_t)be16(ip + 2) - IPV4;
		if (!holds_tcp(ip) || *length - TCP > f->wire - ETHERNET - IPV4 - TCP) /* too short is large */
			return 0;
		keep_ipv4(s, ip);
		return IPV4;
	}
	if (!begins_ipv6(f->data + ETHERNET - 2) || f->captured < ETHERNET + IPV6 + TCP || ip[6] != PROTOCOL_TCP)
		return 0;
	*length = be16(ip + 4);
	if (*length - TCP > f->wire - ETHERNET - IPV6 - TCP)
		return 0;
	keep_ipv6(s, ip);
	return IPV6;
}

/* RFC 9293, 3.1.  Of mapped addresses only the last four bytes count. */
static inline uint64_t sum_addresses(const struct segment *s, const uint8_t *ip)
{
	return s->ipv6 ? checksum_address(ip + 8) + checksum_address(ip + 24) : checksum_halves(load64(ip + 12));
}

static ALWAYS_INLINE bool go_straight(struct decoder *d, const struct tcplint_frame *f, struct segment *s)
{
	uint32_t length;

	if (f->linktype != DLT_EN10MB || f->captured < ETHERNET + IPV4 + TCP)
		return false;

	const uint32_t header = plain_ip(s, f, &length), left = f->captured - ETHERNET - header;
	const uint8_t *ip = f->data + ETHERNET, *p = ip + header;
	const uint32_t captured = left < length ? left : length, offset = (p[12] >> 4) * 4U;

	if (!header || offset < TCP || offset > captured)
		return false;
	s->has_mac = has_mac(f->data + 6);
	s->src.port = be16(p);
	s->dst.port = be16(p + 2);
	s->seq = be32(p + 4);
	s->ack = be32(p + 8);
	s->data_offset = p[12] >> 4;
	s->flags = be16(p + 12) & 0xfff;
	s->window = be16(p + 14);
	s->tcp_checksum = be16(p + 16);
	s->urgent = be16(p + 18);
	s->tcp_length = length;
	s->tcp_captured = captured;
	s->truncated = captured < (d->options.headers_only ? offset : length);
	s->len = length - offset;
	if (offset > TCP)
		read_tcp_options(d, s, p + TCP, offset - TCP);
	if (captured == length && d->options.verify_checksums) {
		const uint64_t sum = checksum_add(p, length), addresses = sum_addresses(s, ip);

		s->checksum = LIKELY(checksum_good(sum + addresses + checksum_number(6) + checksum_number(length))) ?
				      CHECKSUM_OK : judge_checksum(s, p, length, sum, addresses);
	}
	return true;
}

bool decode_plain(struct decoder *d, const struct tcplint_frame *f, struct segment *s)
{
	return go_straight(d, f, s);
}

/* In pieces: of more than 80 bytes compilers make a loop or a call, which takes longer than the stores. */
static inline void clear(struct segment *s)
{
	enum { PIECE = 16 };
	_Static_assert(offsetof(struct segment, opt.sack) <= 8 * PIECE &&
			       offsetof(struct segment, icmp_code) < offsetof(struct segment, tcp_length) + PIECE,
		       "one piece a line, and nobody reads blocks that are not there");
	uint8_t *p = (uint8_t *)s;

	memset(p, 0, PIECE);
	memset(p + PIECE, 0, PIECE);
	memset(p + 2 * PIECE, 0, PIECE);
	memset(p + 3 * PIECE, 0, PIECE);
	memset(p + 4 * PIECE, 0, PIECE);
	memset(p + 5 * PIECE, 0, PIECE);
	memset(p + 6 * PIECE, 0, PIECE);
	memset(p + 7 * PIECE, 0, PIECE);
	memset(p + offsetof(struct segment, tcp_length), 0, PIECE);
}

enum decode_result decode_frame(struct decoder *d, const struct tcplint_frame *f, struct segment *s)
{
	assert(f->captured <= f->wire);
	clear(s);
	s->ts = f->ts;
	s->frame = f->number;
	return LIKELY(go_straight(d, f, s)) ? DECODE_SEGMENT : decode_walk(d, f, s);
}
