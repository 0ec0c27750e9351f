/*
 * Findings, once their verdict is settled: what passes the thresholds, and how it looks from outside.
 */
#ifndef TCPLINT_FINDING_H
#define TCPLINT_FINDING_H

#include "cells.h"
#include "told.h"

#define FINDING_MESSAGE 512

/* The user does not want to read of the rule; it still counts for the judgement of handshake and teardown. */
bool finding_disabled(const struct tcplint_options *o, unsigned rule);
/* How severe a finding of the rule is; `drafted` is what the predicate chose, or KEEP. */
uint8_t finding_severity(const struct tcplint_options *o, unsigned rule, uint8_t drafted);
bool finding_passes(const struct tcplint_options *o, const struct finding_cell *f);
/* The same, if it were certain. */
bool finding_may_pass(const struct tcplint_options *o, unsigned rule, const struct draft *d);

/* It stands for that rule too. */
void finding_relate(struct finding_cell *cell, unsigned rule);

/* The public form of a stored finding, of a connection or of a host; `message` has room for it. */
void finding_public(const struct subject *c, const struct tcplint_host_id *host, const struct finding_cell *f,
		    struct tcplint_finding *out, char *message, size_t size);

#endif
