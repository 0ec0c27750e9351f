#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hosts.h"

#define LEAST 1024
#define MOST  65536

bool hosts_init(struct hosts *t, uint32_t connections, const struct siphash_key *key, struct error *e)
{
	uint32_t limit = connections / 16;
	uint32_t slots = 1;

	limit = limit < LEAST ? LEAST : limit > MOST ? MOST : limit;
	while (slots < 2 * limit)
		slots *= 2;
	*t = (struct hosts){ .key = *key, .mask = slots - 1 };
	t->slots = calloc(slots, sizeof(*t->slots));
	if (!t->slots)
		return fail(e, "no memory for the table of hosts");
	return slab_init(&t->hosts, sizeof(struct host), limit, e) &&
	       slab_init(&t->chunks, sizeof(struct chunk), 2 * limit, e);
}

void hosts_finish(struct hosts *t)
{
	free(t->slots);
	t->slots = NULL;
	slab_finish(&t->hosts);
	slab_finish(&t->chunks);
}

uint64_t hosts_memory(const struct hosts *t)
{
	return (uint64_t)t->hosts.limit * t->hosts.cell + (uint64_t)t->chunks.limit * t->chunks.cell +
	       ((uint64_t)t->mask + 1) * sizeof(*t->slots);
}

/* ---- by address ---- */

static uint32_t hash_of(const struct hosts *t, enum host_kind kind, const uint8_t ip[16], uint16_t port)
{
	uint64_t words[3];

	memcpy(words, ip, 16);
	words[2] = (uint64_t)kind << 16 | port;
	return (uint32_t)siphash_words(&t->key, words, 3);
}

/* The slot that holds it, or the empty one where it would stand. */
static uint32_t probe(const struct hosts *t, uint32_t hash, enum host_kind kind, const uint8_t ip[16], uint16_t port)
{
	uint32_t i = hash & t->mask;

	for (; t->slots[i]; i = (i + 1) & t->mask) {
		if (t->slots[i] >> 32 != hash)
			continue;
		const struct host *h = host_at(t, (uint32_t)t->slots[i]);

		if (h->kind == kind && h->port == port && !memcmp(h->ip, ip, 16))
			break;
	}
	return i;
}

