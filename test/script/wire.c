/* Implementation of wire.h. */
#include "wire.h"

#include <string.h>

#include "script.h"

enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMPV6 = 58 };

/* Where the next byte goes. */
struct pen {
	uint8_t *start;
	uint8_t *at;
};

static void put(struct pen *pen, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		*pen->at++ = (uint8_t)(value >> (8 * bytes));
}

static void put_bytes(struct pen *pen, const uint8_t *bytes, size_t n)
{
	memcpy(pen->at, bytes, n);
	pen->at += n;
}

static void set_16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t sum(uint32_t start, const uint8_t *data, size_t n)
{
	uint64_t total = start;

	for (size_t i = 0; i + 1 < n; i += 2)
		total += (uint32_t)data[i] << 8 | data[i + 1];
	if (n % 2)
		total += (uint32_t)data[n - 1] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint32_t)total;
}

/*
 * Documentation addresses (RFC 5737, RFC 3849); a self-connect is on the loopback, where it is legal.
 * The ports are outside the range that any one protocol is dissected on.
 */
static void address(const struct script *s, const struct wire_setting *w, unsigned side,
		    uint8_t ip[16])
{
	static const uint8_t v4[2][4] = { { 192, 0, 2, 1 }, { 198, 51, 100, 2 } };
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };

	memset(ip, 0, 16);
	if (!w->ipv6 && s->has_address[s->self ? TCPLINT_CLIENT : side]) {
		memcpy(ip, s->address[s->self ? TCPLINT_CLIENT : side], 4);
		return;
	}
	if (!w->ipv6) {
		memcpy(ip, s->self ? loopback : v4[side], 4);
		return;
	}
	if (!s->self) {
		ip[0] = 0x20;
		ip[1] = 0x01;
		ip[2] = 0x0d;
		ip[3] = 0xb8;
		ip[5] = (uint8_t)(side + 1);
	}
	ip[15] = s->self ? 1 : (uint8_t)(side + 1);
}

static unsigned port(const struct script *s, const struct script_step *p, unsigned side)
{
	const unsigned end = s->self ? TCPLINT_CLIENT : side;

	if (s->has_port[end])
		return s->port[end];
	return side == TCPLINT_CLIENT || s->self ? WIRE_CLIENT_PORT + p->flow : WIRE_SERVER_PORT;
}

static size_t address_bytes(const struct wire_setting *w)
{
	return w->ipv6 ? 16 : 4;
}

static uint32_t pseudo_header(const struct script *s, const struct wire_setting *w, unsigned from,
			      unsigned protocol, size_t len)
{
	uint8_t src[16], dst[16];
	uint32_t total;

	address(s, w, from, src);
	address(s, w, !from, dst);
	total = sum(protocol + (uint32_t)len, src, address_bytes(w));
	return sum(total, dst, address_bytes(w));
}

static void put_link(const struct script *s, const struct wire_setting *w, unsigned from,
		     struct pen *pen)
{
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 0 };

	if (s->raw)
		return;
	mac[5] = (uint8_t)(2 - from);
	put_bytes(pen, mac, 6);
	mac[5] = (uint8_t)(1 + from);
	put_bytes(pen, mac, 6);
	for (unsigned i = 0; i < s->vlans; i++) {
		put(pen, s->vlans == 2 && i == 0 ? 0x88a8 : 0x8100, 2);
		put(pen, s->vlan[i], 2);
	}
	put(pen, w->ipv6 ? 0x86dd : 0x0800, 2);
}

/* The header of a packet from `from` with `len` bytes of `protocol` behind it. */
static void put_ip(const struct script *s, const struct script_step *p,
		   const struct wire_setting *w, struct pen *pen, unsigned from, unsigned protocol,
		   size_t len)
{
	uint8_t src[16], dst[16], *start = pen->at;
	unsigned ttl = p->ttl >= 0 ? (unsigned)p->ttl : from == TCPLINT_CLIENT ? 64 : 57;

	address(s, w, from, src);
	address(s, w, !from, dst);
	if (w->ipv6) {
		put(pen, 0x60000000 | (uint32_t)p->tos << 20, 4);
		put(pen, len, 2);
		put(pen, protocol, 1);
		put(pen, ttl, 1);
	} else {
		put(pen, 0x4500u | p->tos, 2);
		put(pen, 20 + len, 2);
		put(pen, (uint64_t)(p->id & 0xffff), 2);
		put(pen, 0x4000, 2);
		put(pen, ttl, 1);
		put(pen, protocol, 1);
		put(pen, 0, 2);
	}
	put_bytes(pen, src, address_bytes(w));
	put_bytes(pen, dst, address_bytes(w));
	if (!w->ipv6)
		set_16(start + 10, ~sum(0, start, 20));
}

static uint32_t number(uint32_t relative, bool absolute, uint32_t isn)
{
	return absolute ? relative : isn + relative;
}

static size_t tcp_header_bytes(const struct script_step *p)
{
	return 20 + p->options_len;
}

