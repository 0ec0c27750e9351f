#include <sys/mman.h>
#include <time.h>

#include "pages.h"

#define PAGE  ((size_t)4 << 10) /* or more */
#define LARGE ((size_t)2 << 20)
#define NANOSECONDS UINT64_C(1000000000)

void *pages_take(size_t bytes)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return base == MAP_FAILED ? NULL : base;
}

void pages_give(void *pages, size_t bytes)
{
	if (pages)
		munmap(pages, bytes);
}

/*
 * A large page spares the TLB besides, each time that something in it is touched: it may cost half as much again.  If
 * it costs more, one is tried again after so many small blocks, for the machine may have memory at hand then; and after
 * twice as many each time that it was in vain, up to a limit.
 */
#define TRY_AGAIN 8
#define TRY_AT_LAST 256

/* The kernel may have other plans. */
static void prefer_large(uint8_t *from, size_t bytes)
{
#ifdef MADV_HUGEPAGE
	(void)madvise(from, bytes, MADV_HUGEPAGE);
#endif
}

void pages_prefer_large(void *pages, size_t bytes)
{
	const uintptr_t from = ((uintptr_t)pages + 2 * LARGE - 1) / LARGE * LARGE, end = (uintptr_t)pages + bytes;

	if (from < end)
		prefer_large((uint8_t *)from, end - from);
}

bool pages_init(struct pages *p, size_t bytes)
{
	*p = (struct pages){ .base = pages_take(bytes), .bytes = bytes, .patience = TRY_AGAIN };
	return p->base;
}

void pages_finish(struct pages *p)
{
	pages_give(p->base, p->bytes);
	*p = (struct pages){ 0 };
}

/*
 * Blocks are large pages, or what lies in their place.  Small pages of a block are asked for in stretches that grow
 * with what is in use, so that a small capture stays small, and that stay in a core's cache until they are used.
 */
#define FIRST_LARGE (2 * LARGE)
#define LEAST   ((size_t)64 << 10) /* after a page, and as much again: whole pages, whatever their size */
#define STRETCH ((size_t)256 << 10)


static bool large_pays(const struct pages *p)
{
	return p->cost[PAGES_LARGE] <= p->cost[PAGES_SMALL] + p->cost[PAGES_SMALL] / 2;
}

enum pages_kind pages_choose(const struct pages *p)
{
	if (!p->cost[PAGES_SMALL])
		return PAGES_SMALL;
	return large_pays(p) || p->small >= p->patience ? PAGES_LARGE : PAGES_SMALL;
}

/* What other programs do meanwhile does not count. */
static uint64_t time_of_thread(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0 ? (uint64_t)t.tv_sec * NANOSECONDS + (uint64_t)t.tv_nsec
							       : 0;
}

static void begin_block(struct pages *p)
{
	const uintptr_t at = (uintptr_t)p->base + p->ready;
	const size_t left = p->bytes - p->ready, rest = LARGE - at % LARGE;
	const bool whole = rest == LARGE && left >= LARGE;

	p->block = p->ready + (rest < left ? rest : left);
	p->spent = 0;
	p->kind = whole && p->ready >= FIRST_LARGE ? pages_choose(p) : PAGES_SMALL;
	p->small = p->kind == PAGES_LARGE ? 0 : p->small + 1;
	if (p->kind == PAGES_LARGE)
		prefer_large(p->base + p->ready, LARGE);
}

/*
 * Of a whole block it is known now what it costs.  Costs of the same kind differ: memory is at hand, or the host has to
 * find it.
 */
static void end_block(struct pages *p)
{
	const uintptr_t end = (uintptr_t)p->base + p->block;
	uint64_t *cost = &p->cost[p->kind];

	if (end % LARGE || p->block < FIRST_LARGE)
		return;
	*cost = *cost ? (3 * *cost + p->spent) / 4 : p->spent;
	if (p->kind == PAGES_LARGE)
		p->patience = large_pays(p) ? TRY_AGAIN : p->patience < TRY_AT_LAST ? 2 * p->patience : TRY_AT_LAST;
}

/* They are written to: where a page has no frame of the host's yet, that is when it gets one. */
static void touch(uint8_t *at, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
	(void)madvise(at, bytes, MADV_POPULATE_WRITE); /* or not: they come one by one then */
#endif
	for (size_t i = 0; i < bytes; i += PAGE) {
		volatile uint8_t *byte = at + i;

		*byte = 0;
	}
}

static size_t stretch_of(const struct pages *p)
{
	const size_t left = p->block - p->ready;
	size_t stretch;

	if (p->kind == PAGES_LARGE)
		stretch = left;
	else if (p->ready < LEAST)
		stretch = p->ready ? p->ready : PAGE;
	else if (p->ready / 8 < LEAST)
		stretch = LEAST;
	else
		stretch = p->ready / 8 < STRETCH ? p->ready / 8 / LEAST * LEAST : STRETCH;
	return stretch < left ? stretch : left;
}

void pages_get_ready(struct pages *p, size_t to)
{
	while (p->ready < to) {
		if (p->ready == p->block)
			begin_block(p);
		const size_t stretch = stretch_of(p);
		const uint64_t before = time_of_thread();

		touch(p->base + p->ready, stretch);
		p->spent += time_of_thread() - before;
		p->ready += stretch;
		if (p->ready == p->block)
			end_block(p);
	}
}
