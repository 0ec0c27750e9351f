/*
 * One TCP segment as a value: what decode makes of a frame and all that the
 * rest of the program ever sees of it.
 *
 * Everything is in host byte order.  Nothing points into the frame, so that a
 * segment may be kept, copied and replayed.
 */
#ifndef TCPLINT_SEGMENT_H
#define TCPLINT_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* RFC 9293, 3.1: the flag bits as they stand in bytes 12 and 13 of the header. */
enum tcp_flag {
	FLAG_FIN = 0x001,
	FLAG_SYN = 0x002,
	FLAG_RST = 0x004,
	FLAG_PSH = 0x008,
	FLAG_ACK = 0x010,
	FLAG_URG = 0x020,
	FLAG_ECE = 0x040,
	FLAG_CWR = 0x080,
	FLAG_AE = 0x100,       /* RFC 9768; once NS */
	FLAG_RESERVED = 0xe00, /* the three bits that are still reserved */
};

/* RFC 3168, 5: the two bits of the type of service or traffic class that are ECN's. */
enum { TOS_ECN = 0x03 };

/* Which options the segment carried, one bit each. */
enum tcp_option_bit {
	OPT_MSS = 1 << 0,
	OPT_WSCALE = 1 << 1,
	OPT_SACK_PERMITTED = 1 << 2,
	OPT_SACK = 1 << 3,
	OPT_TIMESTAMPS = 1 << 4,
	OPT_MD5 = 1 << 5,
	OPT_AO = 1 << 6,
	OPT_FAST_OPEN = 1 << 7, /* kind 34, or 253/254 with ExID 0xF989 */
	OPT_FAST_OPEN_EXP = 1 << 8, /* the experimental form of it */
	OPT_MP_CAPABLE = 1 << 9,
	OPT_MP_JOIN = 1 << 10,
	OPT_MPTCP_OTHER = 1 << 11,
	OPT_USER_TIMEOUT = 1 << 12,
	OPT_TTCP = 1 << 13,    /* kinds 11, 12, 13 of T/TCP (RFC 1644) */
	OPT_EXPERIMENT = 1 << 14, /* 253/254 with another ExID */
	OPT_OTHER = 1 << 15,
	/* what was wrong with the list */
	OPT_BAD_LIST = 1 << 16,   /* it does not parse: length < 2, or past the end of the header */
	OPT_BAD_LENGTH = 1 << 17, /* a known kind with a length that its RFC forbids */
	OPT_DUPLICATE = 1 << 18,  /* a kind that may stand once stood twice */
	OPT_AFTER_EOL = 1 << 19,  /* bytes other than zero after End of Option List */
	OPT_CUT = 1 << 20,        /* the snapshot ends inside the list: absence proves nothing */
	OPT_FAST_OPEN_BOTH = 1 << 21, /* Fast Open in its own form and in the experimental one */
	OPT_UNREADABLE = OPT_BAD_LIST | OPT_BAD_LENGTH | OPT_CUT, /* an option may have been there that has no bit */
};

#define OPT_AUTHENTICATION (OPT_MD5 | OPT_AO)

/* RFC 6994: a bit for an experiment identifier, of a set of 32.  Two of them may share one. */
static inline uint32_t exid_bit(uint16_t exid)
{
	return UINT32_C(1) << (exid * UINT32_C(2654435761) >> 27);
}

enum checksum {
	CHECKSUM_UNKNOWN, /* not all bytes captured, or fragments missing */
	CHECKSUM_OK,
	CHECKSUM_OFFLOAD, /* 0, or the folded pseudo-header sum: not filled in yet, the segment is valid */
	CHECKSUM_BAD,
};

enum link_direction { DIRECTION_UNKNOWN, DIRECTION_IN, DIRECTION_OUT };

/* An IPv4 address is kept as ::ffff:a.b.c.d, so that one code path serves both. */
struct endpoint_address {
	uint8_t ip[16];
	uint16_t port;
};

struct sack_block {
	uint32_t left, right;
};

/* All options of a segment; a member is meaningful when its bit in `present` is set. */
struct tcp_options {
	uint32_t present; /* enum tcp_option_bit */
	uint32_t ts_val, ts_ecr;
	uint32_t layout;  /* hash of the kinds in order: tells two stacks apart */
	uint16_t mss;
	uint8_t wscale;      /* as sent; above 14 is a rule's business */
	/* the rest: segment_has_rest() */
	uint32_t exids;   /* of kinds 253 and 254 but Fast Open's: a set of ExIDs, one bit each by exid_bit() */
	uint16_t exid;    /* the last of them */
	uint16_t user_timeout;
	uint8_t cookie_len;  /* Fast Open cookie, bytes; 0 is a request */
	uint8_t bad_kind;    /* the first kind that OPT_BAD_LENGTH speaks of; with OPT_BAD_LIST, the one where the list breaks off */
	uint8_t bad_len;     /* and its length byte */
	uint8_t sack_count;  /* 0..4 */
	struct sack_block sack[4]; /* those beyond sack_count are not even zero */
};

