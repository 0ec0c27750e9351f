#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#include "hosts.h"
#include "segment.h"

#define LEAST 1024
#define MOST  65536
#define LINE  64 /* bytes of a cache line */

const struct host_detail hosts_no_detail;

static size_t whole_lines(size_t bytes)
{
	return (bytes + LINE - 1) / LINE * LINE;
}

bool hosts_init(struct hosts *t, uint32_t connections, const struct siphash_key *key, struct error *e)
{
	uint32_t limit = connections / 16;
	uint32_t slots = 1;

	limit = limit < LEAST ? LEAST : limit > MOST ? MOST : limit;
	while (slots < 2 * limit)
		slots *= 2;
	*t = (struct hosts){ .key = multilinear_expand(key), .mask = slots - 1 };
	t->slots = calloc(slots, sizeof(*t->slots));
	t->links = calloc(limit + 1, sizeof(*t->links));
	if (!t->slots || !t->links)
		return fail(e, "no memory for the table of hosts");
	return slab_init(&t->hosts, whole_lines(sizeof(struct host)), limit, e) &&
	       slab_init(&t->details, whole_lines(sizeof(struct host_detail)), limit, e) &&
	       slab_init(&t->chunks, whole_lines(sizeof(struct chunk)), 2 * limit, e);
}

void hosts_finish(struct hosts *t)
{
	free(t->slots);
	free(t->links);
	t->slots = NULL;
	t->links = NULL;
	slab_finish(&t->hosts);
	slab_finish(&t->details);
	slab_finish(&t->chunks);
}

uint64_t hosts_memory(const struct hosts *t)
{
	return (uint64_t)t->hosts.limit * (t->hosts.cell + t->details.cell) +
	       (uint64_t)t->chunks.limit * t->chunks.cell + ((uint64_t)t->mask + 1) * sizeof(*t->slots) +
	       (uint64_t)t->hosts.limit * sizeof(*t->links);
}

/* ---- by address ---- */

static bool same_ip(const uint8_t a[16], const uint8_t b[16])
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return x[0] == y[0] && x[1] == y[1];
}

/* The slot that holds it, or the empty one where it would stand. */
static uint32_t probe(const struct hosts *t, uint32_t hash, enum host_kind kind, const uint8_t ip[16], uint16_t port)
{
	uint32_t i = hash & t->mask;

	for (; t->slots[i]; i = (i + 1) & t->mask) {
		if (t->slots[i] >> 32 != hash)
			continue;
		const struct host *h = host_at(t, (uint32_t)t->slots[i]);

		if (h->kind == kind && h->port == port && same_ip(h->ip, ip))
			break;
	}
	return i;
}

static void expect(const struct hosts *t, struct hosts_needed *x, enum host_kind kind, const uint8_t ip[16],
		   uint16_t port)
{
	const uint32_t hash = hosts_hash(t, kind, ip, port);

	x->hash[x->n++] = hash;
	PREFETCH(&t->slots[hash & t->mask]);
}

void hosts_expect(const struct hosts *t, struct hosts_needed *x, const uint8_t client[16], const uint8_t server[16],
		  uint16_t port, bool answer)
{
	x->n = 0;
	expect(t, x, HOST_CLIENT, client, 0);
	expect(t, x, HOST_SERVICE, server, port);
	if (answer)
		expect(t, x, HOST_SERVER, server, 0);
}

/* The entry where the hash would have it stand, or null: it is not there, or further on. */
static const struct host *likely(const struct hosts *t, uint32_t hash)
{
	const uint64_t slot = t->slots[hash & t->mask];

	return slot >> 32 == hash ? host_at(t, (uint32_t)slot) : NULL;
}

void hosts_prefetch(const struct hosts *t, const struct hosts_needed *x)
{
	for (unsigned k = 0; k < x->n; k++) {
		const struct host *h = likely(t, x->hash[k]);

		for (unsigned i = 0; h && i < sizeof(*h); i += LINE)
			PREFETCH((const uint8_t *)h + i);
	}
}