/* The TCP header with a checksum of 0; `from` sends the segment. */
static void put_tcp(const struct script *s, const struct script_step *p,
		    const struct wire_setting *w, struct pen *pen, unsigned from)
{
	uint32_t mine = w->isn[from], peer = w->isn[s->self ? from : !from];
	uint8_t *options;
	unsigned words =
		p->data_offset >= 0 ? (unsigned)p->data_offset : (unsigned)tcp_header_bytes(p) / 4;

	put(pen, port(s, p, from), 2);
	put(pen, port(s, p, !from), 2);
	put(pen, number(p->seq, p->seq_absolute, mine), 4);
	put(pen, p->has_ack ? number(p->ack, p->ack_absolute, peer) : 0, 4);
	put(pen, words << 12 | p->flags, 2);
	put(pen, p->window, 2);
	put(pen, 0, 2);
	put(pen, p->urgent, 2);
	options = pen->at;
	put_bytes(pen, p->options, p->options_len);
	for (unsigned i = 0; i < p->relative_count; i++) {
		struct pen patch = { .at = options + p->relative[i] };
		const uint8_t *at = patch.at;
		uint32_t relative = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
				    (uint32_t)at[2] << 8 | at[3];

		put(&patch, peer + relative, 4);
	}
}

/* Letters, by place in the sequence space: a retransmission has the bytes of the original. */
static void put_payload(const struct script_step *p, struct pen *pen)
{
	for (uint32_t i = 0; i < p->len; i++)
		*pen->at++ = (uint8_t)('a' + (p->seq + i) % 26);
}

static uint32_t checksum(const struct script_step *p, uint32_t pseudo, const uint8_t *segment,
			 size_t len)
{
	uint32_t value;

	if (p->offload) /* what a stack leaves for the network card to finish */
		return sum(pseudo, NULL, 0);
	value = ~sum(pseudo, segment, len) & 0xffff;
	return p->bad_checksum ? value ^ 0x5a5a : value;
}

static void build_segment(const struct script *s, const struct script_step *p,
			  const struct wire_setting *w, struct pen *pen)
{
	size_t len = tcp_header_bytes(p) + p->len;
	uint8_t *start;

	put_ip(s, p, w, pen, p->from, PROTOCOL_TCP, len);
	start = pen->at;
	put_tcp(s, p, w, pen, p->from);
	put_payload(p, pen);
	set_16(start + 16,
	       checksum(p, pseudo_header(s, w, p->from, PROTOCOL_TCP, len), start, len));
}

/* RFC 792, RFC 4443: destination unreachable, port unreachable, with the packet of the other side in it. */
static void build_icmp(const struct script *s, const struct script_step *p,
		       const struct wire_setting *w, struct pen *pen)
{
	size_t len = 8U + (w->ipv6 ? 40U : 20U) + tcp_header_bytes(p) + p->len;
	unsigned protocol = w->ipv6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP;
	uint32_t pseudo = w->ipv6 ? pseudo_header(s, w, p->from, protocol, len) : 0;
	struct script_step quoted = *p;
	uint8_t *start;

	quoted.from = p->from == TCPLINT_CLIENT ? TCPLINT_SERVER : TCPLINT_CLIENT;
	put_ip(s, p, w, pen, p->from, protocol, len);
	start = pen->at;
	put(pen, w->ipv6 ? 0x0104 : 0x0303, 2);
	put(pen, 0, 6);
	build_segment(s, &quoted, w, pen);
	set_16(start + 2, ~sum(pseudo, start, len));
}

/* A UDP datagram to the discard port. */
static void build_idle(const struct script *s, const struct script_step *p,
		       const struct wire_setting *w, struct pen *pen)
{
	uint8_t *start;

	put_ip(s, p, w, pen, TCPLINT_CLIENT, PROTOCOL_UDP, 12);
	start = pen->at;
	put(pen, WIRE_CLIENT_PORT, 2);
	put(pen, 9, 2);
	put(pen, 12, 2);
	put(pen, 0, 2);
	put(pen, 0x69646c65, 4);
	set_16(start + 6, ~sum(pseudo_header(s, w, TCPLINT_CLIENT, PROTOCOL_UDP, 12), start, 12));
}

void wire_build(const struct script *s, const struct script_step *p, const struct wire_setting *w,
		struct wire_frame *f)
{
	struct pen pen = { .start = f->data, .at = f->data };

	put_link(s, w, p->kind == SCRIPT_IDLE ? TCPLINT_CLIENT : p->from, &pen);
	switch (p->kind) {
	case SCRIPT_SEGMENT:
		build_segment(s, p, w, &pen);
		break;
	case SCRIPT_ICMP:
		build_icmp(s, p, w, &pen);
		break;
	case SCRIPT_IDLE:
		build_idle(s, p, w, &pen);
		break;
	}
	f->wire = (uint32_t)(pen.at - pen.start);
	f->captured = p->cut >= 0 && (uint32_t)p->cut < f->wire ? (uint32_t)p->cut : f->wire;
}

uint32_t wire_headers(const struct script *s, const struct wire_setting *w)
{
	return (s->raw ? 0 : 14 + 4 * s->vlans) + (w->ipv6 ? 40 : 20) + 20;
}

int wire_dlt(const struct script *s)
{
	return s->raw ? 12 : 1; /* DLT_RAW, DLT_EN10MB */
}

uint32_t wire_linktype(const struct script *s)
{
	return s->raw ? 101 : 1; /* LINKTYPE_RAW, LINKTYPE_ETHERNET */
}
