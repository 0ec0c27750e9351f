#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay.h"

#define RING RELAY_MEMORY

/*
 * A message is whole lines of a cache.  Its `way` says by which frame of the stretch it is told, how many lines there
 * are to the next one, and what stands there.
 */
enum how {
	OF_SEGMENT, /* what was told because of that frame */
	OF_TIMER,   /* or of a timer before it: struct timed follows */
	SKIP,       /* nothing: the rest of the ring is too short */
};

struct timed {
	int64_t now, when;
	uint32_t order;
};

/* The largest. */
#define MOST ((TOLD_MOST + sizeof(struct timed) + LINE - 1) / LINE * LINE)

_Static_assert(offsetof(struct told_opening, mark) <= LINE && sizeof(struct told_common) <= LINE &&
	       sizeof(struct told_opening) <= 2 * LINE, "these are most of them");
_Static_assert(TOLD_MOST % alignof(struct timed) == 0, "nothing is in between");
_Static_assert(RING > 8 * MOST && RELAY_DRAFT > 2 * MOST, "the largest fits several times");
_Static_assert(MOST / LINE <= UINT8_MAX, "it can be said how many lines it has");

bool relay_init(struct relay *r, const struct engine *en, struct error *e)
{
	*r = (struct relay){ .engine = en };
	bell_init(&r->room);
	bell_init(&r->news);
	r->ring = aligned_alloc(LINE, RING);
	r->from = r->ring;
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

/* Behind `write` there is room for two of the largest: one may be the rest of the ring, which is skipped. */
static bool has_room(const void *what)
{
	struct relay *r = (struct relay *)(uintptr_t)what;

	r->freed = atomic_load_explicit(&r->read, memory_order_acquire);
	return r->write + 2 * MOST - r->freed <= RING;
}

static void wait_for_room(struct relay *r)
{
	if (r->write + 2 * MOST - r->freed <= RING || has_room(r))
		return;
	publish(r);
	bell_ring(&r->news, BELL_NOW);
	/* much of it is as soon there as a little */
	bell_wait(&r->room, has_room, r, r->write - RING / 2);
}

static struct told *message_at(const struct relay *r, uint64_t at)
{
	return (struct told *)(void *)(r->from + at % RING);
}

/* Behind the message. */
static struct timed *timed_of(const struct told *t)
{
	const size_t step = alignof(struct timed);

	return (struct timed *)(void *)((uint8_t *)(uintptr_t)t + (t->size + step - 1) / step * step);
}

/* Of the line at hand, which is one message; those to the end of the ring follow as they are. */
static void skip_rest(struct relay *r, uint64_t left)
{
	struct told *t = (struct told *)(void *)(r->draft + (r->write - r->out));

	t->way = (struct told_way){ .how = SKIP, .lines = (uint8_t)(left / LINE) };
	r->write += LINE;
	send_out(r);
	r->write += left - LINE;
	r->out = r->write;
}

struct told *relay_room(void *user)
{
	struct relay *r = user;
	const uint64_t left = RING - r->write % RING;

	wait_for_room(r);
	if (UNLIKELY(r->write - r->out + MOST > RELAY_DRAFT))
		send_out(r);
	if (UNLIKELY(left < MOST))
		skip_rest(r, left);
	return (struct told *)(void *)(r->draft + (r->write - r->out));
}

static void commit(struct relay *r, struct told *t, uint64_t frame, enum how how, size_t bytes)
{
	const size_t lines = (bytes + LINE - 1) / LINE;

	t->way = (struct told_way){ .frame = (uint16_t)frame, .lines = (uint8_t)lines, .how = (uint8_t)how };
	r->write += lines * LINE;
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

void relay_hear(void *user, struct told *t, int64_t now)
{
	struct relay *r = user;
	const struct engine *en = r->engine;

	if (!en->firing) {
		assert(now == r->now[r->frame]);
		commit(r, t, r->frame, OF_SEGMENT, t->size);
		return;
	}
	struct timed *timed = timed_of(t);

	*timed = (struct timed){ .now = now, .when = en->due, .order = en->due_order };
	commit(r, t, frame_of(r, en->due), OF_TIMER, (size_t)((uint8_t *)(timed + 1) - (uint8_t *)t));
}

void relay_begin(struct relay *r, const int64_t *now, uint32_t n)
{
	r->now = now;
	r->n = n;
	r->frame = r->seen = r->told = 0;
}

void relay_end(struct relay *r)
{
	commit(r, relay_room(r), RELAY_END, OF_SEGMENT, sizeof(struct told));
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

struct told *relay_peek(struct relay *r, const int64_t *now, struct told_place *place, uint64_t ended)
{
	struct told *t;

	for (;;) {
		wait_for_news(r, ended);
		t = message_at(r, r->at);
		if (LIKELY(t->way.how != SKIP))
			break;
		r->at += (uint64_t)t->way.lines * LINE;
	}
	r->next = r->at + (uint64_t)t->way.lines * LINE;
	r->end = t->way.frame == RELAY_END;
	place->frame = t->way.frame;
	place->segment = t->way.how == OF_SEGMENT;
	if (r->end)
		return NULL;
	if (place->segment) {
		place->now = now[place->frame];
		return t;
	}
	const struct timed *timed = timed_of(t);

	place->now = timed->now;
	place->when = timed->when;
	place->order = timed->order;
	return t;
}

/* At most so much: what is asked for is still there when it is read. */
#define ASKED ((uint64_t)512 * LINE)

void relay_ask(struct relay *r)
{
	const uint64_t written = atomic_load_explicit(&r->written, memory_order_acquire);
	const uint64_t from = r->asked > r->at ? r->asked : r->at, end = written - r->at < ASKED ? written : r->at + ASKED;

	for (uint64_t at = from; at < end; at += LINE)
		PREFETCH(r->from + at % RING);
	r->asked = end;
}

unsigned relay_look(const struct relay *r, const struct told **messages, unsigned most)
{
	const uint64_t written = atomic_load_explicit(&r->written, memory_order_acquire);
	unsigned n = 0;

	for (uint64_t at = r->at; at != written && n < most;) {
		const struct told *t = message_at(r, at);

		at += (uint64_t)t->way.lines * LINE;
		if (t->way.how == SKIP)
			continue;
		if (t->way.frame == RELAY_END)
			break;
		messages[n++] = t;
	}
	return n;
}

void relay_next(struct relay *r)
{
	r->at = r->next;
	if (r->end || r->at - atomic_load_explicit(&r->read, memory_order_relaxed) >= RING / 8)
		give_back(r);
}

bool relay_before(const struct told_place *a, const struct told_place *b)
{
	if (a->frame != b->frame)
		return a->frame < b->frame;
	if (a->segment != b->segment)
		return b->segment;
	if (a->segment) /* one engine has it */
		return false;
	if (a->when != b->when)
		return a->when < b->when;
	return (int32_t)(a->order - b->order) < 0;
}
