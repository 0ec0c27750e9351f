/*
 * Connections hang in two lists by when they were last heard of, those without and those with a mark; their frames
 * are chains of small cells of one pool.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <tcplint/frame.h>

#include "history.h"
#include "siphash.h"
#include "slab.h"

enum {
	CELL = 256,     /* a frame cut to its headers takes one */
	CELLS = 262144, /* 64 MiB: sixteen frames of each of 16384 connections */
};

/* Where a frame begins. */
struct kept {
	uint32_t next; /* cell; also of those that go on with data alone */
	uint32_t captured, wire;
	int linktype;
	int64_t ts;
	uint64_t number;
};

enum { LIST_PLAIN, LIST_MARKED, LIST_COUNT };

struct flow {
	struct history_key key;
	uint32_t chain;        /* next flow of the bucket */
	uint32_t older, newer; /* in its list */
	uint8_t firsts, latests, oldest; /* frames kept, and which of the latest is the oldest */
	bool closed;
	uint64_t mark;
	uint32_t first[HISTORY_FIRST], latest[HISTORY_LATEST];
};

struct history {
	struct slab flows, cells;
	struct siphash_key key;
	uint32_t *bucket;
	uint32_t mask;
	struct {
		uint32_t oldest, newest;
	} list[LIST_COUNT];
	uint64_t forgotten;
	uint8_t *scratch; /* a frame, put together */
	size_t room;
};

struct history *history_create(uint32_t flows, struct error *e)
{
	struct history *h = calloc(1, sizeof(*h));
	uint32_t buckets = 1024;

	while (buckets < flows)
		buckets *= 2;
	if (h) {
		h->mask = buckets - 1;
		h->bucket = calloc(buckets, sizeof(*h->bucket));
	}
	if (!h || !h->bucket) {
		fail(e, "no memory for packets");
	} else if (getrandom(&h->key, sizeof(h->key), 0) != sizeof(h->key)) {
		fail(e, "no random key for packets: %s", strerror(errno));
	} else if (slab_init(&h->flows, sizeof(struct flow), flows, e) && slab_init(&h->cells, CELL, CELLS, e)) {
		return h;
	}
	history_destroy(h);
	return NULL;
}

void history_destroy(struct history *h)
{
	if (!h)
		return;
	slab_finish(&h->flows);
	slab_finish(&h->cells);
	free(h->bucket);
	free(h->scratch);
	free(h);
}

void history_sort(struct history_key *key)
{
	const struct history_key k = *key;
	const int order = memcmp(k.ip[0], k.ip[1], sizeof(k.ip[0]));

	if (order < 0 || (order == 0 && k.port[0] <= k.port[1]))
		return;
	for (int i = 0; i < 2; i++) {
		memcpy(key->ip[i], k.ip[!i], sizeof(key->ip[i]));
		key->port[i] = k.port[!i];
	}
}

/* ---- flows ---- */

static struct flow *flow_at(const struct history *h, uint32_t number)
{
	return slab_at(&h->flows, number);
}

static uint32_t *bucket_of(struct history *h, const struct history_key *key)
{
	uint64_t words[6] = { 0 };

	memcpy(words, key, sizeof(*key));
	return &h->bucket[siphash_words(&h->key, words, 6) & h->mask];
}

static uint32_t find(struct history *h, const struct history_key *key)
{
	uint32_t n = *bucket_of(h, key);

	while (n && memcmp(&flow_at(h, n)->key, key, sizeof(*key)) != 0)
		n = flow_at(h, n)->chain;
	return n;
}

static int list_of(const struct flow *f)
{
	return f->mark ? LIST_MARKED : LIST_PLAIN;
}

static void unlink_flow(struct history *h, uint32_t n)
{
	const struct flow *f = flow_at(h, n);
	const int l = list_of(f);

	*(f->older ? &flow_at(h, f->older)->newer : &h->list[l].oldest) = f->newer;
	*(f->newer ? &flow_at(h, f->newer)->older : &h->list[l].newest) = f->older;
}

