/* Output: whole lines, every failure seen and remembered. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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
	struct output *o = output_open(path, false, &e);
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
	struct output *o = output_open(path, true, &e);
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
	struct output *o = output_open(path, false, &e);
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
	o = output_open("/dev/full", false, &e);
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
	o = output_open(NULL, true, &e);
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
	o = output_open("-", false, &e);
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

static void cannot_open(void **state)
{
	(void)state;
	assert_null(output_open("/nonexistent/file", false, &e));
	assert_string_equal(e.text, "/nonexistent/file: No such file or directory");
	assert_true(output_close(NULL, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_whole), cmocka_unit_test(line_by_line),
		cmocka_unit_test(any_length),      cmocka_unit_test(full_disk),
		cmocka_unit_test(reader_gone),     cmocka_unit_test(slow_reader),
		cmocka_unit_test(cannot_open),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
