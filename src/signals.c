/*
 * Handlers set a flag and nothing else.  The flags are the only writable globals of the program.
 */
#include <signal.h>
#include <stddef.h>

#include "signals.h"

static volatile sig_atomic_t stopped, stats_wanted, reopen_wanted;
/* What SIGHUP means: set before its handler is. */
static volatile sig_atomic_t files_to_reopen, hangup_ignored;

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

/* The kernel says that the terminal has gone, which ends a run as it ends others; a process asks for files anew. */
static void on_hangup(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_code <= 0 && files_to_reopen)
		reopen_wanted = 1;
	else if (!hangup_ignored)
		stopped = 1;
}

static void install_hangup(bool reopens)
{
	struct sigaction hangup = { .sa_sigaction = on_hangup, .sa_flags = SA_SIGINFO }, before;

	sigemptyset(&hangup.sa_mask);
	files_to_reopen = reopens;
	/* As nohup(1) left it. */
	hangup_ignored = sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
	sigaction(SIGHUP, &hangup, NULL);
}

void signals_install(bool reopens)
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
	install_hangup(reopens);
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

bool signals_reopen_wanted(void)
{
	bool wanted = reopen_wanted;

	reopen_wanted = 0;
	return wanted;
}
