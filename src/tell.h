/*
 * The engine's half of told.h: which segments the stage hears of, and what.
 *
 * Openings and their ends, probes that no procedure sends, and what hosts are watched for: ACKs without a connection,
 * connections that are closed as soon as they are open, answers that nobody asked for, resets.
 */
#ifndef TCPLINT_TELL_H
#define TCPLINT_TELL_H

#include "engine.h"

/* Of a quiet connection a SYN or the first SYN-ACK, which is `s`. */
void tell_quiet_opening(struct engine *en, enum told_kind kind, const struct quiet *q, const struct segment *s);
/* It is open. */
void tell_quiet_completed(struct engine *en, const struct quiet *q);

/* A segment that moved the connection as far as it did; call only where tell_wants() says so. */
void tell_segment(struct engine *en, struct conn *c, const struct view *v);
static inline bool tell_wants(const struct conn *c, const struct view *v)
{
	return c->opening || v->events & (EV_SYN | EV_SYNACK);
}

/* The same for what hosts are watched for. */
void tell_watched(struct engine *en, const struct conn *c, const struct view *v);
static inline bool tell_watches(const struct conn *c, const struct view *v)
{
	return v->events & (EV_RST | EV_FIN) || c->origin == TCPLINT_ORIGIN_SYNACK || c->origin == TCPLINT_ORIGIN_STRAY;
}

/* A segment with flags that no procedure sends; to be told before what it shows is reported. */
void tell_probe(struct engine *en, const struct view *v);
/* A RST refused the opening of a quiet connection. */
void tell_refused(struct engine *en, const struct quiet *q, const struct segment *s);
/* An ICMP error did. */
void tell_unreachable(struct engine *en, struct conn *c);
/* What the connection, which is being released, has shown of TIME_WAIT. */
void tell_time_wait(struct engine *en, const struct conn *c);
/* The RST of `x` that ended a quiet connection. */
void tell_quiet_reset(struct engine *en, const struct quiet *q, enum side x, const struct segment *s);
/* The same of a quiet one: after so long `holder`, of that address, did not hold it any more. */
void tell_time_wait_gone(struct engine *en, enum side holder, const struct tcplint_address *a, int64_t upper);
/*
 * A rule fired on an ordinary connection, of which nobody wants to read: counted, and told of where a finding about a
 * host may stand for it.
 */
void tell_common(struct engine *en, enum rule r, enum tcplint_offender by, const struct quiet *q);
/* The capture missed something. */
void tell_loss(struct engine *en, int64_t ts);

#endif
