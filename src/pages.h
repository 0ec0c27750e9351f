/*
 * Memory for what may become much: address space that is reserved at once, and pages that are asked for as they come to
 * be used.
 *
 * The kernel clears a page when it is first touched, and in a virtual machine the host may have to find it first; that
 * is a good part of what a connection costs.  So pages come in stretches, and, where there is much of them, in large
 * ones of
 * 2 MB, if these are the cheaper ones: which depends on the machine, and is measured.
 */
#ifndef TCPLINT_PAGES_H
#define TCPLINT_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/* Zeroed memory, touched as it is used; null when there is none.  To be given back with its size. */
void *pages_take(size_t bytes);
void pages_give(void *pages, size_t bytes);
/* They will be touched here and there: all but the first 2 MB would rather be large ones. */
void pages_prefer_large(void *pages, size_t bytes);

enum pages_kind { PAGES_SMALL, PAGES_LARGE, PAGES_KINDS };

/* Memory that is used from its beginning on. */
struct pages {
	uint8_t *base;
	size_t bytes;
	size_t ready; /* so many of them have their pages */
	size_t block; /* where the block ends that `ready` is in */
	enum pages_kind kind;     /* of that block */
	uint64_t spent;           /* nanoseconds, on that block so far */
	uint64_t cost[PAGES_KINDS]; /* of a whole block of each kind, lately; 0: not known */
	unsigned small;           /* blocks since a large one was taken, */
	unsigned patience;        /* and after how many of them another one is tried */
};

/* Reserves the address space; false when there is none. */
bool pages_init(struct pages *p, size_t bytes) MUST_CHECK;
void pages_finish(struct pages *p);
/* The first `to` bytes will be used, and soon perhaps some more. */
void pages_get_ready(struct pages *p, size_t to);

/* Which kind the next block ought to be, of what is known of the latest ones. */
enum pages_kind pages_choose(const struct pages *p);

#endif
