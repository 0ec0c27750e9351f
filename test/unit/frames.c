/* Frames for tests. */
#include <assert.h>
#include <string.h>

#include "frames.h"

enum { BEHIND = 4096 }; /* room for padding */

static const uint8_t default_src[16] = { 10, 0, 0, 1 };
static const uint8_t default_dst[16] = { 10, 0, 0, 2 };
static const uint8_t default_src6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
static const uint8_t default_dst6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 };

void built_start(struct built *b, const void *payload, uint32_t n)
{
	b->at = b->end = BUILT_BYTES - BEHIND;
	if (n)
		built_push(b, payload, n);
}

void built_push(struct built *b, const void *bytes, uint32_t n)
{
	assert(n <= b->at);
	b->at -= n;
	if (n)
		memcpy(b->bytes + b->at, bytes, n);
}

void built_append(struct built *b, const void *bytes, uint32_t n)
{
	assert(n <= BUILT_BYTES - b->end);
	memcpy(b->bytes + b->end, bytes, n);
	b->end += n;
}

void built_push16(struct built *b, uint16_t v)
{
	built_push(b, (const uint8_t[2]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

void built_push32(struct built *b, uint32_t v)
{
	built_push16(b, (uint16_t)v);
	built_push16(b, (uint16_t)(v >> 16));
}

uint32_t built_length(const struct built *b)
{
	return b->end - b->at;
}

uint8_t *built_bytes(struct built *b)
{
	return b->bytes + b->at;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

uint16_t slow_checksum(const uint8_t *p, uint32_t n, uint32_t start)
{
	uint32_t sum = start;

	for (uint32_t i = 0; i < n; i++) {
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

/* Addresses, length and protocol. */
static uint32_t pseudo_header(const uint8_t *src, const uint8_t *dst, uint32_t address,
			      uint32_t length, uint8_t protocol)
{
	uint32_t sum = (uint16_t)~slow_checksum(src, address, 0);

	sum = (uint16_t)~slow_checksum(dst, address, sum);
	return sum + (length >> 16) + (length & 0xffff) + protocol;
}

/* Fill in the checksum of what is there, when it is TCP. */
static void fill_checksum(struct built *b, const struct ip_fields *ip, const uint8_t *src,
			  const uint8_t *dst, uint32_t address)
{
	const uint32_t n = built_length(b);

	if (ip->protocol != 6 || ip->keep_checksum || n < 20)
		return;
	put16(built_bytes(b) + 16, 0);
	put16(built_bytes(b) + 16,
	      slow_checksum(built_bytes(b), n, pseudo_header(src, dst, address, n, 6)));
}

void built_tcp(struct built *b, const struct tcp_fields *t)
{
	const uint8_t offset = t->offset ? t->offset : (uint8_t)(5 + t->options_length / 4);

	built_push(b, t->options, t->options_length);
	built_push16(b, t->urgent);
	built_push16(b, 0);
	built_push16(b, t->window);
	built_push16(b, (uint16_t)(offset << 12 | t->flags));
	built_push32(b, t->ack);
	built_push32(b, t->seq);
	built_push16(b, t->dport);
	built_push16(b, t->sport);
}

void built_udp(struct built *b, uint16_t sport, uint16_t dport)
{
	const uint16_t n = (uint16_t)(built_length(b) + 8);

	built_push16(b, 0);
	built_push16(b, n);
	built_push16(b, dport);
	built_push16(b, sport);
}

void built_icmp(struct built *b, uint8_t type, uint8_t code)
{
	built_push32(b, 0);
	built_push16(b, 0);
	built_push(b, (const uint8_t[2]){ type, code }, 2);
}

static bool unset(const uint8_t address[16])
{
	static const uint8_t none[16];

	return memcmp(address, none, 16) == 0;
}

void built_ipv4(struct built *b, const struct ip_fields *ip)
{
	const uint8_t *src = unset(ip->src) ? default_src : ip->src;
	const uint8_t *dst = unset(ip->dst) ? default_dst : ip->dst;
	const uint32_t header = 20 + ip->options_length;

	fill_checksum(b, ip, src, dst, 4);

	const uint16_t length = ip->lie ? ip->length : (uint16_t)(header + built_length(b));

	built_push(b, ip->options, ip->options_length);
	built_push(b, dst, 4);
	built_push(b, src, 4);
	built_push16(b, 0);
	built_push(b, (const uint8_t[2]){ ip->ttl ? ip->ttl : 64, ip->protocol }, 2);
	built_push16(b, ip->fragment);
	built_push16(b, ip->id);
	built_push16(b, length);
	built_push(b, (const uint8_t[2]){ (uint8_t)(0x40 | header / 4), ip->tos }, 2);
	put16(built_bytes(b) + 10, slow_checksum(built_bytes(b), header, 0));
}

void built_ipv6(struct built *b, const struct ip_fields *ip)
{
	const uint8_t *src = unset(ip->src) ? default_src6 : ip->src;
	const uint8_t *dst = unset(ip->dst) ? default_dst6 : ip->dst;

	fill_checksum(b, ip, src, dst, 16);

	const uint16_t length = ip->lie ? ip->length : (uint16_t)built_length(b);

	built_push(b, dst, 16);
	built_push(b, src, 16);
	built_push(b, (const uint8_t[2]){ ip->protocol, ip->ttl ? ip->ttl : 64 }, 2);
	built_push16(b, length);
	built_push32(b, UINT32_C(6) << 28 | (uint32_t)ip->tos << 20);
}

void built_ethernet(struct built *b, uint16_t type)
{
	static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };

	built_push16(b, type);
	built_push(b, addresses, sizeof(addresses));
}

void built_vlan(struct built *b, uint16_t tag, uint16_t type)
{
	built_push16(b, type);
	built_push16(b, tag);
}

struct tcplint_frame *built_snapshot(struct built *b, int linktype, uint32_t captured)
{
	b->frame = (struct tcplint_frame){
		.ts = INT64_C(1000000000),
		.number = 1,
		.captured = captured,
		.wire = built_length(b),
		.linktype = linktype,
		.data = built_bytes(b),
	};
	return &b->frame;
}

struct tcplint_frame *built_frame(struct built *b, int linktype)
{
	return built_snapshot(b, linktype, built_length(b));
}

void built_plain(struct built *b, bool ipv6)
{
	static const uint8_t timestamps[12] = { 1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9 };
	uint8_t payload[100];

	for (unsigned i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7);
	built_start(b, payload, sizeof(payload));
	built_tcp(b, &(struct tcp_fields){
			     .sport = 40000,
			     .dport = 443,
			     .seq = UINT32_C(0xfffffff0),
			     .ack = 1000,
			     .flags = 0x18,
			     .window = 502,
			     .options = timestamps,
			     .options_length = sizeof(timestamps),
		     });
	if (ipv6)
		built_ipv6(b, &(struct ip_fields){ .protocol = 6 });
	else
		built_ipv4(b, &(struct ip_fields){ .protocol = 6 });
}
