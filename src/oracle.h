/*
 * Whether a SYN may open a connection whose old incarnation is in TIME_WAIT (RFC 6191, 2;
 * RFC 9293, 3.6.1, MAY-2 and SHLD-4).
 */
#ifndef TCPLINT_ORACLE_H
#define TCPLINT_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

struct reopening {
	bool had_timestamps; /* the old incarnation used the Timestamps option */
	bool has_timestamps; /* the SYN carries it */
	bool cut;            /* of the SYN's options some were not captured */
	uint32_t tsval_last; /* the newest that the sender of the SYN used in the old one */
	uint32_t tsval;      /* of the SYN */
	uint32_t fin;        /* sequence number of its FIN: the highest that it used */
	uint32_t seq;        /* of the SYN */
};

enum newer {
	NOT_NEWER,
	NEWER_TIMESTAMP,  /* a later timestamp, whatever the sequence number */
	NEWER_SEQUENCE,   /* a higher sequence number, and timestamps that say nothing */
	NEWLY_TIMESTAMPED, /* timestamps where the old incarnation had none */
	PERHAPS_NEWER,     /* the SYN was not captured whole */
};

enum newer oracle_reopening(const struct reopening *r);

#endif
