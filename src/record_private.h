/* What the files of the records share: see record.h for what they do. */
#ifndef TCPLINT_RECORD_PRIVATE_H
#define TCPLINT_RECORD_PRIVATE_H

#include "record.h"
#include "view.h"

/* record_timing.c */
void record_retries(struct tcplint_endpoint *r, const struct conn *c, enum side x);
void record_vantage(struct tcplint_connection *r, const struct conn *c);

/* record_doubt.c: the rules that cannot speak of this connection, and why; `quality` is filled in. */
void record_not_evaluated(struct tcplint_connection *r, const struct conn *c);

#endif
