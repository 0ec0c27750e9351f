/* Words of a line of a script, and the numbers in them. */
#ifndef WORD_H
#define WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct words {
	const char *at;
	const char *end;
	char word[256]; /* the latest */
};

void words_start(struct words *w, const char *line, size_t len);
/* The next word into `word`; a list "<...>" is one.  False at the end of the line, or when it does not fit. */
bool words_next(struct words *w);
/* Whether the next word is `word`; it is taken if it is. */
bool words_skip(struct words *w, const char *word);
/* What is left of the line, without the blanks around it. */
void words_rest(struct words *w, char *out, size_t size);

/* The whole of `text` is a number in [low, high]. */
bool word_number(const char *text, int64_t low, int64_t high, int64_t *out);
/* "0.2": seconds as nanoseconds. */
bool word_seconds(const char *text, int64_t *out);
/* Copy, false when it does not fit. */
bool word_copy(char *out, size_t size, const char *text);

#endif
