/* The loop: frames into the library, and what has to happen meanwhile. */
#include <inttypes.h>
#include <stdio.h>

#include "frame.h"
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
static void note_file(struct session *s, const struct frame *f)
{
	unsigned file;
	uint64_t number;

	if (f->ts < s->previous && s->source.file_count > 1) {
		capture_locate(s->capture, f->number, &file, &number);
		if (file != s->file)
			tcplint_source(s->lint);
		s->file = file;
	}
	s->previous = f->ts;
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

static bool feed(struct session *s, const struct frame *f)
{
	const uint64_t evicted = tcplint_evicted(s->lint);

	if (!destinations_mind(&s->to, f->ts))
		return false;
	note_file(s, f);
	stats_if_due(s, f->ts);
	if (!s->started)
		report_start(s->report, f->ts);
	s->started = true;
	if (evicted && !s->full)
		tell_full(s);
	if (s->pipe)
		pipe_clock_frame(&s->clock, f->ts, capture_clock());
	s->number = f->number;
	if (s->to.packets)
		packets_frame(s->to.packets, f);
	tcplint_feed_ahead(s->lint, f->number, f->ts, f->linktype, f->data, f->captured, f->wire);
	if (s->prompt)
		tcplint_flush(s->lint);
	/* earlier ones were in the kernel's buffer when nothing came out of it */
	if (s->live && (f->ts - s->shown >= SHOW_EVERY || f->ts < s->shown - SHOW_EVERY))
		show(s, f->ts);
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
	struct frame f;

	s->live = capture_is_live(s->capture);
	while (!s->broken && !destinations_broken(&s->to)) {
		if (signals_stopped() && !s->interrupted) {
			s->interrupted = true;
			if (!s->live)
				return true;
			capture_stop(s->capture); /* what the kernel still has is not lost */
		}
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