static void link_newest(struct history *h, uint32_t n)
{
	struct flow *f = flow_at(h, n);
	const int l = list_of(f);

	f->newer = 0;
	f->older = h->list[l].newest;
	*(f->older ? &flow_at(h, f->older)->newer : &h->list[l].oldest) = n;
	h->list[l].newest = n;
}

static void refresh(struct history *h, uint32_t n)
{
	unlink_flow(h, n);
	link_newest(h, n);
}

/* ---- frames ---- */

static void give_frame(struct history *h, uint32_t cell)
{
	while (cell) {
		const uint32_t next = *(const uint32_t *)slab_at(&h->cells, cell);

		slab_give(&h->cells, cell);
		cell = next;
	}
}

static void give_firsts(struct history *h, struct flow *f)
{
	for (unsigned i = 0; i < f->firsts; i++)
		give_frame(h, f->first[i]);
	f->firsts = 0;
}

static void give_frames(struct history *h, struct flow *f)
{
	give_firsts(h, f);
	for (unsigned i = 0; i < f->latests; i++)
		give_frame(h, f->latest[i]);
	f->latests = f->oldest = 0;
}

static void forget(struct history *h, uint32_t n)
{
	struct flow *f = flow_at(h, n);
	uint32_t *at = bucket_of(h, &f->key);

	while (*at != n)
		at = &flow_at(h, *at)->chain;
	*at = f->chain;
	unlink_flow(h, n);
	give_frames(h, f);
	slab_give(&h->flows, n);
}

/* The flow that has been silent for longest makes room; not `busy`, whose frame it is. */
static bool make_room(struct history *h, uint32_t busy)
{
	for (int l = LIST_PLAIN; l < LIST_COUNT; l++) {
		uint32_t n = h->list[l].oldest;

		if (n == busy && n)
			n = flow_at(h, n)->newer;
		if (!n)
			continue;
		h->forgotten += l == LIST_MARKED;
		forget(h, n);
		return true;
	}
	return false;
}

static uint32_t take_cell(struct history *h, uint32_t busy)
{
	uint32_t cell = slab_take(&h->cells);

	while (!cell && make_room(h, busy))
		cell = slab_take(&h->cells);
	return cell;
}

/* The frame in cells; 0 when there is no room for it. */
static uint32_t store(struct history *h, uint32_t busy, const struct tcplint_frame *f)
{
	const struct kept head = { .captured = f->captured, .wire = f->wire, .linktype = f->linktype, .ts = f->ts,
				   .number = f->number };
	const uint32_t first = take_cell(h, busy);
	uint32_t cell = first, at = sizeof(head), done = 0;

	if (!first)
		return 0;
	memcpy(slab_at(&h->cells, first), &head, sizeof(head));
	while (done < f->captured) {
		const uint32_t room = CELL - at, left = f->captured - done, n = left < room ? left : room;
		uint32_t next;

		memcpy((uint8_t *)slab_at(&h->cells, cell) + at, f->data + done, n);
		done += n;
		if (done == f->captured)
			break;
		next = take_cell(h, busy);
		if (!next) {
			give_frame(h, first);
			return 0;
		}
		*(uint32_t *)slab_at(&h->cells, cell) = next;
		cell = next;
		at = sizeof(uint32_t);
	}
	return first;
}

static bool have_scratch(struct history *h, size_t size)
{
	uint8_t *bigger = size > h->room ? realloc(h->scratch, size) : h->scratch;

	if (size > h->room && bigger) {
		h->scratch = bigger;
		h->room = size;
	}
	return bigger || !size;
}

