/*
 * From the bytes of a frame to a TCP segment: the dispatcher.
 *
 * Most frames are Ethernet, IPv4 without options and TCP, and they take the
 * straight line of plain_ipv4(); everything else walks from header to header.
 */
#include <assert.h>
#include <pcap/dlt.h>
#include <stdlib.h>

#include "decode_private.h"

enum {
	MAX_HEADERS = 32, /* a frame through every tunnel we know has under twenty */
	DEFAULT_FRAGMENTS = 1024,
	ETHERNET_BYTES = 14,
	PLAIN_BYTES = ETHERNET_BYTES + 20,
};

struct decoder *decoder_create(const struct decode_options *o, struct error *e)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d) {
		fail(e, "no memory for the decoder");
		return NULL;
	}
	d->options = *o;
	d->fragments =
		reassembler_create(o->max_fragments ? o->max_fragments : DEFAULT_FRAGMENTS, e);
	if (!d->fragments) {
		free(d);
		return NULL;
	}
	return d;
}

void decoder_destroy(struct decoder *d)
{
	if (!d)
		return;
	reassembler_destroy(d->fragments);
	free(d);
}

bool decode_supports(int linktype)
{
	return link_first(linktype) != STOP;
}

const struct decode_counters *decoder_counters(const struct decoder *d)
{
	return reassembler_counters(d->fragments);
}

const char *decode_result_name(enum decode_result r)
{
	static const char *const names[DECODE_COUNT] = {
#define DROP(name, meaning) [DECODE_##name] = #name,
#include "drops.def"
#undef DROP
	};

	return r < DECODE_COUNT ? names[r] : NULL;
}

static enum next (*const parsers[NEXT_COUNT])(struct walk *w) = {
#define HEADER(name) [NEXT_##name] = parse_##name,
	HEADERS(HEADER)
#undef HEADER
};

static enum decode_result walk_headers(struct walk *w, enum next next)
{
	for (int headers = 0; next != STOP; headers++) {
		if (headers == MAX_HEADERS)
			return DECODE_too_deep;
		next = parsers[next](w);
	}
	return w->result;
}

/*
 * Ethernet, IPv4 without options, unfragmented, TCP, a length that fits: leave
 * the cursor at the TCP header.  Changes nothing when it answers false.
 */
static inline bool plain_ipv4(struct walk *w)
{
	if (w->frame->linktype != DLT_EN10MB || w->frame->captured < PLAIN_BYTES)
		return false;

	const uint8_t *p = w->frame->data, *ip = p + ETHERNET_BYTES;

	if (be16(p + 12) != 0x0800 || ip[0] != 0x45 || be16(ip + 6) & 0x3fff || ip[9] != 6)
		return false;

	const uint32_t total = be16(ip + 2);

	if (total < 20 || total > w->frame->wire - ETHERNET_BYTES)
		return false;
	note_mac(w, p + 6);
	keep_ipv4(w->s, ip);
	w->c.at = PLAIN_BYTES;
	cursor_set_left(&w->c, total - 20);
	return true;
}

/* In two halves: gcc makes one of more than 80 bytes a `rep stos`, which takes longer than all the rest. */
static inline void clear(struct segment *s)
{
	const size_t half = sizeof(*s) / 2;

	memset(s, 0, half);
	memset((uint8_t *)s + half, 0, sizeof(*s) - half);
}

enum decode_result decode_frame(struct decoder *d, const struct frame *f, struct segment *s)
{
	struct walk w = {
		.c = { .base = f->data, .captured = f->captured, .wire = f->wire },
		.d = d,
		.frame = f,
		.s = s,
		.result = DECODE_not_ip, /* for a link type that we do not know */
	};

	assert(f->captured <= f->wire);
	clear(s);
	s->ts = f->ts;
	s->frame = f->number;
	if (LIKELY(plain_ipv4(&w))) {
		parse_tcp(&w);
		return w.result;
	}
	return walk_headers(&w, link_first(f->linktype));
}
