/* Implementation of word.h.  Nothing here depends on the locale. */
#include "word.h"

#include <stdlib.h>
#include <string.h>

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

void words_start(struct words *w, const char *line, size_t len)
{
	const char *hash = memchr(line, '#', len);

	w->at = line;
	w->end = hash ? hash : line + len;
	w->word[0] = '\0';
}

static void skip_blanks(struct words *w)
{
	while (w->at < w->end && blank(*w->at))
		w->at++;
}

bool words_next(struct words *w)
{
	const char *from;
	size_t len;

	skip_blanks(w);
	from = w->at;
	/* A list of options may hold blanks; the arrow of the server is followed by one. */
	if (w->end - from > 1 && *from == '<' && !blank(from[1])) {
		while (w->at < w->end && *w->at != '>')
			w->at++;
		if (w->at < w->end)
			w->at++;
	} else {
		while (w->at < w->end && !blank(*w->at))
			w->at++;
	}
	len = (size_t)(w->at - from);
	if (len == 0 || len >= sizeof(w->word)) {
		w->word[0] = '\0';
		return false;
	}
	memcpy(w->word, from, len);
	w->word[len] = '\0';
	return true;
}

bool words_skip(struct words *w, const char *word)
{
	struct words ahead = *w;

	if (!words_next(&ahead) || strcmp(ahead.word, word) != 0)
		return false;
	*w = ahead;
	return true;
}

void words_rest(struct words *w, char *out, size_t size)
{
	size_t len;

	skip_blanks(w);
	len = (size_t)(w->end - w->at);
	while (len > 0 && blank(w->at[len - 1]))
		len--;
	if (len >= size)
		len = size - 1;
	memcpy(out, w->at, len);
	out[len] = '\0';
	w->at = w->end;
}

bool word_number(const char *text, int64_t low, int64_t high, int64_t *out)
{
	char *end;
	long long n;

	if (*text == '\0')
		return false;
	n = strtoll(text, &end, 10);
	if (*end != '\0' || n < low || n > high)
		return false;
	*out = n;
	return true;
}

bool word_seconds(const char *text, int64_t *out)
{
	int64_t whole = 0, part = 0, unit = 1000000000;
	bool digits = false;

	for (; *text >= '0' && *text <= '9' && whole < 1000000000; text++, digits = true)
		whole = whole * 10 + (*text - '0');
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9' && unit > 1; text++, digits = true) {
			unit /= 10;
			part += (*text - '0') * unit;
		}
	}
	*out = whole * 1000000000 + part;
	return digits && *text == '\0';
}

bool word_copy(char *out, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size)
		return false;
	memcpy(out, text, len + 1);
	return true;
}
