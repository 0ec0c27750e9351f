#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "decode.h"
#include "destinations.h"
#include "frame.h"
#include "ignore.h"
#include "interpret.h"
#include "metrics.h"
#include "pipe_clock.h"
#include "report.h"
#include "rules.h"
#include "run.h"
#include "sandbox.h"
#include "signals.h"

#define DROPS_MAX 32
/* Of metrics, where --stats-interval has none: as often as they are usually collected. */
#define METRICS_INTERVAL INT64_C(15000000000)
/* The kernel may hand a frame over a tenth of a second after its time: the clock must not overtake it. */
#define DELIVERY_LAG INT64_C(200000000)

struct session {
	const struct options *options;
	struct capture_options source;
	struct capture *capture;
	struct destinations to;
	struct report *report;
	const struct reporter *reporter;
	struct tcplint *lint;
	bool started; /* a frame was read */
	bool prompt;  /* the next frame may be a while: nothing waits for it */
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
	bool pipe; /* the input is one, and somebody may be capturing at its other end */
	struct pipe_clock clock;
	int64_t previous; /* when the frame before was captured */
	unsigned file;    /* which of the inputs it came from, as far as that matters */
	int64_t next_stats, next_metrics, metrics_interval;
	bool metrics_failed;
	const char *source_name; /* in metrics */
};

/* ---- what the library tells ---- */

static bool write_line(void *user, const char *line, size_t len)
{
	struct session *s = user;
	const bool good = s->announcing ? output_header(s->to.records, line, len) : output_line(s->to.records, line, len);

	destinations_complain(&s->to);
	return good;
}

static void on_finding(void *user, const struct tcplint_finding *f)
{
	struct session *s = user;

	if (f->verdict == TCPLINT_VIOLATION || f->verdict == TCPLINT_DEVIATION || f->verdict == TCPLINT_ATTACK_SUSPECT)
		s->found = true;
	if (s->to.packets && f->conn)
		packets_found(s->to.packets, f->conn);
	if (!s->reporter->finding(s->report, f))
		s->broken = true;
}

static void on_connection(void *user, const struct tcplint_connection *c)
{
	struct session *s = user;

	if (s->to.packets)
		packets_released(s->to.packets, c->conn, s->number);
	if (!s->reporter->connection(s->report, c))
		s->broken = true;
}

static void on_segment(void *user, const struct tcplint_segment *g)
{
	struct session *s = user;

	if (!s->reporter->segment(s->report, g))
		s->broken = true;
}

static void on_host(void *user, const struct tcplint_host *h)
{
	struct session *s = user;

	if (!s->reporter->host(s->report, h))
		s->broken = true;
}

static void locate(void *user, uint64_t ordinal, const char **file, uint64_t *number)
{
	const struct capture *c = user;
	unsigned index;

	capture_locate(c, ordinal, &index, number);
	*file = capture_is_live(c) ? NULL : capture_file_name(c, index);
}

/* ---- opening and closing ---- */

static bool colour_wanted(const struct options *o)
{
	const char *no = getenv("NO_COLOR");

	return !o->output && isatty(STDOUT_FILENO) && !(no && *no);
}

static bool open_report(struct session *s, const struct tcplint_options *lo, unsigned emit, struct error *e)
{
	const struct options *o = s->options;

	s->reporter = o->format == FORMAT_TEXT ? &report_text : &report_json;
	if (!destinations_open(&s->to, o, lo, s->capture, &s->source, e))
		return false;
	/* somebody waits for what we find, or for the packets of who has findings */
	s->prompt = capture_is_live(s->capture) || destinations_read_pipe(o) || s->to.packets;
	s->report = report_create(&(struct report_options){
		.write = write_line,
		.write_user = s,
		.locate = locate,
		.locate_user = s->capture,
		.emit = emit,
		.several_inputs = o->capture.file_count > 1,
		.all = o->all,
		.colour = colour_wanted(o),
	}, e);
	return s->report;
}

static bool open_lint(struct session *s, struct tcplint_options *lo, struct error *e)
{
	const struct tcplint_sink sink = {
		.user = s,
		.finding = on_finding,
		.connection = on_connection,
		.segment = on_segment,
		.host = on_host,
	};

	if (s->options->ignore_file) {
		s->ignored = ignore_read(s->options->ignore_file, e);
		if (!s->ignored)
			return false;
		lo->ignored = ignore_covers;
		lo->ignored_user = s->ignored;
	}
	s->lint = tcplint_new(lo, &sink, e->text, sizeof(e->text));
	return s->lint;
}

/* Bytes: connections and hosts, and packets that may be asked for. */
static uint64_t memory_bound(const struct session *s)
{
	return tcplint_counters(s->lint)->memory_bound + (s->to.packets ? packets_bound(s->to.packets) : 0);
}

