/*
 * From rules that fired to findings: confidence, precedence, and one record for each (rule, connection, offender)
 * (rules.md 1.7, 2.4).
 */
#ifndef TCPLINT_FINDINGS_H
#define TCPLINT_FINDINGS_H

#include "finding.h"
#include "stage.h"

/* A batch of one connection. */
void findings_fired(struct stage *st, const struct told_fired *t);

/* Hand a finding of a connection or of a host to the sink, or count why not. */
void findings_emit(struct stage *st, const struct subject *c, const struct tcplint_host_id *host,
		   struct finding_cell *cell);

/* Whether a finding about a host stands for one about a connection or another of the same host. */
bool findings_host_prefers(const struct stage *st, enum rule left, enum rule right);

#endif
