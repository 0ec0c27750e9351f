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

/* Whether `r` has the segment already. */
static inline bool recent_has(const struct recent *r, const struct segment *s, uint32_t print)
{
	const uint32_t us = (uint32_t)(s->ts / 1000);

	if (r->print[0] != print && r->print[1] != print && r->print[2] != print && r->print[3] != print)
		return false;
	for (unsigned i = 0; i < RECENT_MAX && !(s->flags & FLAG_RST); i++) {
		if (r->print[i] != print || us - r->us[i] > DUP_WINDOW / 1000)
			continue;
		if ((s->ip_id && !s->ipv6) || s->len || s->flags & (FLAG_SYN | FLAG_FIN) || s->ttl != r->ttl[i] ||
		    s->direction != r->direction[i])
			return true;
	}
	return false;
}

static inline void recent_add(struct recent *r, uint8_t *next, const struct segment *s, uint32_t print)
{
	const unsigned i = (*next)++ % RECENT_MAX;

	r->print[i] = print;
	r->us[i] = (uint32_t)(s->ts / 1000);
	r->ttl[i] = s->ttl;
	r->direction[i] = s->direction;
}

#endif