void hosts_prefetch_openings(const struct hosts *t, const struct hosts_needed *x)
{
	const struct host *h = x->n ? likely(t, x->hash[0]) : NULL;

	for (unsigned i = 0; h && h->newest && i < sizeof(struct chunk); i += LINE)
		PREFETCH((const uint8_t *)chunk_at(t, h->newest) + i);
	for (unsigned i = 0; h && h->detail && i < offsetof(struct host_detail, client.aborted); i += LINE)
		PREFETCH((const uint8_t *)host_detail(t, h) + i);
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

static void leave_list(struct hosts *t, struct host *h, uint32_t number)
{
	const struct host_link link = t->links[number];

	if (link.older)
		t->links[link.older].newer = link.newer;
	else
		t->list[h->worth].oldest = link.newer;
	if (link.newer)
		t->links[link.newer].older = link.older;
	else
		t->list[h->worth].newest = link.older;
	t->list[h->worth].n--;
}

static void join_list(struct hosts *t, struct host *h, uint32_t number, enum host_worth worth)
{
	const uint32_t before = t->list[worth].newest;

	h->worth = (uint8_t)worth;
	t->links[number] = (struct host_link){ .older = before };
	if (before)
		t->links[before].newer = number;
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
		const uint32_t number = t->list[w].oldest;

		if (t->list[w].n <= t->hosts.limit / share[w])
			continue;
		leave_list(t, host_at(t, number), number);
		join_list(t, host_at(t, number), number, (enum host_worth)(w - 1));
	}
}

void hosts_set_worth(struct hosts *t, struct host *h, enum host_worth worth)
{
	if (h->worth < worth) {
		leave_list(t, h, number_of(t, h));
		join_list(t, h, number_of(t, h), worth);
		settle_shares(t);
	}
}

static void drop_chunk(struct hosts *t, struct host *h)
{
	uint32_t *chunk = hosts_detail(t, h)->chunk;

	h->kept = (uint8_t)(h->kept - chunk_at(t, chunk[0])->n);
	slab_give(&t->chunks, chunk[0]);
	h->chunks--;
	memmove(chunk, chunk + 1, h->chunks * sizeof(*chunk));
	if (!h->chunks)
		h->newest = 0;
}

/* Hosts that came back hold most of the openings: one of those that were not heard of for long forgets some. */
static bool reclaim(struct hosts *t, const struct host *keep)
{
	uint32_t number = t->list[HOST_KNOWN].oldest;

	for (unsigned i = 0; i < 64 && number; i++, number = t->links[number].newer) {
		struct host *h = host_at(t, number);

		if (h != keep && h->chunks) {
			drop_chunk(t, h);
			return true;
		}
	}
	return false;
}

static uint32_t slot_of_number(const struct hosts *t, uint32_t hash, uint32_t number)
{
	uint32_t i = hash & t->mask;

	while ((uint32_t)t->slots[i] != number)
		i = (i + 1) & t->mask;
	return i;
}

/*
 * One eviction seldom comes alone: what those that go next need is on its way, the entry first, then what hangs on it.
 */
static void foresee(const struct hosts *t, uint32_t number)
{
	const uint32_t next = t->links[number].newer, second = t->links[next].newer, third = t->links[second].newer;
	const struct host *h = host_at(t, second);

	if (third)
		PREFETCH(host_at(t, t->links[third].newer));
	if (!h)
		return;
	PREFETCH(&t->slots[h->hash & t->mask]);
	if (h->detail)
		PREFETCH(host_detail(t, h));
}

/* Let the least valuable entry go; not `keep`. */
static void evict(struct hosts *t, const struct host *keep)
{
	uint32_t number = 0;

	for (unsigned w = 0; w < HOST_WORTHS && !number; w++) {
		number = t->list[w].oldest;
		if (number && host_at(t, number) == keep)
			number = t->links[number].newer;
	}
	struct host *h = host_at(t, number);

	assert(h);
	foresee(t, number);
	t->evicted++;
	if (t->forget)
		t->forget(t->user, h);
	hosts_drop_openings(t, h);
	if (h->detail)
		slab_give(&t->details, h->detail);
	leave_list(t, h, number);
	h->in_use = false;
	vacate(t, slot_of_number(t, h->hash, number));
	slab_give(&t->hosts, number);
}

