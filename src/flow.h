/*
 * Which connection a segment belongs to: a bounded table of connections by 4-tuple.
 *
 * Both directions find the same entry because the two endpoints are sorted
 * before they are hashed, with SipHash under a random key.  An entry names the newest
 * incarnation of its 4-tuple; older ones that are still kept hang behind it.
 */
#ifndef TCPLINT_FLOW_H
#define TCPLINT_FLOW_H

#include "conn.h"
#include "siphash.h"
#include "slab.h"

/* What a connection is worth when room is needed: the lowest class goes first, its oldest member first. */
enum age_class { AGE_EMBRYONIC, AGE_CLOSED, AGE_ESTABLISHED, AGE_CLASSES };

struct flow_table {
	struct slab conns;
	struct siphash_key key;
	uint64_t *slots; /* hash in the upper half, connection in the lower; 0: empty */
	uint64_t mask;
	uint32_t used;
	struct {
		uint32_t oldest, newest;
	} age[AGE_CLASSES];
};

bool flow_init(struct flow_table *t, uint32_t limit, const uint8_t key[16], struct error *e) MUST_CHECK;
void flow_finish(struct flow_table *t);

/* The key of a segment; `*from_first` says whether key->end[0] sent it. */
void flow_key_of(struct flow_key *key, const struct segment *s, bool with_vlan, bool *from_first);

static inline struct conn *flow_conn(const struct flow_table *t, uint32_t number)
{
	return number ? slab_at(&t->conns, number) : NULL;
}

uint32_t flow_number(const struct flow_table *t, const struct conn *c);

/* The newest incarnation, or 0. */
uint32_t flow_find(const struct flow_table *t, const struct flow_key *key);

/* A new connection, in front of an older incarnation if there is one; 0 when the table is full. */
uint32_t flow_add(struct flow_table *t, const struct flow_key *key);

/* Forget a connection; its cells must have been given back. */
void flow_remove(struct flow_table *t, uint32_t number);

void flow_set_age_class(struct flow_table *t, struct conn *c, enum age_class class);
/* The connection to give up first, or 0 when there is none. */
uint32_t flow_least_valuable(const struct flow_table *t);

#endif
