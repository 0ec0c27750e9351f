/* The command line: what is accepted, what it sets, and what is said of the rest. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

static struct options o;
static struct error e;

/* Parse the words up to a null pointer. */
static bool parse(const char *first, ...)
{
	char *argv[64] = { "tcplint" };
	int argc = 1;
	va_list ap;

	options_free(&o);
	e.text[0] = '\0';
	va_start(ap, first);
	for (const char *word = first; word; word = va_arg(ap, const char *))
		argv[argc++] = (char *)(uintptr_t)word;
	va_end(ap);
	argv[argc] = NULL;
	return options_parse(&o, argc, argv, &e);
}

#define accepts(...) assert_true(parse(__VA_ARGS__, NULL))
#define rejects(why, ...)                                                                          \
	do {                                                                                       \
		assert_false(parse(__VA_ARGS__, NULL));                                            \
		if (!strstr(e.text, why))                                                          \
			print_error("'%s' does not say '%s'\n", e.text, why);                      \
		assert_non_null(strstr(e.text, why));                                              \
	} while (0)

static void defaults(void **state)
{
	(void)state;
	accepts("-r", "a");
	assert_int_equal(o.mode, MODE_RUN);
	assert_int_equal(o.capture.file_count, 1);
	assert_string_equal(o.capture.files[0], "a");
	assert_null(o.capture.interface);
	assert_null(o.capture.filter);
	assert_null(o.output);
	assert_true(o.msl == INT64_C(30000000000));
	assert_int_equal(o.min_severity, TCPLINT_NOTICE);
	assert_true(o.min_confidence > 0.49 && o.min_confidence < 0.51);
	assert_int_equal(o.profile, TCPLINT_PROFILE_RFC);
	assert_int_equal(o.format, FORMAT_JSON);
	assert_false(o.all || o.exit_code || o.tunnels || o.vlan);
}

static void every_member(void **state)
{
	(void)state;
	accepts("-r", "a", "--read=b", "-c7", "-s", "96", "--tunnels", "--vlan", "--profile",
		"textbook", "--msl", "0.25", "--max-connections=10", "--only", "x,y", "--disable",
		"z", "--verdict", "note", "--disable", "v,w", "--min-severity", "error",
		"--min-confidence", ".125", "--ignore", "base", "-o", "out", "--emit",
		"finding,summary", "--all", "--format", "text", "--stats-interval", "1.5",
		"--exit-code", "--", "-1");
	assert_int_equal(o.capture.file_count, 2);
	assert_string_equal(o.capture.files[1], "b");
	assert_int_equal(o.capture.count, 7);
	assert_int_equal(o.capture.snaplen, 96);
	assert_true(o.tunnels && o.vlan && o.all && o.exit_code);
	assert_int_equal(o.profile, TCPLINT_PROFILE_TEXTBOOK);
	assert_true(o.msl == 250000000 && o.stats_interval == 1500000000);
	assert_int_equal(o.max_connections, 10);
	assert_int_equal(o.only.count, 2);
	assert_int_equal(o.disable.count, 3);
	assert_string_equal(o.disable.name[2], "w");
	assert_string_equal(o.verdicts.name[0], "note");
	assert_int_equal(o.min_severity, TCPLINT_ERROR);
	assert_true(o.min_confidence == 0.125);
	assert_string_equal(o.ignore_file, "base");
	assert_string_equal(o.output, "out");
	assert_int_equal(o.emit.count, 2);
	assert_int_equal(o.format, FORMAT_TEXT);
	assert_string_equal(o.capture.filter, "-1");
}

static void live(void **state)
{
	(void)state;
	accepts("-i", "eth0", "-p", "-B", "2048", "-y", "EN10MB", "-j", "host", "-Q", "in",
		"--immediate-mode", "tcp", "port", "80");
	assert_string_equal(o.capture.interface, "eth0");
	assert_int_equal(o.capture.file_count, 0);
	assert_true(o.capture.no_promiscuous && o.capture.immediate);
	assert_int_equal(o.capture.buffer_kib, 2048);
	assert_string_equal(o.capture.linktype, "EN10MB");
	assert_string_equal(o.capture.tstamp_type, "host");
	assert_string_equal(o.capture.direction, "in");
	assert_string_equal(o.capture.filter, "tcp port 80");
}

static void modes(void **state)
{
	(void)state;
	accepts("-D");
	assert_int_equal(o.mode, MODE_INTERFACES);
	accepts("--rules");
	assert_int_equal(o.mode, MODE_RULES);
	accepts("--explain", "rst");
	assert_int_equal(o.mode, MODE_EXPLAIN);
	assert_string_equal(o.explain, "rst");
	accepts("--version");
	assert_int_equal(o.mode, MODE_VERSION);
	accepts("-r", "a", "--help", "--nonsense");
	assert_int_equal(o.mode, MODE_HELP);
}

