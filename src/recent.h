/* E-DUP (rules.md 1.11): copies of a segment that the capture made, found by fingerprint among the latest ones. */
#ifndef TCPLINT_RECENT_H
#define TCPLINT_RECENT_H

#include "view.h"

static inline uint32_t recent_print(const struct segment *s, enum side x)
{
	uint32_t print = s->seq * UINT32_C(2654435761) ^ s->ack * UINT32_C(2246822519);

	print ^= ((uint32_t)s->ip_id << 16 | s->tcp_checksum) * UINT32_C(3266489917);
	print ^= (s->len * UINT32_C(668265263)) ^ ((uint32_t)s->flags << 16 | s->window) * UINT32_C(374761393);
	print ^= s->opt.layout ^ s->opt.ts_val * UINT32_C(2654435769) ^ s->opt.ts_ecr * UINT32_C(40503) ^ (uint32_t)x;
	return print;
}

/* Whether `ring` has the segment already. */
static inline bool recent_has(const struct recent ring[RECENT_MAX], const struct segment *s, uint32_t print)
{
	const uint32_t us = (uint32_t)(s->ts / 1000);

	for (unsigned i = 0; i < RECENT_MAX && !(s->flags & FLAG_RST); i++) {
		const struct recent *r = &ring[i];

		if (r->print != print || us - r->us > DUP_WINDOW / 1000)
			continue;
		if ((s->ip_id && !s->ipv6) || s->len || s->flags & (FLAG_SYN | FLAG_FIN) || s->ttl != r->ttl ||
		    s->direction != r->direction)
			return true;
	}
	return false;
}

static inline void recent_add(struct recent ring[RECENT_MAX], uint8_t *next, const struct segment *s, uint32_t print)
{
	ring[(*next)++ % RECENT_MAX] = (struct recent){
		.print = print,
		.us = (uint32_t)(s->ts / 1000),
		.ttl = s->ttl,
		.direction = s->direction,
	};
}

#endif
