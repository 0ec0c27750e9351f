/*
 * The failure of the machine, in one sentence.
 *
 * A function that can fail this way returns bool, takes a `struct error *` last
 * and, when it returns false, has written one sentence there.  Only main()
 * prints it and only main() chooses the exit status.
 */
#ifndef TCPLINT_ERROR_H
#define TCPLINT_ERROR_H

#include <stdbool.h>

#include "compiler.h"

struct error {
	char text[512];
};

/* Write the sentence; always false, so that callers can `return fail(...)`. */
bool fail(struct error *e, const char *fmt, ...) FORMAT(2, 3);

#endif
