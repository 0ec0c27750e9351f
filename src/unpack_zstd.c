/* RFC 8878, through libzstd. */
#include <zstd.h>

#include "unpack_codec.h"

static void *create(void)
{
	return ZSTD_createDCtx();
}

static void destroy(void *state)
{
	ZSTD_freeDCtx(state);
}

static enum codec_result step(void *state, struct codec_buffers *b, const char **why)
{
	ZSTD_inBuffer in = { .src = b->in, .size = b->in_len };
	ZSTD_outBuffer out = { .dst = b->out, .size = b->out_len };
	const size_t r = ZSTD_decompressStream(state, &out, &in);

	b->in += in.pos;
	b->in_len -= in.pos;
	b->out += out.pos;
	b->out_len -= out.pos;
	if (!ZSTD_isError(r))
		return r ? CODEC_MORE : CODEC_END;
	*why = ZSTD_getErrorName(r);
	return CODEC_BAD;
}

static bool again(void *state)
{
	return !ZSTD_isError(ZSTD_DCtx_reset(state, ZSTD_reset_session_only));
}

const struct codec codec_zstd = {
	.name = "zstd",
	.magic = { 0x28, 0xb5, 0x2f, 0xfd },
	.magic_len = 4,
	.create = create,
	.destroy = destroy,
	.step = step,
	.again = again,
};
