/* --rules and --explain: the catalogue to where the output goes. */
#include <errno.h>

#include "catalogue.h"
#include "output.h"
#include "report.h"
#include "run.h"

static bool write_line(void *user, const char *line, size_t len)
{
	return output_line(user, line, len);
}

static enum exit_status finish(struct output *out, struct error *e)
{
	const bool gone = output_errno(out) == EPIPE;

	return output_close(out, e) || gone ? STATUS_DONE : STATUS_FAILED;
}

enum exit_status run_rules(const struct options *o, struct error *e)
{
	struct output *out = output_open(&(struct output_options){ .path = o->output }, e);

	if (!out)
		return STATUS_FAILED;
	struct report *r = report_create(&(struct report_options){ .write = write_line, .write_user = out }, e);

	if (r)
		(void)catalogue_list(r);
	report_destroy(r);
	return finish(out, e);
}

enum exit_status run_explain(const struct options *o, struct error *e)
{
	const int rule = tcplint_rule_by_name(o->explain);
	const char *near = rule < 0 ? catalogue_nearest(o->explain) : NULL;

	if (rule < 0) {
		if (near)
			fail(e, "there is no rule '%s'; did you mean '%s'?", o->explain, near);
		else
			fail(e, "there is no rule '%s'; --rules lists them", o->explain);
		return STATUS_USAGE;
	}
	struct output *out = output_open(&(struct output_options){ .path = o->output }, e);

	if (!out)
		return STATUS_FAILED;
	(void)catalogue_explain((unsigned)rule, write_line, out);
	return finish(out, e);
}
