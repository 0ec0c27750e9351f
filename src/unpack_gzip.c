/* RFC 1952, through zlib. */
#include <stdlib.h>
#include <zlib.h>

#include "unpack_codec.h"

#define WINDOW_GZIP (15 + 16) /* the largest window, and a gzip header */

static void *create(void)
{
	z_stream *z = calloc(1, sizeof(*z));

	if (z && inflateInit2(z, WINDOW_GZIP) != Z_OK) {
		free(z);
		return NULL;
	}
	return z;
}

static void destroy(void *state)
{
	inflateEnd(state);
	free(state);
}

static enum codec_result step(void *state, struct codec_buffers *b, const char **why)
{
	z_stream *z = state;

	z->next_in = (z_const Bytef *)b->in;
	z->avail_in = (uInt)b->in_len;
	z->next_out = b->out;
	z->avail_out = (uInt)b->out_len;
	const int r = inflate(z, Z_NO_FLUSH);

	b->in = z->next_in;
	b->in_len = z->avail_in;
	b->out = z->next_out;
	b->out_len = z->avail_out;
	if (r == Z_STREAM_END)
		return CODEC_END;
	if (r == Z_OK || r == Z_BUF_ERROR)
		return CODEC_MORE;
	*why = z->msg ? z->msg : "no memory";
	return CODEC_BAD;
}

static bool again(void *state)
{
	return inflateReset(state) == Z_OK;
}

const struct codec codec_gzip = {
	.name = "gzip",
	.magic = { 0x1f, 0x8b },
	.magic_len = 2,
	.create = create,
	.destroy = destroy,
	.step = step,
	.again = again,
};
