/*
 * Privileges go in this order: the user and the groups (root only), the capabilities, the chance to get any of them
 * back, the file system (Landlock), the system calls (seccomp).
 *
 * Root becomes nobody.  Where files will have to be created while we run, it becomes the owner of their directory
 * instead; when that is root itself, it stays root, without a capability.
 */
#define _GNU_SOURCE /* setresuid() */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_CAPNG
#include <cap-ng.h>
#endif
#ifdef HAVE_SECCOMP
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#endif

#include "compiler.h"
#include "sandbox.h"

#define DEFAULT_USER "nobody"
#define DEFAULT_ID   65534 /* of nobody, where the user database does not have it */

struct identity {
	uid_t uid;
	gid_t gid;
};

/* ---- the user ---- */

/* The directory that a file is in, as far as no part of its name is a strftime(3) format.  To be freed. */
static char *directory_of(const char *file)
{
	char *copy = strdup(file), *directory, *percent;

	if (!copy)
		return NULL;
	percent = strchr(copy, '%');
	if (percent)
		strcpy(percent, "x"); /* any name does: it is cut off */
	directory = strdup(dirname(copy));
	free(copy);
	return directory;
}

static struct identity owner_of_directory(const char *file)
{
	struct identity id = { 0, 0 };
	char *directory = directory_of(file);
	struct stat st;

	if (directory && stat(directory, &st) == 0 && st.st_uid) {
		const struct passwd *p = getpwuid(st.st_uid);

		id = (struct identity){ st.st_uid, p ? p->pw_gid : st.st_gid };
	}
	free(directory);
	return id;
}

/* Whom root becomes. */
static bool choose_user(const struct sandbox_request *r, struct identity *id, struct error *e)
{
	const struct passwd *p;

	if (!r->user && r->file_count) {
		*id = owner_of_directory(r->files[0]);
		return true;
	}
	p = getpwnam(r->user ? r->user : DEFAULT_USER);
	if (!p && r->user)
		return fail(e, "-Z: there is no user '%s'", r->user);
	*id = p ? (struct identity){ p->pw_uid, p->pw_gid } : (struct identity){ DEFAULT_ID, DEFAULT_ID };
	return true;
}

static void give_files(const struct sandbox_request *r, const struct identity *id)
{
	struct stat st;

	/* Those of root only: another owner's is left alone, and can be written already. */
	for (unsigned i = 0; i < r->written_count; i++)
		if (fstat(r->written[i], &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
		    fchown(r->written[i], id->uid, id->gid) != 0)
			continue; /* a file system without owners */
}

static bool become(const struct identity *id)
{
	return setgroups(0, NULL) == 0 && setresgid(id->gid, id->gid, id->gid) == 0 &&
	       setresuid(id->uid, id->uid, id->uid) == 0;
}

static bool change_user(const struct sandbox_request *r, struct error *warning, struct error *e)
{
	struct identity id = { 0, 0 };

	if (geteuid() != 0)
		return true;
	if (!choose_user(r, &id, e))
		return false;
	if (id.uid == 0)
		return true;
	give_files(r, &id);
	if (become(&id))
		return true;
	/* A container may have root and nobody else. */
	if (!r->user)
		return fail(warning, "cannot become %s: %s; going on as root", DEFAULT_USER, strerror(errno)), true;
	return fail(e, "-Z: cannot become '%s': %s", r->user, strerror(errno));
}

/* ---- capabilities ---- */

#ifdef HAVE_CAPNG
static void drop_bounds(void)
{
	capng_get_caps_process();
	capng_clear(CAPNG_SELECT_BOUNDS);
	(void)capng_apply(CAPNG_SELECT_BOUNDS); /* takes CAP_SETPCAP; nothing can be executed anyway */
}

static bool drop_capabilities(void)
{
	capng_clear(CAPNG_SELECT_CAPS);
	(void)capng_apply(CAPNG_SELECT_CAPS); /* what counts is what is left */
	return capng_get_caps_process() == 0 && capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE;
}
#else
static void drop_bounds(void)
{
}

static bool drop_capabilities(void)
{
	return false; /* not known */
}
#endif

/* ---- Landlock ---- */

/*
 * Spelled out, because the kernel may be newer than the headers and the other way round: struct
 * landlock_ruleset_attr and its bits, as far as each version of the interface has them.
 */
#if defined(SYS_landlock_create_ruleset) && defined(HAVE_SANDBOX)
enum {
	LL_WRITE_FILE = 1 << 1,
	LL_REMOVE_FILE = 1 << 5,
	LL_MAKE_REG = 1 << 8,
	LL_TRUNCATE = 1 << 14,
	LL_VERSION = 1 << 0,     /* landlock_create_ruleset(): ask which version there is */
	LL_PATH_BENEATH = 1,
};

struct ll_ruleset {
	uint64_t fs, net, scoped;
};

struct ll_path {
	uint64_t allowed;
	int32_t parent;
};

/* What version `abi` can forbid: all of it. */
static struct ll_ruleset all_of(long abi, size_t *size)
{
	static const unsigned bits[] = { 0, 13, 14, 15, 15, 16 }; /* of the file system, by version */
	const size_t last = sizeof(bits) / sizeof(bits[0]) - 1;
	const unsigned n = bits[(size_t)abi < last ? (size_t)abi : last];

	*size = abi < 4 ? 8 : abi < 6 ? 16 : 24;
	return (struct ll_ruleset){ .fs = (UINT64_C(1) << n) - 1, .net = 3, .scoped = 3 };
}

static void allow_directory(int ruleset, const char *file, uint64_t handled)
{
	char *directory = directory_of(file);
	const int fd = directory ? open(directory, O_PATH | O_CLOEXEC) : -1;
	const struct ll_path rule = {
		.allowed = handled & (LL_WRITE_FILE | LL_REMOVE_FILE | LL_MAKE_REG | LL_TRUNCATE),
		.parent = fd,
	};

	if (fd >= 0) {
		syscall(SYS_landlock_add_rule, ruleset, LL_PATH_BENEATH, &rule, 0);
		close(fd);
	}
	free(directory);
}

static bool restrict_files(const struct sandbox_request *r)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LL_VERSION);
	size_t size;

	if (abi < 1)
		return false;
	const struct ll_ruleset all = all_of(abi, &size);
	const int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (ruleset < 0)
		return false;
	for (unsigned i = 0; i < r->file_count; i++)
		allow_directory(ruleset, r->files[i], all.fs);
	const bool done = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	close(ruleset);
	return done;
}
#else
static bool restrict_files(const struct sandbox_request *r)
{
	(void)r;
	return false;
}
#endif

