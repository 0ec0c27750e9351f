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

/*
 * How many of either there may be: every connection of a hostile capture may have some, but most have none. The pools
 * grow with use.
 */
static inline uint32_t cells_limit(uint32_t connections)
{
	return connections < 65536 ? 65536 : connections;
}

static inline struct candidate_cell *candidate_at(const struct slab *candidates, uint32_t number)
{
	return number ? slab_at(candidates, number) : NULL;
}

static inline struct finding_cell *finding_at(const struct slab *findings, uint32_t number)
{
	return number ? slab_at(findings, number) : NULL;
}

#endif
