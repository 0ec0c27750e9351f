#include <stdlib.h>

#include "wheel.h"

#define TICK_BITS  WHEEL_TICK_BITS
#define LEVEL_BITS 8
#define HORIZON    ((int64_t)WHEEL_SLOTS * WHEEL_SLOTS)
#define FIRST_HEAP 64

enum place { DISARMED, LEVEL_0, LEVEL_1, HEAP };

struct wheel_link {
	int64_t when;
	uint32_t next, prev;
	uint32_t order;
	uint16_t slot;
	uint8_t place; /* enum place */
};

static struct wheel_link *link_of(struct wheel *w, uint32_t number)
{
	return slab_at(&w->links[!!(number & WHEEL_OTHER)], number & ~WHEEL_OTHER);
}

bool wheel_init(struct wheel *w, uint32_t limit, struct error *e)
{
	*w = (struct wheel){ .tick = INT64_MIN, .heap_size = FIRST_HEAP };
	w->heap = malloc(FIRST_HEAP * sizeof(*w->heap));
	if (!w->heap)
		return fail(e, "no memory for timers");
	return slab_init(&w->links[0], sizeof(struct wheel_link), limit, e) &&
	       slab_init(&w->links[1], sizeof(struct wheel_link), limit, e);
}

void wheel_finish(struct wheel *w)
{
	free(w->heap);
	w->heap = NULL;
	slab_finish(&w->links[0]);
	slab_finish(&w->links[1]);
}

static bool before(const struct wheel_due *a, const struct wheel_due *b)
{
	return a->when != b->when ? a->when < b->when : (int32_t)(a->order - b->order) < 0;
}

