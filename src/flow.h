/*
 * Which connection a segment belongs to: a bounded table of connections by 4-tuple.
 *
 * Both directions find the same entry because the two endpoints are sorted
 * before they are hashed, with a function that a random key chooses.  An entry names the newest
 * incarnation of its 4-tuple; older ones that are still kept hang behind it.  A quiet
 * connection (quiet_cell.h) is one of those that have a number with the bit FLOW_QUIET.  Behind
 * it there is at most one, of either kind; behind a struct conn there are no quiet ones.
 */
#ifndef TCPLINT_FLOW_H
#define TCPLINT_FLOW_H

#include "aside.h"
#include "flow_key.h"
#include "quiet_cell.h"
#include "slab.h"

/*
 * What a connection is worth when room is needed: the lowest class goes first, its oldest member first; see
 * flow_victim().
 */
enum age_class { AGE_EMBRYONIC, AGE_CLOSED, AGE_ESTABLISHED, AGE_CLASSES };

#define FLOW_QUIET UINT32_C(0x80000000) /* WHEEL_OTHER of wheel.h */

/* A connection's place in the list of its age class. */
struct age_link {
	uint32_t prev, next;
};

struct flow_table {
	struct slab conns, quiet;
	struct slab answers, closings, befores; /* struct quiet_answer, struct quiet_closing, struct before */
	struct slab parts;  /* struct quiet_part, by the numbers of answers: nothing is taken from it */
	struct slab packed; /* struct quiet_packed */
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
	uint32_t unordered; /* of quiet connections beyond this number, ids ascend with numbers, */
	uint64_t latest;    /* and none has a greater id */
	struct {
		uint32_t oldest, newest, count;
	} age[AGE_CLASSES];
};

bool flow_init(struct flow_table *t, uint32_t limit, bool with_vlan, const uint8_t key[16], struct error *e) MUST_CHECK;
void flow_finish(struct flow_table *t);

static inline uint64_t flow_hash(const struct flow_table *t, const struct flow_key *key)
{
	return flow_key_hash(key, &t->hash);
}

/* Cells by number, as slab_at() has them: their sizes are known here. */
static inline struct conn *flow_conn(const struct flow_table *t, uint32_t number)
{
	return number ? (struct conn *)(void *)t->conns.base + number : NULL;
}

static inline bool flow_is_quiet(uint32_t number)
{
	return number & FLOW_QUIET;
}

static inline struct quiet *flow_quiet(const struct flow_table *t, uint32_t number)
{
	return (struct quiet *)(void *)t->quiet.base + (number & ~FLOW_QUIET);
}

static inline struct quiet_answer *flow_answer(const struct flow_table *t, const struct quiet *q)
{
	return (struct quiet_answer *)(void *)t->answers.base + q->more;
}

/* From QUIET_OPEN on, unless it is packed. */
static inline struct quiet_part *flow_part(const struct flow_table *t, const struct quiet *q)
{
	return (struct quiet_part *)(void *)t->parts.base + q->more;
}

static inline struct quiet_closing *flow_closing_at(const struct flow_table *t, uint32_t closing)
{
	return (struct quiet_closing *)(void *)t->closings.base + closing;
}

static inline struct quiet_closing *flow_closing(const struct flow_table *t, const struct quiet_part *p)
{
	return flow_closing_at(t, p->closing);
}

/* Where q->packed is set. */
static inline struct quiet_packed *flow_packed(const struct flow_table *t, const struct quiet *q)
{
	return (struct quiet_packed *)(void *)t->packed.base + q->more;
}

/* Where q->before is set. */
static inline struct before *flow_before(const struct flow_table *t, const struct quiet *q)
{
	return (struct before *)(void *)t->befores.base + q->before;
}

/* The incarnation before a quiet connection, which waits to be replaced by it; 0: none. */
static inline uint32_t flow_older(const struct flow_table *t, const struct quiet *q)
{
	return q->before ? flow_before(t, q)->older : 0;
}

/* The quiet connection that `q`, which is behind it, waits for. */
uint32_t flow_newer(const struct flow_table *t, const struct quiet *q);

uint32_t flow_number(const struct flow_table *t, const struct conn *c);

#define FLOW_TAG UINT64_C(0xffffffff00000000)

/*
 * Where a key would stand best: by the half of its hash that its slot holds, so that slots can be moved without their
 * keys.
 */
static inline uint64_t flow_home(uint64_t slot_or_hash, uint64_t mask)
{
	return slot_or_hash >> 32 & mask;
}

/* The connection has that key. */
static inline bool flow_has_key(const struct flow_table *t, uint32_t number, const struct flow_key *key)
{
	if (LIKELY(flow_is_quiet(number))) {
		const struct quiet *q = flow_quiet(t, number);

		return flow_same_ends(q->end, key->end) &&
		       (!t->with_vlan || (q->vlan == key->vlan && q->tunnel == key->tunnel));
	}
	const struct flow_key *k = &flow_conn(t, number)->key;

	return flow_same_ends(k->end, key->end) &&
	       (!t->with_vlan || (k->vlan == key->vlan && k->tunnel == key->tunnel));
}

/* The slot that holds `key`, or the empty one where it would stand. */
static inline uint64_t flow_slot(const struct flow_table *t, const struct flow_key *key, uint64_t hash)
{
	uint64_t i = flow_home(hash, t->mask);

	for (; t->slots[i]; i = (i + 1) & t->mask)
		if ((t->slots[i] ^ hash) <= UINT32_MAX && LIKELY(flow_has_key(t, (uint32_t)t->slots[i], key)))
			break;
	return i;
}

