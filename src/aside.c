#include <assert.h>

#include "aside.h"

bool asides_init(struct asides *a, uint32_t limit, struct error *e)
{
	return slab_init(&a->pool, sizeof(struct aside), limit, e);
}

void asides_finish(struct asides *a)
{
	slab_finish(&a->pool);
}

struct aside *aside_of(struct asides *a, struct conn *c)
{
	if (!c->aside) {
		const uint32_t number = slab_take(&a->pool);

		assert(number);
		c->aside = slab_at(&a->pool, number);
	}
	return c->aside;
}

void aside_give(struct asides *a, struct conn *c)
{
	if (!c->aside)
		return;
	slab_give(&a->pool, (uint32_t)((size_t)((const uint8_t *)c->aside - a->pool.base) / a->pool.cell));
	c->aside = NULL;
}
