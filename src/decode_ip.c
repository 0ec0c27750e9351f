/*
 * IPv4, IPv6 and its extension headers, fragments.
 *
 * The length in the IP header is the truth: what follows it in the frame is
 * padding, and where the frame ends before it the capture was cut, whether or not
 * the capturing program said so.  Only inside another IP packet, whose length has
 * been believed already, is a longer one a contradiction.
 */
#include "decode_private.h"

enum {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_IPV4 = 4,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_IPV6 = 41,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_GRE = 47,
	PROTOCOL_ESP = 50,
	PROTOCOL_AH = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DESTINATION = 60,
	PROTOCOL_ETHERIP = 97,
	PROTOCOL_MOBILITY = 135,
	PROTOCOL_MPLS = 137,
	PROTOCOL_HIP = 139,
	PROTOCOL_SHIM6 = 140,
};

/* `payload` bytes follow the header.  False when that contradicts the packet around it. */
static bool believe_length(struct walk *w, uint32_t payload)
{
	if (payload > UINT32_MAX - w->c.at)
		return false;
	if (payload > cursor_left(&w->c) && w->inside_ip && !w->quoting)
		return false;
	cursor_set_left(&w->c, payload);
	w->inside_ip = true;
	return true;
}

/* DECODE_SEGMENT when there may be a TCP segment behind this protocol, or why not. */
static enum decode_result protocol_result(const struct walk *w, uint8_t protocol)
{
	const bool ipv6 = w->s->ipv6;

	switch (protocol) {
	case PROTOCOL_TCP:
	case PROTOCOL_AH:
		return DECODE_SEGMENT;
	case PROTOCOL_HOP_BY_HOP:
	case PROTOCOL_ROUTING:
	case PROTOCOL_FRAGMENT:
	case PROTOCOL_DESTINATION:
	case PROTOCOL_MOBILITY:
	case PROTOCOL_HIP:
	case PROTOCOL_SHIM6:
		return ipv6 ? DECODE_SEGMENT : DECODE_not_tcp;
	case PROTOCOL_ESP:
		return DECODE_encrypted;
	case PROTOCOL_ICMP:
		return !ipv6 && !w->quoting ? DECODE_SEGMENT : DECODE_not_tcp;
	case PROTOCOL_ICMPV6:
		return ipv6 && !w->quoting ? DECODE_SEGMENT : DECODE_not_tcp;
	case PROTOCOL_UDP:
		return w->d->options.tunnels && !w->quoting ? DECODE_SEGMENT : DECODE_not_tcp;
	case PROTOCOL_IPV4:
	case PROTOCOL_IPV6:
	case PROTOCOL_GRE:
	case PROTOCOL_ETHERIP:
	case PROTOCOL_MPLS:
		if (w->quoting)
			return DECODE_not_tcp;
		return w->d->options.tunnels ? DECODE_SEGMENT : DECODE_tunnel;
	default:
		return DECODE_not_tcp;
	}
}

enum next protocol_next(struct walk *w, uint8_t protocol)
{
	const enum decode_result r = protocol_result(w, protocol);

	if (r != DECODE_SEGMENT)
		return stop(w, r);
	switch (protocol) {
	case PROTOCOL_TCP:
		return NEXT_tcp;
	case PROTOCOL_ICMP:
		return NEXT_icmp;
	case PROTOCOL_ICMPV6:
		return NEXT_icmpv6;
	case PROTOCOL_UDP:
		return NEXT_udp;
	case PROTOCOL_GRE:
		return NEXT_gre;
	case PROTOCOL_ETHERIP:
		return NEXT_etherip;
	case PROTOCOL_IPV4:
		enter_tunnel(w, TUNNEL_IP, 0);
		return NEXT_ipv4;
	case PROTOCOL_IPV6:
		enter_tunnel(w, TUNNEL_IP, 0);
		return NEXT_ipv6;
	case PROTOCOL_MPLS:
		enter_tunnel(w, TUNNEL_MPLS, 0);
		return NEXT_mpls;
	case PROTOCOL_FRAGMENT:
		return NEXT_fragment;
	default:
		w->protocol = protocol;
		return NEXT_extension;
	}
}

/* One fragment, the cursor at its payload; goes on with the datagram when it is the last to arrive. */
static enum next reassemble_fragment(struct walk *w, struct fragment *f)
{
	const enum decode_result r = protocol_result(w, f->protocol);
	struct datagram whole;

