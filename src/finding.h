/* A finding as the library shows it: names for bits, relative numbers, the sentence. */
#ifndef TCPLINT_FINDING_H
#define TCPLINT_FINDING_H

#include <stddef.h>

#include "cells.h"

struct conn;

/* `out` borrows from `c` and from `message`, which has room for `size` bytes. */
void finding_public(const struct conn *c, const struct finding_cell *f, struct tcplint_finding *out, char *message,
		    size_t size);

#endif
