/*
 * What shows only over several connections: initial sequence numbers, floods, scans (rules.md 2.3, 2.4).
 *
 * The engine tells it of openings: a SYN, its answer, what became of it; and of probes that no procedure sends.
 * No other segment comes here.  It keeps the host table (hosts.h), asks the rules ON_HOST when an entry has
 * something new to show, and reports each of them once for each host and role, or service.
 *
 * A finding about a host stands for findings about connections (precedence.def, HOST).  Those that were
 * settled before it have been reported: at most PROBE_MIN - 1 for a scan with odd flags; they are its samples.
 * Those that come later are counted with it and not reported.
 */
#ifndef TCPLINT_AGGREGATE_H
#define TCPLINT_AGGREGATE_H

#include "engine.h"

/* What it has to know of a connection. */
struct opening_id {
	const struct tcplint_address *client, *server;
	uint32_t incarnation;
	struct mark start;
	bool answered_only; /* it begins with a SYN-ACK */
};

static inline struct opening_id opening_id_of(const struct conn *c)
{
	return (struct opening_id){
		.client = &c->id.client,
		.server = &c->id.server,
		.incarnation = c->id.incarnation,
		.start = c->start,
		.answered_only = c->origin == TCPLINT_ORIGIN_SYNACK,
	};
}

bool aggregate_init(struct engine *en, struct error *e) MUST_CHECK;

/* A segment that moved the connection as far as it did; call only where aggregate_wants() says so. */
void aggregate_segment(struct engine *en, struct conn *c, const struct view *v);

static inline bool aggregate_wants(const struct conn *c, const struct view *v)
{
	return c->opening || v->events & (EV_SYN | EV_SYNACK);
}

/* The same of a quiet connection: its SYN, the first SYN-ACK, the acknowledgment of that. */
void aggregate_syn(struct engine *en, const struct opening_id *c, const struct segment *s);
void aggregate_answered(struct engine *en, const struct opening_id *c, const struct segment *s);
void aggregate_completed(struct engine *en, const struct opening_id *c);

/* What the connection, which is being released, has shown of TIME_WAIT. */
void aggregate_time_wait(struct engine *en, const struct conn *c);

/* A segment with flags that no procedure sends; to be told before what it shows is reported. */
void aggregate_probe(struct engine *en, const struct view *v);

/* An ICMP error refused the opening of the connection. */
void aggregate_refused(struct engine *en, struct conn *c);

/* Whether a finding about the host of whoever did it, or about the service, stands for this one. */
bool aggregate_covers(struct engine *en, const struct opening_id *c, enum rule r, enum tcplint_offender by);

/* The same question, and nothing is counted. */
bool aggregate_would_cover(struct engine *en, const struct opening_id *c, enum rule r, enum tcplint_offender by);

/* Judge what waits for more to come; `last`: nothing will. */
void aggregate_settle(struct engine *en, bool last);
/* Hand the sink the hosts with findings, by address; all of them, or those with something new. */
void aggregate_records(struct engine *en, bool all);

#endif
