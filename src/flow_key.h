/*
 * The key of a connection: its two ends in an order of their own, so that both directions have the same, and its hash.
 */
#ifndef TCPLINT_FLOW_KEY_H
#define TCPLINT_FLOW_KEY_H

#include <string.h>

#include "compiler.h"
#include "conn.h"
#include "load.h"
#include "multilinear.h"
#include "segment.h"

static inline uint64_t half_of(const uint8_t *ip, unsigned half)
{
	return load64(ip + 8 * half);
}

/* Whether a comes before b, or is the same; in an order that means nothing, but is one. */
static inline bool flow_in_order(const struct endpoint_address *a, const struct endpoint_address *b)
{
	const uint64_t a0 = half_of(a->ip, 0), b0 = half_of(b->ip, 0), a1 = half_of(a->ip, 1), b1 = half_of(b->ip, 1);

	return a1 != b1 ? a1 < b1 : a0 != b0 ? a0 < b0 : a->port <= b->port;
}

/* The key of a segment; `first`: key->end[0] sent it. */
static inline void flow_key_take(struct flow_key *key, const struct segment *s, bool first, bool with_vlan)
{
	struct tcplint_address *source = first ? &key->end[0] : &key->end[1],
			       *destination = first ? &key->end[1] : &key->end[0];

	memcpy(source->ip, s->src.ip, sizeof(source->ip));
	source->port = s->src.port;
	memcpy(destination->ip, s->dst.ip, sizeof(destination->ip));
	destination->port = s->dst.port;
	key->vlan = with_vlan ? s->vlan : 0;
	key->tunnel = with_vlan ? s->tunnel : 0;
}

static inline bool flow_same_ends(const struct tcplint_address a[2], const struct tcplint_address b[2])
{
	return !((a[0].port ^ b[0].port) | (a[1].port ^ b[1].port)) &&
	       !((half_of(a[0].ip, 1) ^ half_of(b[0].ip, 1)) | (half_of(a[1].ip, 1) ^ half_of(b[1].ip, 1)) |
		 (half_of(a[0].ip, 0) ^ half_of(b[0].ip, 0)) | (half_of(a[1].ip, 0) ^ half_of(b[1].ip, 0)));
}

static inline uint64_t flow_key_hash(const struct flow_key *key, const struct multilinear_key *k)
{
	const uint8_t *a = key->end[0].ip, *b = key->end[1].ip;
	struct multilinear sum = multilinear_begin(k);

	multilinear_add(&sum, k, 1, (uint64_t)key->end[0].port << 16 | key->end[1].port);
	if (UNLIKELY(key->vlan | key->tunnel)) /* nothing is added for 0 */
		multilinear_add(&sum, k, 2, (uint64_t)key->vlan << 32 | key->tunnel);
	if (LIKELY(is_mapped(a) && is_mapped(b))) { /* two addresses in one word, whose position is no other's */
		multilinear_add(&sum, k, 3, (uint64_t)load32(a + 12) << 32 | load32(b + 12));
		return multilinear_end(sum);
	}
	multilinear_add(&sum, k, 4, half_of(a, 0));
	multilinear_add(&sum, k, 5, half_of(a, 1));
	multilinear_add(&sum, k, 6, half_of(b, 0));
	multilinear_add(&sum, k, 7, half_of(b, 1));
	return multilinear_end(sum);
}

#endif
