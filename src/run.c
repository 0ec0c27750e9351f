#include <errno.h>

#include "ignore.h"
#include "packets.h"
#include "run_private.h"
#include "signals.h"

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

	if (s->options->metrics_file && !session_totals(s, false, session_write_metrics))
		return STATUS_FAILED;
	s->broken = !session_announce(s, lo);
	s->announced = true;
	s->pipe = destinations_read_pipe(s->options);
	if (!session_pump(s, &input))
		s->input_error = input.text;
	tcplint_finish(s->lint, s->interrupted);
	if (s->to.packets && !packets_second_pass(s->to.packets, s->number, signals_stopped, &again) && !s->input_error)
		s->input_error = again.text;
	s->broken = !session_totals(s, true, session_tell_totals) || s->broken;
	if (s->options->metrics_file)
		(void)session_totals(s, true, session_write_metrics);
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
	if (session_open(&s, &lo, emit, e))
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
