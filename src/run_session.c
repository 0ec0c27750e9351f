/* What a run consists of: opened, told what the library finds, confined. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode.h"
#include "ignore.h"
#include "run_private.h"
#include "signals.h"
#include "threads.h"

/*
 * Timers that fire for a frame of an interface at most: more than frames begin on the average, and so few that frames
 * are not kept waiting for microseconds more than they take themselves.
 */
#define EXPIRIES 4

/* Of metrics, where --stats-interval has none: as often as they are usually collected. */
#define METRICS_INTERVAL INT64_C(15000000000)

/* What does not depend on the traffic: code, libraries, stack, fragments in reassembly, a buffer of records. */
#define PROGRAM_MEMORY (UINT64_C(12) << 20)

/* ---- what the library tells ---- */

static bool write_line(void *user, const char *line, size_t len)
{
	struct session *s = user;
	const bool good =
		s->announcing ? output_header(s->to.records, line, len) : output_line(s->to.records, line, len);

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
	s->prompt = destinations_read_pipe(o) || s->to.packets;
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

/* Its threads are confined from their beginning. */
static bool open_lint(struct session *s, const struct tcplint_options *lo, struct error *e)
{
	const struct tcplint_sink sink = {
		.user = s,
		.finding = on_finding,
		.connection = on_connection,
		.segment = on_segment,
		.host = on_host,
	};

	s->lint = tcplint_new(lo, &sink, e->text, sizeof(e->text));
	return s->lint;
}

static bool open_ignored(struct session *s, struct tcplint_options *lo, struct error *e)
{
	if (!s->options->ignore_file)
		return true;
	s->ignored = ignore_read(s->options->ignore_file, e);
	lo->ignored = ignore_covers;
	lo->ignored_user = s->ignored;
	return s->ignored;
}

uint64_t session_memory(const struct session *s)
{
	return PROGRAM_MEMORY + capture_memory(s->capture) + tcplint_counters(s->lint)->memory_bound +
	       (s->to.packets ? packets_bound(s->to.packets) : 0);
}

bool session_announce(struct session *s, const struct tcplint_options *lo)
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
		.memory_bound = capture_is_live(s->capture) ? session_memory(s) : 0,
	});
	s->announcing = false;
	if (capture_is_live(s->capture))
		destinations_show(&s->to);
	return good;
}

/* Everything is open: nothing that a packet can do to us needs more than this. */
static bool confine(struct session *s, const struct tcplint_options *lo, struct error *e)
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
		.threads = lo->threads > 1,
	};

	if (!sandbox_enter(&r, &s->sandbox, &warning, e))
		return false;
	if (warning.text[0])
		fprintf(stderr, "tcplint: %s\n", warning.text);
	return true;
}

bool session_open(struct session *s, struct tcplint_options *lo, unsigned emit, struct error *e)
{
	s->source = s->options->capture;
	lo->threads = threads_that_pay(s->options);
	lo->expiries = s->options->capture.file_count ? 0 : EXPIRIES;
	s->source.rings = lo->threads > 1 ? lo->threads - 1 : 1; /* as many as engines */
	s->source.supports = decode_supports;
	s->source.waiting = session_waiting;
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
	return open_ignored(s, lo, e) && open_report(s, lo, emit, e) && confine(s, lo, e) && open_lint(s, lo, e);
}
