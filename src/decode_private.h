/*
 * What the parts of the decoder share: the walk from header to header.
 *
 * A parser reads one header from the cursor and answers which one follows, or
 * STOP with the result in the walk.  Nobody recurses, and the dispatcher counts
 * the steps, so that no nesting is deeper than it allows.
 */
#ifndef TCPLINT_DECODE_PRIVATE_H
#define TCPLINT_DECODE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <tcplint/frame.h>

#include "cursor.h"
#include "decode.h"
#include "load.h"
#include "reassemble.h"
#include "segment.h"

/* Every header that we read: NEXT_name says that it follows, parse_name() reads it. */
#define HEADERS(HEADER)                                                                            \
	/* decode_link.c */                                                                        \
	HEADER(ethernet)                                                                           \
	HEADER(ethertype) /* two bytes that say what follows */                                    \
	HEADER(llc)                                                                                \
	HEADER(vlan)                                                                               \
	HEADER(etag)                                                                               \
	HEADER(pbb)                                                                                \
	HEADER(fabricpath)                                                                         \
	HEADER(mpls)                                                                               \
	HEADER(pppoe)                                                                              \
	HEADER(ppp)                                                                                \
	HEADER(ppp_serial)                                                                         \
	HEADER(chdlc)                                                                              \
	/* decode_capture.c: headers that the capturing side made up */                            \
	HEADER(null)                                                                               \
	HEADER(sll)                                                                                \
	HEADER(sll2)                                                                               \
	HEADER(fddi)                                                                               \
	HEADER(ppp_direction)                                                                      \
	HEADER(nflog)                                                                              \
	HEADER(pflog)                                                                              \
	HEADER(enc)                                                                                \
	HEADER(netanalyzer)                                                                        \
	HEADER(ppi)                                                                                \
	HEADER(pktap)                                                                              \
	/* decode_wireless.c */                                                                    \
	HEADER(wlan)                                                                               \
	HEADER(radiotap)                                                                           \
	HEADER(avs)                                                                                \
	HEADER(prism)                                                                              \
	/* decode_ip.c */                                                                          \
	HEADER(ip) /* the version is in the first four bits */                                     \
	HEADER(ipv4)                                                                               \
	HEADER(ipv6)                                                                               \
	HEADER(extension) /* an IPv6 extension header or AH, of kind `protocol` */                 \
	HEADER(fragment)  /* the IPv6 fragment header */                                           \
	/* decode_tunnel.c */                                                                      \
	HEADER(gre)                                                                                \
	HEADER(udp)                                                                                \
	HEADER(etherip)                                                                            \
	/* decode_icmp.c */                                                                        \
	HEADER(icmp)                                                                               \
	HEADER(icmpv6)                                                                             \
	/* decode_tcp.c */                                                                         \
	HEADER(tcp)

#define HEADER(name) NEXT_##name,
enum next { STOP, HEADERS(HEADER) NEXT_COUNT };
#undef HEADER

/*
 * A list of options that was seen: which bytes are kinds, lengths and padding, and what they say; the others are
 * values.
 */
struct option_shape {
	uint8_t n; /* bytes; 0: none yet */
	uint8_t mss, wscale, timestamps; /* where their values stand, when they are `present` */
	uint32_t present, layout;
	uint8_t byte[40], mask[40];
};

#define OPTION_SHAPES 4

struct decoder {
	struct decode_options options;
	struct reassembler *fragments;
	struct option_shape shape[OPTION_SHAPES]; /* the latest */
	uint8_t next_shape;
};

struct walk {
	struct cursor c;
	struct decoder *d;
	const struct tcplint_frame *frame;
	struct segment *s;
	enum decode_result result;
	uint8_t protocol; /* what the IP header or the one before said that follows */
	bool inside_ip; /* a length of an IP header has been accepted: nothing inside may reach beyond it */
	bool quoting; /* inside an ICMP error */
	bool padded;  /* 802.11: the body is aligned to four bytes (radiotap) */
	bool summed;  /* every byte up to `wire` was captured once, and their sum is `sum` */
	uint32_t sum_end;
	uint64_t sum;
};

static inline enum next stop(struct walk *w, enum decode_result r)
{
	w->result = r;
	return STOP;
}

/* The cursor ran into one of its ends: the snapshot's doing, or else `lie`. */
static inline enum next stop_fault(struct walk *w, enum decode_result lie)
{
	return stop(w, w->c.fault == CURSOR_TRUNCATED ? DECODE_truncated : lie);
}

