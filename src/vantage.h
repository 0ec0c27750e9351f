/*
 * Where the tap stands, as far as the opening of one connection tells (rules.md 1.5).
 *
 * From the SYN to the SYN-ACK is the way from the tap to the server and back, from the SYN-ACK to
 * its ACK that to the client.  A TTL that is one of those that hosts begin with has passed no router.
 */
#ifndef TCPLINT_VANTAGE_H
#define TCPLINT_VANTAGE_H

#include "view.h"

struct vantage {
	enum tcplint_vantage estimate;
	bool has_hops[2];
	uint8_t hops[2];
	int64_t rtt[2]; /* nanoseconds; -1: not measured */
};

struct vantage vantage_of(const struct conn *c);

/* The tap stands so close to that end that nothing is lost between the two. */
bool vantage_at(const struct conn *c, enum side x);

#endif
