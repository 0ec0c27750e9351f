#define _GNU_SOURCE /* sched_getaffinity() */
#include <sched.h>
#include <sys/stat.h>

#include "threads.h"

/* Less is read in a fraction of a second, whatever is done about it. */
#define WORTH ((off_t)32 << 20)

/* More engines than four wait for the thread that reads and decodes. */
#define MOST 5

static unsigned processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* Of all files; -1: not all of them are files. */
static off_t bytes(const struct options *o)
{
	off_t sum = 0;
	struct stat st;

	for (unsigned i = 0; i < o->capture.file_count; i++) {
		if (stat(o->capture.files[i], &st) != 0 || !S_ISREG(st.st_mode))
			return -1;
		sum += st.st_size;
	}
	return sum;
}

unsigned threads_that_pay(const struct options *o)
{
	const off_t size = bytes(o);

	/* which packets are kept depends on when a finding is heard of; what comes out of a pipe waits for nothing */
	if (o->packets || size < 0)
		return 1;
	if (o->threads)
		return o->threads;
	if (size < WORTH)
		return 1;
	const unsigned n = processors();

	return n < MOST ? n : MOST;
}
