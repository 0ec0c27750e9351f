/*
 * From the bytes of a frame to a TCP segment: the dispatcher.
 *
 * Most frames take the straight line of decode_plain.c, and nothing of this.
 */
#include <stdlib.h>

#include "decode_private.h"

enum {
	MAX_HEADERS = 32, /* a frame through every tunnel we know has under twenty */
	DEFAULT_FRAGMENTS = 1024,
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

enum decode_result decode_walk(struct decoder *d, const struct tcplint_frame *f, struct segment *s)
{
	struct walk w = {
		.c = { .base = f->data, .captured = f->captured, .wire = f->wire },
		.d = d,
		.frame = f,
		.s = s,
		.result = DECODE_not_ip, /* for a link type that we do not know */
	};

	return walk_headers(&w, link_first(f->linktype));
}