/* ---- seccomp ---- */

#ifdef HAVE_SECCOMP
/* What the loop, the end and the C library in between ask for. */
static const int always[] = {
	SCMP_SYS(read),          SCMP_SYS(readv),           SCMP_SYS(pread64),
	SCMP_SYS(write),         SCMP_SYS(writev),          SCMP_SYS(lseek),
	SCMP_SYS(close),         SCMP_SYS(fstat),           SCMP_SYS(newfstatat),
	SCMP_SYS(statx),         SCMP_SYS(fcntl),           SCMP_SYS(ftruncate),
	SCMP_SYS(fsync),         SCMP_SYS(fdatasync),       SCMP_SYS(poll),
	SCMP_SYS(ppoll),         SCMP_SYS(nanosleep),       SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),    SCMP_SYS(time),
	SCMP_SYS(brk),           SCMP_SYS(munmap),          SCMP_SYS(mremap),
	SCMP_SYS(madvise),       SCMP_SYS(futex),           SCMP_SYS(sched_yield),
	SCMP_SYS(getrandom),     SCMP_SYS(sysinfo),         SCMP_SYS(getpid),
	SCMP_SYS(getuid),        SCMP_SYS(geteuid),         SCMP_SYS(gettid),
	SCMP_SYS(tgkill),        SCMP_SYS(rt_sigaction),    SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),  SCMP_SYS(restart_syscall), SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Files of the output begin, and take each other's place. */
static const int with_files[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
};

/* The packet socket: counters, errors, and binding it to the interface that came back. */
static const int with_interface[] = {
	SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(bind), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
};

/* A thread to unpack the next compressed file, and its pipe. */
static const int with_threads[] = { SCMP_SYS(pipe2), SCMP_SYS(set_robust_list), SCMP_SYS(rseq) };

/* Nothing innocent comes to these: no second chance. */
static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
	SCMP_SYS(connect),
};

static bool add_rules(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(filter, action, calls[i], 0) != 0)
			return false;
	return true;
}

#define ADD(filter, action, calls) add_rules(filter, action, calls, sizeof(calls) / sizeof((calls)[0]))

/* Memory, but none to execute. */
static bool add_memory(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

static bool add_socket(scmp_filter_ctx filter)
{
	static const unsigned long questions[] = { SIOCGIFFLAGS, SIOCGIFINDEX, SIOCGIFHWADDR };

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_EQ, questions[i], 0)) != 0)
			return false;
	return ADD(filter, SCMP_ACT_ALLOW, with_interface) &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 1, SCMP_A1(SCMP_CMP_EQ, SOL_PACKET, 0)) ==
		       0;
}

/*
 * Threads, and no processes: clone3() hides its flags behind a pointer, and its failure makes the C library take
 * clone().
 */
static bool add_threads(scmp_filter_ctx filter)
{
	return ADD(filter, SCMP_ACT_ALLOW, with_threads) &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) == 0;
}

static bool restrict_calls(const struct sandbox_request *r)
{
	/* A call that a later C library tries first gets the answer that makes it try the older one. */
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	bool good = filter && ADD(filter, SCMP_ACT_ALLOW, always) && add_memory(filter) &&
		    ADD(filter, SCMP_ACT_KILL_PROCESS, deadly);

	if (good && r->file_count)
		good = ADD(filter, SCMP_ACT_ALLOW, with_files);
	if (good)
		good = !r->live || add_socket(filter);
	if (good && (!r->live || r->threads))
		good = add_threads(filter);
	/* Whoever unpacks the first file runs already, and reads what anybody may have made. */
	good = good && seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 && seccomp_load(filter) == 0;
	if (filter)
		seccomp_release(filter);
	return good;
}
#else
static bool restrict_calls(const struct sandbox_request *r)
{
	(void)r;
	return false;
}
#endif

bool sandbox_enter(const struct sandbox_request *r, struct sandbox *s, struct error *warning, struct error *e)
{
	*s = (struct sandbox){ .no_new_privs = false };
	warning->text[0] = '\0';
	tzset(); /* reads its file now, and not when the first time is printed */
	drop_bounds();
	if (!change_user(r, warning, e))
		return false;
#ifndef HAVE_SANDBOX
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* a sanitizer that looks for leaks traces its own process */
#endif
	s->uid = geteuid();
	s->no_capabilities = drop_capabilities();
	s->no_new_privs = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
	s->landlock = s->no_new_privs && restrict_files(r);
	s->seccomp = s->no_new_privs && restrict_calls(r);
	return true;
}