struct host *hosts_find(struct hosts *t, enum host_kind kind, const uint8_t ip[16], uint16_t port)
{
	return host_at(t, (uint32_t)t->slots[probe(t, hosts_hash(t, kind, ip, port), kind, ip, port)]);
}

/* What is used of every entry of the kind; the rest is as the entry before it left it. */
static size_t needed(enum host_kind kind)
{
	switch (kind) {
	case HOST_CLIENT:
	case HOST_SERVER:
		return offsetof(struct client, probe);
	case HOST_SERVICE:
		return sizeof(struct service);
	case HOST_ACKS:
	case HOST_CONNECTS:
	case HOST_UNASKED:
	case HOST_RESETS:
		break;
	}
	return sizeof(struct watch);
}

static bool note(uint64_t words[PRINT_WORDS], uint32_t print)
{
	const unsigned bit = print * UINT32_C(2654435769) >> 24;
	const uint64_t mask = UINT64_C(1) << bit % 64;
	const bool before = words[bit / 64] & mask;

	words[bit / 64] |= mask;
	return before;
}

static bool note_opening(struct client *c, uint32_t tuple, uint32_t isn)
{
	const bool known = note(c->prints[1], isn);

	return (tuple && note(c->prints[0], tuple)) || known;
}

struct host_detail *hosts_detail(struct hosts *t, struct host *h)
{
	struct host_detail *d = slab_at(&t->details, h->detail);

	if (h->detail)
		return d;
	h->detail = slab_take_as_is(&t->details); /* there is one for each entry */
	d = slab_at(&t->details, h->detail);
	memset(&d->client, 0, needed((enum host_kind)h->kind));
	memset(&d->time_wait, 0, sizeof(d->time_wait));
	if (h->kept)
		note_opening(&d->client, h->only.tuple, h->only.isn);
	return d;
}

struct probes *hosts_probes(struct hosts *t, struct host *h, enum probe kind)
{
	struct client *c = &hosts_detail(t, h)->client;

	if (!c->probes)
		memset(c->probe, 0, sizeof(c->probe));
	c->probes = true;
	return &c->probe[kind];
}

static struct host *add(struct hosts *t, uint32_t hash, enum host_kind kind, const uint8_t ip[16], uint16_t port,
			int64_t ts)
{
	uint32_t number = slab_take_as_is(&t->hosts);

	if (!number) {
		evict(t, NULL);
		number = slab_take_as_is(&t->hosts);
	}
	struct host *h = host_at(t, number);

	memset(h, 0, offsetof(struct host, only));
	h->aggregated = 0;
	memcpy(h->ip, ip, 16);
	h->port = port;
	h->kind = (uint8_t)kind;
	h->hash = hash;
	h->in_use = true;
	h->first = h->last = ts;
	join_list(t, h, number, HOST_SEEN_ONCE);
	t->slots[probe(t, hash, kind, ip, port)] = (uint64_t)hash << 32 | number;
	if (kind != HOST_CLIENT && kind != HOST_SERVER)
		hosts_detail(t, h);
	return h;
}

struct host *hosts_get(struct hosts *t, enum host_kind kind, const uint8_t ip[16], uint16_t port, int64_t ts)
{
	const uint32_t hash = hosts_hash(t, kind, ip, port);
	const uint32_t number = (uint32_t)t->slots[probe(t, hash, kind, ip, port)];
	struct host *h = host_at(t, number);

	if (!h)
		return add(t, hash, kind, ip, port, ts);
	h->last = ts;
	if (t->list[h->worth].newest == number && h->worth != HOST_SEEN_ONCE)
		return h;
	leave_list(t, h, number);
	join_list(t, h, number, h->worth == HOST_SEEN_ONCE ? HOST_KNOWN : (enum host_worth)h->worth);
	settle_shares(t);
	return h;
}

