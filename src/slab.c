#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "slab.h"

/*
 * Beyond the first SMALL bytes, pages of 2 MB: cells are used in no order, and each page of 4 KB is a fault and a miss of
 * its own.  A small capture stays small.
 */
#define SMALL ((size_t)4 << 20)
#define HUGE  ((size_t)2 << 20)

static void ask_for_huge_pages(uint8_t *base, size_t bytes)
{
	const size_t from = SMALL + (HUGE - (uintptr_t)base % HUGE) % HUGE;

	if (bytes >= from + HUGE)
		(void)madvise(base + from, bytes - from, MADV_HUGEPAGE);
}

void *pages_take(size_t bytes)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return NULL;
	ask_for_huge_pages(base, bytes);
	return base;
}

void pages_give(void *pages, size_t bytes)
{
	if (pages)
		munmap(pages, bytes);
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
		memcpy(&s->free, slab_at(s, number), sizeof(s->free));
	} else if (s->fresh <= s->limit) {
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
