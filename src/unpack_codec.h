/*
 * The four compressed formats behind unpack.h, each in a file of its own that alone knows its library.
 *
 * Private to the files of unpack.
 */
#ifndef TCPLINT_UNPACK_CODEC_H
#define TCPLINT_UNPACK_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is still to be read, and the room that is left; a step moves both on. */
struct codec_buffers {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len;
};

enum codec_result {
	CODEC_MORE, /* it wants more input, or more room */
	CODEC_END,  /* the end of a stream; another may follow */
	CODEC_BAD,  /* `why` says what is wrong */
};

struct codec {
	const char *name;
	unsigned char magic[8];
	size_t magic_len;
	/* A decoder for one stream after another; null: no memory. */
	void *(*create)(void);
	void (*destroy)(void *state);
	enum codec_result (*step)(void *state, struct codec_buffers *b, const char **why);
	/* Make ready for the stream that follows an end. */
	bool (*again)(void *state);
};

extern const struct codec codec_gzip, codec_zstd, codec_lz4, codec_xz;

#endif
