/*
 * Which packets of a script the tap sees, and when: the script as written, or one of its mutations.
 *
 * A mutation is what a tap or a network can do to a conversation: lose, repeat,
 * reorder, see one direction only, begin late, end early, cut packets short.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script;
struct script_step;

struct play {
	const struct script_step *step;
	int64_t ts;        /* nanoseconds since 1970 */
	bool headers_only; /* the snapshot ends after 20 bytes of TCP header */
};

struct schedule {
	struct play *play;
	unsigned count;
};

/* The script as written.  1, or -1 when there is no memory. */
int schedule_make(const struct script *s, struct schedule *out);
/*
 * Mutation `n`, from 0, and what it does ("without line 7").  0: there are no more of them; -1: no memory.
 * A number may stand for nothing (no neighbour to swap with): then the schedule is empty.
 */
int schedule_mutate(const struct script *s, unsigned n, struct schedule *out, char *what,
		    size_t size);
void schedule_free(struct schedule *h);

#endif
