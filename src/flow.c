#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "compiler.h"
#include "flow.h"

#define FIRST_SLOTS 1024
#define SAMPLE 8 /* open connections that are looked at when one has to go */

/*
 * Of a full table, one in so many may be half open, and one closed: or no handshake would be seen to its end, and no
 * teardown.
 */
#define SHARE 16

bool flow_init(struct flow_table *t, uint32_t limit, bool with_vlan, const uint8_t key[16], struct error *e)
{
	static const uint8_t zero[16];

	*t = (struct flow_table){ .mask = FIRST_SLOTS - 1, .limit = limit, .with_vlan = with_vlan };
	memcpy(&t->key, key, sizeof(t->key));
	if (!memcmp(key, zero, sizeof(zero)) && getrandom(&t->key, sizeof(t->key), 0) != sizeof(t->key))
		return fail(e, "no random key for the flow table: %s", strerror(errno));
	t->hash = multilinear_expand(&t->key);
	t->most_slots = FIRST_SLOTS;
	while (t->most_slots / 4 * 3 < limit)
		t->most_slots *= 2;
	t->slots = pages_take(2 * t->most_slots * sizeof(*t->slots));
	if (!t->slots)
		return fail(e, "no memory for the flow table");
	pages_prefer_large(t->slots, 2 * t->most_slots * sizeof(*t->slots));
	return slab_init(&t->conns, sizeof(struct conn), limit, e) && asides_init(&t->asides, limit, e) &&
	       slab_init(&t->quiet, sizeof(struct quiet), limit, e) &&
	       slab_init(&t->ages[0], sizeof(struct age_link), limit, e) &&
	       slab_init(&t->ages[1], sizeof(struct age_link), limit, e) &&
	       slab_init(&t->answers, sizeof(struct quiet_answer), limit, e) &&
	       slab_init(&t->parts, sizeof(struct quiet_part), limit, e) &&
	       slab_init(&t->packed, sizeof(struct quiet_packed), limit, e) &&
	       slab_init(&t->closings, sizeof(struct quiet_closing), limit, e) &&
	       slab_init(&t->befores, sizeof(struct before), limit, e);
}

void flow_finish(struct flow_table *t)
{
	pages_give(t->slots, 2 * t->most_slots * sizeof(*t->slots));
	t->slots = NULL;
	slab_finish(&t->conns);
	asides_finish(&t->asides);
	slab_finish(&t->quiet);
	slab_finish(&t->ages[0]);
	slab_finish(&t->ages[1]);
	slab_finish(&t->answers);
	slab_finish(&t->parts);
	slab_finish(&t->packed);
	slab_finish(&t->closings);
	slab_finish(&t->befores);
}

uint32_t flow_number(const struct flow_table *t, const struct conn *c)
{
	return (uint32_t)((size_t)((const uint8_t *)c - t->conns.base) / t->conns.cell);
}

static struct flow_key key_of_quiet(const struct flow_table *t, const struct quiet *q)
{
	return (struct flow_key){
		.end = { q->end[0], q->end[1] },
		.vlan = t->with_vlan ? q->vlan : 0,
		.tunnel = t->with_vlan ? q->tunnel : 0,
	};
}

static struct age_link *age_of(const struct flow_table *t, uint32_t number)
{
	return slab_at(&t->ages[flow_is_quiet(number)], number & ~FLOW_QUIET);
}

static uint8_t *age_class_of(const struct flow_table *t, uint32_t number)
{
	return flow_is_quiet(number) ? &flow_quiet(t, number)->age_class : &flow_conn(t, number)->age_class;
}

static void put(struct flow_table *t, uint64_t entry)
{
	uint64_t i = flow_home(entry, t->mask);

	while (t->slots[i])
		i = (i + 1) & t->mask;
	t->slots[i] = entry;
}

/* Its room was reserved, and is zero: every entry finds its place anew among those before it, or in the other half. */
static void grow(struct flow_table *t)
{
	const uint64_t n = t->mask + 1;
	uint64_t count = 0, *first = t->slots + 2 * n;

	if (2 * n > t->most_slots)
		return;
	/* some of those at the beginning would stand at the end: they wait until all others have their places */
	while (t->slots[count]) {
		first[count] = t->slots[count];
		t->slots[count++] = 0;
	}
	t->mask = 2 * n - 1;
	for (uint64_t i = count; i < n; i++) {
		const uint64_t entry = t->slots[i];

		t->slots[i] = 0;
		if (entry)
			put(t, entry);
	}
	for (uint64_t i = 0; i < count; i++) {
		put(t, first[i]);
		first[i] = 0;
	}
}

/*
 * Three quarters full at most: then an entry that is there is the third that is looked at, and most are in one cache
 * line.
 */
static inline bool is_full(const struct flow_table *t)
{
	return t->used >= (t->mask + 1) / 4 * 3;
}

