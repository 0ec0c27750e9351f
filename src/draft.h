/*
 * Filling in a draft (rules.h): what a predicate saw.
 */
#ifndef TCPLINT_DRAFT_H
#define TCPLINT_DRAFT_H

#include "view.h"

/* One more frame of evidence, the decisive one last; a mark that was never set, or the last one again, adds nothing. */
void draft_frame(struct draft *d, struct mark m);

/* A number of the space of `space`: what was expected, and what was there. */
void draft_value_seq(struct draft *d, enum tcplint_field f, enum side space, uint32_t expected, uint32_t actual);
/* The same without an expectation. */
void draft_actual(struct draft *d, enum tcplint_field f, enum side space, uint32_t actual);
/* A value that is no sequence number. */
void draft_plain(struct draft *d, enum tcplint_field f, uint32_t actual);
/* The same with an expectation. */
void draft_wrong(struct draft *d, enum tcplint_field f, uint32_t expected, uint32_t actual);

void draft_offender(struct draft *d, enum side x);

#endif