static inline uint32_t mix32(uint32_t h, uint32_t v)
{
	h = (h ^ v) * UINT32_C(0x9e3779b1);
	return h ^ h >> 15;
}

static inline bool has_mac(const uint8_t *mac)
{
	return be32(mac) | be16(mac + 4);
}

static inline void note_mac(struct walk *w, const uint8_t *mac)
{
	w->s->has_mac = w->s->has_mac || has_mac(mac);
}

/*
 * An IPv4 address, not the first four bytes of its header, as ::ffff:a.b.c.d.  All of it at once, as it will be loaded:
 * what was stored in pieces has to be waited for.
 */
static inline void map_ipv4(uint8_t ip[16], const uint8_t *v4)
{
	static const uint8_t address[8] = { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff },
			     prefix[8] = { [2] = 0xff, [3] = 0xff };
	const uint64_t half[2] = { 0, (load64(v4 - 4) & load64(address)) | load64(prefix) };

	memcpy(ip, half, sizeof(half));
}

/* The fields of the fixed IPv4 header that a segment keeps. */
static inline void keep_ipv4(struct segment *s, const uint8_t *p)
{
	s->tos = p[1];
	s->ip_id = be16(p + 4);
	s->ttl = p[8];
	s->ipv6 = false;
	map_ipv4(s->src.ip, p + 12);
	map_ipv4(s->dst.ip, p + 16);
}

/* What the first header of a link type is; STOP for one that we do not know. */
enum next link_first(int linktype);

/* What follows an Ethernet type. */
enum next ethertype_next(struct walk *w, uint16_t type);

/* What follows an IP header, `protocol` being its word for it. */
enum next protocol_next(struct walk *w, uint8_t protocol);

/* Enter a tunnel: from here on the segment belongs to another network. */
enum tunnel {
	TUNNEL_IP,
	TUNNEL_GRE,
	TUNNEL_PPTP,
	TUNNEL_ERSPAN,
	TUNNEL_VXLAN,
	TUNNEL_GENEVE,
	TUNNEL_GTP,
	TUNNEL_MPLS,
	TUNNEL_ETHERIP
};
void enter_tunnel(struct walk *w, enum tunnel kind, uint32_t id);

#define HEADER(name) enum next parse_##name(struct walk *w);
HEADERS(HEADER)
#undef HEADER

/* The option list of a TCP header: `n` bytes at `p`, of which `captured` are there. */
void parse_tcp_options(struct segment *s, const uint8_t *p, uint32_t n, uint32_t captured);

/* NOP, NOP, kind 8, length 10: RFC 7323, appendix A. */
#define PLAIN_TIMESTAMPS 0x0101080a

/* What a list of nothing else is: mix32() of the kinds, each plus 1. */
static inline uint32_t plain_timestamps_layout(void)
{
	return mix32(mix32(mix32(0, 2), 2), 9);
}

/*
 * The same of a list of which all bytes were captured, and of another form than that; many have the shape of an earlier
 * one.
 */
void parse_usual_options(struct decoder *d, struct segment *s, const uint8_t *p, uint32_t n);

/* The same of any. */
static inline void read_tcp_options(struct decoder *d, struct segment *s, const uint8_t *p, uint32_t n)
{
	if (UNLIKELY(n != 12 || be32(p) != PLAIN_TIMESTAMPS)) {
		parse_usual_options(d, s, p, n);
		return;
	}
	s->opt.present = OPT_TIMESTAMPS;
	s->opt.ts_val = be32(p + 4);
	s->opt.ts_ecr = be32(p + 8);
	s->opt.layout = plain_timestamps_layout();
}

/*
 * What a checksum is worth (enum checksum), and with CHECKSUM_BAD what it should have been: of `length` bytes of TCP at
 * `p`, whose sum is `sum`, between the addresses whose sum is `addresses`.
 */
uint8_t judge_checksum(struct segment *s, const uint8_t *p, uint32_t length, uint64_t sum, uint64_t addresses);

/* Two ways to the same answer; this one is for frames of the usual form, and answers false for others. */
bool decode_plain(struct decoder *d, const struct tcplint_frame *f, struct segment *s);
/* `s` has been cleared, its time and frame excepted. */
enum decode_result decode_walk(struct decoder *d, const struct tcplint_frame *f, struct segment *s);

#endif