static void hand_over(struct history *h, uint32_t cell, void (*each)(void *, const struct tcplint_frame *), void *user)
{
	struct kept head;
	uint32_t at = sizeof(head), done = 0;

	memcpy(&head, slab_at(&h->cells, cell), sizeof(head));
	if (!have_scratch(h, head.captured))
		return;
	while (done < head.captured) {
		const uint32_t room = CELL - at, left = head.captured - done, n = left < room ? left : room;

		memcpy(h->scratch + done, (const uint8_t *)slab_at(&h->cells, cell) + at, n);
		done += n;
		cell = *(const uint32_t *)slab_at(&h->cells, cell);
		at = sizeof(uint32_t);
	}
	each(user, &(struct tcplint_frame){ .ts = head.ts,
					    .number = head.number,
					    .captured = head.captured,
					    .wire = head.wire,
					    .linktype = head.linktype,
					    .data = h->scratch });
}

/* ---- what others call ---- */

static uint32_t add_flow(struct history *h, const struct history_key *key)
{
	uint32_t n = slab_take(&h->flows), *bucket;
	struct flow *f;

	if (!n && make_room(h, 0))
		n = slab_take(&h->flows);
	if (!n)
		return 0;
	bucket = bucket_of(h, key);
	f = flow_at(h, n);
	f->key = *key;
	f->chain = *bucket;
	*bucket = n;
	link_newest(h, n);
	return n;
}

static void keep(struct history *h, struct flow *f, uint32_t cell)
{
	unsigned at = f->latests;

	if (f->firsts < HISTORY_FIRST) {
		f->first[f->firsts++] = cell;
		return;
	}
	if (f->latests == HISTORY_LATEST) {
		at = f->oldest;
		f->oldest = (uint8_t)((at + 1) % HISTORY_LATEST);
		give_frame(h, f->latest[at]);
	} else {
		f->latests++;
	}
	f->latest[at] = cell;
}

void history_add(struct history *h, const struct history_key *key, const struct tcplint_frame *frame,
		 enum history_kind kind)
{
	uint32_t n = find(h, key), cell;
	struct flow *f;

	if (n)
		refresh(h, n);
	else
		n = add_flow(h, key);
	cell = n ? store(h, n, frame) : 0;
	if (!cell)
		return;
	f = flow_at(h, n);
	if (kind == HISTORY_OPENS && f->closed) {
		give_firsts(h, f);
		f->closed = false;
	}
	f->closed = f->closed || kind == HISTORY_CLOSES;
	keep(h, f, cell);
}

static uint64_t number_of(const struct history *h, uint32_t cell)
{
	return ((const struct kept *)slab_at(&h->cells, cell))->number;
}

void history_take(struct history *h, const struct history_key *key,
		  void (*each)(void *user, const struct tcplint_frame *f), void *user)
{
	const uint32_t n = find(h, key);
	unsigned i = 0, k = 0;
	struct flow *f;

	if (!n)
		return;
	f = flow_at(h, n);
	while (i < f->firsts || k < f->latests) { /* the first ones may be of a later connection than the latest */
		const uint32_t a = i < f->firsts ? f->first[i] : 0;
		const uint32_t b = k < f->latests ? f->latest[(f->oldest + k) % HISTORY_LATEST] : 0;
		const bool from_first = a && (!b || number_of(h, a) < number_of(h, b));

		hand_over(h, from_first ? a : b, each, user);
		i += from_first;
		k += !from_first;
	}
	give_frames(h, f);
}

uint64_t history_mark(struct history *h, const struct history_key *key)
{
	const uint32_t n = find(h, key);

	if (!n || !flow_at(h, n)->mark)
		return 0;
	refresh(h, n);
	return flow_at(h, n)->mark;
}

void history_set_mark(struct history *h, const struct history_key *key, uint64_t mark)
{
	const uint32_t n = find(h, key);

	if (!n)
		return;
	unlink_flow(h, n);
	flow_at(h, n)->mark = mark;
	link_newest(h, n);
}

uint64_t history_forgotten(const struct history *h)
{
	return h->forgotten;
}

uint64_t history_bound(const struct history *h)
{
	return (uint64_t)h->flows.limit * sizeof(struct flow) + (uint64_t)CELLS * CELL +
	       ((uint64_t)h->mask + 1) * sizeof(*h->bucket);
}