struct segment {
	int64_t ts;     /* nanoseconds since 1970, the capture's clock; of the last fragment if there were several */
	uint64_t frame; /* ordinal over all inputs, from 1 */

	struct endpoint_address src, dst;
	uint32_t vlan;   /* outer tag << 12 | inner tag; 0: untagged */
	uint32_t tunnel; /* hash of the tunnel's kind and id (VNI, key); 0: none */

	uint32_t seq, ack;
	uint32_t len;   /* payload bytes on the wire, from the IP header */
	uint16_t flags; /* enum tcp_flag */
	uint16_t window; /* as sent, unscaled */
	uint16_t tcp_checksum; /* as sent */
	uint16_t ip_id;        /* 0 for IPv6 without a fragment header */
	uint8_t data_offset;   /* in 32-bit words, as sent */
	uint8_t ttl;           /* or hop limit */
	uint8_t tos;           /* or traffic class; the low two bits are ECN */
	uint8_t direction;     /* enum link_direction */
	/* together, for segment_is_sound() */
	uint8_t checksum; /* enum checksum */
	bool bad_header;  /* data offset < 5, or beyond the IP payload: only the fixed fields are meaningful */
	bool len_unknown; /* a quote too short to say: `len` is a lower bound */
	bool quoted;      /* not a segment but the one that an ICMP error quotes */
	bool ipv6;
	bool truncated;  /* the snapshot cut the payload or the options off */
	bool fragmented; /* put together from IP fragments */
	bool has_mac;    /* a source MAC address that is not all zeros, as it is on a loopback interface */

	struct tcp_options opt;

	/* the rest */
	uint32_t tcp_length, tcp_captured; /* bytes of TCP when `truncated` or `bad_header`: in the IP packet; captured */
	uint16_t urgent;       /* with FLAG_URG */
	uint16_t tcp_sum;      /* with CHECKSUM_BAD: what it should be */
	uint8_t icmp_type, icmp_code; /* when quoted */
};

/* Whether any of the rest means something.  Of most segments nothing does, and it need not even be there. */
static inline bool segment_has_rest(const struct segment *s)
{
	const uint32_t usual = OPT_MSS | OPT_WSCALE | OPT_SACK_PERMITTED | OPT_TIMESTAMPS;

	return s->opt.present & ~usual || s->flags & FLAG_URG || s->truncated || s->bad_header || s->quoted ||
	       s->checksum == CHECKSUM_BAD;
}

/* A segment whose header can be believed: its checksum is good, or not known, and nothing is missing. */
static inline bool segment_is_sound(const struct segment *s)
{
	static const uint8_t none[4] = { (uint8_t)~(unsigned)CHECKSUM_OK, 0xff, 0xff, 0xff };
	uint32_t v, mask;

	memcpy(&v, &s->checksum, sizeof(v));
	memcpy(&mask, none, sizeof(mask));
	return !(v & mask);
}

/* As two words: memcmp() of twelve bytes is a call. */
static inline bool is_mapped(const uint8_t ip[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint64_t high;
	uint32_t low, prefix;

	memcpy(&high, ip, sizeof(high));
	memcpy(&low, ip + 8, sizeof(low));
	memcpy(&prefix, mapped + 8, sizeof(prefix));
	return !(high | (low ^ prefix));
}

static inline bool address_is_ipv4(const struct endpoint_address *a)
{
	return is_mapped(a->ip);
}

/*
 * Multicast, or the limited broadcast: nobody answers for it (RFC 9293, 3.9.2.3).  A broadcast
 * to a subnet looks like any address to who does not know the length of its prefix.
 */
static inline bool address_is_many(const struct endpoint_address *a)
{
	if (!address_is_ipv4(a))
		return a->ip[0] == 0xff;
	return (a->ip[12] & 0xf0) == 0xe0 || (a->ip[12] & a->ip[13] & a->ip[14] & a->ip[15]) == 0xff;
}

/* 0.0.0.0, ::  */
static inline bool address_is_none(const struct endpoint_address *a)
{
	static const uint8_t none[4];

	return address_is_ipv4(a) ? !memcmp(a->ip + 12, none, 4) :
				    !memcmp(a->ip, none, 4) && !memcmp(a->ip + 4, none, 4) &&
				    !memcmp(a->ip + 8, none, 4) && !memcmp(a->ip + 12, none, 4);
}

/* 127.0.0.0/8, ::1 */
static inline bool address_is_loopback(const struct endpoint_address *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return address_is_ipv4(a) ? a->ip[12] == 127 : !memcmp(a->ip, one, sizeof(one));
}

/* Bytes of TCP in the IP packet, header included, unless that is bad. */
static inline uint32_t segment_tcp_length(const struct segment *s)
{
	return s->data_offset * 4U + s->len;
}

/* RFC 9293, 3.4: SEG.LEN counts SYN and FIN. */
static inline uint32_t segment_length(const struct segment *s)
{
	return s->len + !!(s->flags & FLAG_SYN) + !!(s->flags & FLAG_FIN);
}

/* The sequence number after the last one that the segment occupies. */
static inline uint32_t segment_end(const struct segment *s)
{
	return s->seq + segment_length(s);
}

#endif
