/*
 * The same SYN on two 4-tuples (E-NAT2, rules.md 1.11): a capture on both sides of an address translator has every
 * packet twice, under two names.
 *
 * What a translator leaves alone tells: initial sequence number, timestamp, options, window.  SYNs without
 * timestamps are left out, since scanners send one number to many places.
 */
#ifndef TCPLINT_TWINS_H
#define TCPLINT_TWINS_H

#include <tcplint/tcplint.h>

#include "rules.h"
#include "segment.h"

struct twin {
	struct tcplint_address client, server;
	uint32_t seq;
	struct mark mark;
};

#define TWINS 512 /* so many SYNs of the last second are remembered; a newer one may take the place of an older */

struct twins {
	uint32_t print[TWINS]; /* 0: none.  Together, and small: nearly all that is asked is whether one of them is the same. */
	struct twin at[TWINS];
};

/*
 * Remember SYN `s` of the connection `id`.  The answer is the same SYN on another 4-tuple less than a second
 * before, valid until the next call; or null.
 */
const struct twin *twins_note(struct twins *t, const struct segment *s, const struct tcplint_conn_id *id);

#endif
