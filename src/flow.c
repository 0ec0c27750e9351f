#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "flow.h"

#define FIRST_SLOTS 1024

bool flow_init(struct flow_table *t, uint32_t limit, const uint8_t key[16], struct error *e)
{
	static const uint8_t zero[16];

	*t = (struct flow_table){ .mask = FIRST_SLOTS - 1 };
	memcpy(&t->key, key, sizeof(t->key));
	if (!memcmp(key, zero, sizeof(zero)) && getrandom(&t->key, sizeof(t->key), 0) != sizeof(t->key))
		return fail(e, "no random key for the flow table: %s", strerror(errno));
	t->slots = calloc(FIRST_SLOTS, sizeof(*t->slots));
	if (!t->slots)
		return fail(e, "no memory for the flow table");
	return slab_init(&t->conns, sizeof(struct conn), limit, e);
}

void flow_finish(struct flow_table *t)
{
	free(t->slots);
	t->slots = NULL;
	slab_finish(&t->conns);
}

static int compare_ends(const struct endpoint_address *a, const struct endpoint_address *b)
{
	const int c = memcmp(a->ip, b->ip, sizeof(a->ip));

	return c ? c : (int)a->port - (int)b->port;
}

static struct tcplint_address address_of(const struct endpoint_address *a)
{
	struct tcplint_address out = { .port = a->port };

	memcpy(out.ip, a->ip, sizeof(out.ip));
	return out;
}

void flow_key_of(struct flow_key *key, const struct segment *s, bool with_vlan, bool *from_first)
{
	*from_first = compare_ends(&s->src, &s->dst) <= 0;
	memset(key, 0, sizeof(*key));
	key->end[0] = address_of(*from_first ? &s->src : &s->dst);
	key->end[1] = address_of(*from_first ? &s->dst : &s->src);
	if (with_vlan) {
		key->vlan = s->vlan;
		key->tunnel = s->tunnel;
	}
}

static uint64_t hash_of(const struct flow_table *t, const struct flow_key *key)
{
	uint64_t words[6];

	memcpy(&words[0], key->end[0].ip, 16);
	memcpy(&words[2], key->end[1].ip, 16);
	words[4] = (uint64_t)key->end[0].port << 16 | key->end[1].port;
	words[5] = (uint64_t)key->vlan << 32 | key->tunnel;
	return siphash_words(&t->key, words, 6);
}

static bool same_key(const struct flow_key *a, const struct flow_key *b)
{
	return a->end[0].port == b->end[0].port && a->end[1].port == b->end[1].port &&
	       !memcmp(a->end[0].ip, b->end[0].ip, 16) && !memcmp(a->end[1].ip, b->end[1].ip, 16) &&
	       a->vlan == b->vlan && a->tunnel == b->tunnel;
}

uint32_t flow_number(const struct flow_table *t, const struct conn *c)
{
	return (uint32_t)((size_t)((const uint8_t *)c - t->conns.base) / t->conns.cell);
}

#define TAG_MASK UINT64_C(0xffffffff00000000)

/* The slot that holds `key`, or the empty one where it would stand. */
static uint64_t probe(const struct flow_table *t, const struct flow_key *key, uint64_t hash)
{
	uint64_t i = hash & t->mask;

	for (; t->slots[i]; i = (i + 1) & t->mask)
		if ((t->slots[i] & TAG_MASK) == (hash & TAG_MASK) &&
		    same_key(&flow_conn(t, (uint32_t)t->slots[i])->key, key))
			break;
	return i;
}

uint32_t flow_find(const struct flow_table *t, const struct flow_key *key)
{
	return (uint32_t)t->slots[probe(t, key, hash_of(t, key))];
}

static void grow(struct flow_table *t)
{
	const uint64_t mask = t->mask * 2 + 1;
	uint64_t *slots = calloc(mask + 1, sizeof(*slots));

	if (!slots)
		return; /* it goes on, fuller and slower */
	for (uint64_t i = 0; i <= t->mask; i++) {
		if (!t->slots[i])
			continue;
		/* the tag holds only the upper half of the hash: ask the connection for the rest */
		uint64_t j = hash_of(t, &flow_conn(t, (uint32_t)t->slots[i])->key) & mask;

		while (slots[j])
			j = (j + 1) & mask;
		slots[j] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->mask = mask;
}

uint32_t flow_add(struct flow_table *t, const struct flow_key *key)
{
	const uint64_t hash = hash_of(t, key);
	const uint32_t number = slab_take(&t->conns);

	if (!number)
		return 0;
	if (t->used >= (t->mask + 1) / 2)
		grow(t);
	const uint64_t slot = probe(t, key, hash);
	struct conn *c = flow_conn(t, number);

	c->key = *key;
	c->in_use = true;
	c->older = (uint32_t)t->slots[slot];
	if (c->older)
		flow_conn(t, c->older)->newer = number;
	else
		t->used++;
	t->slots[slot] = (hash & TAG_MASK) | number;
	c->age_class = AGE_CLASSES;
	flow_set_age_class(t, c, AGE_EMBRYONIC);
	return number;
}

/* Empty a slot of a linear-probing table and close the gap behind it. */
static void vacate(struct flow_table *t, uint64_t hole)
{
	uint64_t i = hole;

	t->used--;
	for (;;) {
		i = (i + 1) & t->mask;
		if (!t->slots[i])
			break;
		const uint64_t home = hash_of(t, &flow_conn(t, (uint32_t)t->slots[i])->key) & t->mask;

		if (((i - home) & t->mask) >= ((i - hole) & t->mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = 0;
}

static void leave_age_class(struct flow_table *t, struct conn *c)
{
	if (c->age_class == AGE_CLASSES)
		return;
	if (c->age.prev)
		flow_conn(t, c->age.prev)->age.next = c->age.next;
	else
		t->age[c->age_class].oldest = c->age.next;
	if (c->age.next)
		flow_conn(t, c->age.next)->age.prev = c->age.prev;
	else
		t->age[c->age_class].newest = c->age.prev;
	c->age_class = AGE_CLASSES;
}

void flow_set_age_class(struct flow_table *t, struct conn *c, enum age_class class)
{
	const uint32_t number = flow_number(t, c);

	if (c->age_class == class)
		return;
	leave_age_class(t, c);
	c->age_class = (uint8_t)class;
	c->age.next = 0;
	c->age.prev = t->age[class].newest;
	if (c->age.prev)
		flow_conn(t, c->age.prev)->age.next = number;
	else
		t->age[class].oldest = number;
	t->age[class].newest = number;
}

uint32_t flow_least_valuable(const struct flow_table *t)
{
	for (unsigned class = 0; class < AGE_CLASSES; class++)
		if (t->age[class].oldest)
			return t->age[class].oldest;
	return 0;
}

void flow_remove(struct flow_table *t, uint32_t number)
{
	struct conn *c = flow_conn(t, number);

	assert(c->in_use);
	leave_age_class(t, c);
	if (c->older)
		flow_conn(t, c->older)->newer = c->newer;
	if (c->newer) {
		flow_conn(t, c->newer)->older = c->older;
	} else {
		const uint64_t slot = probe(t, &c->key, hash_of(t, &c->key));

		assert((uint32_t)t->slots[slot] == number);
		if (c->older)
			t->slots[slot] = (t->slots[slot] & TAG_MASK) | c->older;
		else
			vacate(t, slot);
	}
	c->in_use = false;
	slab_give(&t->conns, number);
}