/* Empty a slot and close the gap behind it. */
static void vacate(struct hosts *t, uint32_t hole)
{
	for (uint32_t i = (hole + 1) & t->mask; t->slots[i]; i = (i + 1) & t->mask) {
		const uint32_t home = (uint32_t)(t->slots[i] >> 32) & t->mask;

		if (((i - home) & t->mask) >= ((i - hole) & t->mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = 0;
}

/* ---- by age ---- */

static uint32_t number_of(const struct hosts *t, const struct host *h)
{
	return (uint32_t)((size_t)((const uint8_t *)h - t->hosts.base) / t->hosts.cell);
}

static void leave_list(struct hosts *t, struct host *h)
{
	if (h->older)
		host_at(t, h->older)->newer = h->newer;
	else
		t->list[h->worth].oldest = h->newer;
	if (h->newer)
		host_at(t, h->newer)->older = h->older;
	else
		t->list[h->worth].newest = h->older;
	t->list[h->worth].n--;
}

static void join_list(struct hosts *t, struct host *h, enum host_worth worth)
{
	const uint32_t number = number_of(t, h);

	h->worth = (uint8_t)worth;
	h->newer = 0;
	h->older = t->list[worth].newest;
	if (h->older)
		host_at(t, h->older)->newer = number;
	else
		t->list[worth].oldest = number;
	t->list[worth].newest = number;
	t->list[worth].n++;
}

/* No list but the lowest takes more than its share, or newcomers would drive each other out. */
static void settle_shares(struct hosts *t)
{
	static const unsigned share[HOST_WORTHS] = { [HOST_KNOWN] = 2, [HOST_ACCUSED] = 4 };

	for (unsigned w = HOST_ACCUSED; w > HOST_SEEN_ONCE; w--) {
		struct host *h = host_at(t, t->list[w].oldest);

		if (t->list[w].n <= t->hosts.limit / share[w])
			continue;
		leave_list(t, h);
		join_list(t, h, (enum host_worth)(w - 1));
	}
}

void hosts_set_worth(struct hosts *t, struct host *h, enum host_worth worth)
{
	if (h->worth < worth) {
		leave_list(t, h);
		join_list(t, h, worth);
		settle_shares(t);
	}
}

static void drop_chunk(struct hosts *t, struct host *h)
{
	const uint32_t number = h->oldest;
	const struct chunk *c = chunk_at(t, number);

	h->oldest = c->next;
	h->kept -= c->n;
	if (!h->oldest)
		h->newest = 0;
	slab_give(&t->chunks, number);
}

/* Hosts that came back hold most of the openings: one of those that were not heard of for long forgets some. */
static bool reclaim(struct hosts *t, const struct host *keep)
{
	struct host *h = host_at(t, t->list[HOST_KNOWN].oldest);

	for (unsigned i = 0; i < 64 && h; i++, h = host_at(t, h->newer))
		if (h != keep && h->oldest) {
			drop_chunk(t, h);
			return true;
		}
	return false;
}

/* Let the least valuable entry go; not `keep`. */
static void evict(struct hosts *t, const struct host *keep)
{
	struct host *h = NULL;

	for (unsigned w = 0; w < HOST_WORTHS && !h; w++) {
		h = host_at(t, t->list[w].oldest);
		if (h && h == keep)
			h = host_at(t, h->newer);
	}
	assert(h);
	t->evicted++;
	if (t->forget)
		t->forget(t->user, h);
	hosts_drop_openings(t, h);
	leave_list(t, h);
	h->in_use = false;
	vacate(t, probe(t, hash_of(t, (enum host_kind)h->kind, h->ip, h->port), (enum host_kind)h->kind, h->ip, h->port));
	slab_give(&t->hosts, number_of(t, h));
}

struct host *hosts_find(struct hosts *t, enum host_kind kind, const uint8_t ip[16], uint16_t port)
{
	return host_at(t, (uint32_t)t->slots[probe(t, hash_of(t, kind, ip, port), kind, ip, port)]);
}

struct host *hosts_get(struct hosts *t, enum host_kind kind, const uint8_t ip[16], uint16_t port, int64_t ts)
{
	const uint32_t hash = hash_of(t, kind, ip, port);
	struct host *h = host_at(t, (uint32_t)t->slots[probe(t, hash, kind, ip, port)]);

	if (h) {
		const enum host_worth worth = h->worth == HOST_SEEN_ONCE ? HOST_KNOWN : (enum host_worth)h->worth;

		leave_list(t, h);
		join_list(t, h, worth);
		settle_shares(t);
		h->last = ts;
		return h;
	}
	uint32_t number = slab_take(&t->hosts);

	if (!number) {
		evict(t, NULL);
		number = slab_take(&t->hosts);
	}
	h = host_at(t, number);
	memcpy(h->ip, ip, 16);
	h->port = port;
	h->kind = (uint8_t)kind;
	h->in_use = true;
	h->first = h->last = ts;
	join_list(t, h, HOST_SEEN_ONCE);
	t->slots[probe(t, hash, kind, ip, port)] = (uint64_t)hash << 32 | number;
	return h;
}

/* ---- openings ---- */

struct opening *hosts_add_opening(struct hosts *t, struct host *h)
{
	struct chunk *last = chunk_at(t, h->newest);

	if (!last || last->n == CHUNK_OPENINGS) {
		uint32_t number;

		while (h->kept >= OPENINGS_KEPT)
			drop_chunk(t, h);
		while (!(number = slab_take(&t->chunks)))
			if (!reclaim(t, h))
				evict(t, h);
		last = chunk_at(t, h->newest); /* may have gone */
		if (last)
			last->next = number;
		else
			h->oldest = number;
		h->newest = number;
		last = chunk_at(t, number);
	}
	h->kept++;
	return &last->opening[last->n++];
}

void hosts_drop_openings(struct hosts *t, struct host *h)
{
	while (h->oldest)
		drop_chunk(t, h);
}

unsigned hosts_openings(const struct hosts *t, const struct host *h, struct opening **out)
{
	unsigned n = 0;

	for (struct chunk *c = chunk_at(t, h->oldest); c; c = chunk_at(t, c->next))
		for (unsigned i = 0; i < c->n; i++)
			out[n++] = &c->opening[i];
	return n;
}

struct opening *hosts_opening_at(const struct hosts *t, const struct host *h, uint64_t frame)
{
	struct opening *found = NULL;
	/* most are among the newest */
	struct chunk *c = chunk_at(t, h->newest);
	const bool newest = c && c->opening[0].mark.frame <= frame;

	for (c = newest ? c : chunk_at(t, h->oldest); c; c = chunk_at(t, c->next))
		for (unsigned i = 0; i < c->n; i++)
			if (c->opening[i].mark.frame == frame)
				found = &c->opening[i];
	return found;
}
