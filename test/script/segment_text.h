/* One segment of a script: flags, numbers, options, and how its packet is to be made. */
#ifndef SEGMENT_TEXT_H
#define SEGMENT_TEXT_H

#include <stdbool.h>

struct script_step;
struct words;

/*
 * From the flags up to `=` or `!`, which stay.  On failure false, and `*error` says why
 * in a few words; the word that it speaks of is w->word.
 */
bool segment_text(struct words *w, struct script_step *p, const char **error);

#endif
