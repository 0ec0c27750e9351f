/*
 * What the user says while we run: SIGINT and SIGTERM end the run in order,
 * SIGUSR1 asks for counters.  A second SIGINT or SIGTERM kills.  SIGHUP from a
 * process asks for the files of the output to be opened anew; when there are none, and
 * when it says that the terminal has gone, it ends the run.
 *
 * SIGPIPE is left as the parent set it.
 */
#ifndef TCPLINT_SIGNALS_H
#define TCPLINT_SIGNALS_H

#include <stdbool.h>

/* `reopens`: there are files that can be opened anew. */
void signals_install(bool reopens);

/* SIGINT or SIGTERM came. */
bool signals_stopped(void);

/* SIGUSR1 came since this was last asked. */
bool signals_stats_wanted(void);

/* SIGHUP came since this was last asked. */
bool signals_reopen_wanted(void);

#endif
