/*
 * A baseline: findings that somebody has looked at and does not want to see again.
 *
 * One entry a line, `rule [address[/prefix][:port]]`: the rule's name or `*`, and what
 * either endpoint of the connection must be.  An address may be `*`; an IPv6 address
 * stands in brackets when a port follows.  `#` begins a comment.
 */
#ifndef TCPLINT_IGNORE_H
#define TCPLINT_IGNORE_H

#include <stdbool.h>

#include <tcplint/tcplint.h>

#include "error.h"

struct ignore_list;

/* Null and a sentence, with file and line, on failure. */
struct ignore_list *ignore_read(const char *path, struct error *e) MUST_CHECK;
void ignore_destroy(struct ignore_list *l);

/* Whether an entry covers the finding.  Fits `ignored` of struct tcplint_options; `list` is a struct ignore_list. */
bool ignore_covers(void *list, const struct tcplint_finding *f);

#endif
