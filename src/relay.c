#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay.h"

#define RING RELAY_MEMORY

/* In front of each message; the next one stands `step` bytes further, which are whole lines of a cache. */
struct head {
	struct told_place place;
	uint32_t step;
	bool skip; /* there is nothing here: the rest of the ring is too short */
};

_Static_assert(sizeof(struct head) + sizeof(struct told_opening) <= 2 * LINE, "most are openings");
_Static_assert(RING > 8 * (sizeof(struct head) + sizeof(struct told_released)),
	       "the largest message fits several times");
_Static_assert(RELAY_DRAFT > sizeof(struct head) + sizeof(struct told_released) + LINE, "the largest message fits");

bool relay_init(struct relay *r, const struct engine *en, struct error *e)
{
	*r = (struct relay){ .engine = en };
	bell_init(&r->room);
	bell_init(&r->news);
	r->ring = aligned_alloc(LINE, RING);
	return r->ring || fail(e, "no memory for what engines tell");
}

void relay_finish(struct relay *r)
{
	if (!r->engine) /* it was never begun */
		return;
	free(r->ring);
	r->ring = NULL;
	bell_finish(&r->room);
	bell_finish(&r->news);
}

/* ---- writing ---- */

static void send_out(struct relay *r)
{
	for (const uint8_t *line = r->draft; r->out != r->write; line += LINE, r->out += LINE)
		copy_line_out(r->ring + r->out % RING, line);
}

static void publish(struct relay *r)
{
	send_out(r);
	LINES_ARE_OUT();
	atomic_store_explicit(&r->written, r->write, memory_order_release);
}

/* As much as can be written at once is free behind `write`. */
struct need {
	struct relay *relay;
	uint64_t bytes;
};

static bool has_room(const void *what)
{
	const struct need *n = what;
	struct relay *r = n->relay;

	r->freed = atomic_load_explicit(&r->read, memory_order_acquire);
	return r->write + n->bytes - r->freed <= RING;
}

static void wait_for_room(struct relay *r, uint64_t bytes)
{
	const struct need need = { r, bytes };

	if (r->write + bytes - r->freed <= RING || has_room(&need))
		return;
	publish(r);
	bell_ring(&r->news, BELL_NOW);
	/* much of it is as soon there as a little */
	bell_wait(&r->room, has_room, &need, r->write + (bytes > RING / 2 ? bytes : RING / 2) - RING);
}

static struct head *head_at(const struct relay *r, uint64_t at)
{
	return (struct head *)(void *)(r->ring + at % RING);
}

/* So many bytes that lie together. */
static uint8_t *room_for(struct relay *r, uint64_t bytes)
{
	wait_for_room(r, bytes);
	if (r->write - r->out + bytes > RELAY_DRAFT)
		send_out(r);
	uint8_t *at = r->draft + (r->write - r->out);

	r->write += bytes;
	return at;
}

static void skip_rest(struct relay *r, uint64_t left)
{
	wait_for_room(r, left);
	*(struct head *)(void *)room_for(r, LINE) = (struct head){ .step = (uint32_t)left, .skip = true };
	send_out(r);
	r->write += left - LINE;
	r->out = r->write;
}

static void put(struct relay *r, const struct told_place *place, const struct told *t)
{
	const size_t size = t ? t->size : 0;
	const uint64_t step = (sizeof(struct head) + size + LINE - 1) / LINE * LINE, left = RING - r->write % RING;

	if (left < step)
		skip_rest(r, left);
	struct head *h = (struct head *)(void *)room_for(r, step);

	*h = (struct head){ .step = (uint32_t)step, .place = *place };
	if (size)
		memcpy(h + 1, t, size);
}

/* The first frame, of those that are not past, at whose time a timer of `when` has fired. */
static uint32_t frame_of(struct relay *r, int64_t when)
{
	uint32_t i = r->told > r->seen ? r->told : r->seen;

	while (i < r->n && r->now[i] < when)
		i++;
	r->told = i;
	return i;
}

void relay_hear(void *user, const struct told *t)
{
	struct relay *r = user;
	const struct engine *en = r->engine;
	const struct told_place place = {
		.segment = !en->firing,
		.frame = (uint16_t)(en->firing ? frame_of(r, en->due) : r->frame),
		.when = en->firing ? en->due : 0,
		.order = en->firing ? en->due_order : 0,
	};

	put(r, &place, t);
}

void relay_begin(struct relay *r, const int64_t *now, uint32_t n)
{
	r->now = now;
	r->n = n;
	r->frame = r->seen = r->told = 0;
}

void relay_end(struct relay *r)
{
	put(r, &(struct told_place){ .frame = RELAY_END }, NULL);
	publish(r);
	bell_ring(&r->news, atomic_fetch_add_explicit(&r->ended, 1, memory_order_release) + 1);
}

/* ---- reading ---- */

static bool has_news(const void *what)
{
	const struct relay *r = what;

	return atomic_load_explicit(&r->written, memory_order_acquire) != r->at;
}

/* What was read is the writer's again. */
static void give_back(struct relay *r)
{
	if (atomic_load_explicit(&r->read, memory_order_relaxed) == r->at)
		return;
	atomic_store_explicit(&r->read, r->at, memory_order_release);
	bell_ring(&r->room, r->at);
}

static void wait_for_news(struct relay *r, uint64_t ended)
{
	if (has_news(r))
		return;
	give_back(r);
	bell_wait(&r->news, has_news, r, ended);
}

const struct told *relay_peek(struct relay *r, struct told_place *place, uint64_t ended)
{
	const struct head *h;

	for (;;) {
		wait_for_news(r, ended);
		h = head_at(r, r->at);
		if (!h->skip)
			break;
		r->at += h->step;
	}
	*place = h->place;
	return h->place.frame == RELAY_END ? NULL : (const struct told *)(h + 1);
}

/* About as many bytes as the messages have that are looked at together. */
#define LOOK ((uint64_t)32 * LINE)

/* Those that are looked at after these, as far as they have come: each says where the next one is. */
static void ask_for_next(const struct relay *r, uint64_t written)
{
	for (uint64_t at = r->at + LOOK; at < written && at < r->at + 2 * LOOK; at += LINE)
		PREFETCH(r->ring + at % RING);
}

unsigned relay_look(const struct relay *r, const struct told **messages, unsigned most)
{
	const uint64_t written = atomic_load_explicit(&r->written, memory_order_acquire);
	unsigned n = 0;

	ask_for_next(r, written);

	for (uint64_t at = r->at; at != written && n < most; at += head_at(r, at)->step) {
		const struct head *h = head_at(r, at);

		if (h->skip)
			continue;
		if (h->place.frame == RELAY_END)
			break;
		messages[n++] = (const struct told *)(h + 1);
	}
	return n;
}

void relay_next(struct relay *r)
{
	const struct head *h = head_at(r, r->at);
	const bool end = h->place.frame == RELAY_END;

	r->at += h->step;
	if (end || r->at - atomic_load_explicit(&r->read, memory_order_relaxed) >= RING / 8)
		give_back(r);
}

bool relay_before(const struct told_place *a, const struct told_place *b)
{
	if (a->frame != b->frame)
		return a->frame < b->frame;
	if (a->segment != b->segment)
		return b->segment;
	if (a->when != b->when)
		return a->when < b->when;
	return (int32_t)(a->order - b->order) < 0;
}
