/* A run of the program: frames from a capture through the library to records. */
#ifndef TCPLINT_RUN_H
#define TCPLINT_RUN_H

#include "error.h"
#include "options.h"

enum exit_status { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_FOUND = 3 };

/*
 * Analyse what the options name.  On STATUS_FAILED and STATUS_USAGE the sentence is in `e`; empty when nothing is to be
 * said.
 */
enum exit_status run(struct options *o, struct error *e);

/* The catalogue (--rules) and a page of it (--explain), to where -o says. */
enum exit_status run_rules(const struct options *o, struct error *e);
enum exit_status run_explain(const struct options *o, struct error *e);

#endif
