/*
 * Which file comes next, and when: what -G, -C and -W mean, and how the files are called, as in tcpdump.
 *
 * The time since the file was begun, or its size, ends a file.  A pure value: whoever writes asks it.
 */
#ifndef TCPLINT_ROTATION_H
#define TCPLINT_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rotation {
	int64_t period; /* -G, nanoseconds; 0: none */
	uint64_t size;  /* -C, bytes; 0: none */
	uint32_t count; /* -W; 0: no limit */

	int64_t since;    /* when the file was begun, nanoseconds since 1970 */
	uint32_t periods; /* that have passed */
	uint32_t number;  /* of the file, within the period */
};

enum rotation_answer { ROTATION_STAYS, ROTATION_NEXT, ROTATION_OVER };

/*
 * The name of the current file: with -G the pattern is a format of strftime(3) in local time, with -C the second
 * file and those after it have their number at the end, and with -W as well the first one and as many digits as the
 * last one needs.  False when it does not fit.
 */
bool rotation_name(const struct rotation *r, const char *pattern, char *out, size_t size);

/* It is `now`: with ROTATION_NEXT the value stands for the next file, with ROTATION_OVER -W periods have passed. */
enum rotation_answer rotation_clock(struct rotation *r, int64_t now);

/* The file has `size` bytes. */
enum rotation_answer rotation_grown(struct rotation *r, uint64_t size);

#endif
