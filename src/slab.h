/*
 * A bounded array of cells of one size, handed out by 32-bit number.
 *
 * The address space for all cells is reserved at start, so a cell never moves
 * and a number is enough to name it; pages are taken as cells are used for
 * the first time.  Cell 0 is never handed out, so 0 also means "none".
 */
#ifndef TCPLINT_SLAB_H
#define TCPLINT_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "pages.h"

struct slab {
	uint8_t *base;   /* of `pages` */
	size_t cell;     /* bytes */
	uint32_t limit;  /* cells that may be in use at once */
	uint32_t fresh;  /* cells below this number have been used before */
	uint32_t ready;  /* those below this one have their pages */
	uint32_t free;   /* head of the list of freed cells, linked through their first four bytes */
	uint32_t used;
	struct pages pages;
};

bool slab_init(struct slab *s, size_t cell, uint32_t limit, struct error *e) MUST_CHECK;
void slab_finish(struct slab *s);

/* A zeroed cell, or 0 when all are in use. */
uint32_t slab_take(struct slab *s);
/* The same, with whatever it held before. */
uint32_t slab_take_as_is(struct slab *s);
void slab_give(struct slab *s, uint32_t number);

/* `number` and some that follow will be used: the pages of them. */
void slab_get_ready(struct slab *s, uint32_t number);

/* Cells by the numbers that another slab gives: as those grow. */
static inline void slab_along(struct slab *s, uint32_t number)
{
	if (number >= s->ready)
		slab_get_ready(s, number);
}

static inline void *slab_at(const struct slab *s, uint32_t number)
{
	return s->base + (size_t)number * s->cell;
}

#endif
