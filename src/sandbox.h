/*
 * What the program may still do once everything is open: it reads packets that anybody may have made.
 *
 * sandbox.c alone knows libseccomp and libcap-ng; without them, and on a kernel without Landlock, what is left
 * is in force, and said.
 */
#ifndef TCPLINT_SANDBOX_H
#define TCPLINT_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct sandbox_request {
	const char *user;         /* -Z; null: whom root becomes is decided here */
	const char *const *files; /* that may be opened anew, or have successors in their directories; strftime(3) formats */
	unsigned file_count;
	const int *written;       /* descriptors of such files: they are given to the user */
	unsigned written_count;
	bool threads;             /* are still to be started */
	bool live;                /* an interface is watched: its socket needs a few calls more */
};

/* What is in force. */
struct sandbox {
	uint32_t uid;
	bool no_new_privs;
	bool no_capabilities; /* none is left, or there never was one */
	bool seccomp;
	bool landlock;
};

/*
 * Change the user (only root can), and drop everything but the calls of the loop.  False when -Z cannot be done; all
 * else is done as far as this machine can.  What could not be done that was not asked for is a sentence in
 * `warning`, which is empty otherwise.
 */
bool sandbox_enter(const struct sandbox_request *r, struct sandbox *s, struct error *warning,
		   struct error *e) MUST_CHECK;

#endif
