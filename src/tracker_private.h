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
void tracker_send_syn(struct conn *c, struct view *v);
void tracker_send_fin(struct conn *c, const struct view *v);
void tracker_send_rst(struct conn *c, struct view *v);

/* gets.c */
void tracker_get_syn(struct conn *c, const struct view *v);
void tracker_get_ack(struct conn *c, const struct view *v);
void tracker_get_rst(struct conn *c, const struct view *v);
void tracker_get_fin(struct conn *c, const struct holes *h, const struct view *v);

/* Nothing more is to come of it: it was reset, or both FINs are acknowledged. */
static inline bool end_over(const struct endpoint *e)
{
	return fact_is(e, RESET) || (fact_is(e, FIN_ACKED) && fact_is(e, FIN_RCVD));
}

#endif
