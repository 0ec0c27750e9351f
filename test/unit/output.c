/* Output: whole lines, every failure seen and remembered. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "output.h"

static struct error e;
static char path[] = "/tmp/tcplint-output-XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static struct output *open_at(const char *where, bool at_once)
{
	return output_open(&(struct output_options){ .path = where, .at_once = at_once }, &e);
}

/* All of the file; the caller frees it. */
static char *contents(size_t *len)
{
	int fd = open(path, O_RDONLY);
	size_t size = (size_t)lseek(fd, 0, SEEK_END);
	char *text = malloc(size + 1);

	*len = (size_t)pread(fd, text, size, 0);
	assert_int_equal(*len, size);
	text[size] = '\0';
	close(fd);
	return text;
}

static void lines_are_whole(void **state)
{
	struct output *o = open_at(path, false);
	size_t len;
	char *text;

	(void)state;
	assert_non_null(o);
	assert_true(output_line(o, "one", 3));
	assert_true(output_line(o, "", 0));
	text = contents(&len);
	assert_int_equal(len, 0); /* not before there is reason to */
	free(text);
	assert_true(output_flush(o));
	assert_true(output_line(o, "three", 5));
	assert_true(output_close(o, &e));
	text = contents(&len);
	assert_string_equal(text, "one\n\nthree\n");
	free(text);
}

static void line_by_line(void **state)
{
	struct output *o = open_at(path, true);
	size_t len;
	char *text;

	(void)state;
	assert_true(output_line(o, "now", 3));
	text = contents(&len);
	assert_string_equal(text, "now\n");
	free(text);
	assert_true(output_close(o, &e));
}

/* Every length around the buffer's size, and far beyond it. */
static void any_length(void **state)
{
	static const size_t lengths[] = { 1,      262142,  262143, 262144, 262145, 100,
					  262143, 1000000, 0,      262144, 5 };
	struct output *o = open_at(path, false);
	char *line = malloc(1000000), *text, *at;
	size_t len;

	(void)state;
	memset(line, 'x', 1000000);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		assert_true(output_line(o, line, lengths[i]));
	assert_true(output_close(o, &e));
	at = text = contents(&len);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(strcspn(at, "\n"), lengths[i]);
		at += lengths[i] + 1;
	}
	assert_int_equal((size_t)(at - text), len);
	free(line);
	free(text);
}

static void full_disk(void **state)
{
	struct output *o;

	(void)state;
	if (access("/dev/full", W_OK) != 0)
		skip();
	o = open_at("/dev/full", false);
	assert_true(output_line(o, "x", 1)); /* kept */
	assert_int_equal(output_errno(o), 0);
	assert_false(output_flush(o));
	assert_int_equal(output_errno(o), ENOSPC);
	assert_false(output_line(o, "x", 1)); /* it sticks */
	assert_false(output_close(o, &e));
	assert_string_equal(e.text, "cannot write /dev/full: No space left on device");
}

/* Standard output is a pipe whose reader has gone, and the parent ignores SIGPIPE. */
static void reader_gone(void **state)
{
	int saved = dup(STDOUT_FILENO), ends[2], failure;
	struct output *o;
	bool good;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	dup2(ends[1], STDOUT_FILENO);
	o = open_at(NULL, true);
	output_line(o, "x", 1);
	failure = output_errno(o);
	good = output_close(o, &e);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(ends[1]);
	assert_int_equal(failure, EPIPE);
	assert_true(good); /* as quiet as after SIGPIPE */
}

