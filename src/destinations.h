/*
 * All that a run writes to: the records of -o and the packets of -w.
 *
 * What they have in common is done here: new files when it is time (-G) or when somebody asks (SIGHUP), and what
 * the user has to hear of them.
 */
#ifndef TCPLINT_DESTINATIONS_H
#define TCPLINT_DESTINATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture.h"
#include "error.h"
#include "options.h"
#include "output.h"
#include "packets.h"

struct destinations {
	struct output *records;
	struct packets *packets; /* null: no -w */
	bool series;             /* there are files that time, or SIGHUP, ends */
	int64_t flushed;         /* when packets last were */
};

enum { DESTINATIONS_MAX = 4 };

/* Open all; `source` says how the capture was opened.  After a failure, too, it has to be closed. */
bool destinations_open(struct destinations *d, const struct options *o, const struct tcplint_options *lint,
		       const struct capture *c, const struct capture_options *source, struct error *e) MUST_CHECK;

/* Whether somebody else is capturing, at the other end of a pipe, and waits for what we find. */
bool destinations_read_pipe(const struct options *o);

/* Whether there are files that SIGHUP can ask for anew. */
bool destinations_reopen(const struct options *o);

/* The names (formats of strftime(3), perhaps) of files that may be begun later on; how many there are. */
unsigned destinations_files(const struct options *o, const char *files[DESTINATIONS_MAX]);

/* The descriptors of those that are open; how many there are. */
unsigned destinations_descriptors(const struct destinations *d, int descriptors[DESTINATIONS_MAX]);

/* Between two frames, and when there are none: it is `now`.  False when the run is to end. */
bool destinations_mind(struct destinations *d, int64_t now);

/* Nothing more comes for now: whoever reads the records sees all of them. */
void destinations_show(struct destinations *d);

/* Whether one of them takes no more. */
bool destinations_broken(const struct destinations *d);

/* Say on standard error what the user has to hear. */
void destinations_complain(struct destinations *d);

/* Flush and close.  The first failure is the answer; that a reader has gone is none. */
bool destinations_close(struct destinations *d, struct error *e);

#endif