static bool announce(struct session *s, const struct tcplint_options *lo)
{
	const struct options *o = s->options;
	const struct report_sandbox sandbox = {
		.uid = s->sandbox.uid,
		.no_new_privs = s->sandbox.no_new_privs,
		.no_capabilities = s->sandbox.no_capabilities,
		.seccomp = s->sandbox.seccomp,
		.landlock = s->sandbox.landlock,
	};
	const char *const *sources = o->capture.file_count ? o->capture.files : &o->capture.interface;
	bool good;

	s->announcing = true;
	good = s->reporter->capture(s->report, &(struct report_capture){
		.sources = sources,
		.source_count = o->capture.file_count ? o->capture.file_count : 1,
		.live = capture_is_live(s->capture),
		.linktype = capture_linktype_name(s->capture),
		.snaplen = (uint32_t)capture_snaplen(s->capture),
		.filter = o->capture.filter,
		.sandbox = capture_is_live(s->capture) ? &sandbox : NULL,
		.options = lo,
		.memory_bound = capture_is_live(s->capture) ? memory_bound(s) : 0,
	});
	s->announcing = false;
	return good;
}

/* Everything is open: nothing that a packet can do to us needs more than this. */
static bool confine(struct session *s, struct error *e)
{
	const char *files[DESTINATIONS_MAX];
	int written[DESTINATIONS_MAX];
	struct error warning;
	struct sandbox_request r = {
		.user = s->options->user,
		.files = files,
		.file_count = destinations_files(s->options, files),
		.written = written,
		.written_count = destinations_descriptors(&s->to, written),
		.live = capture_is_live(s->capture),
	};

	if (!sandbox_enter(&r, &s->sandbox, &warning, e))
		return false;
	if (warning.text[0])
		fprintf(stderr, "tcplint: %s\n", warning.text);
	return true;
}

static bool on_waiting(void *user, const char *news);

static bool open_session(struct session *s, struct tcplint_options *lo, unsigned emit, struct error *e)
{
	s->source = s->options->capture;
	s->source.supports = decode_supports;
	s->source.waiting = on_waiting;
	s->source.user = s;
	s->capture = capture_open(&s->source, e);
	if (!s->capture)
		return false;
	s->source_name = capture_file_name(s->capture, 0);
	s->metrics_interval = s->options->stats_interval;
	if (capture_is_live(s->capture) && !s->metrics_interval)
		s->metrics_interval = METRICS_INTERVAL;
	if (capture_warning(s->capture))
		fprintf(stderr, "tcplint: %s\n", capture_warning(s->capture));
	return open_lint(s, lo, e) && open_report(s, lo, emit, e) && confine(s, e);
}

/* What `use` is to hear; the arrays that the totals point to last as long. */
static bool with_totals(struct session *s, bool last, bool (*use)(struct session *s, const struct report_totals *t))
{
	const struct capture_counters *cc = capture_counters(s->capture);
	const struct packets_counters pc = s->to.packets ? packets_count(s->to.packets) : (struct packets_counters){ 0 };
	uint64_t hits[RULE_COUNT], drops[DROPS_MAX];
	const char *names[DROPS_MAX];
	unsigned n = 0;

	tcplint_flush(s->lint);
	for (unsigned r = 0; r < RULE_COUNT; r++)
		hits[r] = tcplint_rule_hits(s->lint, r);
	for (const char *name; n < DROPS_MAX; n++) {
		drops[n] = tcplint_drops(s->lint, n, &name);
		names[n] = name;
		if (!name)
			break;
	}
	return use(s, &(struct report_totals){
		.counters = tcplint_counters(s->lint),
		.rule_hits = hits,
		.drop_count = n,
		.drop_names = names,
		.drops = drops,
		.read = cc->frames,
		.filtered_out = cc->filtered_out,
		.kernel_drops_known = cc->kernel_drops_known,
		.interface_drops_known = cc->interface_drops_known,
		.kernel_drops = cc->kernel_drops,
		.interface_drops = cc->interface_drops,
		.interface = capture_interface(s->capture),
		.may_lose = s->options->on_write_error == WRITE_ERROR_DROPS,
		.lost_records = output_lost(s->to.records),
		.packets = s->to.packets,
		.packets_written = pc.written,
		.packets_lost = pc.lost,
		.packets_forgotten = pc.forgotten,
		.memory_bound = memory_bound(s),
		.ended = last,
		.interrupted = s->interrupted,
		.error = s->input_error,
	});
}

static bool tell_totals(struct session *s, const struct report_totals *t)
{
	return (t->ended ? s->reporter->summary : s->reporter->stats)(s->report, t);
}

/* A file of metrics that cannot be written is said once, and is no reason to stop. */
static bool write_metrics(struct session *s, const struct report_totals *t)
{
	struct error e;

	if (metrics_write(s->options->metrics_file, s->source_name, t, &e))
		return true;
	if (!s->metrics_failed)
		fprintf(stderr, "tcplint: %s\n", e.text);
	s->metrics_failed = true;
	return false;
}

