/*
 * Fuzz target: frames of arbitrary bytes through one decoder.
 *
 * The first byte chooses the link type, the next two the options and how many bytes
 * the snapshot left off.  The rest is cut into frames by a length in two bytes before
 * each, so that fragments can meet.
 */
#include <pcap/dlt.h>
#include <stdlib.h>
#include <string.h>

#include <tcplint/frame.h>

#include "decode.h"
#include "segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int linktypes[] = {
	DLT_EN10MB,
	DLT_NULL,
	DLT_LOOP,
	12,
	DLT_IPV4,
	DLT_IPV6,
	DLT_LINUX_SLL,
	DLT_LINUX_SLL2,
	DLT_PPP,
	DLT_PPP_SERIAL,
	DLT_PPP_ETHER,
	DLT_PPP_PPPD,
	DLT_PPP_WITH_DIR,
	DLT_C_HDLC,
	DLT_MPLS,
	DLT_FDDI,
	DLT_IEEE802_11,
	DLT_IEEE802_11_RADIO,
	DLT_IEEE802_11_RADIO_AVS,
	DLT_PRISM_HEADER,
	DLT_NFLOG,
	DLT_PFLOG,
	DLT_ENC,
	DLT_NETANALYZER,
	DLT_PPI,
	DLT_PKTAP,
	101,
	14,
};

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check(const struct tcplint_frame *f, enum decode_result r, const struct segment *s)
{
	require(r < DECODE_COUNT);
	if (r != DECODE_SEGMENT && r != DECODE_QUOTE)
		return;
	require(s->truncated || s->fragmented || s->len <= f->wire);
	require(s->opt.sack_count <= 4);
	require(!s->truncated || s->checksum == CHECKSUM_UNKNOWN);
	require(!s->bad_header || !s->len);
}

/* One frame from an exact copy, so that the sanitizer sees the first byte read too many. */
static void one_frame(struct decoder *d, struct tcplint_frame *f, const uint8_t *data, size_t n)
{
	struct segment s;
	uint8_t *copy = malloc(n ? n : 1);

	require(copy != NULL);
	if (n)
		memcpy(copy, data, n);
	f->data = copy;
	f->captured = (uint32_t)n;
	f->number++;
	f->ts += INT64_C(1000000);
	check(f, decode_frame(d, f, &s), &s);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tcplint_frame f = { .ts = 0 };
	struct decode_options options = { .verify_checksums = true, .max_fragments = 3 };
	struct decoder *d;
	struct error e;
	uint32_t cut;

	if (size < 3)
		return 0;
	f.linktype = linktypes[data[0] % (sizeof(linktypes) / sizeof(linktypes[0]))];
	options.tunnels = data[1] & 1;
	cut = data[2];
	d = decoder_create(&options, &e);
	require(d != NULL);
	for (data += 3, size -= 3; size >= 2;) {
		size_t n = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		if (n > size)
			n = size;
		f.wire = (uint32_t)n + cut;
		one_frame(d, &f, data, n);
		data += n;
		size -= n;
	}
	decoder_destroy(d);
	return 0;
}
