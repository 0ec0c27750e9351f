/* What connections with something to tell keep besides: candidates that wait, and findings. */
#ifndef TCPLINT_CELLS_H
#define TCPLINT_CELLS_H

#include "rules.h"
#include "slab.h"

struct candidate_cell {
	uint32_t next;
	struct candidate k;
};

struct finding_cell {
	uint32_t next;
	uint16_t rule;
	uint8_t offender, verdict, severity;
	bool listed;     /* passed the thresholds: it was handed on, and is part of the record */
	bool has_would_be;
	uint16_t would_be;
	uint8_t related_count;
	uint8_t related[TCPLINT_MAX_RELATED];
	float confidence;
	uint32_t count;
	int64_t first_ts, last_ts;
	struct draft draft;
};

struct cells {
	struct slab candidates, findings;
	uint64_t exhausted;
};

bool cells_init(struct cells *c, uint32_t connections, struct error *e) MUST_CHECK;
void cells_finish(struct cells *c);

static inline struct candidate_cell *candidate_at(const struct cells *c, uint32_t number)
{
	return number ? slab_at(&c->candidates, number) : NULL;
}

static inline struct finding_cell *finding_at(const struct cells *c, uint32_t number)
{
	return number ? slab_at(&c->findings, number) : NULL;
}

#endif
