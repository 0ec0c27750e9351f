/* What the files of the tracker share: see tracker.h for what it does. */
#ifndef TCPLINT_TRACKER_PRIVATE_H
#define TCPLINT_TRACKER_PRIVATE_H

#include "tracker.h"

/* A tentative fact that the endpoint's own segment contradicts was wrong. */
void fact_refute(struct conn *c, enum side x, enum fact f);

/* prove.c */
void tracker_prove(struct conn *c, const struct view *v);
void tracker_contradict(struct conn *c, const struct view *v);
/* Once Y acknowledges this segment it has also processed the acknowledgment of its SYN that the segment carries. */
void tracker_note_cover(struct endpoint *Y, const struct segment *s, uint32_t end);

/* sends.c */
void tracker_send_syn(struct conn *c, struct asides *k, const struct view *v);
void tracker_send_fin(struct conn *c, struct asides *k, const struct view *v);
void tracker_send_rst(struct conn *c, struct view *v);

/* gets.c */
void tracker_get_syn(struct conn *c, const struct view *v);
void tracker_get_ack(struct conn *c, const struct view *v);
void tracker_get_rst(struct conn *c, const struct view *v);
void tracker_get_fin(struct conn *c, const struct holes *h, const struct view *v);

/* Longer than the peer said it takes (RFC 9293, 3.7.1), as it was captured. */
static inline bool oversized(const struct endpoint *X, const struct segment *s)
{
	return X->limit && s->len && segment_tcp_length(s) > UINT32_C(20) + X->limit;
}

/* Data beyond the edge that Y offered, or an edge of X that goes back; one scaled unit of slack for rounding. */
static inline bool odd_window(const struct endpoint *X, const struct endpoint *Y, const struct segment *s)
{
	if (s->len && knows(Y, K_REDGE) &&
	    (!Y->window || (Y->wscale != SCALE_UNKNOWN && seq_gt(s->seq + s->len, Y->redge + (1u << Y->wscale)))))
		return true;
	return knows(X, K_REDGE) && X->wscale != SCALE_UNKNOWN && s->flags & FLAG_ACK &&
	       seq_lt(s->ack + (((uint32_t)s->window + 1) << X->wscale), X->redge);
}

/* A timestamp that goes back, or an echo of none that Y has sent. */
static inline bool odd_stamp(const struct endpoint *X, const struct endpoint *Y, const struct segment *s)
{
	return s->opt.present & OPT_TIMESTAMPS &&
	       ((knows(X, K_TSVAL) && seq_lt(s->opt.ts_val, X->tsval)) ||
		(knows(Y, K_TSVAL) && !seq_in(Y->ts_first, s->opt.ts_ecr, Y->tsval)));
}

/* Nothing more is to come of it: it was reset, or both FINs are acknowledged. */
static inline bool end_over(const struct endpoint *e)
{
	return fact_is(e, RESET) || (fact_is(e, FIN_ACKED) && fact_is(e, FIN_RCVD));
}

#endif
