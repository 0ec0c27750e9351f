/*
 * The short way: a segment in order on an established connection.
 *
 * Nothing waits, nothing is missing, and no rule can fire: only numbers move.  Whatever
 * is the least unusual takes the long way (tracker_classify(), the rules, tracker_apply()), which
 * does the same and more; test/property/engine.c compares the two.
 */
#include "tracker_private.h"

/* Both facts that make an endpoint ESTABLISHED and no other, all proven. */
#define ESTABLISHED_FACTS (CONFIRMED << 2 * SYN_SENT | CONFIRMED << 2 * SYN_RCVD | CONFIRMED << 2 * SYN_ACKED)

static bool at_rest(const struct conn *c)
{
	const struct endpoint *a = &c->end[CLIENT], *b = &c->end[SERVER];

	return a->facts == ESTABLISHED_FACTS && b->facts == ESTABLISHED_FACTS && !c->candidates && !a->holes &&
	       !b->holes && !c->older && !c->newer && !c->pending && (c->hs_ack.frame || !c->synacks) &&
	       !c->authenticated && !c->damaged[CLIENT] && !c->damaged[SERVER];
}

/* It is as the SYNs agreed on (classify.c, EV_DISAGREED). */
static bool agreed(const struct conn *c, const struct segment *s, const struct endpoint *X)
{
	return !(s->opt.present & OPT_TIMESTAMPS && c->no_timestamps) && !(s->tos & TOS_ECN && c->no_ecn) &&
	       !oversized(X, s);
}

/* Its numbers are what they may be (EV_ODD_NUMBERS), and no window is closed or opens. */
static bool plausible(const struct segment *s, const struct endpoint *X, const struct endpoint *Y)
{
	return s->window && X->window && Y->window && !odd_window(X, Y, s) && !odd_stamp(X, Y, s);
}

/* With timestamps when both ends agreed on them, and not older ones. */
static bool stamped_well(const struct conn *c, const struct segment *s, const struct endpoint *X)
{
	if (!(s->opt.present & OPT_TIMESTAMPS))
		return !c->timestamps;
	return knows(X, K_TSVAL) && !seq_lt(s->opt.ts_val, X->tsval);
}

static bool ordinary(const struct conn *c, const struct segment *s, const struct endpoint *X)
{
	return (s->flags & ~(unsigned)(FLAG_PSH | FLAG_ECE | FLAG_CWR | FLAG_AE)) == FLAG_ACK &&
	       !(s->opt.present & ~(uint32_t)OPT_TIMESTAMPS) && stamped_well(c, s, X) && s->checksum <= CHECKSUM_OK &&
	       !s->truncated && !s->bad_header;
}

bool tracker_in_order(const struct conn *c, const struct segment *s, enum side x)
{
	const unsigned needs = K_SEEN | K_SMAX | K_AMAX;
	const struct endpoint *X = &c->end[x], *Y = &c->end[other(x)];

	return (X->known & needs) == needs && (Y->known & K_SMAX) && s->seq == X->smax &&
	       seq_ge(s->ack, X->amax) && seq_le(s->ack, Y->smax) && (s->len || s->ack != X->amax) &&
	       ordinary(c, s, X) && agreed(c, s, X) && plausible(s, X, Y) && at_rest(c) &&
	       (c->oversized[x] || !view_oversized(c, s, other(x)));
}

void tracker_go_on(struct conn *c, const struct segment *s, enum side x)
{
	struct endpoint *X = &c->end[x];
	struct endpoint_detail *D = &c->detail[x], *YD = &c->detail[other(x)];
	const uint32_t window = (uint32_t)s->window << (X->wscale == SCALE_UNKNOWN ? 0 : X->wscale);
	const struct mark m = mark_of(s);

	X->segments++;
	note_ip_id(X, s->ip_id, !s->ipv6);
	if (s->checksum == CHECKSUM_OK)
		X->known |= K_GOOD_CHECKSUM;
	YD->fin_copies_unanswered = YD->data_copies_unanswered = YD->syn_copies_unanswered = 0;
	YD->probes = 0;
	X->smax += s->len;
	if (s->len) {
		X->payload_bytes += s->len;
		X->dmax = X->smax;
		X->known |= K_DMAX;
		D->last_data = m;
	}
	if (s->opt.present & OPT_TIMESTAMPS)
		X->tsval = s->opt.ts_val;
	X->amax = s->ack;
	X->window = window;
	if (window > X->maxwnd)
		X->maxwnd = window;
	X->redge = knows(X, K_REDGE) ? seq_max(X->redge, s->ack + window) : s->ack + window;
	X->known |= K_REDGE;
	X->last = m;
	c->last = m;
	D->latest = (struct latest){
		.at = m,
		.before = D->latest.at.ts,
		.seq = s->seq,
		.ack = s->ack,
		.end = X->smax,
		.flags = s->flags,
	};
}