/* The newest incarnation, or 0; `hash` is the key's. */
static inline uint32_t flow_find(const struct flow_table *t, const struct flow_key *key, uint64_t hash)
{
	return (uint32_t)t->slots[flow_slot(t, key, hash)];
}

/* Hints (ahead.h), each of which needs the one before it to be some time ago: the connection, its parts. */
static inline void flow_prefetch_bytes(const void *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 64)
		PREFETCH((const uint8_t *)at + i);
}

/*
 * Where the index most likely has what has this hash, or where that would stand.  Four slots are looked at without a
 * branch: how many there are before the right one is nothing that a processor could predict.
 */
static inline uint64_t flow_glance(const struct flow_table *t, uint64_t hash)
{
	const uint64_t home = flow_home(hash, t->mask);
	const unsigned stops = match_four(&t->slots[home], hash); /* near the end beyond it: there is address space */

	if (LIKELY(stops))
		return (home + LOWEST_BIT(stops)) & t->mask;
	uint64_t i = (home + 4) & t->mask;

	while (t->slots[i] && (t->slots[i] ^ hash) > UINT32_MAX)
		i = (i + 1) & t->mask;
	return i;
}

/* The same as flow_find(), with what flow_glance() answered some time ago. */
static inline uint32_t flow_find_near(const struct flow_table *t, const struct flow_key *key, uint64_t hash,
				      uint64_t slot)
{
	const uint64_t at = t->slots[slot];

	return LIKELY((at ^ hash) <= UINT32_MAX && at && flow_has_key(t, (uint32_t)at, key)) ? (uint32_t)at :
											     flow_find(t, key, hash);
}

/*
 * Of the connection in that slot, or of none.  Cells with the number 0 are nobody's, and asking for them instead of
 * nothing spares branches that cannot be predicted.
 */
static inline void flow_prefetch(const struct flow_table *t, uint32_t number)
{
	if (UNLIKELY(number && !flow_is_quiet(number)))
		flow_prefetch_bytes(flow_conn(t, number), 256);
	else
		PREFETCH(flow_quiet(t, number));
}

/* A quiet one, or none: without a branch, which nothing could predict. */
static inline const struct quiet *flow_quiet_or_none(const struct flow_table *t, uint32_t number)
{
	return flow_quiet(t, number * flow_is_quiet(number));
}

/* Of a quiet one or none, which is answered. */
static inline const struct quiet *flow_prefetch_part(const struct flow_table *t, uint32_t number)
{
	const struct quiet *q = flow_quiet_or_none(t, number);

	PREFETCH((const uint8_t *)q + 64);
	flow_prefetch_bytes(q->packed ? (const void *)flow_packed(t, q) : flow_part(t, q), sizeof(struct quiet_part));
	return q;
}

/*
 * The same, some time later; `flags`: the segment's.  Of an open connection the first line counts what the snapshot
 * cut.
 */
static inline void flow_prefetch_closing(const struct flow_table *t, uint32_t number, unsigned flags)
{
	const struct quiet *q = flow_quiet_or_none(t, number);
	/* the others have none, whose memory is untouched */
	const uint32_t part = q->more * ((q->stage >= QUIET_OPEN) & !q->packed);
	const uint32_t closing = ((const struct quiet_part *)(const void *)t->parts.base)[part].closing;
	const uint8_t *at = t->closings.base + closing * sizeof(struct quiet_closing);
	const size_t line = (size_t)((q->stage >= QUIET_FIN) | (flags & FLAG_FIN)) * 64;

	/* with its end all of it is packed */
	PREFETCH(line ? (const uint8_t *)flow_answer(t, q) : at);
	PREFETCH(at);
	PREFETCH(at + line);
	PREFETCH(at + 2 * line);
	PREFETCH(at + 3 * line);
}

static inline void flow_prefetch_age(const struct flow_table *t, uint32_t number)
{
	PREFETCH(slab_at(&t->ages[flow_is_quiet(number)], number & ~FLOW_QUIET));
}

/* Whether there is room for one more connection. */
static inline bool flow_has_room(const struct flow_table *t)
{
	return t->conns.used + t->quiet.used < t->limit;
}

/* A new connection, in front of an older incarnation if there is one; 0 when the table is full. */
uint32_t flow_add(struct flow_table *t, const struct flow_key *key, uint64_t hash);
/* The same, a quiet one, where behind the newest there is none. */
uint32_t flow_add_quiet(struct flow_table *t, const struct flow_key *key, uint64_t hash, uint64_t id);
/*
 * A struct conn takes the place of a quiet connection; the answer is its number.  The cells of the quiet one, which
 * nobody finds any more, are there until they are given back.
 */
uint32_t flow_make_loud(struct flow_table *t, uint32_t number);
void flow_give_quiet(struct flow_table *t, uint32_t number);
/* What it keeps beside its cell. */
void flow_give_more(struct flow_table *t, struct quiet *q);

/* Forget a connection of either kind; its cells must have been given back. */
void flow_remove(struct flow_table *t, uint32_t number);
/* The same of a struct conn when no segment will come any more: nobody will look for it. */
void flow_drop(struct flow_table *t, uint32_t number);

void flow_set_age_class(struct flow_table *t, uint32_t number, enum age_class class);
/* The oldest of the lowest class, or 0 when there is none. */
uint32_t flow_least_valuable(const struct flow_table *t);
/*
 * The connection to give up for another one, or 0: that one, but among open ones rather one that is silent, and
 * half-open and closed ones only while they are many.
 */
uint32_t flow_victim(struct flow_table *t);

#endif
