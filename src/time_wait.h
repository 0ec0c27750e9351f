/*
 * TIME_WAIT as a bystander can know it: who has to hold it, since when, and for how long it was seen to be held.
 *
 * Its end makes no segment.  What answers old segments as TIME_WAIT does shows that it
 * lasted so long at least; what answers as CLOSED does, or uses the ports again, that it had
 * ended (rules.md 1.8).
 */
#ifndef TCPLINT_TIME_WAIT_H
#define TCPLINT_TIME_WAIT_H

#include "view.h"

/*
 * `x` has to hold TIME_WAIT: its first FIN was sent before it had heard the peer's, and it
 * has acknowledged that one; nobody reset the connection.
 */
bool time_wait_held_by(const struct conn *c, enum side x);

/* Since when: it acknowledged the peer's FIN, for the first time or once more, or learned that its own had arrived. */
int64_t time_wait_since(const struct conn *c, enum side x);

/*
 * Something came after its last ACK, or it spoke again: the peer may have answered that with a RST, which ends
 * TIME_WAIT, and the capture have missed it.
 */
bool time_wait_may_be_over(const struct conn *c, enum side x);

/* X, which has to hold TIME_WAIT, answers an old segment as CLOSED would. */
bool time_wait_denied(const struct view *v);

/* X, in TIME_WAIT, answers an old segment with the ACK that RFC 9293, 3.10.7.4, asks for. */
bool time_wait_answered(const struct view *v);

/* X, in TIME_WAIT when the peer's SYN of a newer incarnation came, accepts that. */
bool time_wait_accepts(const struct view *v);

/* X's own SYN was not captured, and this one stands below all that X sent: it may be that, come late. */
bool time_wait_own_syn(const struct view *v);
/* What X's SYN of a newer incarnation is to a holder of TIME_WAIT: enum newer (oracle.h). */
uint8_t time_wait_newer(const struct view *v);

/* Before a segment is applied: what it says about TIME_WAIT. */
void time_wait_note(struct conn *c, const struct view *v);
/* The same for the SYN and the SYN-ACK of a newer incarnation. */
void time_wait_note_syn(struct conn *c, const struct view *v);
void time_wait_note_synack(struct conn *c, const struct view *v);

#endif
