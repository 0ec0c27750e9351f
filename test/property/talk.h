/*
 * Conversations of a few stacks that use their ports again and again, as frames of raw IPv4: most of them without fault,
 * and now and then a segment, a number or a time that is out of the ordinary.
 */
#ifndef PROPERTY_TALK_H
#define PROPERTY_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

#define TALKS      6
#define TALK_BYTES 128

struct talk_end {
	uint32_t isn, next, clock; /* its numbers, its timestamps in milliseconds */
	uint32_t shown;            /* the latest timestamp that it sent */
	uint32_t heard;            /* what it acknowledges of the peer's */
	uint32_t before;           /* the number of its latest segment */
	uint8_t ttl;
	bool used; /* the numbers of a connection before are there */
};

struct dialogue {
	unsigned step; /* enum talk_step */
	uint16_t port;
	struct talk_end end[2]; /* the client has an even address, as long as it is not `turned` */
	bool stamped, scaled, turned;
	bool cut; /* its segments are large, and only their headers and a few bytes are captured */
	unsigned closer; /* who sends the next FIN first */
};

struct talk {
	uint64_t state;
	int64_t now;
	uint64_t number;
	struct dialogue dialogue[TALKS];
	uint8_t bytes[TALK_BYTES];
};

void talk_begin(struct talk *t, uint64_t seed);
/* The next frame; it borrows the bytes of `t`. */
void talk_next(struct talk *t, struct tcplint_frame *f);

#endif
