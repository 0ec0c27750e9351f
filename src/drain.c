/*
 * The input is over: what is still open is released, the oldest first.
 *
 * Of each kind, numbers are in the order of ids until some are given again.  What has an older one behind it is listed
 * and sorted; all others are walked by number.
 */
#include <stdlib.h>

#include "lifetime.h"
#include "quiet.h"

struct open {
	uint64_t id;
	uint32_t number; /* 0: none */
};

/* ---- by number ---- */

#define KINDS 2 /* struct conn, quiet */

/* What is open of one kind, and not listed. */
struct walk {
	uint32_t kind;    /* 0 or FLOW_QUIET */
	uint32_t at, end; /* numbers without that bit */
	uint64_t *listed; /* a bit for each number up to `last`; null: none is */
	uint32_t last;
};

static bool is_open(const struct flow_table *t, uint32_t number)
{
	return flow_is_quiet(number) ? flow_quiet(t, number)->in_use : flow_conn(t, number)->in_use;
}

static bool is_listed(const struct walk *w, uint32_t i)
{
	return w->listed && i <= w->last && w->listed[i / 64] >> i % 64 & 1;
}

/* The one where it stands, or the next. */
static struct open here(const struct flow_table *t, struct walk *w)
{
	while (w->at < w->end && (!is_open(t, w->at | w->kind) || is_listed(w, w->at)))
		w->at++;
	return w->at == w->end ? (struct open){ 0 } :
				 (struct open){ lifetime_id(t, w->at | w->kind), w->at | w->kind };
}

/* ---- by id ---- */

struct list {
	struct open *of;
	uint32_t n, room;
};

#define FIRST_ROOM 64

static bool add(struct list *l, struct open o)
{
	if (l->n == l->room) {
		const uint32_t room = l->room ? 2 * l->room : FIRST_ROOM;
		struct open *more = realloc(l->of, room * sizeof(*more));

		if (!more)
			return false;
		l->of = more;
		l->room = room;
	}
	l->of[l->n++] = o;
	return true;
}

/* The numbers from `from` on downwards; what is behind them is in order, and begins with the id `least`. */
static bool list_unordered(const struct flow_table *t, struct walk *w, uint32_t from, uint64_t least, struct list *l)
{
	for (uint32_t i = from; i; i--) {
		if (!is_open(t, i | w->kind))
			continue;
		const struct open o = { lifetime_id(t, i | w->kind), i | w->kind };

		if (o.id <= least) {
			least = o.id;
			continue;
		}
		if (!w->listed) {
			w->listed = calloc(i / 64 + 1, sizeof(*w->listed));
			w->last = i;
		}
		if (!w->listed || !add(l, o))
			return false;
		w->listed[i / 64] |= UINT64_C(1) << i % 64;
	}
	return true;
}

static bool list_kind(const struct flow_table *t, struct walk *w, uint32_t unordered, struct list *l)
{
	w->at = unordered + 1;
	const struct open behind = here(t, w);

	w->at = 1;
	return list_unordered(t, w, unordered, behind.number ? behind.id : UINT64_MAX, l);
}

#define DIGIT 11 /* bits */

/* By one digit of their ids; those with the same one in the order in which they were. */
static void sort_by_digit(const struct open *from, struct open *to, uint32_t n, unsigned shift)
{
	uint32_t next[1 << DIGIT] = { 0 }, sum = 0;

	for (uint32_t i = 0; i < n; i++)
		next[from[i].id >> shift & ((1 << DIGIT) - 1)]++;
	for (unsigned d = 0; d < 1 << DIGIT; d++) {
		const uint32_t count = next[d];

		next[d] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < n; i++)
		to[next[from[i].id >> shift & ((1 << DIGIT) - 1)]++] = from[i];
}

/* Ids are numbers of frames, of which few digits are in use. */
static bool sort_by_id(struct list *l)
{
	struct open *spare = l->n ? malloc(l->n * sizeof(*spare)) : NULL;
	uint64_t used = 0;

	if (l->n && !spare)
		return false;
	for (uint32_t i = 0; i < l->n; i++)
		used |= l->of[i].id;
	for (unsigned shift = 0; shift < 64 && used >> shift; shift += DIGIT) {
		struct open *sorted = spare;

		sort_by_digit(l->of, sorted, l->n, shift);
		spare = l->of;
		l->of = sorted;
	}
	free(spare);
	return true;
}

/* ---- release ---- */

/*
 * One that is replaced became a struct conn with the one that replaces it, if that had a smaller id: it is not here any
 * more.
 */
static void release(struct engine *en, uint32_t number, enum tcplint_end end)
{
	if (!is_open(&en->flows, number))
		return;
	en->due = (int64_t)lifetime_id(&en->flows, number);
	if (flow_is_quiet(number))
		quiet_release(en, number, end, en->now);
	else
		lifetime_release(en, flow_conn(&en->flows, number), end, en->now);
}

#define AHEAD 8

/* The next of the list, whose cells lie anywhere. */
static struct open take(const struct flow_table *t, const struct list *l, uint32_t i)
{
	if (i + AHEAD < l->n) {
		const uint32_t number = l->of[i + AHEAD].number;

		flow_prefetch(t, number);
		if (flow_is_quiet(number))
			PREFETCH((const uint8_t *)flow_quiet(t, number) + 64);
	}
	return i < l->n ? l->of[i] : (struct open){ 0 };
}

static bool comes_before(const struct open *a, const struct open *b)
{
	return a->number && (!b->number || a->id < b->id);
}

static void merge(struct engine *en, struct walk walk[KINDS], const struct list *l, enum tcplint_end end)
{
	const struct flow_table *t = &en->flows;
	struct open next[KINDS + 1] = { here(t, &walk[0]), here(t, &walk[1]), take(t, l, 0) };
	uint32_t taken = 0;

	for (;;) {
		unsigned k = 0;

		for (unsigned i = 1; i <= KINDS; i++)
			if (comes_before(&next[i], &next[k]))
				k = i;
		if (!next[k].number)
			break;
		release(en, next[k].number, end);
		if (k < KINDS)
			walk[k].at++;
		next[k] = k < KINDS ? here(t, &walk[k]) : take(t, l, ++taken);
	}
	for (uint32_t i = 1; t->conns.used && i < t->conns.fresh; i++) /* which are these */
		release(en, i, end);
}

static void release_least_valuable(struct engine *en, enum tcplint_end end)
{
	en->draining = false;
	while (flow_least_valuable(&en->flows))
		release(en, flow_least_valuable(&en->flows), end);
}

void engine_drain(struct engine *en, bool interrupted)
{
	const enum tcplint_end end = interrupted ? TCPLINT_END_INTERRUPTED : TCPLINT_END_EOF;
	const struct flow_table *t = &en->flows;
	struct walk walk[KINDS] = { { .end = t->conns.fresh }, { .kind = FLOW_QUIET, .end = t->quiet.fresh } };
	struct list list = { 0 };

	en->firing = true;
	en->due_order = 0;
	en->draining = true;
	if (list_kind(t, &walk[1], t->unordered, &list) &&
	    list_kind(t, &walk[0], t->conns.fresh - 1, &list) && sort_by_id(&list))
		merge(en, walk, &list, end);
	else /* no memory to sort them */
		release_least_valuable(en, end);
	free(list.of);
	free(walk[0].listed);
	free(walk[1].listed);
	en->firing = false;
}
