/*
 * IP fragments put together.
 *
 * Datagrams in reassembly stand in a slab, in the chains of a keyed hash and in a
 * list by age of last use, whose old end is dropped when the slab is full and
 * after the timeout.  One that is complete stays for a moment, at the old end, so
 * that a second copy of its fragments does not start it again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "checksum.h"
#include "reassemble.h"
#include "siphash.h"
#include "slab.h"

enum {
	FRONT = 256,     /* room for every header from a UDP tunnel's to the end of TCP's options */
	MAX_RANGES = 32, /* 45 Ethernet fragments make a datagram: in the worst order, 23 ranges */
	MAX_LENGTH = 65535,
};

static const int64_t timeout_ns = INT64_C(30000000000);
static const int64_t copy_ns = INT64_C(2000000); /* the window of rules.md for duplicates: E-DUP */

struct range {
	uint32_t start, end;
};

struct cell {
	struct fragment_key key;
	uint32_t chain; /* next in the bucket */
	uint32_t older, newer;
	int64_t last;
	uint32_t total; /* 0 until the last fragment says */
	uint32_t range_count;
	struct range range[MAX_RANGES]; /* sorted, disjoint, not touching */
	bool done;
	bool cut; /* some byte was not captured */
	uint8_t protocol;
	uint64_t sum;
	uint64_t known[FRONT / 64]; /* which bytes of `front` are there */
	uint8_t front[FRONT];
};

struct reassembler {
	struct slab cells;
	uint32_t *buckets;
	uint32_t mask;
	uint32_t oldest, newest;
	struct siphash_key key;
	struct decode_counters counters;
	uint8_t front[FRONT]; /* of the datagram that was completed last */
};

static struct cell *cell_at(const struct reassembler *r, uint32_t number)
{
	return slab_at(&r->cells, number);
}

static bool random_key(struct siphash_key *key)
{
	return getrandom(key, sizeof(*key), 0) == sizeof(*key);
}

struct reassembler *reassembler_create(uint32_t max_datagrams, struct error *e)
{
	struct reassembler *r = calloc(1, sizeof(*r));
	uint32_t buckets = 1;

	while (buckets < max_datagrams && buckets < UINT32_C(1) << 31)
		buckets *= 2;
	if (!r || !(r->buckets = calloc(buckets, sizeof(*r->buckets)))) {
		fail(e, "no memory for %u IP datagrams in reassembly", max_datagrams);
	} else if (!random_key(&r->key)) {
		fail(e, "no random numbers for a hash key");
	} else if (slab_init(&r->cells, sizeof(struct cell), max_datagrams, e)) {
		r->mask = buckets - 1;
		return r;
	}
	reassembler_destroy(r);
	return NULL;
}

void reassembler_destroy(struct reassembler *r)
{
	if (!r)
		return;
	slab_finish(&r->cells);
	free(r->buckets);
	free(r);
}

const struct decode_counters *reassembler_counters(const struct reassembler *r)
{
	return &r->counters;
}

static uint32_t *bucket(struct reassembler *r, const struct fragment_key *key)
{
	uint64_t words[sizeof(*key) / 8];

	static_assert(sizeof(*key) == 48, "a fragment key has padding");
	memcpy(words, key, sizeof(words));
	return &r->buckets[siphash_words(&r->key, words, sizeof(words) / 8) & r->mask];
}

static uint32_t find(struct reassembler *r, const struct fragment_key *key)
{
	uint32_t n = *bucket(r, key);

	while (n && memcmp(&cell_at(r, n)->key, key, sizeof(*key)) != 0)
		n = cell_at(r, n)->chain;
	return n;
}

static void age_remove(struct reassembler *r, struct cell *c)
{
	*(c->older ? &cell_at(r, c->older)->newer : &r->oldest) = c->newer;
	*(c->newer ? &cell_at(r, c->newer)->older : &r->newest) = c->older;
}

static void age_append(struct reassembler *r, uint32_t n)
{
	struct cell *c = cell_at(r, n);

	c->older = r->newest;
	c->newer = 0;
	*(r->newest ? &cell_at(r, r->newest)->newer : &r->oldest) = n;
	r->newest = n;
}

static void age_prepend(struct reassembler *r, uint32_t n)
{
	struct cell *c = cell_at(r, n);

	c->older = 0;
	c->newer = r->oldest;
	*(r->oldest ? &cell_at(r, r->oldest)->older : &r->newest) = n;
	r->oldest = n;
}

static void forget(struct reassembler *r, uint32_t n)
{
	struct cell *c = cell_at(r, n);
	uint32_t *link = bucket(r, &c->key);

	while (*link != n)
		link = &cell_at(r, *link)->chain;
	*link = c->chain;
	age_remove(r, c);
	slab_give(&r->cells, n);
}

/* Timestamps are whatever the file says: their difference may wrap, but must not overflow. */
static int64_t elapsed(int64_t from, int64_t to)
{
	return (int64_t)((uint64_t)to - (uint64_t)from);
}

static bool expired(const struct cell *c, int64_t now)
{
	return elapsed(c->last, now) > (c->done ? copy_ns : timeout_ns);
}

static void expire(struct reassembler *r, int64_t now)
{
	while (r->oldest && expired(cell_at(r, r->oldest), now)) {
		if (!cell_at(r, r->oldest)->done)
			r->counters.fragments_timed_out++;
		forget(r, r->oldest);
	}
}

