/* The program: what the command line asks for, and the exit status. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "capture.h"
#include "run.h"

static enum exit_status print(const struct options *o, struct error *e)
{
	if (o->mode == MODE_HELP)
		options_help(stdout);
	else if (o->mode == MODE_VERSION)
		printf("tcplint %s\n%s\n", tcplint_version(), capture_library_version());
	else if (!capture_list_interfaces(stdout, e))
		return STATUS_FAILED;
	if (fflush(stdout) || ferror(stdout)) {
		fail(e, "cannot write to standard output");
		return STATUS_FAILED;
	}
	return STATUS_DONE;
}

static enum exit_status dispatch(struct options *o, struct error *e)
{
	switch (o->mode) {
	case MODE_RUN:
		return options_read_filter(o, e) ? run(o, e) : STATUS_FAILED;
	case MODE_RULES:
		return run_rules(o, e);
	case MODE_EXPLAIN:
		return run_explain(o, e);
	case MODE_INTERFACES:
	case MODE_VERSION:
	case MODE_HELP:
		break;
	}
	return print(o, e);
}

/*
 * A file that is opened must not become standard output because that is closed.  What is put there instead is of
 * the wrong direction, so that whoever needs it fails.
 */
static void hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	struct options o;
	struct error e = { .text = "" };

	hold_standard_descriptors();
	const enum exit_status status = options_parse(&o, argc, argv, &e) ? dispatch(&o, &e) : STATUS_USAGE;

	if (e.text[0] && (status == STATUS_FAILED || status == STATUS_USAGE))
		fprintf(stderr, "tcplint: %s\n", e.text);
	if (status == STATUS_USAGE)
		fprintf(stderr, "Try 'tcplint --help'.\n");
	options_free(&o);
	return (int)status;
}
