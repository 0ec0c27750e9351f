/* What predicates of several phases ask. */
#ifndef TCPLINT_PREDICATES_H
#define TCPLINT_PREDICATES_H

#include "draft.h"
#include "rules.h"

/* A segment of this very incarnation that may move its endpoints, with one of these events. */
static inline bool live(const struct view *v, uint32_t events)
{
	return v->s && v->drives && v->events & events && !(v->events & EV_ODD_FLAGS);
}

/* A segment of this very incarnation that was not damaged: what stands in it, its sender sent. */
static inline bool intact(const struct view *v, uint32_t event)
{
	return v->events & event && v->s && !v->foreign && !v->s->bad_header && v->s->checksum != CHECKSUM_BAD;
}

/* Probes, and answers to what is no part of the connection, are made from less than its whole state. */
static inline bool from_whole_state(const struct view *v)
{
	const struct segment *s = v->s;

	return s->flags & FLAG_ACK && !(v->events & EV_KEEPALIVE) && !(s->len <= 1 && s->seq == v->X->smax - 1) &&
	       !(is_pure_ack(s) && !(v->events & EV_ACK_NEW));
}

/* Two packets came from different distances: by more than paths that change a little. */
static inline bool far_apart(uint8_t ttl, uint8_t other)
{
	const int hops = (int)ttl - (int)other;

	return hops < -2 || hops > 2;
}

/* Another host behind the same address, or somebody who forges. */
static inline bool other_distance(const struct view *v)
{
	return far_apart(v->s->ttl, v->X->ttl);
}

/* The first copy of a SYN that opens again a 4-tuple whose incarnation is remembered. */
static inline bool reopens(const struct view *v)
{
	const struct conn *c = v->c;

	return v->s && v->foreign && v->events & EV_SYN && !(v->events & (EV_BAD_CHECKSUM | EV_ODD_FLAGS)) &&
	       !(c->foreign_syn.frame && c->foreign_side == v->x && c->foreign_seq == v->s->seq);
}

/* Whether `ack` acknowledges one of the client's SYNs, with or without its data (RFC 7413, 4.2.2). */
static inline bool acks_a_syn(const struct conn *c, uint32_t ack)
{
	for (unsigned i = 0; i < c->syns; i++)
		if (seq_in(c->syn[i].isn + 1, ack, c->syn[i].isn + 1 + c->syn[i].len))
			return true;
	return false;
}

/* The client's latest SYN. */
static inline struct mark newest_syn(const struct conn *c)
{
	return c->syns ? c->syn[c->syns - 1].last : (struct mark){ 0 };
}

/* A SYN-ACK that answers a SYN of the client's, where the two did not cross. */
static inline bool answers_syn(const struct view *v)
{
	return intact(v, EV_SYNACK) && live(v, EV_SYNACK) && v->x == SERVER && v->c->syns && !v->c->self_connect &&
	       !v->c->simultaneous && !v->c->split && acks_a_syn(v->c, v->s->ack);
}

/* It has an option that no copy of the client's SYN had, as far as they were captured whole. */
static inline bool unasked(const struct view *v, uint32_t option)
{
	return v->events & EV_DISAGREED && answers_syn(v) && v->s->opt.present & option &&
	       !(v->YD->syn_any & (option | OPT_UNREADABLE));
}

/* A copy of the SYN of `y` that has the option turned up, or one that nobody can read. */
static inline enum outcome settle_unasked(const struct view *v, const struct candidate *k, enum side y, uint32_t option)
{
	if (v->c->detail[y].syn_any & (option | OPT_UNREADABLE) || v->c->simultaneous)
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

/* On release: the client sent SYNs and nothing else, and neither the server nor an ICMP error answered. */
static inline bool unanswered_open(const struct view *v)
{
	const struct conn *c = v->c;

	return v->releasing && c->syns && !c->self_connect && !knows(&c->end[SERVER], K_SEEN) &&
	       !fact_is(&c->end[SERVER], SYN_SENT) && !c->icmp_refused && !fact_is(&c->end[CLIENT], RESET) &&
	       c->end[CLIENT].segments == c->detail[CLIENT].syn;
}

/*
 * Two numbers of one sequence space: no further apart than a window.  A device that rewrites sequence
 * numbers, captured on both sides, shows one sender in two spaces.
 */
static inline bool one_space(const struct endpoint *receiver, uint32_t a, uint32_t b)
{
	const uint32_t most = receiver->maxwnd > 0x10000 ? receiver->maxwnd : 0x10000;

	return a - b <= most || b - a <= most;
}

/*
 * The segment `s` of `x` is in the sequence space of a number that stood out: `seq` of its sender, or `ack` of its
 * peer.  It was no guess then, but the same connection in other numbers, captured on both sides of a device that
 * changes them.
 */
static inline bool shares_space(const struct view *v, const struct candidate *k, bool seq, uint32_t number)
{
	const enum side x = (enum side)k->sender;
	const bool own = (v->x == x) == seq;

	return v->s && v->s->frame != k->draft.frame[k->draft.frames - 1] && !(v->s->flags & FLAG_RST) &&
	       (own || v->s->flags & FLAG_ACK) &&
	       one_space(&v->c->end[seq ? other(x) : x], own ? v->s->seq : v->s->ack, number);
}

/* What is missing may have overtaken so many that were sent before it. */
#define OVERTAKEN 3

/*
 * The identifications of the peer of who opened the candidate go on by one from before it to now, with `before`
 * more segments ahead of it: nothing of the peer's is missing.
 */
static inline bool no_id_gap(const struct view *v, struct candidate *k, unsigned before)
{
	const struct endpoint *e = &v->c->end[other((enum side)k->sender)];
	const uint32_t since = e->segments - k->heard;

	if (since < OVERTAKEN || e->id_run < since + before || e->last.ts - k->opened <= REORDER_WINDOW)
		return false;
	k->draft.evidence |= EVI_no_id_gap;
	return true;
}

#endif