	if (r != DECODE_SEGMENT)
		return stop(w, r);
	if (f->protocol == PROTOCOL_ICMP ||
	    f->protocol == PROTOCOL_ICMPV6) /* no error message is that long */
		return stop(w, DECODE_not_tcp);

	memcpy(f->key.src, w->s->src.ip, sizeof(f->key.src));
	memcpy(f->key.dst, w->s->dst.ip, sizeof(f->key.dst));
	f->key.vlan = w->s->vlan;
	f->key.tunnel = w->s->tunnel;
	f->ts = w->s->ts;
	f->length = cursor_left(&w->c);
	f->captured = cursor_captured(&w->c);
	f->data = w->c.base + w->c.at;

	switch (reassemble(w->d->fragments, f, &whole)) {
	case REASSEMBLY_WAITS:
		return stop(w, DECODE_fragment);
	case REASSEMBLY_REFUSED:
		return stop(w, DECODE_fragment_dropped);
	case REASSEMBLY_DONE:
		break;
	}
	w->c = (struct cursor){ .base = whole.data,
				.captured = whole.captured,
				.wire = whole.length };
	w->s->fragmented = true;
	w->summed = whole.whole;
	w->sum = whole.sum;
	w->sum_end = whole.length;
	return protocol_next(w, whole.protocol);
}

enum next parse_ip(struct walk *w)
{
	if (!cursor_captured(&w->c))
		return stop(w, cursor_left(&w->c) ? DECODE_truncated : DECODE_malformed_ip);
	switch (cursor_peek(&w->c, 0) >> 4) {
	case 4:
		return NEXT_ipv4;
	case 6:
		return NEXT_ipv6;
	default:
		return stop(w, DECODE_not_ip);
	}
}

/*
 * The options of an IPv4 header, for two things: a list that does not parse is
 * dropped by every receiver, and the address at which a source route ends is the
 * one that TCP knows (RFC 791, 3.1).
 */
static bool read_ipv4_options(struct segment *s, const uint8_t *p, uint32_t n)
{
	enum { END = 0, NOP = 1, LOOSE_ROUTE = 131, STRICT_ROUTE = 137 };
	uint32_t length;

	for (uint32_t at = 0; at < n && p[at] != END; at += length) {
		const uint8_t *o = p + at;

		length = 1;
		if (*o == NOP)
			continue;
		if (n - at < 2 || o[1] < 2 || o[1] > n - at)
			return false;
		length = o[1];
		if ((*o == LOOSE_ROUTE || *o == STRICT_ROUTE) && length >= 7 && o[2] < length)
			map_ipv4(s->dst.ip, o + length - 4);
	}
	return true;
}

enum next parse_ipv4(struct walk *w)
{
	enum { MORE_FRAGMENTS = 0x2000, OFFSET = 0x1fff };
	const uint8_t *p = cursor_take(&w->c, 20);

	if (!p)
		return stop_fault(w, DECODE_malformed_ip);

	const uint32_t header = (p[0] & 0xfU) * 4;
	const uint16_t fragment = be16(p + 6);
	uint32_t total = be16(p + 2);

	if (p[0] >> 4 != 4 || header < 20 || (total && total < header))
		return stop(w, DECODE_malformed_ip);

	const uint8_t *options = cursor_take(&w->c, header - 20);

	if (!options)
		return stop_fault(w, DECODE_malformed_ip);
	if (!total) /* segmentation offload, or more than 65535 bytes (BIG TCP): the frame tells */
		total = header + cursor_left(&w->c);
	keep_ipv4(w->s, p);
	if (!believe_length(w, total - header) || !read_ipv4_options(w->s, options, header - 20))
		return stop(w, DECODE_malformed_ip);

	if (!(fragment & (MORE_FRAGMENTS | OFFSET)))
		return protocol_next(w, p[9]);
	if (w->quoting)
		return fragment & OFFSET ? stop(w, DECODE_not_tcp) : protocol_next(w, p[9]);
	return reassemble_fragment(w, &(struct fragment){
					      .key.id = be16(p + 4),
					      .key.protocol = p[9],
					      .offset = (fragment & OFFSET) * 8U,
					      .more = fragment & MORE_FRAGMENTS,
					      .protocol = p[9],
				      });
}

