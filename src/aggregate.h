/*
 * What shows only over several connections: initial sequence numbers, floods, scans (rules.md 2.3, 2.4).
 *
 * Engines tell of openings: a SYN, its answer, what became of it; and of probes that no procedure sends.
 * No other segment comes here.  It keeps the host table (hosts.h), asks the rules ON_HOST when an entry has
 * something new to show, and reports each of them once for each host and role, or service.
 *
 * A finding about a host stands for findings about connections (precedence.def, HOST).  Those that were
 * settled before it have been reported: at most PROBE_MIN - 1 for a scan with odd flags; they are its samples.
 * Those that come later are counted with it and not reported.
 */
#ifndef TCPLINT_AGGREGATE_H
#define TCPLINT_AGGREGATE_H

#include "stage.h"

bool aggregate_init(struct stage *st, const struct siphash_key *key, struct error *e) MUST_CHECK;

void aggregate_opening(struct stage *st, const struct told_opening *t);
/* To be told before what the flags show is reported. */
void aggregate_probe(struct stage *st, const struct told_sighting *t);
void aggregate_time_wait(struct stage *st, const struct told_time_wait *t);

/* A connection that a rule fired on. */
struct covered {
	const struct tcplint_address *client, *server;
	int64_t start;
	bool answered_only; /* it begins with a SYN-ACK */
};

/* Whether a finding about the host of whoever did it, or about the service, stands for this one; it is counted. */
bool aggregate_covers(struct stage *st, const struct covered *c, enum rule r, enum tcplint_offender by);

/* Judge what waits for more to come; `last`: nothing will. */
void aggregate_settle(struct stage *st, bool last);
/* Hand the sink the hosts with findings, by address; all of them, or those with something new. */
void aggregate_records(struct stage *st, bool all);

#endif
