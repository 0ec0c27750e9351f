/*
 * The sandbox, from inside: a child enters it, tries what it must and what it must not be able to do, and answers
 * with its exit status.  What this build or this kernel lacks is not expected of it.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"

#define FAILED_TO_ENTER 99

static char directory[] = "/tmp/tcplint-sandbox-XXXXXX";
static char path[64], next_path[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/out", directory);
	snprintf(next_path, sizeof(next_path), "%s/next", directory);
	return chmod(directory, 0755);
}

static int clean(void **state)
{
	(void)state;
	unlink(path);
	unlink(next_path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(directory);
}

/* Run `act` in a sandboxed child: its wait status. */
static int inside(const struct sandbox_request *r, int (*act)(const struct sandbox *s))
{
	const pid_t child = fork();
	int status = -1;

	if (child == 0) {
		struct error warning, e;
		struct sandbox s;

		signal(SIGSYS, SIG_DFL); /* cmocka would go on in the child */
		_exit(sandbox_enter(r, &s, &warning, &e) ? act(&s) : FAILED_TO_ENTER);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void assert_good(int status)
{
	if (WIFSIGNALED(status))
		print_error("killed by signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		print_error("step %d failed\n", WEXITSTATUS(status));
	assert_int_equal(status, 0);
}

static int try_everything(const struct sandbox *s)
{
	char *memory = malloc(64 << 20);
	int fd;

	if (!memory)
		return 1;
	memset(memory, 1, 64 << 20);
	free(memory);
	if (!s->no_new_privs)
		return 2;
	fd = open("/etc/passwd", O_RDONLY);
	if (fd >= 0 && (s->seccomp || s->landlock))
		return 3;
	if (open("/tmp/tcplint-escaped", O_WRONLY | O_CREAT, 0600) >= 0 && (s->seccomp || s->landlock))
		return 4;
	if (s->seccomp && (socket(AF_INET, SOCK_DGRAM, 0) >= 0 || errno != ENOSYS))
		return 5;
	if (s->seccomp && fork() >= 0)
		return 6;
	if (s->uid && setuid(0) == 0)
		return 7;
	return 0;
}

static void nothing_can_be_opened(void **state)
{
	const struct sandbox_request r = { .live = true };

	(void)state;
	assert_good(inside(&r, try_everything));
}

static int execute(const struct sandbox *s)
{
	if (!s->seccomp)
		raise(SIGSYS);
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static void executing_is_the_end(void **state)
{
	const struct sandbox_request r = { .user = NULL };
	const int status = inside(&r, execute);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int rotate(const struct sandbox *s)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);

	if (fd < 0 || write(fd, "x\n", 2) != 2 || ftruncate(fd, 0) != 0 || close(fd) != 0)
		return 1;
	if (rename(path, next_path) != 0)
		return 2;
	if (open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) < 0 || unlink(next_path) != 0)
		return 3;
	if (s->landlock && open("/tmp/tcplint-escaped", O_WRONLY | O_CREAT, 0600) >= 0)
		return 4;
	if (s->landlock && open("/etc/passwd", O_RDONLY) >= 0)
		return 5;
	return 0;
}

static void files_follow_each_other(void **state)
{
	const char *const files[] = { path };
	const struct sandbox_request r = { .files = files, .file_count = 1 };

	(void)state;
	assert_good(inside(&r, rotate));
}

/* Names with a time in them: what counts is the part before it. */
static void a_format_is_no_directory(void **state)
{
	char format[96];
	const char *const files[] = { format };
	const struct sandbox_request r = { .files = files, .file_count = 1 };

	(void)state;
	snprintf(format, sizeof(format), "%s/%%Y/%%m.ndjson", directory);
	assert_good(inside(&r, rotate));
}

static uid_t expected;

static int who(const struct sandbox *s)
{
	return getuid() == expected && geteuid() == expected && s->uid == expected ? 0 : 1;
}

static void root_becomes_somebody(void **state)
{
	const char *const files[] = { path };
	const struct sandbox_request plain = { .live = true };
	const struct sandbox_request named = { .user = "daemon" };
	const struct sandbox_request unknown = { .user = "nobody at all" };
	const struct sandbox_request with_file = { .files = files, .file_count = 1 };

	(void)state;
	expected = getuid();
	if (expected != 0) { /* and nobody else changes, whatever -Z says */
		assert_good(inside(&unknown, who));
		return;
	}
	expected = 65534;
	assert_good(inside(&plain, who));
	expected = 1;
	assert_good(inside(&named, who));
	assert_int_equal(WEXITSTATUS(inside(&unknown, who)), FAILED_TO_ENTER);
	expected = 0;
	assert_good(inside(&with_file, who));
	clean(NULL);
	expected = 2;
	assert_int_equal(chown(directory, 2, 2), 0);
	assert_good(inside(&with_file, who));
	assert_good(inside(&with_file, rotate));
	assert_int_equal(chown(directory, 0, 0), 0);
}

static int without_capabilities(const struct sandbox *s)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	if (!f) /* as it should be */
		return s->seccomp || s->landlock ? 0 : 1;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "CapEff:", 7) == 0 && strtoull(line + 7, NULL, 16) != 0)
			return s->no_capabilities || s->uid ? 2 : 0;
	return 0;
}

static void capabilities_go(void **state)
{
	const struct sandbox_request r = { .user = "root" };

	(void)state;
	assert_good(inside(&r, without_capabilities));
}

static void written_files_are_given_away(void **state)
{
	const int fd = open(path, O_WRONLY | O_CREAT, 0600);
	const struct sandbox_request r = { .user = "daemon", .written = &fd, .written_count = 1 };
	struct stat st;

	(void)state;
	expected = getuid() == 0 ? 1 : getuid();
	assert_good(inside(&r, who));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, expected);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nothing_can_be_opened, clean),
		cmocka_unit_test_teardown(executing_is_the_end, clean),
		cmocka_unit_test_teardown(files_follow_each_other, clean),
		cmocka_unit_test_teardown(a_format_is_no_directory, clean),
		cmocka_unit_test_teardown(root_becomes_somebody, clean),
		cmocka_unit_test_teardown(capabilities_go, clean),
		cmocka_unit_test_teardown(written_files_are_given_away, clean),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
