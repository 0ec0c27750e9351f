/* The catalogue for its readers: one rule as a page (--explain), all of them as records (--rules). */
#ifndef TCPLINT_CATALOGUE_H
#define TCPLINT_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

struct report;

/* The page, line by line, to a writer as report.h has it; false when the writer once said so. */
bool catalogue_explain(unsigned rule, bool (*write)(void *user, const char *line, size_t len),
		       void *user);

/* One record for each rule; false when the report said so. */
bool catalogue_list(struct report *r);

/* How alike two names are: the rule closest to a misspelt `name`, or null when none comes near. */
const char *catalogue_nearest(const char *name);

#endif
