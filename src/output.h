/*
 * Where records go: whole lines to a file, a pipe, a terminal or standard output.
 *
 * No stdio, so that the only calls made after opening are write(2) and, on a
 * descriptor that somebody made non-blocking, poll(2).  The first failure
 * sticks: what is given afterwards is thrown away, and every answer is false.
 */
#ifndef TCPLINT_OUTPUT_H
#define TCPLINT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct output;

/*
 * Null or "-" is standard output; a file is created or emptied.  `line_by_line` writes each line at once, as a
 * live capture needs it; a terminal is always served so.
 */
struct output *output_open(const char *path, bool line_by_line, struct error *e) MUST_CHECK;

/* One line: `len` bytes and a newline, which is added. */
bool output_line(struct output *o, const char *bytes, size_t len);
bool output_flush(struct output *o);

/* The errno of the failure that stuck; 0: none.  EPIPE means that the reader has gone. */
int output_errno(const struct output *o);

/*
 * Flush, close and free.  False, with "cannot write: No space left on device", if anything ever failed; that the
 * reader has gone is no failure.
 */
bool output_close(struct output *o, struct error *e);

#endif
