/*
 * Which connection a segment belongs to: a bounded table of connections by 4-tuple.
 *
 * Both directions find the same entry because the two endpoints are sorted
 * before they are hashed, with a function that a random key chooses.  An entry names the newest
 * incarnation of its 4-tuple; older ones that are still kept hang behind it.  A quiet
 * connection (quiet_cell.h) is one of those that have a number with the bit FLOW_QUIET, and
 * the only incarnation of its 4-tuple.
 */
#ifndef TCPLINT_FLOW_H
#define TCPLINT_FLOW_H

#include "multilinear.h"
#include "aside.h"
#include "quiet_cell.h"
#include "slab.h"

/* What a connection is worth when room is needed: the lowest class goes first, its oldest member first; see flow_victim(). */
enum age_class { AGE_EMBRYONIC, AGE_CLOSED, AGE_ESTABLISHED, AGE_CLASSES };

#define FLOW_QUIET UINT32_C(0x80000000) /* WHEEL_OTHER of wheel.h */

/* A connection's place in the list of its age class. */
struct age_link {
	uint32_t prev, next;
};

struct flow_table {
	struct slab conns, quiet;
	struct slab answers, closings; /* struct quiet_answer, struct quiet_closing */
	struct slab parts; /* struct quiet_part, by the numbers of answers: nothing is taken from it */
	struct slab ages[2]; /* struct age_link, by the numbers of conns and of quiet: neighbours came one after the other */
	struct asides asides;
	uint32_t limit;   /* connections of both kinds together */
	bool with_vlan;   /* VLAN and tunnel are part of the key */
	struct siphash_key key; /* what `hash` was made of */
	struct multilinear_key hash;
	uint64_t *slots; /* hash in the upper half, connection in the lower; 0: empty */
	uint64_t mask;
	uint64_t most_slots; /* there is address space for twice as many */
	uint32_t used;
	struct {
		uint32_t oldest, newest, count;
	} age[AGE_CLASSES];
};

bool flow_init(struct flow_table *t, uint32_t limit, bool with_vlan, const uint8_t key[16], struct error *e) MUST_CHECK;
void flow_finish(struct flow_table *t);

/* The key of a segment; `*from_first` says whether key->end[0] sent it. */
void flow_key_of(const struct flow_table *t, struct flow_key *key, const struct segment *s, bool *from_first);
uint64_t flow_hash(const struct flow_table *t, const struct flow_key *key);

static inline struct conn *flow_conn(const struct flow_table *t, uint32_t number)
{
	return number ? slab_at(&t->conns, number) : NULL;
}

static inline bool flow_is_quiet(uint32_t number)
{
	return number & FLOW_QUIET;
}

static inline struct quiet *flow_quiet(const struct flow_table *t, uint32_t number)
{
	return slab_at(&t->quiet, number & ~FLOW_QUIET);
}

static inline struct quiet_answer *flow_answer(const struct flow_table *t, const struct quiet *q)
{
	return slab_at(&t->answers, q->more);
}

/* From QUIET_OPEN on. */
static inline struct quiet_part *flow_part(const struct flow_table *t, const struct quiet *q)
{
	return slab_at(&t->parts, q->more);
}

static inline struct quiet_closing *flow_closing(const struct flow_table *t, const struct quiet_part *p)
{
	return slab_at(&t->closings, p->closing);
}

uint32_t flow_number(const struct flow_table *t, const struct conn *c);

/* The newest incarnation, or 0; `hash` is the key's. */
uint32_t flow_find(const struct flow_table *t, const struct flow_key *key, uint64_t hash);

/* Hints, each of which needs the one before it to be some time ago: the index, the connection, its parts. */
void flow_prefetch_slot(const struct flow_table *t, uint64_t hash);
void flow_prefetch(const struct flow_table *t, uint64_t hash);
/* True: it is quiet and waits for its third segment, and has no parts yet. */
bool flow_prefetch_part(const struct flow_table *t, uint64_t hash);
void flow_prefetch_closing(const struct flow_table *t, uint64_t hash);

/* Whether there is room for one more connection. */
static inline bool flow_has_room(const struct flow_table *t)
{
	return t->conns.used + t->quiet.used < t->limit;
}

/* A new connection, in front of an older incarnation if there is one; 0 when the table is full. */
uint32_t flow_add(struct flow_table *t, const struct flow_key *key, uint64_t hash);
/* A new quiet one, where flow_find() found none; 0 when the table is full. */
uint32_t flow_add_quiet(struct flow_table *t, const struct flow_key *key, uint64_t hash);
/* A struct conn takes the place of a quiet connection, which is forgotten, and so are its parts; the answer is its number. */
uint32_t flow_make_loud(struct flow_table *t, uint32_t number);

/* Forget a connection of either kind; its cells must have been given back. */
void flow_remove(struct flow_table *t, uint32_t number);

void flow_set_age_class(struct flow_table *t, uint32_t number, enum age_class class);
/* The oldest of the lowest class, or 0 when there is none. */
uint32_t flow_least_valuable(const struct flow_table *t);
/*
 * The connection to give up for another one, or 0: that one, but among open ones rather one that is silent, and half-open
 * and closed ones only while they are many.
 */
uint32_t flow_victim(struct flow_table *t);

#endif
