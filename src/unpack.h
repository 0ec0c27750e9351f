/*
 * Compressed captures: a descriptor with packed bytes becomes one with the bytes themselves.
 *
 * A thread reads, decompresses and writes into a pipe, so that unpacking costs the reader of the pipe
 * nothing but the reading.  The formats are those whose libraries were there when the program was built.
 */
#ifndef TCPLINT_UNPACK_H
#define TCPLINT_UNPACK_H

#include <stddef.h>

#include "error.h"

/* Enough of a file's first bytes to tell how it is packed. */
#define UNPACK_HEAD 8

struct codec;
struct unpack;

/* The format of which the first bytes of a stream are; null: of none that can be unpacked. */
const struct codec *unpack_codec(const unsigned char *head, size_t len);

/*
 * Begin to unpack what can be read from `fd`, after the `len` bytes of `head` that were taken from it already
 * (at most UNPACK_HEAD).  The caller keeps `fd`, and must not use it before unpack_stop().  Null and a sentence on
 * failure.
 */
struct unpack *unpack_start(const struct codec *codec, int fd, const unsigned char *head, size_t len,
			    struct error *e) MUST_CHECK;

/* The unpacked bytes, to be read until their end and closed by the caller, before unpack_stop(). */
int unpack_fd(const struct unpack *u);

/*
 * After the end of the bytes: why there were no more, in a phrase, when it was not that all was unpacked; else null.
 * It waits for the thread, which is about to end.
 */
const char *unpack_failure(struct unpack *u);

/* End the thread, whatever it waits for.  Null is allowed. */
void unpack_stop(struct unpack *u);

#endif