static uint32_t start(struct reassembler *r, const struct fragment_key *key)
{
	uint32_t n = slab_take(&r->cells);
	uint32_t *link = bucket(r, key);

	if (!n) {
		if (!cell_at(r, r->oldest)->done)
			r->counters.fragments_evicted++;
		forget(r, r->oldest);
		n = slab_take(&r->cells);
	}
	cell_at(r, n)->key = *key;
	cell_at(r, n)->chain = *link;
	*link = n;
	age_append(r, n);
	return n;
}

/* Whether the fragment agrees with what is known of the datagram's end. */
static bool end_agrees(const struct cell *c, const struct fragment *f)
{
	const uint32_t end = f->offset + f->length;

	if (c->total)
		return f->more ? end <= c->total : end == c->total;
	return f->more || !c->range_count || c->range[c->range_count - 1].end <= end;
}

/* The bytes [from, to) of the datagram have not been seen before. */
static void add_piece(struct cell *c, const struct fragment *f, uint32_t from, uint32_t to)
{
	const uint32_t skip = from - f->offset;
	const uint32_t there = f->captured > skip ? f->captured - skip : 0;
	const uint32_t n = there < to - from ? there : to - from;

	if (n < to - from)
		c->cut = true;
	if (!n)
		return;
	c->sum += checksum_add(f->data + skip, n);
	for (uint32_t i = 0; i < n && from + i < FRONT; i++) {
		c->front[from + i] = f->data[skip + i];
		c->known[(from + i) / 64] |= UINT64_C(1) << (from + i) % 64;
	}
}

/* The parts of the fragment that no range covers.  Whether some range did cover a part. */
static bool add_pieces(struct cell *c, const struct fragment *f)
{
	const uint32_t end = f->offset + f->length;
	uint32_t at = f->offset;
	bool overlaps = false;

	for (uint32_t i = 0; i < c->range_count && c->range[i].start < end; i++) {
		const struct range *r = &c->range[i];

		if (r->end <= at)
			continue;
		overlaps = true;
		if (at < r->start)
			add_piece(c, f, at, r->start);
		at = r->end;
	}
	if (at < end)
		add_piece(c, f, at, end);
	return overlaps;
}

/* The ranges [first, last) that the fragment overlaps or touches. */
static void touching(const struct cell *c, const struct fragment *f, uint32_t *first,
		     uint32_t *last)
{
	const uint32_t end = f->offset + f->length;
	uint32_t i = 0;

	while (i < c->range_count && c->range[i].end < f->offset)
		i++;
	*first = i;
	while (i < c->range_count && c->range[i].start <= end)
		i++;
	*last = i;
}

static bool has_room(const struct cell *c, const struct fragment *f)
{
	uint32_t first, last;

	touching(c, f, &first, &last);
	return first < last || c->range_count < MAX_RANGES;
}

static void add_range(struct cell *c, const struct fragment *f)
{
	struct range joined = { f->offset, f->offset + f->length };
	uint32_t first, last;

	touching(c, f, &first, &last);
	if (first < last && c->range[first].start < joined.start)
		joined.start = c->range[first].start;
	if (first < last && c->range[last - 1].end > joined.end)
		joined.end = c->range[last - 1].end;
	memmove(&c->range[first + 1], &c->range[last],
		(c->range_count - last) * sizeof(c->range[0]));
	c->range[first] = joined;
	c->range_count = c->range_count + 1 + first - last;
}

static bool complete(const struct cell *c)
{
	return c->total && c->range_count == 1 && c->range[0].start == 0 &&
	       c->range[0].end == c->total;
}

/* What is complete goes to the old end of the list: nothing that still waits is dropped for it. */
static void finish(struct reassembler *r, uint32_t number, struct datagram *whole)
{
	struct cell *c = cell_at(r, number);
	uint32_t n = 0;

	while (n < FRONT && c->known[n / 64] >> n % 64 & 1)
		n++;
	memcpy(r->front, c->front, n);
	*whole = (struct datagram){
		.data = r->front,
		.captured = n,
		.length = c->total,
		.protocol = c->protocol,
		.whole = !c->cut,
		.sum = c->sum,
	};
	c->done = true;
	age_remove(r, c);
	age_prepend(r, number);
	r->counters.datagrams_reassembled++;
}

/* The datagram of a fragment; 0 when the fragment is a copy that came after the last one. */
static uint32_t datagram_of(struct reassembler *r, const struct fragment *f)
{
	const uint32_t n = find(r, &f->key);

	if (!n)
		return start(r, &f->key);
	if (!cell_at(r, n)->done) {
		age_remove(r, cell_at(r, n));
		age_append(r, n);
		return n;
	}
	if (elapsed(cell_at(r, n)->last, f->ts) <= copy_ns)
		return 0;
	forget(r, n); /* the identification is used again */
	return start(r, &f->key);
}

enum reassembly reassemble(struct reassembler *r, const struct fragment *f, struct datagram *whole)
{
	struct cell *c;
	uint32_t n;

	r->counters.fragments_seen++;
	expire(r, f->ts);
	if (!f->length || (f->more && f->length % 8) || f->length > MAX_LENGTH - f->offset)
		return REASSEMBLY_REFUSED;
	n = datagram_of(r, f);
	if (!n) {
		r->counters.fragments_overlapping++;
		return REASSEMBLY_WAITS;
	}
	c = cell_at(r, n);
	c->last = f->ts;
	if (!end_agrees(c, f) || !has_room(c, f))
		return REASSEMBLY_REFUSED;
	if (add_pieces(c, f))
		r->counters.fragments_overlapping++;
	add_range(c, f);
	if (!f->more)
		c->total = f->offset + f->length;
	if (!f->offset)
		c->protocol = f->protocol;
	if (!complete(c))
		return REASSEMBLY_WAITS;
	finish(r, n, whole);
	return REASSEMBLY_DONE;
}
