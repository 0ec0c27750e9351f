/*
 * Where records go: whole, to a file, a series of files, a pipe, a terminal or standard output.
 *
 * No stdio, so that the only calls made after opening are write(2) and, on a
 * descriptor that somebody made non-blocking, poll(2); a series, or a file that is
 * opened anew, takes open(2), fstat(2), stat(2) and close(2) besides, and a write that
 * fails ftruncate(2) and lseek(2).  Files are written at their end (O_APPEND), so that
 * whoever shortens one finds no gap in it.
 *
 * A failure sticks: what is given afterwards is thrown away, and every answer is
 * false.  With `drop` the records that did not fit are counted, and the next one is tried again.
 */
#ifndef TCPLINT_OUTPUT_H
#define TCPLINT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "rotation.h"

struct output;

struct output_options {
	const char *path;         /* null or "-": standard output */
	bool at_once;             /* each record leaves at once, as whoever captures into a pipe needs it; a terminal is always served so */
	bool binary;              /* records are not lines */
	bool append;              /* add to a file that is there already, instead of emptying it */
	bool drop;                /* a record that cannot be written is counted and forgotten */
	struct rotation rotation; /* its first three members */
	int64_t now;              /* when it begins, for names; 0: with the first output_clock() */
	const char *const *inputs; /* files that must not be overwritten, whatever the names come to */
	unsigned input_count;
};

/* Null and a sentence on failure.  The strings must outlive it. */
struct output *output_open(const struct output_options *o, struct error *e) MUST_CHECK;

/* What this file begins with, and every later one: a line without its newline, or bytes.  They are copied. */
bool output_header(struct output *o, const char *bytes, size_t len);

/* One line: `len` bytes and a newline, which is added. */
bool output_line(struct output *o, const char *bytes, size_t len);

/* One record in several parts. */
struct output_part {
	const void *bytes;
	size_t len;
};
bool output_record(struct output *o, const struct output_part *part, unsigned count);
bool output_flush(struct output *o);

/* It is `now`: the next file begins if that is due.  False when the last one is full: the run is over. */
bool output_clock(struct output *o, int64_t now);

/* Open the file of that name anew: somebody may have moved it.  If that fails, the old one goes on being used. */
bool output_reopen(struct output *o);

/* The errno of the failure that stuck; 0: none.  EPIPE means that the reader has gone. */
int output_errno(const struct output *o);

/* Of the file of the moment; -1: it is standard output, or not open yet. */
int output_descriptor(const struct output *o);

/* Records that were dropped. */
uint64_t output_lost(const struct output *o);

/* Something new that the user should hear of, in one sentence, once; null: nothing. */
const char *output_warning(struct output *o);

/*
 * Flush, close and free.  False, with "cannot write: No space left on device", if a failure stuck; that the
 * reader has gone is none.
 */
bool output_close(struct output *o, struct error *e);

#endif
