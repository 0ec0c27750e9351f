/*
 * IP fragments put together, in bounded memory and without keeping payloads.
 *
 * A TCP checksum is a sum, and sums of parts add up; headers stand at the front.
 * So a datagram in reassembly keeps its first bytes, the sum of all bytes and
 * the ranges that have arrived, and no more.  Where fragments overlap, the first
 * copy wins.
 */
#ifndef TCPLINT_REASSEMBLE_H
#define TCPLINT_REASSEMBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "decode.h"
#include "error.h"

struct reassembler;

/* What names a datagram.  No padding: it is hashed and compared as bytes. */
struct fragment_key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint32_t vlan, tunnel; /* a packet seen twice on its way is two datagrams */
	uint32_t protocol;     /* 256 for IPv6, where the identification stands alone */
};

struct fragment {
	struct fragment_key key;
	int64_t ts;
	uint32_t offset, length; /* of the payload in the datagram, and on the wire */
	bool more;
	uint8_t protocol;  /* what follows the IP header; that of the first fragment counts */
	uint32_t captured; /* bytes at `data` */
	const uint8_t *data;
};

/* A whole datagram: valid until the next call. */
struct datagram {
	const uint8_t *data; /* its first bytes */
	uint32_t captured;   /* how many of them are known */
	uint32_t length;
	uint8_t protocol;
	bool whole; /* every byte was captured, and `sum` is theirs (checksum.h) */
	uint64_t sum;
};

enum reassembly { REASSEMBLY_WAITS, REASSEMBLY_REFUSED, REASSEMBLY_DONE };

struct reassembler *reassembler_create(uint32_t max_datagrams, struct error *e) MUST_CHECK;
void reassembler_destroy(struct reassembler *r);

enum reassembly reassemble(struct reassembler *r, const struct fragment *f, struct datagram *whole);

const struct decode_counters *reassembler_counters(const struct reassembler *r);

#endif
