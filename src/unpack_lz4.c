/* The LZ4 frame format, through liblz4. */
#include <lz4frame.h>

#include "unpack_codec.h"

static void *create(void)
{
	LZ4F_dctx *d = NULL;

	return LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)) ? NULL : d;
}

static void destroy(void *state)
{
	LZ4F_freeDecompressionContext(state);
}

static enum codec_result step(void *state, struct codec_buffers *b, const char **why)
{
	size_t in = b->in_len, out = b->out_len;
	const size_t r = LZ4F_decompress(state, b->out, &out, b->in, &in, NULL);

	b->in += in;
	b->in_len -= in;
	b->out += out;
	b->out_len -= out;
	if (!LZ4F_isError(r))
		return r ? CODEC_MORE : CODEC_END;
	*why = LZ4F_getErrorName(r);
	return CODEC_BAD;
}

static bool again(void *state)
{
	LZ4F_resetDecompressionContext(state);
	return true;
}

const struct codec codec_lz4 = {
	.name = "lz4",
	.magic = { 0x04, 0x22, 0x4d, 0x18 },
	.magic_len = 4,
	.create = create,
	.destroy = destroy,
	.step = step,
	.again = again,
};
