/*
 * What few connections have, in a cell of its own: a third of a struct conn would be zero in all others.
 *
 * There are as many cells as connections, and each takes one at most, so that one is always to be had.
 */
#ifndef TCPLINT_ASIDE_H
#define TCPLINT_ASIDE_H

#include "conn.h"
#include "slab.h"

/* A past part of an endpoint's path, kept when its facts start over (rules.md 1.2, 7b). */
struct past {
	uint8_t state;
	int64_t ts;
};

#define PAST_MAX 6

/* A segment that was sent again and again: the first intervals between its copies, in microseconds. */
#define RETRY_INTERVALS 6

struct retries {
	uint32_t us[RETRY_INTERVALS];
	uint32_t total_us; /* from the first copy to the latest; these and `us` stay at UINT32_MAX */
	uint8_t count;     /* of intervals; 255 and more */
	uint8_t timer;     /* how many of them only the sender's timer can have ended */
};

/* A segment with a bad checksum, replayed when its bytes are acknowledged (checksum_bad). */
struct damaged {
	uint32_t seq, len, ack;
	uint16_t flags, window;
	struct mark mark;
};

struct aside {
	struct {
		struct past past[PAST_MAX];
		struct retries opening; /* of the client's SYN, of the server's SYN-ACK */
		struct retries closing; /* of its FIN */
		struct damaged damaged; /* the latest of its sender */
	} end[2];
	struct mark icmp_refused; /* an ICMP error that quotes the SYN */
	struct attempt syn[ATTEMPTS], synack[ATTEMPTS]; /* once there is a second one of either */
};

struct asides {
	struct slab pool;
};

bool asides_init(struct asides *a, uint32_t limit, struct error *e) MUST_CHECK;
void asides_finish(struct asides *a);

/* The connection's, which takes one if it has none. */
struct aside *aside_of(struct asides *a, struct conn *c);
void aside_give(struct asides *a, struct conn *c);

#endif
