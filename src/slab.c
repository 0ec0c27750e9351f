#include <assert.h>
#include <errno.h>
#include <string.h>

#include "slab.h"

bool slab_init(struct slab *s, size_t cell, uint32_t limit, struct error *e)
{
	const size_t bytes = cell * ((size_t)limit + 1);

	assert(cell >= sizeof(uint32_t));
	*s = (struct slab){ .cell = cell, .limit = limit, .fresh = 1 };
	if (!pages_init(&s->pages, bytes))
		return fail(e, "cannot reserve %zu bytes of address space: %s", bytes, strerror(errno));
	s->base = s->pages.base;
	return true;
}

void slab_finish(struct slab *s)
{
	pages_finish(&s->pages);
	*s = (struct slab){ 0 };
}

void slab_get_ready(struct slab *s, uint32_t number)
{
	pages_get_ready(&s->pages, ((size_t)number + 1) * s->cell);
	s->ready = (uint32_t)(s->pages.ready / s->cell);
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
