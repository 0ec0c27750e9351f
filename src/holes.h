/*
 * The sequence numbers of a sender that were never captured: ranges below the highest number seen.
 *
 * A hole that the peer acknowledges is proof that the capture missed something
 * (rule capture_loss); one that a later segment fills was reordering or a loss on
 * the path before the tap.  Ranges live in a bounded pool; when it is
 * exhausted the range is forgotten and counted.
 */
#ifndef TCPLINT_HOLES_H
#define TCPLINT_HOLES_H

#include "conn.h"
#include "slab.h"

struct hole {
	uint32_t next;
	uint32_t from, to; /* [from, to) */
	uint32_t acked_to; /* from .. acked_to is acknowledged; equal to `from`: nothing */
	struct mark seen;  /* the segment beyond it */
	struct mark acked; /* the acknowledgment; frame 0: none yet */
};

struct holes {
	struct slab pool;
	uint64_t exhausted;
};

bool holes_init(struct holes *h, uint32_t limit, struct error *e) MUST_CHECK;
void holes_finish(struct holes *h);

void holes_add(struct holes *h, struct endpoint *e, uint32_t from, uint32_t to, struct mark seen);
/* Bytes [from, to) were captured after all; the answer is how many of them were missing. */
uint32_t holes_fill(struct holes *h, struct endpoint *e, uint32_t from, uint32_t to);
/* The peer acknowledged everything before `ack`. */
void holes_ack(struct holes *h, struct endpoint *e, uint32_t ack, struct mark by);
/*
 * Take one range that was acknowledged at least `wait` before `now` and is still missing.
 * False when there is none.
 */
bool holes_take_lost(struct holes *h, struct endpoint *e, int64_t now, int64_t wait, struct hole *lost);
/* Whether something before `seq` is missing. */
bool holes_below(const struct holes *h, const struct endpoint *e, uint32_t seq);
/* Whether any of [from, to) is missing. */
bool holes_overlap(const struct holes *h, const struct endpoint *e, uint32_t from, uint32_t to);
/* The latest gap opened at or after `since`, acknowledged or not. */
bool holes_since(const struct holes *h, const struct endpoint *e, int64_t since);
void holes_clear(struct holes *h, struct endpoint *e);

#endif
