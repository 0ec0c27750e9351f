/* The .xz format, through liblzma. */
#include <lzma.h>
#include <stdlib.h>

#include "unpack_codec.h"

/* What `xz -9` needs, twice: a file that asks for gigabytes is refused. */
#define MEMORY_MAX (UINT64_C(128) << 20)

static bool again(void *state)
{
	return lzma_stream_decoder(state, MEMORY_MAX, 0) == LZMA_OK;
}

static void *create(void)
{
	lzma_stream *s = calloc(1, sizeof(*s));

	if (s && !again(s)) {
		free(s);
		return NULL;
	}
	return s;
}

static void destroy(void *state)
{
	lzma_end(state);
	free(state);
}

static enum codec_result step(void *state, struct codec_buffers *b, const char **why)
{
	lzma_stream *s = state;

	s->next_in = b->in;
	s->avail_in = b->in_len;
	s->next_out = b->out;
	s->avail_out = b->out_len;
	const lzma_ret r = lzma_code(s, LZMA_RUN);

	b->in = s->next_in;
	b->in_len = s->avail_in;
	b->out = s->next_out;
	b->out_len = s->avail_out;
	if (r == LZMA_STREAM_END)
		return CODEC_END;
	if (r == LZMA_OK || r == LZMA_BUF_ERROR)
		return CODEC_MORE;
	*why = r == LZMA_MEMLIMIT_ERROR ? "it asks for more memory than is allowed" :
	       r == LZMA_MEM_ERROR      ? "no memory" :
	       r == LZMA_OPTIONS_ERROR  ? "it uses options that are not supported" :
					  "data is corrupt";
	return CODEC_BAD;
}

const struct codec codec_xz = {
	.name = "xz",
	.magic = { 0xfd, '7', 'z', 'X', 'Z', 0 },
	.magic_len = 6,
	.create = create,
	.destroy = destroy,
	.step = step,
	.again = again,
};
