/*
 * What the user says while we run: SIGINT and SIGTERM end the run in order,
 * SIGUSR1 asks for counters.  A second SIGINT or SIGTERM kills.
 *
 * SIGPIPE is left as the parent set it.
 */
#ifndef TCPLINT_SIGNALS_H
#define TCPLINT_SIGNALS_H

#include <stdbool.h>

void signals_install(void);

/* SIGINT or SIGTERM came. */
bool signals_stopped(void);

/* SIGUSR1 came since this was last asked. */
bool signals_stats_wanted(void);

#endif