static void sift_up(struct wheel *w, uint32_t i, struct wheel_due due)
{
	for (; i && before(&due, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = due;
}

static bool is_armed(struct wheel *w, const struct wheel_due *due)
{
	const struct wheel_link *l = link_of(w, due->number);

	return l->place == HEAP && l->when == due->when && l->order == due->order;
}

/* Throw out what was disarmed. */
static void heap_clean(struct wheel *w)
{
	const uint32_t n = w->heap_used;

	w->heap_used = 0;
	for (uint32_t i = 0; i < n; i++)
		if (is_armed(w, &w->heap[i]))
			sift_up(w, w->heap_used++, w->heap[i]);
}

static void heap_push(struct wheel *w, struct wheel_due due)
{
	if (w->heap_used == w->heap_size && w->heap_armed < w->heap_used / 2)
		heap_clean(w);
	if (w->heap_used == w->heap_size) {
		struct wheel_due *bigger = realloc(w->heap, 2 * (size_t)w->heap_size * sizeof(*bigger));

		if (!bigger)
			abort(); /* 16 bytes a timer: the slab would have failed long before */
		w->heap = bigger;
		w->heap_size *= 2;
	}
	w->heap_armed++;
	sift_up(w, w->heap_used++, due);
}

static void heap_pop(struct wheel *w)
{
	const struct wheel_due last = w->heap[--w->heap_used];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= w->heap_used)
			break;
		if (child + 1 < w->heap_used && before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!before(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
}

static void into_heap(struct wheel *w, uint32_t number)
{
	struct wheel_link *l = link_of(w, number);

	l->place = HEAP;
	heap_push(w, (struct wheel_due){ .when = l->when, .order = l->order, .number = number });
}

static void into_slot(struct wheel *w, uint32_t number, bool far)
{
	struct wheel_link *l = link_of(w, number);
	const int64_t tick = l->when >> TICK_BITS;

	l->place = far ? LEVEL_1 : LEVEL_0;
	l->slot = (uint16_t)((far ? tick >> LEVEL_BITS : tick) & (WHEEL_SLOTS - 1));
	uint32_t *head = &w->slot[far][l->slot];

	l->prev = 0;
	l->next = *head;
	if (*head)
		link_of(w, *head)->prev = number;
	*head = number;
	w->members[far]++;
}

void wheel_arm(struct wheel *w, uint32_t number, uint32_t order, int64_t when)
{
	const int64_t tick = when >> TICK_BITS;
	struct wheel_link *l = link_of(w, number);

	slab_along(&w->links[!!(number & WHEEL_OTHER)], number & ~WHEEL_OTHER);
	if (l->place == HEAP && l->when == when && l->order == order)
		return;
	wheel_disarm(w, number);
	l->order = order;
	l->when = when;
	if (w->tick == INT64_MIN)
		w->tick = tick - 1;
	/* what is beyond the horizon too: then a slot has only members of one time, unless the clock was turned back */
	if (tick <= w->tick || tick - w->tick >= HORIZON - WHEEL_SLOTS)
		into_heap(w, number);
	else
		into_slot(w, number, tick - w->tick >= WHEEL_SLOTS);
}

void wheel_disarm(struct wheel *w, uint32_t number)
{
	struct wheel_link *l = link_of(w, number);
	const bool far = l->place == LEVEL_1;

	if (l->place == LEVEL_0 || far) {
		if (l->prev)
			link_of(w, l->prev)->next = l->next;
		else
			w->slot[far][l->slot] = l->next;
		if (l->next)
			link_of(w, l->next)->prev = l->prev;
		w->members[far]--;
	}
	w->heap_armed -= l->place == HEAP; /* its entry is recognised as stale when it comes up */
	l->place = DISARMED;
}

/*
 * A slot's time has come: those that are due before level 0 has gone round go there if it was of level 1, the others to
 * the heap.
 */
static void drain(struct wheel *w, bool far, unsigned slot)
{
	uint32_t number = w->slot[far][slot];

	w->slot[far][slot] = 0;
	while (number) {
		const uint32_t next = link_of(w, number)->next;
		const int64_t ahead = (link_of(w, number)->when >> TICK_BITS) - w->tick;

		w->members[far]--;
		if (far && ahead > 0 && ahead < WHEEL_SLOTS)
			into_slot(w, number, false);
		else
			into_heap(w, number);
		number = next;
	}
}

/* What then stands in slots of other times goes to the heap early. */
void wheel_turn_back(struct wheel *w, int64_t now)
{
	const int64_t tick = (now >> TICK_BITS) - 1;

	if (tick < w->tick)
		w->tick = tick;
}

/* Slots that come before the heap's first may still have members. */
static bool heap_due(struct wheel *w, int64_t now, struct wheel_due *due)
{
	while (w->heap_used && w->heap[0].when <= now && w->heap[0].when >> TICK_BITS <= w->tick) {
		*due = w->heap[0];
		heap_pop(w);
		if (is_armed(w, due))
			return true;
	}
	return false;
}

/* Beyond the horizon: nearly all that is armed has come due, and its order is the heap's; no need to walk years. */
static void jump(struct wheel *w, int64_t target)
{
	w->tick = target;
	for (unsigned level = 0; level < 2; level++)
		for (unsigned i = 0; i < WHEEL_SLOTS; i++)
			drain(w, level, i);
}

/* On to the next tick whose slots may have members, or to the target. */
static void advance(struct wheel *w, int64_t target)
{
	const int64_t round = w->tick | (WHEEL_SLOTS - 1); /* the last tick before a slot of level 1 comes */

	if (!w->members[0])
		w->tick = !w->members[1] || round >= target ? target - 1 : round;
	w->tick++;
	if (!(w->tick & (WHEEL_SLOTS - 1)))
		drain(w, true, (w->tick >> LEVEL_BITS) & (WHEEL_SLOTS - 1));
	drain(w, false, w->tick & (WHEEL_SLOTS - 1));
}

uint32_t wheel_next(struct wheel *w, int64_t now, int64_t *when)
{
	const int64_t target = now >> TICK_BITS;
	struct wheel_due due;

	if (w->tick == INT64_MIN)
		w->tick = target;
	for (;;) {
		if (heap_due(w, now, &due)) {
			link_of(w, due.number)->place = DISARMED;
			w->heap_armed--;
			*when = due.when;
			return due.number;
		}
		if (w->tick >= target)
			return 0;
		if (target - w->tick > HORIZON)
			jump(w, target);
		else
			advance(w, target);
	}
}
