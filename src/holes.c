#include "holes.h"
#include "seq.h"

bool holes_init(struct holes *h, uint32_t limit, struct error *e)
{
	h->exhausted = 0;
	return slab_init(&h->pool, sizeof(struct hole), limit, e);
}

void holes_finish(struct holes *h)
{
	slab_finish(&h->pool);
}

static struct hole *at(const struct holes *h, uint32_t number)
{
	return number ? slab_at(&h->pool, number) : NULL;
}

static void drop(struct holes *h, struct endpoint *e, uint32_t *link)
{
	const uint32_t number = *link;

	*link = at(h, number)->next;
	e->hole_count--;
	slab_give(&h->pool, number);
}

/* More gaps in one direction tell nothing new, and each costs time at every segment. */
#define HOLES_MAX 32

static void drop_oldest(struct holes *h, struct endpoint *e)
{
	uint32_t *link = &e->holes;

	while (at(h, *link)->next)
		link = &at(h, *link)->next;
	drop(h, e, link);
	h->exhausted++;
}

void holes_add(struct holes *h, struct endpoint *e, uint32_t from, uint32_t to, struct mark seen)
{
	if (e->hole_count == HOLES_MAX)
		drop_oldest(h, e);
	const uint32_t number = slab_take(&h->pool);

	if (!number) {
		h->exhausted++;
		return;
	}
	e->hole_count++;
	*at(h, number) = (struct hole){ .next = e->holes, .from = from, .to = to, .acked_to = from, .seen = seen };
	e->holes = number;
}

uint32_t holes_fill(struct holes *h, struct endpoint *e, uint32_t from, uint32_t to)
{
	uint32_t filled = 0;

	for (uint32_t *link = &e->holes; *link;) {
		struct hole *o = at(h, *link);
		const uint32_t lo = seq_max(from, o->from);
		const uint32_t hi = seq_lt(to, o->to) ? to : o->to;

		if (!seq_lt(lo, hi)) {
			link = &o->next;
			continue;
		}
		filled += hi - lo;
		const struct hole was = *o;

		if (lo == was.from && hi == was.to) {
			drop(h, e, link);
			continue;
		}
		if (lo == was.from) {
			o->from = hi;
			o->acked_to = seq_max(hi, was.acked_to);
		} else {
			o->to = lo;
			if (seq_gt(o->acked_to, lo))
				o->acked_to = lo;
		}
		link = &o->next;
		if (lo != was.from && hi != was.to) {
			holes_add(h, e, hi, was.to, was.seen);
			link = &o->next;
		}
	}
	return filled;
}

void holes_ack(struct holes *h, struct endpoint *e, uint32_t ack, struct mark by)
{
	for (struct hole *o = at(h, e->holes); o; o = at(h, o->next)) {
		const uint32_t to = seq_lt(ack, o->to) ? ack : o->to;

		if (!seq_gt(to, o->acked_to))
			continue;
		o->acked_to = to;
		if (!o->acked.frame)
			o->acked = by;
	}
}

bool holes_take_lost(struct holes *h, struct endpoint *e, int64_t now, int64_t wait, struct hole *lost)
{
	for (uint32_t *link = &e->holes; *link; link = &at(h, *link)->next) {
		struct hole *o = at(h, *link);

		if (!o->acked.frame || now - o->acked.ts < wait || o->acked_to == o->from)
			continue;
		*lost = *o;
		if (o->acked_to == o->to) {
			drop(h, e, link);
		} else {
			o->from = o->acked_to;
			o->acked = (struct mark){ 0 };
		}
		return true;
	}
	return false;
}

bool holes_below(const struct holes *h, const struct endpoint *e, uint32_t seq)
{
	for (const struct hole *o = at(h, e->holes); o; o = at(h, o->next))
		if (seq_lt(o->from, seq))
			return true;
	return false;
}

bool holes_overlap(const struct holes *h, const struct endpoint *e, uint32_t from, uint32_t to)
{
	for (const struct hole *o = at(h, e->holes); o; o = at(h, o->next))
		if (seq_lt(o->from, to) && seq_lt(from, o->to))
			return true;
	return false;
}

bool holes_since(const struct holes *h, const struct endpoint *e, int64_t since)
{
	for (const struct hole *o = at(h, e->holes); o; o = at(h, o->next))
		if (o->seen.ts >= since)
			return true;
	return false;
}

void holes_clear(struct holes *h, struct endpoint *e)
{
	while (e->holes)
		drop(h, e, &e->holes);
}
