/* The rules that one segment or timer fired, until precedence has been applied. */
#ifndef TCPLINT_BATCH_H
#define TCPLINT_BATCH_H

#include "rules.h"

#define BATCH_MAX 16

struct fired {
	uint16_t rule;
	uint8_t outcome; /* enum outcome: REFUTED for rules settled at once */
	uint16_t would_be;
	bool has_would_be;
	bool loss_near; /* the connection itself lost something within a second */
	uint32_t copies; /* that came after it and are counted with it, the last at `last_ts` */
	int64_t last_ts;
	struct draft draft;
};

struct batch {
	unsigned n; /* used in `fired`; the rest is not initialised */
	struct fired fired[BATCH_MAX];
};

static inline void batch_begin(struct batch *b)
{
	b->n = 0;
}

/* The one added, or null when there is no room for more. */
static inline struct fired *batch_add(struct batch *b, enum rule r, enum outcome o, const struct draft *d)
{
	if (b->n == BATCH_MAX)
		return NULL;
	b->fired[b->n] = (struct fired){ .rule = (uint16_t)r, .outcome = (uint8_t)o, .draft = *d };
	return &b->fired[b->n++];
}

/* The frame that decided, or 0. */
static inline uint64_t draft_decisive(const struct draft *d)
{
	return d->frames ? d->frame[d->frames - 1] : 0;
}

#endif
