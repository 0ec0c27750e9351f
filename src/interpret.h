/*
 * What the command line says, in the words of the library: names are looked up, so that a mistake here is one of usage.
 */
#ifndef TCPLINT_INTERPRET_H
#define TCPLINT_INTERPRET_H

#include <stdbool.h>

#include <tcplint/tcplint.h>

#include "error.h"
#include "options.h"
#include "rules.h"

/* What the command line says of single rules. */
struct choice {
	bool disabled[RULE_COUNT];
	int8_t severity[RULE_COUNT];
};

/* `choice` is borrowed by `lo`; `emit` has bits 1 << enum report_type. */
bool interpret(const struct options *o, struct choice *choice, struct tcplint_options *lo, unsigned *emit,
	       struct error *e) MUST_CHECK;

#endif