uint32_t flow_newer(const struct flow_table *t, const struct quiet *q)
{
	const struct flow_key key = key_of_quiet(t, q);

	return flow_find(t, &key, (uint64_t)q->tag << 32);
}

/* Of the two, `newer` is in front of `older`, which may be 0: nothing is behind it. */
static void set_older(struct flow_table *t, uint32_t newer, uint32_t older)
{
	if (!flow_is_quiet(newer))
		flow_conn(t, newer)->older = older;
	else if (flow_quiet(t, newer)->before)
		flow_before(t, flow_quiet(t, newer))->older = older;
}

static void set_newer(struct flow_table *t, uint32_t older, uint32_t newer)
{
	if (!older)
		return;
	if (flow_is_quiet(older))
		flow_quiet(t, older)->behind = newer;
	else
		flow_conn(t, older)->newer = newer;
}

/*
 * Numbers that are given for the first time ascend, and so do ids of frames, unless whoever feeds the library numbers
 * them otherwise.
 */
static inline void note_order(struct flow_table *t, uint32_t number, uint64_t id)
{
	const bool again = number + 1 < t->quiet.fresh;

	if (UNLIKELY(again || id <= t->latest) && number > t->unordered)
		t->unordered = number;
	if (id > t->latest)
		t->latest = id;
}

uint32_t flow_add_quiet(struct flow_table *t, const struct flow_key *key, uint64_t hash, uint64_t id)
{
	const uint32_t number = flow_has_room(t) ? slab_take(&t->quiet) | FLOW_QUIET : 0;

	if (!number)
		return 0;
	if (is_full(t))
		grow(t);
	const uint64_t slot = flow_slot(t, key, hash);
	const uint32_t older = (uint32_t)t->slots[slot];
	struct quiet *q = flow_quiet(t, number);

	q->end[0] = key->end[0];
	q->end[1] = key->end[1];
	q->id = id;
	note_order(t, number & ~FLOW_QUIET, id);
	q->in_use = true;
	q->tag = (uint32_t)(hash >> 32);
	q->before = older ? slab_take(&t->befores) : 0;
	set_older(t, number, older);
	set_newer(t, older, number);
	t->used += !older;
	t->slots[slot] = (hash & FLOW_TAG) | number;
	q->age_class = AGE_CLASSES;
	slab_along(&t->ages[true], number & ~FLOW_QUIET);
	flow_set_age_class(t, number, AGE_EMBRYONIC);
	return number;
}

void flow_give_more(struct flow_table *t, struct quiet *q)
{
	if (q->stage >= QUIET_OPEN && !q->packed && flow_part(t, q)->closing)
		slab_give(&t->closings, flow_part(t, q)->closing);
	if (q->more)
		slab_give(q->packed ? &t->packed : &t->answers, q->more);
	q->more = 0;
	q->packed = false;
}

void flow_give_quiet(struct flow_table *t, uint32_t number)
{
	struct quiet *q = flow_quiet(t, number);

	flow_give_more(t, q);
	if (q->before)
		slab_give(&t->befores, q->before);
	q->in_use = false;
	slab_give(&t->quiet, number & ~FLOW_QUIET);
}

uint32_t flow_make_loud(struct flow_table *t, uint32_t number)
{
	const struct quiet *q = flow_quiet(t, number);
	const uint32_t loud = slab_take(&t->conns);
	const struct flow_key key = key_of_quiet(t, q);
	const uint64_t slot = flow_slot(t, &key, (uint64_t)q->tag << 32);
	struct conn *c = flow_conn(t, loud);

	assert(loud && q->behind == ((uint32_t)t->slots[slot] != number));
	c->key = key;
	c->older = flow_older(t, q);
	set_newer(t, c->older, loud);
	if (q->behind) {
		c->newer = (uint32_t)t->slots[slot];
		set_older(t, c->newer, loud);
	} else {
		t->slots[slot] = (t->slots[slot] & FLOW_TAG) | loud;
	}
	c->in_use = true;
	const struct age_link age = *age_of(t, number);

	*age_of(t, loud) = age;
	c->age_class = q->age_class;
	c->heard = q->stage >= QUIET_OPEN ? flow_part(t, q)->heard : 0;
	if (age.prev)
		age_of(t, age.prev)->next = loud;
	else
		t->age[c->age_class].oldest = loud;
	if (age.next)
		age_of(t, age.next)->prev = loud;
	else
		t->age[c->age_class].newest = loud;
	return loud;
}

