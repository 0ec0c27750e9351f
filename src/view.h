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
#define MICROSECOND INT64_C(1000)

/* The thresholds of rules.md 4 that may be set. */
struct limits {
	int64_t msl;
	bool textbook;
	int64_t capture_start; /* the first frame of the capture */
};

static inline struct limits limits_of(const struct tcplint_options *o)
{
	return (struct limits){ .msl = o->msl, .textbook = o->profile == TCPLINT_PROFILE_TEXTBOOK };
}

#define DUP_WINDOW      (2 * MILLISECOND)
#define REORDER_WINDOW  (1 * MILLISECOND)
#define NETWORK_LATE    (200 * MILLISECOND) /* so late may come what left before; the RTO of common stacks is no shorter */
#define SYN_ATTEMPT_GAP (75 * SECOND)
#define SYNACK_WAIT     (63 * SECOND)
#define FIN_WAIT_1_MAX  (100 * SECOND)
#define STALL_WARN      (60 * SECOND)
#define RESOLVE_TIMEOUT (3 * SECOND)
#define KEEPALIVE_IDLE  (1 * SECOND)

struct host_view;
struct twin;

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
	bool guessed; /* data that nobody who knows the connection would send: see classify.c */
	uint64_t previous; /* the frame of the segment that X sent before; 0: none */
	bool foreign; /* the segment belongs to a newer incarnation of the 4-tuple: it moves nobody here */
	bool releasing; /* the connection is being released: nothing will follow */
	enum tcplint_end ending;
	const char *ignored; /* why it does not drive */
	const struct attempt *again; /* EV_SYN_AGAIN: what this is a copy of */
	int64_t rto; /* a copy of a SYN, SYN-ACK or FIN: time since the copy before, when nothing but its sender's timer caused this one; 0 */
	int64_t clock_back; /* EV_TAP: how far the capture's clock went back before this segment */
	const struct twin *twin; /* EV_TAP: the same SYN with another 4-tuple */
	enum side lost_side; /* EV_LOSS: whose numbers */
	uint32_t lost_from, lost_to;
	struct mark lost_seen, lost_acked; /* the segment beyond the gap, and the acknowledgment of it */
	/* before the segment */
	uint8_t state[2], certain[2];
	bool known[2];
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

/* The first segment with which the client goes on after the SYN-ACK. */
static inline bool is_third_step(const struct view *v)
{
	return v->x == CLIENT && v->c->synacks && !v->c->hs_ack.frame && !v->c->simultaneous && !v->c->self_connect &&
	       (v->s->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) == FLAG_ACK && v->XD->has_syn;
}

/* A client without MSS option, judged when it turns out to be more than a scanner. */
static inline bool opens_without_mss(const struct view *v)
{
	return is_third_step(v) && !(v->XD->syn_any & (OPT_MSS | OPT_UNREADABLE));
}

/* The number is that IPv4 address (which is kept as ::ffff:a.b.c.d), as it stands in a header. */
static inline bool is_ipv4(uint32_t number, const uint8_t ip[16])
{
	return number == ((uint32_t)ip[12] << 24 | (uint32_t)ip[13] << 16 | (uint32_t)ip[14] << 8 | ip[15]);
}

#define MOST_WSCALE 14 /* RFC 7323, 2.3 */
#define TINY_MSS    64 /* rules.md, opt_mss_tiny */

/* Options that a SYN-ACK has only when the SYN had them. */
#define OPT_ASKED_FOR (OPT_WSCALE | OPT_TIMESTAMPS | OPT_FAST_OPEN | OPT_MP_CAPABLE | OPT_MP_JOIN)

/* RFC 7413, 4.1.1: none (a request), or an even number of bytes from 4 to 16. */
static inline bool legal_cookie(unsigned len)
{
	return !len || (len >= 4 && len <= 16 && !(len & 1));
}

/* RFC 3168, 6.1.1; with the third bit it would be AccECN's. */
static inline bool is_ecn_setup_synack(unsigned flags)
{
	return (flags & (FLAG_SYN | FLAG_ACK | FLAG_ECE | FLAG_CWR | FLAG_AE)) == (FLAG_SYN | FLAG_ACK | FLAG_ECE);
}

/*
 * The timestamp echoed is not between those of the first and the latest SYN, all of which had one.  Some
 * servers begin with two zeros and use timestamps from their next segment on (Windows before Vista).
 */
