/*
 * What a script demands, against what the engine said.
 *
 * Strictness is the default: a finding that no line names is a failure.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

struct schedule;
struct script;
struct seen;

/* One line "close.tcp:6: server is CLOSE_WAIT, expected LAST_ACK" to `out` for each failure; their number. */
unsigned check(const struct script *s, const struct schedule *h, struct seen *v, FILE *out);

/* The rules that the script names and the catalogue does not have (yet), each as a line "# ..."; their number. */
unsigned check_names(const struct script *s, FILE *out);

#endif
