/*
 * Tunnels, followed when asked: GRE and what it carries, and those on UDP ports.
 *
 * A tunnel's id goes into the segment's `tunnel` where both directions share it;
 * GTP's and PPTP's are chosen by each receiver for itself, and stay out.  A port is
 * only a hint: what does not look like the tunnel is an ordinary datagram.
 */
#include "decode_private.h"

enum {
	PORT_GTP = 2152,
	PORT_GRE = 4754,
	PORT_VXLAN = 4789,
	PORT_GENEVE = 6081,
};

enum {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACK = 0x0080, /* version 1 */
	GRE_VERSION = 0x0007,
};

void enter_tunnel(struct walk *w, enum tunnel kind, uint32_t id)
{
	w->s->tunnel = mix32(mix32(w->s->tunnel, (uint32_t)kind + 1), id);
	if (!w->s->tunnel)
		w->s->tunnel = 1;
	w->s->vlan = 0;
}

/* Type I has no header, II eight bytes; GRE's sequence number tells them apart.  III may have eight more. */
static enum next erspan(struct walk *w, uint16_t type, bool sequenced)
{
	enum { TYPE_3 = 0x22eb, HAS_SUBHEADER = 0x01 };
	const uint8_t *p;
	uint32_t session = 0;

	if (type == TYPE_3 || sequenced) {
		p = cursor_take(&w->c, type == TYPE_3 ? 12 : 8);
		if (!p)
			return stop_fault(w, DECODE_malformed_link);
		session = be16(p + 2) & 0x3ff;
		if (type == TYPE_3 && p[11] & HAS_SUBHEADER)
			cursor_skip(&w->c, 8);
	}
	enter_tunnel(w, TUNNEL_ERSPAN, session);
	return NEXT_ethernet;
}

/* What GRE carries (RFC 2784, and what vendors made of it). */
static enum next gre_payload(struct walk *w, uint16_t type, uint32_t key, bool sequenced)
{
	enum {
		ERSPAN_2 = 0x88be,
		ERSPAN_3 = 0x22eb,
		WCCP = 0x883e,
		ARUBA = 0x8200,
		ARUBA_LAST = 0x82ff
	};
	enum { BRIDGED = 0x6558 };

	if (type == ERSPAN_2 || type == ERSPAN_3)
		return erspan(w, type, sequenced);
	/* RFC 7637: the low byte of NVGRE's key is a flow's, and differs between its directions. */
	enter_tunnel(w, TUNNEL_GRE, type == BRIDGED ? key >> 8 : key);
	if (type == WCCP) {
		if (cursor_peek(&w->c, 0) >> 4 != 4)
			cursor_skip(&w->c, 4);
		return NEXT_ipv4;
	}
	if (type >= ARUBA && type <= ARUBA_LAST)
		return NEXT_wlan;
	return ethertype_next(w, type);
}

/* PPTP (RFC 2637, 4.1): without a sequence number there is no payload. */
static enum next pptp(struct walk *w, uint16_t flags)
{
	cursor_skip(&w->c, 4U + (flags & GRE_SEQUENCE ? 4U : 0U) + (flags & GRE_ACK ? 4U : 0U));
	if (w->c.fault != CURSOR_OK)
		return stop_fault(w, DECODE_malformed_link);
	if (!(flags & GRE_SEQUENCE))
		return stop(w, DECODE_not_tcp);
	enter_tunnel(w, TUNNEL_PPTP, 0);
	return NEXT_ppp;
}

enum next parse_gre(struct walk *w)
{
	const uint16_t flags = cursor_be16(&w->c), type = cursor_be16(&w->c);
	uint32_t key = 0;

