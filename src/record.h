/* From a connection as the engine remembers it to what the library shows of it. */
#ifndef TCPLINT_RECORD_H
#define TCPLINT_RECORD_H

#include "engine.h"

/* Count a connection that is being released, and tell the stage of it if that may want to know. */
void record_connection(struct engine *en, const struct conn *c, enum tcplint_end end);

/* The segment record in two halves: what holds before the segment moves anything, and after. */
void record_segment_before(struct tcplint_segment *r, const struct tcplint_conn_id *id, const struct view *v);
void record_segment_after(struct tcplint_segment *r, const struct view *v);

#endif