/* ---- the loop ---- */

/* Whether so many nanoseconds have passed since the last time. */
static bool due(int64_t *next, int64_t interval, int64_t now)
{
	if (!interval)
		return false;
	if (!*next)
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
		s->broken = !with_totals(s, false, tell_totals) || s->broken;
	}
	if (s->options->metrics_file && due(&s->next_metrics, s->metrics_interval, now))
		(void)with_totals(s, false, write_metrics);
}

static void tell_full(struct session *s)
{
	s->full = true;
	fprintf(stderr, "tcplint: there is no room for more than %" PRIu32 " connections: the least valuable make way, "
		"and are counted (--max-connections)\n", s->options->max_connections);
}

static bool feed(struct session *s, const struct frame *f)
{
	const uint64_t evicted = tcplint_counters(s->lint)->evicted;

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
	return true;
}

/* Nothing comes out of the pipe, or the interface is not there yet. */
static bool on_waiting(void *user, const char *news)
{
	struct session *s = user;
	int64_t now = pipe_clock_now(&s->clock, capture_clock());

	if (news)
		fprintf(stderr, "tcplint: %s\n", news);
	if (!s->announced)
		return signals_stopped();
	if (!tcplint_counters(s->lint)->frames) { /* no time has begun yet */
		if (signals_stats_wanted())
			s->broken = !with_totals(s, false, tell_totals) || s->broken;
		return s->broken || signals_stopped();
	}
	if (now != INT64_MIN)
		tcplint_tick(s->lint, now - DELIVERY_LAG);
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
	s->broken = !with_totals(s, false, tell_totals) || s->broken;
}

/* False when the input could not be read to its end. */
static bool pump(struct session *s, struct error *e)
{
	struct frame f;

	while (!s->broken && !destinations_broken(&s->to)) {
		if (signals_stopped()) {
			s->interrupted = true;
			return true;
		}
		switch (capture_next(s->capture, &f, e)) {
		case CAPTURE_FRAME:
			if (!feed(s, &f))
				return true;
			break;
		case CAPTURE_IDLE:
			tcplint_tick(s->lint, capture_clock() - DELIVERY_LAG);
			if (!destinations_mind(&s->to, capture_clock()))
				return true;
			stats_if_due(s, capture_clock());
			break;
		case CAPTURE_MISSED:
			tell_missed(s);
			break;
		case CAPTURE_CHANGED:
			tell_change(s);
			break;
		case CAPTURE_END: /* of the input, or of waiting for more of it */
			s->interrupted = signals_stopped();
			return true;
		case CAPTURE_FAILED:
			return false;
		}
	}
	return true;
}

/* What the output has to say at the end; a reader that has gone is no failure of ours. */
static bool finish_output(struct session *s, struct error *e)
{
	const char *why = report_error(s->report);
	const bool gone = output_errno(s->to.records) == EPIPE;
	struct error output_fault;
	const bool written = destinations_close(&s->to, &output_fault);

	if (written && (gone || !why))
		return true;
	return fail(e, "%s", why && written ? why : output_fault.text);
}

static enum exit_status work(struct session *s, const struct tcplint_options *lo, struct error *e)
{
	struct error input = { .text = "" }, again;

	if (s->options->metrics_file && !with_totals(s, false, write_metrics))
		return STATUS_FAILED;
	s->broken = !announce(s, lo);
	s->announced = true;
	s->pipe = destinations_read_pipe(s->options);
	if (!pump(s, &input))
		s->input_error = input.text;
	tcplint_finish(s->lint, s->interrupted);
	if (s->to.packets && !packets_second_pass(s->to.packets, s->number, signals_stopped, &again) && !s->input_error)
		s->input_error = again.text;
	s->broken = !with_totals(s, true, tell_totals) || s->broken;
	if (s->options->metrics_file)
		(void)with_totals(s, true, write_metrics);
	if (!finish_output(s, e))
		return STATUS_FAILED;
	if (s->input_error) {
		fail(e, "%s", s->input_error);
		return STATUS_FAILED;
	}
	return s->options->exit_code && s->found ? STATUS_FOUND : STATUS_DONE;
}

enum exit_status run(struct options *o, struct error *e)
{
	struct session s = { .options = o };
	struct tcplint_options lo;
	unsigned emit;
	enum exit_status status = STATUS_FAILED;

	if (!interpret(o, &s.choice, &lo, &emit, e))
		return STATUS_USAGE;
	if (o->capture.filter && !capture_check_filter(o->capture.filter, e))
		return STATUS_USAGE;
	signals_install(destinations_reopen(o));
	if (open_session(&s, &lo, emit, e))
		status = work(&s, &lo, e);
	if (s.to.records) {
		struct error ignored;

		(void)destinations_close(&s.to, &ignored);
	}
	report_destroy(s.report);
	tcplint_free(s.lint);
	ignore_destroy(s.ignored);
	capture_close(s.capture);
	return status;
}