/* The other end of the pipe is slow, and somebody made it non-blocking: nothing is lost, nothing is torn. */
static void slow_reader(void **state)
{
	int saved = dup(STDOUT_FILENO), ends[2], status;
	bool good = true;
	struct output *o;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	child = fork();
	if (child == 0) {
		char buffer[777];
		size_t total = 0;
		ssize_t n;

		close(ends[1]);
		while ((n = read(ends[0], buffer, sizeof(buffer))) > 0) {
			total += (size_t)n;
			if (total % 5 == 0)
				poll(NULL, 0, 1);
		}
		_exit(total == 100000 * 10 ? 0 : 1);
	}
	close(ends[0]);
	dup2(ends[1], STDOUT_FILENO);
	o = open_at("-", false);
	for (int i = 0; i < 100000; i++)
		good = output_line(o, "123456789", 9) && good;
	good = output_close(o, &e) && good;
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(ends[1]);
	assert_true(good);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Of the file `path` with `suffix`, in a buffer of ours. */
static const char *text_of(const char *suffix)
{
	static char text[4096];
	char name[300];
	int fd;
	ssize_t n;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	fd = open(name, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	unlink(name);
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? NULL : text;
}

static void names_of_files(void **state)
{
	struct rotation r = { .size = 1 };
	char name[64];

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_true(rotation_name(&r, "file", name, sizeof(name)));
	assert_string_equal(name, "file");
	assert_int_equal(rotation_grown(&r, 1), ROTATION_STAYS);
	assert_int_equal(rotation_grown(&r, 2), ROTATION_NEXT);
	assert_true(rotation_name(&r, "file", name, sizeof(name)));
	assert_string_equal(name, "file1");
	r.count = 10; /* as tcpdump: as many digits as the last one takes */
	assert_true(rotation_name(&r, "file", name, sizeof(name)));
	assert_string_equal(name, "file1");
	r.count = 11;
	assert_true(rotation_name(&r, "file", name, sizeof(name)));
	assert_string_equal(name, "file01");
	r.number = 10;
	assert_int_equal(rotation_grown(&r, 2), ROTATION_NEXT);
	assert_int_equal(r.number, 0);
	assert_true(rotation_name(&r, "file", name, sizeof(name)));
	assert_string_equal(name, "file00");
	r = (struct rotation){ .period = 60000000000, .size = 1, .since = 3600000000000, .number = 2 };
	assert_true(rotation_name(&r, "at-%H%M-", name, sizeof(name)));
	assert_string_equal(name, "at-0100-2");
	assert_int_equal(rotation_clock(&r, r.since + 59999999999), ROTATION_STAYS);
	assert_int_equal(rotation_clock(&r, r.since + 60000000000), ROTATION_NEXT);
	assert_true(rotation_name(&r, "at-%H%M-", name, sizeof(name)));
	assert_string_equal(name, "at-0101-");
	assert_int_equal(rotation_clock(&r, 5), ROTATION_STAYS); /* the clock was set back */
	assert_int_equal(rotation_clock(&r, 60000000005), ROTATION_NEXT);
	assert_false(rotation_name(&r, "much longer than the room that there is for a name is, as anybody can see", name,
				   sizeof(name)));
	r = (struct rotation){ .period = 10, .count = 2 };
	assert_int_equal(rotation_clock(&r, 10), ROTATION_NEXT);
	assert_int_equal(rotation_clock(&r, 20), ROTATION_OVER);
}

/* A ring of two files, each of which begins with the header, and no line is in two of them or in none. */
static void series(void **state)
{
	struct output *o = output_open(&(struct output_options){ .path = path, .rotation = { .size = 10, .count = 2 } }, &e);

	(void)state;
	assert_non_null(o);
	assert_true(output_header(o, "head", 4));
	for (int i = 0; i < 5; i++)
		assert_true(output_line(o, (char[]){ 'l', (char)('0' + i), '2', '4' }, 4));
	assert_true(output_close(o, &e));
	assert_string_equal(text_of("0"), "head\nl424\n");
	assert_string_equal(text_of("1"), "head\nl224\nl324\n");
}

/* The file of a period is begun when the period is, and not before the first time is known. */
static void periods(void **state)
{
	char pattern[64];
	struct output *o;

	(void)state;
	setenv("TZ", "UTC", 1);
	snprintf(pattern, sizeof(pattern), "%s-%%M", path);
	o = output_open(&(struct output_options){ .path = pattern, .rotation = { .period = 1000000000, .count = 3 } }, &e);
	assert_true(output_header(o, "head", 4));
	assert_true(output_clock(o, INT64_C(60) * 1000000000));
	assert_true(output_line(o, "one", 3));
	assert_true(output_clock(o, INT64_C(61) * 1000000000)); /* the same name: the same file */
	assert_true(output_line(o, "two", 3));
	assert_true(output_clock(o, INT64_C(120) * 1000000000));
	assert_true(output_line(o, "three", 5));
	assert_false(output_clock(o, INT64_C(180) * 1000000000));
	assert_true(output_line(o, "four", 4));
	assert_true(output_close(o, &e));
	assert_string_equal(text_of("-01"), "head\none\ntwo\n");
	assert_string_equal(text_of("-02"), "head\nthree\nfour\n");
	assert_null(text_of("-03"));
}

/* Somebody moves the file away and says so; then says so again for nothing. */
static void moved(void **state)
{
	struct output *o = open_at(path, true);
	char old[300];

	(void)state;
	snprintf(old, sizeof(old), "%s.1", path);
	assert_true(output_header(o, "head", 4));
	assert_true(output_line(o, "one", 3));
	assert_int_equal(rename(path, old), 0);
	assert_true(output_line(o, "two", 3));
	assert_true(output_reopen(o));
	assert_true(output_line(o, "three", 5));
	assert_true(output_reopen(o));
	assert_true(output_line(o, "four", 4));
	assert_true(output_close(o, &e));
	assert_string_equal(text_of(".1"), "head\none\ntwo\n");
	assert_string_equal(text_of(""), "head\nthree\nfour\n");
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
}

static void added(void **state)
{
	struct output *o;

	(void)state;
	o = open_at(path, true);
	assert_true(output_line(o, "old", 3));
	assert_true(output_close(o, &e));
	o = output_open(&(struct output_options){ .path = path, .append = true }, &e);
	assert_true(output_header(o, "head", 4));
	assert_true(output_close(o, &e));
	assert_string_equal(text_of(""), "old\nhead\n");
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
}

/* A disk that takes `room` bytes, as far as we are concerned. */
static void disk(rlim_t room)
{
	struct rlimit r;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = room;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* What the disk has no room for is lost whole, is counted, and what comes when there is room again is written. */
static void dropped(void **state)
{
	struct output *o = output_open(&(struct output_options){ .path = path, .at_once = true, .drop = true }, &e);

	(void)state;
	disk(2);
	assert_true(output_header(o, "head", 4)); /* in vain, and again before the next line */
	assert_non_null(output_warning(o));
	disk(12);
	assert_true(output_line(o, "one", 3));
	assert_true(output_line(o, "two and more", 12));
	assert_true(output_line(o, "three", 5));
	assert_null(output_warning(o)); /* once */
	disk(RLIM_INFINITY);
	assert_true(output_line(o, "four", 4));
	assert_int_equal(output_lost(o), 2);
	assert_int_equal(output_errno(o), 0);
	assert_true(output_close(o, &e));
	assert_string_equal(text_of(""), "head\none\nfour\n");
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
}

/* The same without `drop`: the failure sticks, and the file ends with a whole line. */
static void stopped(void **state)
{
	struct output *o = open_at(path, false);

	(void)state;
	disk(12);
	assert_true(output_line(o, "one", 3));
	assert_true(output_line(o, "two", 3));
	assert_true(output_line(o, "three", 5));
	assert_false(output_flush(o));
	disk(RLIM_INFINITY);
	assert_false(output_line(o, "four", 4));
	assert_false(output_close(o, &e));
	assert_non_null(strstr(e.text, "File too large"));
	assert_string_equal(text_of(""), "one\ntwo\n");
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
}

/* The names that a series comes to may be that of a capture. */
static void spares_inputs(void **state)
{
	char input[300];
	const char *inputs[] = { "-", input };
	struct output *o;
	int fd;

	(void)state;
	snprintf(input, sizeof(input), "%s1", path);
	fd = open(input, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "precious", 8), 8);
	close(fd);
	o = output_open(&(struct output_options){
		.path = path, .rotation = { .size = 1 }, .inputs = inputs, .input_count = 2 }, &e);
	assert_true(output_line(o, "one", 3));
	assert_false(output_line(o, "two", 3));
	assert_false(output_close(o, &e));
	assert_string_equal(text_of("1"), "precious");
}

static void cannot_open(void **state)
{
	(void)state;
	assert_null(open_at("/nonexistent/file", false));
	assert_string_equal(e.text, "/nonexistent/file: No such file or directory");
	assert_true(output_close(NULL, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_whole), cmocka_unit_test(line_by_line),
		cmocka_unit_test(any_length),      cmocka_unit_test(full_disk),
		cmocka_unit_test(reader_gone),     cmocka_unit_test(slow_reader),
		cmocka_unit_test(cannot_open),     cmocka_unit_test(names_of_files),
		cmocka_unit_test(series),          cmocka_unit_test(periods),
		cmocka_unit_test(moved),           cmocka_unit_test(added),
		cmocka_unit_test(dropped),         cmocka_unit_test(stopped),
		cmocka_unit_test(spares_inputs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