static inline bool echoes_no_syn(const struct endpoint_detail *asked, const struct segment *s)
{
	return s->opt.present & asked->syn_any & ~asked->syn_lacked & OPT_TIMESTAMPS &&
	       (s->opt.ts_val || s->opt.ts_ecr) && !seq_in(asked->syn_first_tsval, s->opt.ts_ecr, asked->syn_tsval);
}

/* RFC 3168, 6.1.1: the flags of the SYN again, from a host that does not know what they are. */
static inline bool reflects_ecn(const struct endpoint_detail *asked, unsigned flags)
{
	return asked->asked_ecn && (flags & (FLAG_ECE | FLAG_CWR)) == (FLAG_ECE | FLAG_CWR) &&
	       !((flags ^ asked->syn_flags_any) & FLAG_AE);
}

/* The client's first segment after the handshake of a subflow of Multipath TCP, in which MP_JOIN got lost. */
static inline bool lost_join(const struct view *v)
{
	const struct endpoint_detail *C = v->XD, *S = v->YD;

	if (!is_third_step(v) || !(C->syn_any & ~C->syn_lacked & OPT_MP_JOIN) || !S->has_syn ||
	    S->syn_any & OPT_UNREADABLE)
		return false;
	if (v->X->segments > C->syn) /* the capture has the SYN-ACK after that segment */
		return false;
	return !(S->syn_any & OPT_MP_JOIN) || !(v->s->opt.present & (OPT_MP_JOIN | OPT_UNREADABLE));
}

/* How far back the timestamps of an incarnation before are looked for: more than a day of most clocks. */
#define STAMPS_BEFORE UINT32_C(0x8000000)

/* The timestamp is of the clock that X showed in the incarnation before, and older than the SYN of this one. */
static inline bool view_old_stamp(const struct view *v)
{
	const struct conn *c = v->c;
	const uint32_t stamp = v->s->opt.ts_val;

	if (!c->before.known[v->x] || !c->before.timestamps || !(v->s->opt.present & OPT_TIMESTAMPS) ||
	    !v->XD->has_syn || v->s->flags & FLAG_SYN || c->before.tsval[v->x] - stamp > STAMPS_BEFORE)
		return false;
	return !(v->XD->syn_any & OPT_TIMESTAMPS) || seq_lt(stamp, v->XD->syn_first_tsval);
}

/* What an Ethernet frame carries of payload, behind headers without options. */
#define ETHERNET_PAYLOAD 1460

/* Longer than Y said that it takes, and than the path carries: put together by a network card, or not yet split. */
static inline bool view_oversized(const struct conn *c, const struct segment *s, enum side y)
{
	return s->len > ETHERNET_PAYLOAD && !s->fragmented && c->detail[y].has_syn && c->detail[y].mss &&
	       s->len > c->detail[y].mss;
}

/*
 * The first SACK block that cannot be: empty or upside down, beyond all that Y has sent, or below the acknowledgment
 * and not the first, which may report a duplicate (RFC 2018, 3; RFC 2883, 4).  -1: none.
 */
static inline int odd_sack(const struct view *v)
{
	const struct segment *s = v->s;

	if ((s->opt.present & (OPT_SACK | OPT_UNREADABLE)) != OPT_SACK)
		return -1;
	for (int i = 0; i < s->opt.sack_count; i++) {
		const struct sack_block b = s->opt.sack[i];

		if (seq_ge(b.left, b.right) ||
		    ((v->Y->known & (K_SEEN | K_SMAX)) == (K_SEEN | K_SMAX) && seq_gt(b.right, v->Y->smax)) ||
		    (i && seq_lt(b.left, s->ack)))
			return i;
	}
	return -1;
}

/* Intervals in microseconds that are equal within a tenth of the larger. */
static inline bool same_interval(uint32_t a, uint32_t b)
{
	return a < b ? b - a <= b / 10 : a - b <= a / 10;
}

static inline struct mark mark_of(const struct segment *s)
{
	return (struct mark){ .ts = s->ts, .frame = s->frame };
}

/* The lowest number that a segment of X can have that ends at `most` or before: numbers are used again. */
static inline uint32_t oldest_number(const struct endpoint *X, uint32_t most)
{
	return X->payload_bytes < 1u << 30 ? X->isn : most - (1u << 30);
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
