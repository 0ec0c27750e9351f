/*
 * Link types, and the headers that the capturing side made up: BSD loopback, Linux
 * cooked, NFLOG, PKTAP and their like.
 */
#include <pcap/dlt.h>

#include "decode_private.h"

/* DLT_RAW has three values: most systems', OpenBSD's, and the one in files, which libpcap does not always map. */
enum { RAW = 12, RAW_OPENBSD = 14, RAW_FILE = 101 };

enum next link_first(int linktype)
{
	static const struct {
		int linktype;
		enum next next;
	} links[] = {
		{ DLT_EN10MB, NEXT_ethernet },
		{ DLT_NULL, NEXT_null },
		{ DLT_LOOP, NEXT_null },
		{ RAW, NEXT_ip },
		{ RAW_OPENBSD, NEXT_ip },
		{ RAW_FILE, NEXT_ip },
		{ DLT_IPV4, NEXT_ip },
		{ DLT_IPV6, NEXT_ip },
		{ DLT_LINUX_SLL, NEXT_sll },
		{ DLT_LINUX_SLL2, NEXT_sll2 },
		{ DLT_PPP, NEXT_ppp_serial },
		{ DLT_PPP_SERIAL, NEXT_ppp_serial },
		{ DLT_PPP_ETHER, NEXT_pppoe },
		{ DLT_PPP_PPPD, NEXT_ppp_direction },
		{ DLT_PPP_WITH_DIR, NEXT_ppp_direction },
		{ DLT_C_HDLC, NEXT_chdlc },
		{ DLT_MPLS, NEXT_mpls },
		{ DLT_FDDI, NEXT_fddi },
		{ DLT_IEEE802_11, NEXT_wlan },
		{ DLT_IEEE802_11_RADIO, NEXT_radiotap },
		{ DLT_IEEE802_11_RADIO_AVS, NEXT_avs },
		{ DLT_PRISM_HEADER, NEXT_prism },
		{ DLT_NFLOG, NEXT_nflog },
		{ DLT_PFLOG, NEXT_pflog },
		{ DLT_ENC, NEXT_enc },
		{ DLT_NETANALYZER, NEXT_netanalyzer },
		{ DLT_PPI, NEXT_ppi },
		{ DLT_PKTAP, NEXT_pktap },
	};

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (links[i].linktype == linktype)
			return links[i].next;
	}
	return STOP;
}

/* The address family, in the byte order of the machine that captured; AF_INET6 has a number on every system. */
enum next parse_null(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 4);

	if (!p)
		return stop_fault(w, DECODE_malformed_link);

	const uint32_t family = be16(p) ? le32(p) : be32(p);

	switch (family) {
	case 2:
		return NEXT_ipv4;
	case 10: /* Linux */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* Darwin */
		return NEXT_ipv6;
	default:
		return stop(w, DECODE_not_ip);
	}
}

/* Linux cooked: PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST, _OUTGOING. */
static enum next cooked(struct walk *w, unsigned packet_type, unsigned address_length,
			const uint8_t *address, uint16_t protocol)
{
	if (packet_type <= 2)
		w->s->direction = DIRECTION_IN;
	else if (packet_type == 4)
		w->s->direction = DIRECTION_OUT;
	if (address_length == 6)
		note_mac(w, address);
	if (protocol == 0x0004)
		return NEXT_llc;
	return ethertype_next(w, protocol);
}

enum next parse_sll(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 16);

	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	return cooked(w, be16(p), be16(p + 4), p + 6, be16(p + 14));
}

enum next parse_sll2(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 20);

	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	return cooked(w, p[10], p[11], p + 12, be16(p));
}

/* Frame control, two addresses; only asynchronous LLC frames (01xx0xxx) carry data. */
enum next parse_fddi(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 13);

	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	if ((p[0] & 0x70) != 0x50)
		return stop(w, DECODE_not_ip);
	note_mac(w, p + 7);
	return NEXT_llc;
}

/* One byte: 0 received, else sent.  pppd's form puts it in place of the address and leaves the control byte. */
enum next parse_ppp_direction(struct walk *w)
{
	w->s->direction = cursor_u8(&w->c) ? DIRECTION_OUT : DIRECTION_IN;
	if (cursor_peek(&w->c, 0) == 0x03)
		cursor_skip(&w->c, 1);
	return NEXT_ppp;
}

/* Attributes in the capturing machine's byte order, which libpcap makes ours; the packet is one of them. */
enum next parse_nflog(struct walk *w)
{
	enum { PAYLOAD = 9, MAX_ATTRIBUTES = 64 };

	cursor_skip(&w->c, 4);
	for (int i = 0; i < MAX_ATTRIBUTES; i++) {
		const uint8_t *p = cursor_take(&w->c, 4);
		uint16_t length, type;

		if (!p)
			return stop_fault(w, DECODE_malformed_link);
		memcpy(&length, p, sizeof(length));
		memcpy(&type, p + 2, sizeof(type));
		if (length < 4)
			return stop(w, DECODE_malformed_link);
		if ((type & 0x7fff) == PAYLOAD) {
			if (length - 4U < cursor_left(&w->c))
				cursor_set_left(&w->c, length - 4U);
			return NEXT_ip;
		}
		cursor_skip(&w->c, (length - 4U + 3U) & ~3U);
	}
	return stop(w, DECODE_too_deep);
}

/* OpenBSD: the first byte is the header's length, without its padding to four bytes. */
enum next parse_pflog(struct walk *w)
{
	const uint8_t length = cursor_peek(&w->c, 0);

	cursor_skip(&w->c, (length + 3U) & ~3U);
	return NEXT_ip;
}

/* Family, index and flags of the security association. */
enum next parse_enc(struct walk *w)
{
	cursor_skip(&w->c, 12);
	return NEXT_ip;
}

enum next parse_netanalyzer(struct walk *w)
{
	cursor_skip(&w->c, 4);
	return NEXT_ethernet;
}

/* Per-Packet Information: version, flags, length, link type of what follows; all little-endian. */
enum next parse_ppi(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 8);
	enum next next;

	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	if (le16(p + 2) < 8)
		return stop(w, DECODE_malformed_link);
	next = link_first((int)(le32(p + 4) & INT32_MAX));
	cursor_skip(&w->c, le16(p + 2) - 8U);
	return next == STOP ? stop(w, DECODE_not_ip) : next;
}

/* Darwin's PKTAP: like PPI, with a direction among its fields; all little-endian. */
enum next parse_pktap(struct walk *w)
{
	enum { BYTES = 108, HAS_PACKET = 1, FLAG_IN = 1, FLAG_OUT = 2 };
	const uint8_t *p = cursor_take(&w->c, BYTES);
	enum next next;

	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	if (le32(p) < BYTES)
		return stop(w, DECODE_malformed_link);
	if (le32(p + 4) != HAS_PACKET)
		return stop(w, DECODE_not_ip);
	if (le32(p + 36) & FLAG_IN)
		w->s->direction = DIRECTION_IN;
	else if (le32(p + 36) & FLAG_OUT)
		w->s->direction = DIRECTION_OUT;
	next = link_first((int)(le32(p + 8) & INT32_MAX));
	cursor_skip(&w->c, le32(p) - BYTES);
	return next == STOP ? stop(w, DECODE_not_ip) : next;
}