	if (w->c.fault != CURSOR_OK)
		return stop_fault(w, DECODE_malformed_link);
	if ((flags & GRE_VERSION) == 1)
		return pptp(w, flags);
	if (flags & GRE_VERSION ||
	    flags & GRE_ROUTING) /* RFC 2784, 2.2: the old source routes are to be dropped */
		return stop(w, DECODE_malformed_link);
	if (flags & GRE_CHECKSUM)
		cursor_skip(&w->c, 4);
	if (flags & GRE_KEY)
		key = cursor_be32(&w->c);
	if (flags & GRE_SEQUENCE)
		cursor_skip(&w->c, 4);
	if (w->c.fault != CURSOR_OK)
		return stop_fault(w, DECODE_malformed_link);
	return gre_payload(w, type, key, flags & GRE_SEQUENCE);
}

/* RFC 3378: version 3, twelve reserved bits. */
enum next parse_etherip(struct walk *w)
{
	cursor_skip(&w->c, 2);
	enter_tunnel(w, TUNNEL_ETHERIP, 0);
	return NEXT_ethernet;
}

static enum next vxlan(struct walk *w)
{
	enum { HAS_VNI = 0x08 };
	const uint8_t *p = cursor_take(&w->c, 8);

	if (!p)
		return stop_fault(w, DECODE_not_tcp);
	if (!(p[0] & HAS_VNI))
		return stop(w, DECODE_not_tcp);
	enter_tunnel(w, TUNNEL_VXLAN, be24(p + 4));
	return NEXT_ethernet;
}

static enum next geneve(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 8);

	if (!p)
		return stop_fault(w, DECODE_not_tcp);
	if (p[0] >> 6)
		return stop(w, DECODE_not_tcp);
	cursor_skip(&w->c, (p[0] & 0x3fU) * 4);
	if (w->c.fault != CURSOR_OK)
		return stop_fault(w, DECODE_not_tcp);
	enter_tunnel(w, TUNNEL_GENEVE, be24(p + 4));
	return ethertype_next(w, be16(p + 2));
}

/* 3GPP TS 29.281, 5.1: version 1, a G-PDU; three optional fields stand together, then extension headers. */
static enum next gtp(struct walk *w)
{
	enum {
		VERSION_MASK = 0xf0,
		VERSION_1 = 0x30,
		OPTIONAL = 0x07,
		EXTENDED = 0x04,
		G_PDU = 0xff,
		MAX_EXTENSIONS = 8
	};
	const uint8_t *p = cursor_take(&w->c, 8);
	uint8_t extension = 0;

	if (!p)
		return stop_fault(w, DECODE_not_tcp);
	if ((p[0] & VERSION_MASK) != VERSION_1 || p[1] != G_PDU)
		return stop(w, DECODE_not_tcp);
	if (be16(p + 2) < cursor_left(&w->c))
		cursor_set_left(&w->c, be16(p + 2));
	if (p[0] & OPTIONAL) {
		cursor_skip(&w->c, 3);
		extension = cursor_u8(&w->c);
	}
	if (!(p[0] & EXTENDED))
		extension = 0;
	for (int i = 0; extension && i < MAX_EXTENSIONS; i++) {
		const uint32_t words = cursor_u8(&w->c);

		if (!words)
			return stop_fault(w, DECODE_not_tcp);
		cursor_skip(&w->c, words * 4 - 2);
		extension = cursor_u8(&w->c);
	}
	if (w->c.fault != CURSOR_OK || extension)
		return stop_fault(w, DECODE_not_tcp);
	enter_tunnel(w, TUNNEL_GTP, 0);
	return NEXT_ip;
}

enum next parse_udp(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 8);

	if (!p)
		return stop_fault(w, DECODE_not_tcp);
	if (be16(p + 4) >= 8 && be16(p + 4) - 8U < cursor_left(&w->c))
		cursor_set_left(&w->c, be16(p + 4) - 8U);
	for (int side = 2; side >= 0; side -= 2) {
		switch (be16(p + side)) {
		case PORT_GTP:
			return gtp(w);
		case PORT_GRE:
			return NEXT_gre;
		case PORT_VXLAN:
			return vxlan(w);
		case PORT_GENEVE:
			return geneve(w);
		default:
			break;
		}
	}
	return stop(w, DECODE_not_tcp);
}
