/*
 * The command line, parsed and checked for sense.
 *
 * What options.def says is all there is: no configuration file, no environment
 * variables.
 */
#ifndef TCPLINT_OPTIONS_H
#define TCPLINT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <tcplint/tcplint.h>

#include "capture.h"
#include "error.h"
#include "rotation.h"

/* Words given one by one or between commas, in the order given. */
struct name_list {
	char **name;
	unsigned count;
};

enum mode { MODE_RUN, MODE_INTERFACES, MODE_RULES, MODE_EXPLAIN, MODE_VERSION, MODE_HELP };

enum format { FORMAT_JSON, FORMAT_TEXT };

enum on_write_error { WRITE_ERROR_STOPS, WRITE_ERROR_DROPS };

struct options {
	enum mode mode;
	struct capture_options capture; /* ready for capture_open(), `filter` included */

	/* what is judged */
	bool tunnels, vlan;
	int profile; /* enum tcplint_profile */
	int64_t msl; /* nanoseconds */
	uint32_t max_connections;
	unsigned threads; /* 0: not said */

	/* what is reported */
	struct name_list only, disable, severities, verdicts; /* names not looked up yet: options_mark() */
	int min_severity; /* enum tcplint_severity */
	double min_confidence;
	const char *ignore_file; /* or null */

	/* how */
	const char *output; /* null: standard output */
	const char *packets; /* null: none are written */
	struct rotation rotation; /* its first three members */
	bool append;
	int on_write_error; /* enum on_write_error */
	struct name_list emit;
	bool all, exit_code;
	int format; /* enum format */
	int64_t stats_interval; /* nanoseconds; 0: none */
	const char *metrics_file; /* or null */

	const char *user;    /* -Z, or null */
	const char *explain; /* with MODE_EXPLAIN */

	/* raw material of the above */
	struct name_list files;
	const char *filter_file;
	char *filter;
	bool list_interfaces, list_rules, version, help;
};

/*
 * Parse.  On failure the sentence is for a bad command line (exit 2).  Free in either case.  Strings are
 * borrowed from `argv`.
 */
bool options_parse(struct options *o, int argc, char **argv, struct error *e) MUST_CHECK;

/*
 * Whether they make sense together: options_parse() asks.  `live`: an option that was given and means something with
 * -i only, or null.
 */
bool options_check(const struct options *o, const char *live, struct error *e) MUST_CHECK;

/* Read the file of -F, if one was given, into capture.filter.  A failure is one of reading (exit 1). */
bool options_read_filter(struct options *o, struct error *e) MUST_CHECK;
void options_free(struct options *o);

/*
 * Look every name up (`by_name` answers -1 for what it does not know) and set mark[index].  The sentence of a
 * failure speaks of "--disable", given as `option`.
 */
bool options_mark(const struct name_list *names, const char *option, int (*by_name)(const char *), bool *mark,
		  struct error *e) MUST_CHECK;

/* The text of --help. */
void options_help(FILE *out);

#endif
