/* Link layers that stand on a wire: Ethernet and its tags, LLC, MPLS, PPP, Cisco HDLC. */
#include "decode_private.h"

enum {
	TYPE_MIN = 0x0600, /* IEEE 802.3, 3.2.6: below 1536 it is a length */
	LENGTH_MAX = 1500,
	MAX_LABELS = 16, /* deeper than any stack that switches hardware can push */
	MPLS_BOTTOM = 0x100,
};

enum next ethertype_next(struct walk *w, uint16_t type)
{
	switch (type) {
	case 0x0800:
		return NEXT_ipv4;
	case 0x86dd:
		return NEXT_ipv6;
	case 0x8100: /* 802.1Q */
	case 0x88a8: /* 802.1ad */
	case 0x9100: /* two older ways to stack tags */
	case 0x9200:
		return NEXT_vlan;
	case 0x8847:
	case 0x8848:
		return NEXT_mpls;
	case 0x8864:
		return NEXT_pppoe;
	case 0x880b:
		return NEXT_ppp;
	case 0x6558:
		return NEXT_ethernet;
	case 0x88e7:
		return NEXT_pbb;
	case 0x8903:
		return NEXT_fabricpath;
	case 0x893f:
		return NEXT_etag;
	case 0x88e5: /* MACsec */
		return stop(w, DECODE_encrypted);
	default:
		return stop(w, DECODE_not_ip);
	}
}

enum next parse_ethernet(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 14);

	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	note_mac(w, p + 6);

	const uint16_t type = be16(p + 12);

	if (type >= TYPE_MIN)
		return ethertype_next(w, type);
	if (type > LENGTH_MAX)
		return stop(w, DECODE_not_ip);
	if (type < cursor_left(&w->c))
		cursor_set_left(&w->c, type);
	return NEXT_llc;
}

enum next parse_ethertype(struct walk *w)
{
	const uint16_t type = cursor_be16(&w->c);

	if (w->c.fault != CURSOR_OK)
		return stop_fault(w, DECODE_malformed_link);
	return ethertype_next(w, type);
}

/* IEEE 802.2; SNAP with an organisation code that means "an Ethernet type follows". */
enum next parse_llc(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 3);

	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	if (p[0] == 0x06 && p[1] == 0x06 && p[2] == 0x03)
		return NEXT_ipv4;
	if (p[0] != 0xaa || p[1] != 0xaa || p[2] != 0x03)
		return stop(w, DECODE_not_ip);
	p = cursor_take(&w->c, 3);
	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	if (be24(p) != 0x000000 && be24(p) != 0x0000f8)
		return stop(w, DECODE_not_ip);
	return NEXT_ethertype;
}

/* Of more than two tags the innermost two are kept. */
enum next parse_vlan(struct walk *w)
{
	const uint16_t tag = cursor_be16(&w->c);

	w->s->vlan = (w->s->vlan << 12 | (tag & 0xfff)) & 0xffffff;
	return parse_ethertype(w);
}

/* IEEE 802.1BR: six bytes of port extender channel. */
enum next parse_etag(struct walk *w)
{
	cursor_skip(&w->c, 6);
	return parse_ethertype(w);
}

/* IEEE 802.1ah: the service tag, then the customer's frame. */
enum next parse_pbb(struct walk *w)
{
	cursor_skip(&w->c, 4);
	return NEXT_ethernet;
}

/* Cisco FabricPath: forwarding tag and hop count, then the frame. */
enum next parse_fabricpath(struct walk *w)
{
	cursor_skip(&w->c, 2);
	return NEXT_ethernet;
}

/*
 * RFC 3032.  The labels do not say what they carry: the first four bits do, as
 * switches guess too; what is not IP is a pseudowire, with its control word (RFC
 * 4448, 4.6) when they are zero.
 */
enum next parse_mpls(struct walk *w)
{
	uint32_t label;
	int depth = 0;

	do {
		if (depth++ == MAX_LABELS)
			return stop(w, DECODE_too_deep);
		label = cursor_be32(&w->c);
	} while (w->c.fault == CURSOR_OK && !(label & MPLS_BOTTOM));
	if (w->c.fault != CURSOR_OK)
		return stop_fault(w, DECODE_malformed_link);
	if (!cursor_captured(&w->c))
		return stop(w, cursor_left(&w->c) ? DECODE_truncated : DECODE_malformed_link);

	switch (cursor_peek(&w->c, 0) >> 4) {
	case 4:
		return NEXT_ipv4;
	case 6:
		return NEXT_ipv6;
	case 0:
		cursor_skip(&w->c, 4);
		return NEXT_ethernet;
	default:
		return NEXT_ethernet;
	}
}

/* RFC 2516: version and type 1, code 0 in a session. */
enum next parse_pppoe(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 6);

	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	if (p[0] != 0x11)
		return stop(w, DECODE_malformed_link);
	if (p[1] != 0)
		return stop(w, DECODE_not_ip);
	if (be16(p + 4) < cursor_left(&w->c))
		cursor_set_left(&w->c, be16(p + 4));
	return NEXT_ppp;
}

/* RFC 1662 and 1661: address and control may be absent, and the protocol may be compressed to one byte. */
enum next parse_ppp(struct walk *w)
{
	uint16_t protocol;

	if (cursor_peek(&w->c, 0) == 0xff) /* no protocol begins with it */
		cursor_skip(&w->c, 2);
	protocol = cursor_u8(&w->c);
	if (!(protocol & 1))
		protocol = (uint16_t)(protocol << 8 | cursor_u8(&w->c));
	if (w->c.fault != CURSOR_OK)
		return stop_fault(w, DECODE_malformed_link);

	switch (protocol) {
	case 0x0021:
		return NEXT_ipv4;
	case 0x0057:
		return NEXT_ipv6;
	case 0x0281:
	case 0x0283:
		return NEXT_mpls;
	case 0x0053: /* ECP */
	case 0x0055:
		return stop(w, DECODE_encrypted);
	default:
		return stop(w, DECODE_not_ip);
	}
}

/* DLT_PPP_SERIAL is also what Cisco HDLC is captured as: the address byte tells. */
enum next parse_ppp_serial(struct walk *w)
{
	const uint8_t address = cursor_peek(&w->c, 0);

	return address == 0x0f || address == 0x8f ? NEXT_chdlc : NEXT_ppp;
}

enum next parse_chdlc(struct walk *w)
{
	cursor_skip(&w->c, 2);
	return parse_ethertype(w);
}
