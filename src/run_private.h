/*
 * One run of the program, from opening to its exit status.
 *
 * Private to the files of run.
 */
#ifndef TCPLINT_RUN_PRIVATE_H
#define TCPLINT_RUN_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture.h"
#include "destinations.h"
#include "interpret.h"
#include "pipe_clock.h"
#include "report.h"
#include "run.h"
#include "sandbox.h"

struct session {
	const struct options *options;
	struct capture_options source;
	struct capture *capture;
	struct destinations to;
	struct report *report;
	const struct reporter *reporter;
	struct tcplint *lint;
	bool started; /* a frame was read */
	bool prompt;  /* the next frame may be a while, and nobody says so: nothing waits for it */
	int64_t shown; /* live: when what was found was last passed on */
	struct ignore_list *ignored;
	struct sandbox sandbox;
	struct choice choice;
	bool found; /* a violation, deviation or attack_suspect was reported (--exit-code) */
	bool broken; /* the output does not take any more */
	bool announcing; /* the line at hand is what each file of the output begins with */
	bool announced; /* the first record is written */
	bool interrupted;
	bool full; /* the user was told that connections are evicted */
	uint64_t number; /* of the latest frame */
	const char *input_error;
	bool live;
	bool pipe; /* the input is one, and somebody may be capturing at its other end */
	struct pipe_clock clock;
	int64_t previous; /* when the frame before was captured */
	unsigned file;    /* which of the inputs it came from, as far as that matters */
	int64_t next_stats, next_metrics, metrics_interval;
	bool metrics_failed;
	const char *source_name; /* in metrics */
};

/* run_session.c: open everything, then confine the process. */
bool session_open(struct session *s, struct tcplint_options *lo, unsigned emit, struct error *e);
/* The first record. */
bool session_announce(struct session *s, const struct tcplint_options *lo);
/* Bytes: the program, the kernel's buffer, connections and hosts, and packets that may be asked for. */
uint64_t session_memory(const struct session *s);

/* run_totals.c: what `use` is to hear; the arrays that the totals point to last as long. */
bool session_totals(struct session *s, bool last, bool (*use)(struct session *s, const struct report_totals *t));
bool session_tell_totals(struct session *s, const struct report_totals *t);
bool session_write_metrics(struct session *s, const struct report_totals *t);

/* run_loop.c: false when the input could not be read to its end. */
bool session_pump(struct session *s, struct error *e);
/* For capture: nothing comes out of the pipe, or the interface is not there yet.  True: give up waiting. */
bool session_waiting(void *user, const char *news);

#endif
