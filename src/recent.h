/* E-DUP (rules.md 1.11): copies of a segment that the capture made, found by fingerprint among the latest ones. */
#ifndef TCPLINT_RECENT_H
#define TCPLINT_RECENT_H

#include <stddef.h>

#include "compiler.h"
#include "load.h"
#include "view.h"

static inline uint32_t recent_print(const struct segment *s, enum side x)
{
	const struct tcp_options *o = &s->opt;
	uint64_t print = load64(&s->seq) * UINT64_C(0x9e3779b97f4a7c15); /* and the acknowledgment number */

	print ^= load64(&s->len) * UINT64_C(0xc2b2ae3d27d4eb4f); /* and flags and window */
	print ^= load64(&o->ts_val) * UINT64_C(0xd6e8feb86659fd93); /* and its echo */
	print ^=
		((uint64_t)o->layout << 32 | (uint32_t)s->ip_id << 16 | s->tcp_checksum) * UINT64_C(0x165667b19e3779f9);
	print *= UINT64_C(0x27d4eb2f165667c5) + 2 * (uint64_t)x;
	return (uint32_t)(print >> 32);
}

_Static_assert(offsetof(struct segment, ack) == offsetof(struct segment, seq) + 4 &&
		       offsetof(struct segment, window) == offsetof(struct segment, len) + 6 &&
		       offsetof(struct segment, flags) == offsetof(struct segment, len) + 4 &&
		       offsetof(struct tcp_options, ts_ecr) == offsetof(struct tcp_options, ts_val) + 4,
	       "recent_print() takes these together");

static inline uint32_t recent_us(const struct segment *s)
{
	return (uint32_t)(s->ts / 1000);
}

/* Whether `r` has the segment already, of which it has the print. */
static APART bool recent_has_near(const struct recent *r, const struct segment *s, uint32_t print)
{
	const uint32_t us = recent_us(s);

	for (unsigned i = 0; i < RECENT_MAX && !(s->flags & FLAG_RST); i++) {
		if (r->print[i] != print || us - r->us[i] > DUP_WINDOW / 1000)
			continue;
		if ((s->ip_id && !s->ipv6) || s->len || s->flags & (FLAG_SYN | FLAG_FIN) || s->ttl != r->ttl[i] ||
		    s->direction != r->direction[i])
			return true;
	}
	return false;
}

/* Whether `r` has the segment already. */
static inline bool recent_has(const struct recent *r, const struct segment *s, uint32_t print)
{
	return UNLIKELY(r->print[0] == print || r->print[1] == print || r->print[2] == print || r->print[3] == print) &&
	       recent_has_near(r, s, print);
}

static inline void recent_add(struct recent *r, uint8_t *next, const struct segment *s, uint32_t print)
{
	const unsigned i = (*next)++ % RECENT_MAX;

	r->print[i] = print;
	r->us[i] = recent_us(s);
	r->ttl[i] = s->ttl;
	r->direction[i] = s->direction;
}

#endif
