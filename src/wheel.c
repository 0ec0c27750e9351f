#include <stdlib.h>

#include "wheel.h"

#define TICK_BITS  27
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

static void heap_push(struct wheel *w, struct wheel_due due)
{
	if (w->heap_used == w->heap_size) {
		struct wheel_due *bigger = realloc(w->heap, 2 * (size_t)w->heap_size * sizeof(*bigger));

		if (!bigger)
			abort(); /* 16 bytes a timer: the slab would have failed long before */
		w->heap = bigger;
		w->heap_size *= 2;
	}
	uint32_t i = w->heap_used++;

	for (; i && before(&due, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = due;
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

static void insert(struct wheel *w, uint32_t number, int64_t when)
{
	struct wheel_link *l = link_of(w, number);
	int64_t tick = when >> TICK_BITS;

	l->when = when;
	if (tick <= w->tick) {
		l->place = HEAP;
		heap_push(w, (struct wheel_due){ .when = when, .order = l->order, .number = number });
		return;
	}
	/* beyond the horizon it fires early, and its owner arms it again */
	if (tick >= w->tick + HORIZON - WHEEL_SLOTS)
		tick = w->tick + HORIZON - WHEEL_SLOTS - 1;
	const bool far = tick - w->tick >= WHEEL_SLOTS;

	l->place = far ? LEVEL_1 : LEVEL_0;
	l->slot = (uint16_t)((far ? tick >> LEVEL_BITS : tick) & (WHEEL_SLOTS - 1));
	uint32_t *head = &w->slot[far][l->slot];

	l->prev = 0;
	l->next = *head;
	if (*head)
		link_of(w, *head)->prev = number;
	*head = number;
}

void wheel_arm(struct wheel *w, uint32_t number, uint32_t order, int64_t when)
{
	wheel_disarm(w, number);
	link_of(w, number)->order = order;
	if (w->tick == INT64_MIN)
		w->tick = (when >> TICK_BITS) - 1;
	insert(w, number, when);
}

void wheel_disarm(struct wheel *w, uint32_t number)
{
	struct wheel_link *l = link_of(w, number);

	if (l->place == LEVEL_0 || l->place == LEVEL_1) {
		if (l->prev)
			link_of(w, l->prev)->next = l->next;
		else
			w->slot[l->place == LEVEL_1][l->slot] = l->next;
		if (l->next)
			link_of(w, l->next)->prev = l->prev;
	}
	l->place = DISARMED; /* an entry of the heap is recognised as stale when it comes up */
}

/* Distribute a slot's members again, now that its time has come. */
static void drain(struct wheel *w, uint32_t *slot)
{
	uint32_t number = *slot;

	*slot = 0;
	while (number) {
		const uint32_t next = link_of(w, number)->next;

		insert(w, number, link_of(w, number)->when);
		number = next;
	}
}

void wheel_turn_back(struct wheel *w, int64_t now)
{
	/* members of slots that come up too early are put where they belong by drain() */
	if (w->tick != INT64_MIN)
		w->tick = (now >> TICK_BITS) - 1;
}

static bool heap_due(struct wheel *w, int64_t now, struct wheel_due *due)
{
	while (w->heap_used && w->heap[0].when <= now) {
		*due = w->heap[0];
		heap_pop(w);
		const struct wheel_link *l = link_of(w, due->number);

		if (l->place == HEAP && l->when == due->when && l->order == due->order)
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
			drain(w, &w->slot[level][i]);
}

uint32_t wheel_next(struct wheel *w, int64_t now, int64_t *when)
{
	const int64_t target = now >> TICK_BITS;
	struct wheel_due due;

	if (w->tick == INT64_MIN)
		return 0;
	for (;;) {
		if (heap_due(w, now, &due)) {
			link_of(w, due.number)->place = DISARMED;
			*when = due.when;
			return due.number;
		}
		if (w->tick >= target)
			return 0;
		if (target - w->tick > HORIZON) {
			jump(w, target);
			continue;
		}
		w->tick++;
		if (!(w->tick & (WHEEL_SLOTS - 1)))
			drain(w, &w->slot[1][(w->tick >> LEVEL_BITS) & (WHEEL_SLOTS - 1)]);
		drain(w, &w->slot[0][w->tick & (WHEEL_SLOTS - 1)]);
	}
}
