/*
 * Whether a host's next source port can be guessed from the one before (RFC 6056, 2.2 and 3.3).
 *
 * Algorithms 3 and 4 of RFC 6056 count up for each destination, from a place that depends on it.  So only a port that
 * was used for a destination for the first time tells anything: compared with the port before it, whatever the
 * destination of that was, it is as good as random.
 */
#ifndef TCPLINT_PORTS_H
#define TCPLINT_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#define PORTS_MIN 8 /* pairs */

struct port_sample {
	uint32_t peer; /* tells the destinations apart */
	uint16_t port;
};

struct port_verdict {
	double p;
	unsigned pairs, close; /* that were looked at; of these, how many were 1 to 8 apart */
	unsigned last;         /* the second of the last such pair, by its place among the samples */
};

/* `n` openings, oldest first.  True when they are sequential; then `*out` says how. */
bool ports_judge(const struct port_sample *s, unsigned n, struct port_verdict *out);

#endif
