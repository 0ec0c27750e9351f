/*
 * What rules and the tracker look at: a connection, the segment that just came, and what it means.
 *
 * X is the sender, Y the peer.  On timers and at the end of a connection there
 * is no segment and X is the client.
 */
#ifndef TCPLINT_VIEW_H
#define TCPLINT_VIEW_H

#include "conn.h"
#include "events.h"
#include "holes.h"
#include "segment.h"
#include "seq.h"

#define SECOND      INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)

/* The thresholds of rules.md 4 that may be set. */
struct limits {
	int64_t msl;
	bool textbook;
	int64_t capture_start; /* the first segment of the capture */
};

#define DUP_WINDOW      (2 * MILLISECOND)
#define REORDER_WINDOW  (1 * MILLISECOND)
#define SYN_ATTEMPT_GAP (75 * SECOND)
#define SYNACK_WAIT     (63 * SECOND)
#define FIN_WAIT_1_MAX  (100 * SECOND)
#define STALL_WARN      (60 * SECOND)
#define RESOLVE_TIMEOUT (3 * SECOND)
#define KEEPALIVE_IDLE  (1 * SECOND)

struct host_view;

struct view {
	const struct conn *c;
	const struct segment *s; /* null on timers and at the end */
	enum side x, y; /* sender and receiver; the same when a socket is connected to itself */
	const struct endpoint *X, *Y;
	const struct endpoint_detail *XD, *YD;
	const struct limits *limits;
	const struct holes *holes;
	const struct host_view *host; /* rules ON_HOST: that, and nothing else here but `limits` and `now` */
	uint32_t events;
	uint32_t end; /* of the segment */
	int64_t now;
	bool drives; /* the segment may move the endpoints */
	bool beyond; /* at or beyond every window that Y offered */
	bool old;    /* Y has acknowledged all of it before */
	bool foreign; /* the segment belongs to a newer incarnation of the 4-tuple: it moves nobody here */
	bool releasing; /* the connection is being released: nothing will follow */
	enum tcplint_end ending;
	const char *ignored; /* why it does not drive */
	enum side lost_side; /* EV_LOSS: whose numbers */
	uint32_t lost_from, lost_to;
	struct mark lost_seen, lost_acked; /* the segment beyond the gap, and the acknowledgment of it */
	/* before the segment */
	uint8_t state[2], certain[2];
	bool known[2];
	const char *arrow[2]; /* after it: what moved them */
};

static inline bool has(const struct view *v, uint32_t flags)
{
	return v->s && (v->s->flags & flags) == flags;
}

/* No SYN, FIN, RST, no payload: an acknowledgment and nothing else. */
static inline bool is_pure_ack(const struct segment *s)
{
	return (s->flags & (FLAG_SYN | FLAG_FIN | FLAG_RST | FLAG_ACK)) == FLAG_ACK && !s->len;
}

static inline struct mark mark_of(const struct segment *s)
{
	return (struct mark){ .ts = s->ts, .frame = s->frame };
}

/*
 * How long after a stimulus passed the tap an answer-less segment of the
 * endpoint may still have been sent before it arrived: one and a half of the
 * shortest turn-around seen, 200 ms where none was.
 */
static inline int64_t crossing(const struct endpoint *e)
{
	return e->turn ? e->turn + e->turn / 2 + MILLISECOND : 200 * MILLISECOND;
}

#endif
