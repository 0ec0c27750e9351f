/* What the parts of the quiet form ask of a segment.  Private to quiet*.c. */
#ifndef TCPLINT_QUIET_PRIVATE_H
#define TCPLINT_QUIET_PRIVATE_H

#include "quiet.h"

static inline uint8_t checksum_of(const struct kept_syn *k)
{
	return k->flags >> KEPT_CHECKSUM & 3;
}

/* Of the windows that an end offers, by its SYN and its peer's. */
static inline uint8_t scale_of(const struct kept_syn *own, const struct kept_syn *peer)
{
	return own->present & peer->present & OPT_WSCALE ? own->wscale : 0;
}

#define ECN_FLAGS (FLAG_ECE | FLAG_CWR | FLAG_AE)

/*
 * In what follows `&` stands between conditions of which the first says nothing about what is usual: to compute both
 * takes less than a branch that is mispredicted.
 */
static inline bool plain(const struct segment *s)
{
	return segment_is_sound(s) && s->window;
}

/* What an end has shown of its timestamps and of the segments that it takes. */
struct stamps {
	uint32_t first, latest;
	uint16_t mss;
};

static inline struct stamps stamps_of(const struct quiet_side *X, uint32_t latest)
{
	return (struct stamps){ X->first_tsval, latest, X->mss };
}

/* ACK and perhaps data, with timestamps when they were agreed on, and not older ones than `tsval`. */
static inline bool ordinary(const struct quiet *q, const struct segment *s, unsigned fin, uint32_t tsval,
			    struct stamps peer)
{
	const bool stamped = s->opt.present & OPT_TIMESTAMPS;

	/* longer than the peer takes, or an echo of what it has not sent (tracker_private.h) */
	if ((s->len != 0) & (segment_tcp_length(s) > UINT32_C(20) + peer.mss) ||
	    (stamped & !seq_in(peer.first, s->opt.ts_ecr, peer.latest)))
		return false;
	return (s->flags & ~(unsigned)(FLAG_PSH | ECN_FLAGS)) == (FLAG_ACK | fin) && plain(s) &&
	       !(s->opt.present & ~(uint32_t)OPT_TIMESTAMPS) && stamped == q->stamped &&
	       !(stamped & seq_lt(s->opt.ts_val, tsval)) && (q->ecn || !(s->tos & TOS_ECN));
}

/* Within the edge that the peer offered, and none of its own goes back: odd_window() of tracker_private.h. */
static inline bool fits(const struct quiet_side *X, const struct quiet_side *Y, const struct segment *s,
			uint32_t edge, uint32_t peer_edge)
{
	return !((s->len != 0) & seq_gt(s->seq + s->len, peer_edge + (1u << Y->scale))) &&
	       !seq_lt(s->ack + (((uint32_t)s->window + 1) << X->scale), edge);
}

static inline bool in_order(const struct quiet_side *X, const struct quiet_side *Y, const struct segment *s)
{
	return s->seq == X->smax && seq_in(X->amax, s->ack, Y->smax);
}

static inline struct quiet_closing *closing_of(struct engine *en, struct quiet_part *p)
{
	if (!p->closing)
		p->closing = slab_take(&en->flows.closings);
	return p->closing ? flow_closing(&en->flows, p) : NULL;
}

/*
 * A 4-tuple is used again whose newest connection is `older` (quiet_reuse.c).  Whether the new one, `q`, is ordinary,
 * by its SYN and by the SYN-ACK; and what the two do to both.
 */
bool quiet_may_reopen(struct engine *en, uint32_t older, const struct segment *s, bool from_first);
void quiet_follow(struct engine *en, struct quiet *q, uint32_t older);
void quiet_show_syn(struct engine *en, const struct quiet *q, uint32_t older, const struct segment *s);
bool quiet_may_accept(const struct engine *en, const struct quiet *q, const struct segment *s);
void quiet_accept(struct engine *en, const struct quiet *q, const struct segment *s);
/* At the end of `old`, which has seen the SYN of a newer one. */
void quiet_tell_time_wait(struct engine *en, const struct quiet *old);

/* The first FIN or a RST, and what follows the FIN: false when it is out of the ordinary, and nothing has changed. */
bool quiet_begin_closing(struct engine *en, struct quiet *q, struct quiet_part *p, uint32_t number, enum side x,
			 const struct segment *s);
bool quiet_go_on_closing(struct engine *en, struct quiet *q, struct quiet_part *p, uint32_t number, enum side x,
			 const struct segment *s);

/* So many answered connections before closed ones are packed; 0 where it is checked what comes out. */
#ifdef NDEBUG
#define KEPT_UNPACKED (1 << 17)
#else
#define KEPT_UNPACKED 0
#endif

/*
 * What is kept of a connection that is closed, in less room where it fits; and as it was.  What is packed is not looked at.
 */
void quiet_pack(struct engine *en, struct quiet *q);
void quiet_unpack(struct engine *en, struct quiet *q);
/* The same where it is not over yet, which speaks against packing. */
void quiet_ask_again(struct engine *en, struct quiet *q);

#endif
