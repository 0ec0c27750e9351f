#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "slab.h"

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

#define LARGE ((uintptr_t)2 << 20)

void pages_prefer_large(void *pages, size_t bytes)
{
	const uintptr_t from = ((uintptr_t)pages + 2 * LARGE - 1) / LARGE * LARGE, end = (uintptr_t)pages + bytes;

#ifdef MADV_HUGEPAGE
	if (from < end)
		(void)madvise((void *)from, end - from, MADV_HUGEPAGE); /* or not */
#endif
}

bool slab_init(struct slab *s, size_t cell, uint32_t limit, struct error *e)
{
	const size_t bytes = cell * ((size_t)limit + 1);
	void *base = pages_take(bytes);

	assert(cell >= sizeof(uint32_t));
	if (!base)
		return fail(e, "cannot reserve %zu bytes of address space: %s", bytes, strerror(errno));
	*s = (struct slab){ .base = base, .cell = cell, .limit = limit, .fresh = 1 };
	return true;
}

void slab_finish(struct slab *s)
{
	pages_give(s->base, s->cell * ((size_t)s->limit + 1));
	*s = (struct slab){ 0 };
}

/*
 * The kernel clears a page when it is first touched, and that is a good part of what a connection costs.  To be asked for a
 * stretch of pages at once saves it a third of the work.  Pages of 2 MB would save more, and spare the TLB, but where the
 * machine is a guest whose host takes free memory back, each of them was up to ten times as slow as 512 small ones.
 * The stretch grows with what is in use: a small capture stays small.
 */
#define PAGES   ((size_t)64 << 10) /* whole pages, whatever their size */
#define STRETCH ((size_t)256 << 10)

void slab_get_ready(struct slab *s, uint32_t number)
{
	const size_t from = (size_t)number * s->cell, all = ((size_t)s->limit + 1) * s->cell;
	const size_t more = from / 8 < STRETCH ? from / 8 : STRETCH;
	const size_t begin = from / PAGES * PAGES, wanted = (from + s->cell + more + PAGES - 1) / PAGES * PAGES;
	const size_t end = wanted < all ? wanted : all;

#ifdef MADV_POPULATE_WRITE
	(void)madvise(s->base + begin, end - begin, MADV_POPULATE_WRITE); /* or not: they come one by one then */
#endif
	s->ready = (uint32_t)(end / s->cell);
}

uint32_t slab_take(struct slab *s)
{
	const uint32_t fresh = s->fresh, number = slab_take_as_is(s);

	if (number && number < fresh) /* the kernel zeroed it otherwise */
		memset(slab_at(s, number), 0, s->cell);
	return number;
}

uint32_t slab_take_as_is(struct slab *s)
{
	uint32_t number = s->free;

	if (number) {
		s->reused = true;
		memcpy(&s->free, slab_at(s, number), sizeof(s->free));
	} else if (s->fresh <= s->limit) {
		slab_along(s, s->fresh);
		number = s->fresh++;
	} else {
		return 0;
	}
	s->used++;
	return number;
}

void slab_give(struct slab *s, uint32_t number)
{
	assert(number && number < s->fresh && s->used);
	memcpy(slab_at(s, number), &s->free, sizeof(s->free));
	s->free = number;
	s->used--;
}