static void nonsense(void **state)
{
	(void)state;
	assert_false(parse(NULL));
	assert_non_null(strstr(e.text, "nothing to read"));
	rejects("exclude", "-r", "a", "-i", "b");
	rejects("unknown option '-X'", "-X");
	rejects("'--frobnicate'", "--frobnicate");
	rejects("'--m'", "--m", "1");
	rejects("takes no argument", "--all=1", "-r", "a");
	rejects("-r needs an argument: FILE", "-r");
	rejects("--msl needs an argument: SECONDS", "-r", "a", "--msl");
	rejects("not empty", "-r", "");
	rejects("empty name", "-r", "a", "--disable", "x,,y");
	rejects("empty name", "-r", "a", "--disable", "x,");
	rejects("once", "-r", "-", "-r", "-");
	rejects("--buffer-size means nothing with -r", "-r", "a", "-B", "5");
	rejects("--direction means nothing with -r", "-r", "a", "-Q", "in");
	rejects("-Q must be", "-i", "a", "-Q", "up");
	rejects("options come before", "-r", "a", "tcp", "-c", "1");
	rejects("options come before", "-r", "a", "tcp", "--all");
	rejects("rfc, textbook, lenient", "-r", "a", "--profile", "strict");
	rejects("given twice", "-r", "a", "-F", "f", "tcp");
}

static void numbers(void **state)
{
	static const char *const bad[] = { "x",   "1x",   "-1",          "+1", " 1",
					   "1 ",  "0x10", "1e3",         ".",  "1.2.3",
					   "1,5", "nan",  "0.0000000001" };
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		rejects("needs a number", "-r", "a", "--msl", bad[i]);
	rejects("needs a number", "-r", "a", "-c", "1.5"); /* no fraction of a frame */
	rejects("out of range", "-r", "a", "-c", "0");
	rejects("out of range", "-r", "a", "-c", "18446744073709551616");
	rejects("out of range", "-r", "a", "-c", "99999999999999999999999999999999");
	rejects("out of range", "-r", "a", "--msl", "18446744073709551616.5");
	rejects("out of range", "-r", "a", "--msl", "0");
	rejects("out of range", "-r", "a", "-s", "262145");
	rejects("out of range", "-r", "a", "--min-confidence", "1.000000001");
	rejects("out of range", "-r", "a", "--max-connections", "4294967297");
	accepts("-r", "a", "-c", "00012");
	assert_int_equal(o.capture.count, 12);
	accepts("-r", "a", "--msl", "1.123456789");
	assert_true(o.msl == 1123456789);
	accepts("-r", "a", "--min-confidence", "1.");
	assert_true(o.min_confidence == 1.0);
}

static void sizes(void **state)
{
	static const char *const bad[] = { "k", "1.5m", "1kb", "0x1", "-1m", " 1" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		rejects("needs a size", "-r", "a", "-o", "f", "-C", bad[i]);
	rejects("out of range", "-r", "a", "-o", "f", "-C", "0");
	rejects("out of range", "-r", "a", "-o", "f", "-C", "17179869184g");
	accepts("-r", "a", "-o", "f", "-C", "3");
	assert_true(o.rotation.size == 3000000);
	accepts("-r", "a", "-o", "f", "-C", "3K");
	assert_true(o.rotation.size == 3072);
	accepts("-r", "a", "-o", "f", "-C", "17179869183g");
	assert_true(o.rotation.size == UINT64_C(17179869183) << 30);
}

static void filter_file(void **state)
{
	char name[] = "/tmp/tcplint-options-XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "tcp # only\nport 80\n", 19), 19);
	close(fd);
	accepts("-r", "a", "-F", name);
	assert_true(options_read_filter(&o, &e));
	assert_non_null(strstr(o.capture.filter, "tcp"));
	assert_non_null(strstr(o.capture.filter, "port 80"));
	assert_null(strstr(o.capture.filter, "only"));
	rejects("overwrite", "-r", name, "-o", name);
	unlink(name);
	accepts("-r", "a", "-F", name);
	assert_false(options_read_filter(&o, &e));
	assert_non_null(strstr(e.text, "No such file"));
}

static int by_name(const char *name)
{
	return strcmp(name, "two") == 0 ? 2 : -1;
}

static void marks(void **state)
{
	bool mark[4] = { false };

	(void)state;
	accepts("-r", "a", "--disable", "two");
	assert_true(options_mark(&o.disable, "--disable", by_name, mark, &e));
	assert_true(mark[2] && !mark[0] && !mark[1] && !mark[3]);
	accepts("-r", "a", "--disable", "two,three");
	assert_false(options_mark(&o.disable, "--disable", by_name, mark, &e));
	assert_string_equal(e.text, "--disable: unknown name 'three'");
}

static void help_fits(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int lines = 0;

	(void)state;
	options_help(f);
	fclose(f);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
		assert_true(strlen(line) <= 80);
	assert_in_range(lines, 10, 60);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),    cmocka_unit_test(every_member),
		cmocka_unit_test(live),        cmocka_unit_test(modes),
		cmocka_unit_test(nonsense),    cmocka_unit_test(numbers),
		cmocka_unit_test(filter_file), cmocka_unit_test(marks),
		cmocka_unit_test(help_fits),   cmocka_unit_test(sizes),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	options_free(&o);
	return failed;
}
