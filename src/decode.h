/*
 * From the bytes of a frame to a TCP segment.
 *
 * The only part of the program that reads untrusted bytes, and it does so
 * through a cursor that cannot overrun (cursor.h).  A decoder has state because
 * IP fragments have to be put together; two decoders share nothing.
 */
#ifndef TCPLINT_DECODE_H
#define TCPLINT_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct decoder;
struct tcplint_frame;
struct segment;

/* What became of a frame.  The order is that of drops.def after the first two. */
enum decode_result {
	DECODE_SEGMENT, /* a TCP segment: go on with it */
	DECODE_QUOTE,   /* an ICMP error that quotes a TCP segment: `quoted`, `src`, `dst`, `seq` are set */
#define DROP(name, meaning) DECODE_##name,
#include "drops.def"
#undef DROP
	DECODE_COUNT
};

struct decode_options {
	bool tunnels;              /* also look inside GRE, IPIP, 6in4, VXLAN, GENEVE (design.md 4) */
	uint32_t max_fragments;    /* datagrams in reassembly at once; 0: the default, 1024 */
	bool headers_only;         /* a segment is not truncated when only payload is missing */
	bool verify_checksums;     /* sum every whole segment */
};

/* Null and a sentence when there is no memory. */
struct decoder *decoder_create(const struct decode_options *o, struct error *e) MUST_CHECK;
void decoder_destroy(struct decoder *d);

/* Whether frames of this link type (DLT_ value) can be decoded at all. */
bool decode_supports(int linktype);

/*
 * Decode one frame.  `s` is complete when the answer is DECODE_SEGMENT or DECODE_QUOTE.  With DECODE_fragment the
 * addresses, `ip_id`, `vlan` and `tunnel` are those of the packet; otherwise it is not to be used.
 */
enum decode_result decode_frame(struct decoder *d, const struct tcplint_frame *f, struct segment *s);

struct decode_counters {
	uint64_t fragments_seen, datagrams_reassembled, fragments_overlapping, fragments_evicted, fragments_timed_out;
};
const struct decode_counters *decoder_counters(const struct decoder *d);

/* "not_ip": the name of a reason in the summary record; null for DECODE_SEGMENT and DECODE_QUOTE. */
const char *decode_result_name(enum decode_result r);

#endif