uint32_t flow_add(struct flow_table *t, const struct flow_key *key, uint64_t hash)
{
	const uint32_t number = flow_has_room(t) ? slab_take(&t->conns) : 0;

	if (!number)
		return 0;
	if (is_full(t))
		grow(t);
	const uint64_t slot = flow_slot(t, key, hash);
	struct conn *c = flow_conn(t, number);

	c->key = *key;
	c->in_use = true;
	c->older = (uint32_t)t->slots[slot];
	set_newer(t, c->older, number);
	t->used += !c->older;
	t->slots[slot] = (hash & FLOW_TAG) | number;
	c->age_class = AGE_CLASSES;
	flow_set_age_class(t, number, AGE_EMBRYONIC);
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
		const uint64_t home = flow_home(t->slots[i], t->mask);

		if (((i - home) & t->mask) >= ((i - hole) & t->mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = 0;
}

static void leave_age_class(struct flow_table *t, uint32_t number)
{
	const struct age_link age = *age_of(t, number);
	uint8_t *class = age_class_of(t, number);

	if (*class == AGE_CLASSES)
		return;
	if (age.prev)
		age_of(t, age.prev)->next = age.next;
	else
		t->age[*class].oldest = age.next;
	if (age.next)
		age_of(t, age.next)->prev = age.prev;
	else
		t->age[*class].newest = age.prev;
	t->age[*class].count--;
	*class = AGE_CLASSES;
}

/* When an open connection's latest segment came, in milliseconds or nearly so, and where what that was is noted. */
static uint32_t last_heard(const struct flow_table *t, uint32_t number)
{
	if (flow_is_quiet(number))
		return (uint32_t)(flow_quiet(t, number)->last_ts >> 20);
	return (uint32_t)(flow_conn(t, number)->last.ts >> 20);
}

static uint32_t *noted(const struct flow_table *t, uint32_t number)
{
	return flow_is_quiet(number) ? &flow_part(t, flow_quiet(t, number))->heard : &flow_conn(t, number)->heard;
}

void flow_set_age_class(struct flow_table *t, uint32_t number, enum age_class class)
{
	struct age_link *age = age_of(t, number);

	if (*age_class_of(t, number) == class)
		return;
	leave_age_class(t, number);
	if (class == AGE_ESTABLISHED)
		*noted(t, number) = last_heard(t, number);
	*age_class_of(t, number) = (uint8_t)class;
	t->age[class].count++;
	age->next = 0;
	age->prev = t->age[class].newest;
	if (age->prev)
		age_of(t, age->prev)->next = number;
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

/*
 * An open connection at the old end of the list that was silent since it came into it.  Others are spared: they go to
 * the new end.  To keep the list in order of the last segments would cost each segment two cache lines.
 */
static uint32_t silent_one(struct flow_table *t)
{
	uint32_t victim = 0;

	for (unsigned i = 0; i < SAMPLE; i++) {
		const uint32_t number = t->age[AGE_ESTABLISHED].oldest, heard = last_heard(t, number);

		if (*noted(t, number) == heard)
			return number;
		if (!victim || (int32_t)(heard - last_heard(t, victim)) < 0)
			victim = number;
		leave_age_class(t, number);
		flow_set_age_class(t, number, AGE_ESTABLISHED);
	}
	return victim;
}

uint32_t flow_victim(struct flow_table *t)
{
	for (unsigned class = AGE_EMBRYONIC; class <= AGE_CLOSED; class++)
		if (t->age[class].count > t->limit / SHARE)
			return t->age[class].oldest;
	return t->age[AGE_ESTABLISHED].oldest ? silent_one(t) : flow_least_valuable(t);
}

static void remove_quiet(struct flow_table *t, uint32_t number)
{
	const struct quiet *q = flow_quiet(t, number);
	const uint32_t older = flow_older(t, q);
	uint64_t i = flow_home((uint64_t)q->tag << 32, t->mask);

	leave_age_class(t, number);
	set_newer(t, older, 0);
	if (q->behind) {
		set_older(t, flow_newer(t, q), older);
	} else {
		while ((uint32_t)t->slots[i] != number)
			i = (i + 1) & t->mask;
		if (older)
			t->slots[i] = (t->slots[i] & FLOW_TAG) | older;
		else
			vacate(t, i);
	}
	flow_give_quiet(t, number);
}

static void give_conn(struct flow_table *t, uint32_t number)
{
	struct conn *c = flow_conn(t, number);

	c->in_use = false;
	aside_give(&t->asides, c);
	slab_give(&t->conns, number);
}

void flow_remove(struct flow_table *t, uint32_t number)
{
	if (flow_is_quiet(number)) {
		remove_quiet(t, number);
		return;
	}
	struct conn *c = flow_conn(t, number);

	assert(c->in_use);
	leave_age_class(t, number);
	set_newer(t, c->older, c->newer);
	if (c->newer) {
		set_older(t, c->newer, c->older);
	} else {
		const uint64_t slot = flow_slot(t, &c->key, flow_hash(t, &c->key));

		assert((uint32_t)t->slots[slot] == number);
		if (c->older)
			t->slots[slot] = (t->slots[slot] & FLOW_TAG) | c->older;
		else
			vacate(t, slot);
	}
	give_conn(t, number);
}

void flow_drop(struct flow_table *t, uint32_t number)
{
	const struct conn *c = flow_conn(t, number);

	if (c->older || c->newer)
		flow_remove(t, number);
	else
		give_conn(t, number);
}
