/*
 * Handlers set a flag and nothing else.  The flags are the only writable globals of the program.
 */
#include <signal.h>
#include <stddef.h>

#include "signals.h"

static volatile sig_atomic_t stopped, stats_wanted;

static void on_stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void on_stats(int signal)
{
	(void)signal;
	stats_wanted = 1;
}

void signals_install(void)
{
	/* No SA_RESTART: a call that waits must return, so that the flag is seen. */
	struct sigaction stop = { .sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND };
	struct sigaction stats = { .sa_handler = on_stats };

	sigemptyset(&stop.sa_mask);
	sigemptyset(&stats.sa_mask);
	/* Even where the parent ignores SIGINT, as a script does for what it runs in the background (and tcpdump). */
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGUSR1, &stats, NULL);
}

bool signals_stopped(void)
{
	return stopped;
}

bool signals_stats_wanted(void)
{
	bool wanted = stats_wanted;

	stats_wanted = 0;
	return wanted;
}