/* ---- openings ---- */

/* An empty one behind the others; the first of all begins with the only opening that there was. */
static struct chunk *add_chunk(struct hosts *t, struct host *h)
{
	uint32_t number;

	while (h->kept >= OPENINGS_KEPT)
		drop_chunk(t, h);
	while (!(number = slab_take_as_is(&t->chunks)))
		if (!reclaim(t, h))
			evict(t, h);
	struct chunk *c = chunk_at(t, number);

	c->n = 0;
	if (!h->chunks)
		c->opening[c->n++] = h->only;
	assert(h->chunks < CHUNKS);
	hosts_detail(t, h)->chunk[h->chunks++] = number;
	h->newest = number;
	return c;
}

struct opening *hosts_add_opening(struct hosts *t, struct host *h)
{
	struct chunk *last = chunk_at(t, h->newest);

	if (!h->kept) {
		h->kept = 1;
		return &h->only;
	}
	if (!last || last->n == CHUNK_OPENINGS)
		last = add_chunk(t, h);
	h->kept++;
	return &last->opening[last->n++];
}

bool hosts_note(struct hosts *t, struct host *h, uint32_t tuple, uint32_t isn)
{
	if (!h->detail && !h->kept)
		return false; /* hosts_detail() does it, once there is another */
	return note_opening(&hosts_detail(t, h)->client, tuple, isn);
}

void hosts_drop_openings(struct hosts *t, struct host *h)
{
	for (unsigned i = 0; i < h->chunks; i++)
		slab_give(&t->chunks, host_detail(t, h)->chunk[i]);
	h->chunks = h->kept = 0;
	h->newest = 0;
}

unsigned hosts_openings(const struct hosts *t, struct host *h, struct opening **out)
{
	const uint32_t *chunk = host_detail(t, h)->chunk;
	unsigned n = 0;

	if (h->kept && !h->chunks)
		out[n++] = &h->only;
	/* no waiting for one before the next is asked for; the latest was */
	for (unsigned k = 0; k + 1u < h->chunks; k++)
		for (unsigned i = 0; i < sizeof(struct chunk); i += LINE)
			PREFETCH((const uint8_t *)chunk_at(t, chunk[k]) + i);
	for (unsigned k = 0; k < h->chunks; k++) {
		struct chunk *c = chunk_at(t, chunk[k]);
		const unsigned full = k + 1u < h->chunks ? CHUNK_OPENINGS : c->n;

		for (unsigned i = 0; i < full; i++)
			out[n++] = &c->opening[i];
	}
	return n;
}

const struct opening *hosts_oldest_opening(const struct hosts *t, const struct host *h)
{
	return h->chunks ? &chunk_at(t, host_detail(t, h)->chunk[0])->opening[0] : &h->only;
}

static struct opening *find_in(struct chunk *c, uint64_t frame)
{
	struct opening *found = NULL;

	for (unsigned i = 0; i < c->n; i++)
		if (c->opening[i].mark.frame == frame)
			found = &c->opening[i];
	return found;
}

struct opening *hosts_opening_at(const struct hosts *t, struct host *h, uint64_t frame)
{
	const uint32_t *chunk = host_detail(t, h)->chunk;
	struct opening *found = NULL;
	unsigned k = h->chunks;

	if (!k)
		return h->kept && h->only.mark.frame == frame ? &h->only : NULL;
	struct chunk *c = chunk_at(t, h->newest);
	const bool newest = c->opening[0].mark.frame <= frame;

	while (--k && c->opening[0].mark.frame > frame) /* most are among the newest */
		c = chunk_at(t, chunk[k - 1]);
	if (c->opening[0].mark.frame <= frame)
		found = find_in(c, frame);
	if (newest || found)
		return found;
	/* who feeds the library may have numbered frames in another order */
	for (k = 0; k < h->chunks && !found; k++)
		found = find_in(chunk_at(t, chunk[k]), frame);
	return found;
}
