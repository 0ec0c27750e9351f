/*
 * -w: the packets of connections with findings, as a capture file.
 *
 * What to write is evidence.h's business, how it looks savefile.h's, and where to and when in another file
 * output.h's; here they meet.
 */
#ifndef TCPLINT_PACKETS_H
#define TCPLINT_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

#include "capture.h"
#include "error.h"
#include "output.h"

struct packets;
struct tcplint_frame;

struct packets_counters {
	uint64_t written, lost; /* frames; lost with `drop` of the output only */
	uint64_t forgotten;     /* connections of which not everything could be kept */
};

/*
 * Create the file, and open the input a second time, while that is allowed, where `again` says how: then there are two
 * passes; null: one.  Null and a sentence on failure.  `again` must outlive it.
 */
struct packets *packets_open(const struct output_options *where, const struct tcplint_options *lint,
			     const struct capture *c, const struct capture_options *again, struct error *e) MUST_CHECK;

/* A frame, before the library is fed with it. */
void packets_frame(struct packets *p, const struct tcplint_frame *f);
void packets_found(struct packets *p, const struct tcplint_conn_id *c);
/* The latest frame given ended the connection, or came after its end. */
void packets_released(struct packets *p, const struct tcplint_conn_id *c, uint64_t number);

/*
 * Read the input again, up to the frame `last`, and write what belongs to the connections found; nothing where one
 * pass has to do.  A signal that comes meanwhile ends it.
 */
bool packets_second_pass(struct packets *p, uint64_t last, bool (*interrupted)(void), struct error *e);

bool packets_in_one_pass(const struct packets *p);

/* For what the loop does with any output. */
struct output *packets_output(struct packets *p);
struct packets_counters packets_count(const struct packets *p);
uint64_t packets_bound(const struct packets *p); /* bytes */

bool packets_close(struct packets *p, struct error *e);

#endif