/* The value of an option in the extension header that starts at the cursor, or null. */
static const uint8_t *extension_option(const struct cursor *c, uint8_t kind, uint8_t length)
{
	const uint32_t end = (cursor_peek(c, 1) + 1U) * 8;
	uint32_t at = 2;

	if (end > cursor_captured(c))
		return NULL;
	while (at + 2 + length <= end) {
		const uint8_t *p = c->base + c->at + at;

		if (p[0] == kind && p[1] == length)
			return p + 2;
		at += p[0] == 0 ? 1 : 2U + p[1];
	}
	return NULL;
}

/*
 * The payload length is 0 with a jumbo payload option (RFC 2675), but also, without
 * one, in Linux's BIG TCP and where a network card is left to fill it in.
 */
static bool believe_ipv6_length(struct walk *w, uint32_t payload, uint8_t next)
{
	enum { OPTION_JUMBO = 0xc2 };
	const uint8_t *jumbo = NULL;

	if (next == PROTOCOL_HOP_BY_HOP)
		jumbo = extension_option(&w->c, OPTION_JUMBO, 4);
	if (!jumbo)
		return believe_length(w, payload ? payload : cursor_left(&w->c));
	return !payload && be32(jumbo) > UINT16_MAX && believe_length(w, be32(jumbo));
}

enum next parse_ipv6(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 40);
	struct segment *s = w->s;

	if (!p)
		return stop_fault(w, DECODE_malformed_ip);
	if (p[0] >> 4 != 6 || !believe_ipv6_length(w, be16(p + 4), p[6]))
		return stop(w, DECODE_malformed_ip);
	s->ipv6 = true;
	s->tos = (uint8_t)(be16(p) >> 4);
	s->ttl = p[7];
	s->ip_id = 0;
	memcpy(s->src.ip, p + 8, 16);
	memcpy(s->dst.ip, p + 24, 16);
	return protocol_next(w, p[6]);
}

/* The address at which a source route ends is the one that TCP knows. */
static void follow_route(struct segment *s, const uint8_t *p, uint32_t length)
{
	enum { SOURCE_ROUTE = 0, MOBILE = 2, SEGMENT_ROUTE = 4 };
	const uint8_t kind = p[2], segments_left = p[3];

	if (!segments_left || length < 24)
		return;
	if (kind == SOURCE_ROUTE)
		memcpy(s->dst.ip, p + length - 16, 16);
	else if (kind == MOBILE || kind == SEGMENT_ROUTE)
		memcpy(s->dst.ip, p + 8, 16);
}

enum next parse_extension(struct walk *w)
{
	enum { OPTION_HOME_ADDRESS = 0xc9, AH_MIN = 12 };
	const bool ah = w->protocol == PROTOCOL_AH;
	const uint8_t next = cursor_peek(&w->c, 0), count = cursor_peek(&w->c, 1);
	const uint32_t length = ah ? (count + 2U) * 4 : (count + 1U) * 8;
	const uint8_t *home = NULL, *p;

	if (w->protocol == PROTOCOL_DESTINATION)
		home = extension_option(&w->c, OPTION_HOME_ADDRESS, 16);
	p = cursor_take(&w->c, length);
	if (!p)
		return stop_fault(w, DECODE_malformed_ip);
	if (ah && length < AH_MIN)
		return stop(w, DECODE_malformed_ip);
	if (home) /* RFC 6275, 6.3 */
		memcpy(w->s->src.ip, home, 16);
	if (w->protocol == PROTOCOL_ROUTING)
		follow_route(w->s, p, length);
	return protocol_next(w, next);
}

enum next parse_fragment(struct walk *w)
{
	enum { MORE_FRAGMENTS = 1, OFFSET = 0xfff8, ANY_PROTOCOL = 256 };
	const uint8_t *p = cursor_take(&w->c, 8);

	if (!p)
		return stop_fault(w, DECODE_malformed_ip);

	const uint16_t fragment = be16(p + 2);

	w->s->ip_id = be16(p + 6);
	if (!(fragment &
	      (OFFSET | MORE_FRAGMENTS))) /* an atomic fragment (RFC 6946) is a whole packet */
		return protocol_next(w, p[0]);
	if (w->quoting)
		return fragment & OFFSET ? stop(w, DECODE_not_tcp) : protocol_next(w, p[0]);
	return reassemble_fragment(w, &(struct fragment){
					      .key.id = be32(p + 4),
					      .key.protocol = ANY_PROTOCOL,
					      .offset = fragment & OFFSET,
					      .more = fragment & MORE_FRAGMENTS,
					      .protocol = p[0],
				      });
}
