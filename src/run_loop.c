/* The loop: frames into the library, and what has to happen meanwhile. */
#include <inttypes.h>
#include <stdio.h>

#include <tcplint/frame.h>

#include "packets.h"
#include "run_private.h"
#include "signals.h"

/* Live, and under a load that never lets up: what was found waits no longer for more of it. */
#define SHOW_EVERY INT64_C(100000000)

/* Whether so many nanoseconds have passed since the last time. */
static bool due(int64_t *next, int64_t interval, int64_t now)
{
	if (!interval)
		return false;
	if (!*next || now < *next - interval) /* or the clock was set back */
		*next = now + interval;
	if (now < *next)
		return false;
	*next += interval * ((now - *next) / interval + 1);
	return true;
}

/* Where one file ends, the next may begin earlier; nothing else allows a clock to go back. */
static void note_file(struct session *s, const struct tcplint_frame *first, const struct tcplint_frame *last)
{
	unsigned file = 0;
	uint64_t number;

	if (s->source.file_count > 1)
		capture_locate(s->capture, first->number, &file, &number);
	if (file != s->file && first->ts < s->previous)
		tcplint_source(s->lint);
	s->file = file;
	s->previous = last->ts;
}

static void stats_if_due(struct session *s, int64_t now)
{
	const bool wanted = signals_stats_wanted();

	if (due(&s->next_stats, s->options->stats_interval, now) || wanted) {
		tcplint_report_hosts(s->lint);
		s->broken = !session_totals(s, false, session_tell_totals) || s->broken;
	}
	if (s->options->metrics_file && due(&s->next_metrics, s->metrics_interval, now))
		(void)session_totals(s, false, session_write_metrics);
}

static void tell_full(struct session *s)
{
	s->full = true;
	fprintf(stderr, "tcplint: there is no room for more than %" PRIu32 " connections: the least valuable make way, "
		"and are counted (--max-connections)\n", s->options->max_connections);
}

/* What the frames so far show has to be seen: by the library, and by whoever reads the records. */
static void show(struct session *s, int64_t now)
{
	tcplint_flush(s->lint);
	destinations_show(&s->to);
	s->shown = now;
}

/* Before some frames of one file are fed. */
static void expect(struct session *s, const struct tcplint_frame *first, const struct tcplint_frame *last)
{
	note_file(s, first, last);
	if (!s->started)
		report_start(s->report, first->ts);
	s->started = true;
	if (!s->full && tcplint_evicted(s->lint))
		tell_full(s);
	s->number = last->number;
}

static bool feed(struct session *s, const struct tcplint_frame *f)
{
	if (!destinations_mind(&s->to, f->ts))
		return false;
	stats_if_due(s, f->ts);
	expect(s, f, f);
	if (s->pipe)
		pipe_clock_frame(&s->clock, f->ts, capture_clock());
	if (s->to.packets)
		packets_frame(s->to.packets, f);
	tcplint_feed_ahead(s->lint, f, 1);
	if (s->prompt)
		tcplint_flush(s->lint);
	/* earlier ones were in the kernel's buffer when nothing came out of it */
	if (s->live && (f->ts - s->shown >= SHOW_EVERY || f->ts < s->shown - SHOW_EVERY))
		show(s, f->ts);
	return true;
}

/* As many as stay in a core's own cache. */
#define STRETCH 32

/* Whether nothing has to be looked at between two frames of a file. */
static bool goes_in_stretches(const struct session *s)
{
	return !s->live && !s->pipe && !s->prompt && !s->to.series && !s->options->stats_interval &&
	       !s->metrics_interval;
}

/* False: there is none of which nothing special is known. */
static bool feed_stretch(struct session *s)
{
	struct tcplint_frame frames[STRETCH];

	if (s->started)
		stats_if_due(s, s->previous); /* before more are counted as read */
	const unsigned n = capture_at_hand(s->capture, frames, STRETCH);

	if (!n)
		return false;
	expect(s, &frames[0], &frames[n - 1]);
	tcplint_feed_ahead(s->lint, frames, n);
	return true;
}

/* Nothing comes out of the pipe, or the interface is not there yet. */
bool session_waiting(void *user, const char *news)
{
	struct session *s = user;
	int64_t now = pipe_clock_now(&s->clock, capture_clock());

	if (news)
		fprintf(stderr, "tcplint: %s\n", news);
	if (!s->announced)
		return signals_stopped();
	if (!tcplint_counters(s->lint)->frames) { /* no time has begun yet */
		if (signals_stats_wanted())
			s->broken = !session_totals(s, false, session_tell_totals) || s->broken;
		return s->broken || signals_stopped();
	}
	if (now != INT64_MIN)
		tcplint_tick(s->lint, now - capture_lag(s->capture));
	else
		now = tcplint_counters(s->lint)->last_ts;
	const bool goes_on = destinations_mind(&s->to, now);

	stats_if_due(s, now);
	return !goes_on || s->broken || signals_stopped();
}

static void tell_missed(struct session *s)
{
	const struct capture_gap gap = capture_gap(s->capture);

	tcplint_missed(s->lint, gap.from, gap.to);
}

/* The interface came or went: the user hears of it, and whoever reads the records. */
static void tell_change(struct session *s)
{
	fprintf(stderr, "tcplint: %s\n", capture_warning(s->capture));
	tell_missed(s);
	s->broken = !session_totals(s, false, session_tell_totals) || s->broken;
}

/* An interface has nothing to give for now, or something to say.  False when the run is to end. */
static bool linger(struct session *s, enum capture_event event)
{
	const int64_t now = capture_clock();
	bool goes_on = true;

	if (event == CAPTURE_MISSED)
		tell_missed(s);
	if (event == CAPTURE_CHANGED)
		tell_change(s);
	if (event == CAPTURE_IDLE) {
		tcplint_tick(s->lint, now - capture_lag(s->capture));
		goes_on = destinations_mind(&s->to, now);
		stats_if_due(s, now);
	}
	show(s, now);
	return goes_on;
}

/* False when the input could not be read to its end. */
bool session_pump(struct session *s, struct error *e)
{
	struct tcplint_frame f;

	s->live = capture_is_live(s->capture);
	const bool stretches = goes_in_stretches(s);

	while (!s->broken && !destinations_broken(&s->to)) {
		if (signals_stopped() && !s->interrupted) {
			s->interrupted = true;
			if (!s->live)
				return true;
			capture_stop(s->capture); /* what the kernel still has is not lost */
		}
		if (stretches && feed_stretch(s))
			continue;
		const enum capture_event event = capture_next(s->capture, &f, e);

		switch (event) {
		case CAPTURE_FRAME:
			if (!feed(s, &f))
				return true;
			break;
		case CAPTURE_DRAINED:
		case CAPTURE_IDLE:
		case CAPTURE_MISSED:
		case CAPTURE_CHANGED:
			if (!linger(s, event))
				return true;
			break;
		case CAPTURE_END: /* of the input, or of waiting for more of it */
			s->interrupted = s->interrupted || signals_stopped();
			return true;
		case CAPTURE_FAILED:
			return false;
		}
	}
	return true;
}
