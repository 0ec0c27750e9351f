/*
 * Frames for tests, built from the inside out: first the payload, then each header
 * in front of what is there already, with lengths and checksums filled in.
 *
 *	struct built b;
 *
 *	built_start(&b, "hello", 5);
 *	built_tcp(&b, &(struct tcp_fields){ .sport = 1234, .dport = 80, .flags = 0x18 });
 *	built_ipv4(&b, &(struct ip_fields){ .protocol = 6 });
 *	built_ethernet(&b, 0x0800);
 *	decode_frame(d, built_frame(&b, DLT_EN10MB), &s);
 */
#ifndef TCPLINT_TEST_FRAMES_H
#define TCPLINT_TEST_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <tcplint/frame.h>


enum { BUILT_BYTES = 1 << 18 };

struct built {
	uint8_t bytes[BUILT_BYTES];
	uint32_t at;  /* the first byte; the frame reaches to the end of the array */
	uint32_t end; /* but for padding, which grows behind */
	struct tcplint_frame frame;
};

struct tcp_fields {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t flags; /* enum tcp_flag */
	uint16_t window, urgent;
	const uint8_t *options; /* a multiple of four bytes */
	uint32_t options_length;
	uint8_t offset; /* data offset; 0: the right one */
};

/* Unset addresses are 10.0.0.1 to 10.0.0.2, or 2001:db8::1 to 2001:db8::2. */
struct ip_fields {
	uint8_t src[16], dst[16]; /* IPv4 in the first four bytes */
	uint8_t protocol;
	uint8_t ttl, tos;
	uint16_t id;
	uint16_t fragment;      /* flags and offset, as in the header (IPv4) */
	const uint8_t *options; /* IPv4: a multiple of four bytes */
	uint32_t options_length;
	bool keep_checksum; /* do not fill in the one of the TCP header that follows */
	bool lie;           /* `length` is the length field, right or wrong */
	uint16_t length;
};

void built_start(struct built *b, const void *payload, uint32_t n);
void built_push(struct built *b, const void *bytes, uint32_t n);   /* in front */
void built_append(struct built *b, const void *bytes, uint32_t n); /* behind: padding */
void built_push16(struct built *b, uint16_t v);
void built_push32(struct built *b, uint32_t v);

void built_tcp(struct built *b, const struct tcp_fields *t);
void built_udp(struct built *b, uint16_t sport, uint16_t dport);
void built_icmp(struct built *b, uint8_t type, uint8_t code);
void built_ipv4(struct built *b, const struct ip_fields *ip);
void built_ipv6(struct built *b, const struct ip_fields *ip);
void built_ethernet(struct built *b, uint16_t type);
void built_vlan(struct built *b, uint16_t tag, uint16_t type); /* the tag, and the type behind it */

/* The frame, whole; and with only so many bytes captured. */
struct tcplint_frame *built_frame(struct built *b, int linktype);
struct tcplint_frame *built_snapshot(struct built *b, int linktype, uint32_t captured);

uint32_t built_length(const struct built *b);
uint8_t *built_bytes(struct built *b);

/* The Internet checksum, the slow and obvious way, in host order. */
uint16_t slow_checksum(const uint8_t *p, uint32_t n, uint32_t start);

/* The segments that most tests begin with: 100 bytes of data and a timestamp, over IPv4 or IPv6, no link layer. */
void built_plain(struct built *b, bool ipv6);

#endif
