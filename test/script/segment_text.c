/* Implementation of segment_text.h. */
#include "segment_text.h"

#include <stdlib.h>
#include <string.h>

#include "script.h"
#include "word.h"

static bool say(const char **error, const char *what)
{
	*error = what;
	return false;
}

static bool read_flags(const char *text, uint16_t *flags)
{
	static const struct {
		char letter;
		uint16_t bit;
	} letters[] = {
		{ 'F', 0x001 }, { 'S', 0x002 }, { 'R', 0x004 }, { 'P', 0x008 }, { '.', 0x010 },
		{ 'U', 0x020 }, { 'E', 0x040 }, { 'W', 0x080 }, { 'e', 0x100 },
	};

	*flags = 0;
	if (strcmp(text, "none") == 0)
		return true;
	for (; *text; text++) {
		unsigned i = 0;

		while (i < sizeof(letters) / sizeof(letters[0]) && letters[i].letter != *text)
			i++;
		if (i == sizeof(letters) / sizeof(letters[0]) || *flags & letters[i].bit)
			return false;
		*flags |= letters[i].bit;
	}
	return *flags != 0;
}

/* A sequence number: relative to the ISN, or absolute after `@`. */
static bool read_place(const char *text, int64_t *n, bool *absolute)
{
	*absolute = *text == '@';
	return word_number(text + *absolute, -INT64_C(0xffffffff), INT64_C(0xffffffff), n);
}

/* "1:101(100)" */
static bool read_range(const char *text, struct script_step *p)
{
	char part[3][24];
	int64_t from, to, len;
	const char *colon = strchr(text, ':'), *open = strchr(text, '('),
		   *close = strchr(text, ')');

	if (!colon || !open || !close || colon > open || open > close || close[1] != '\0')
		return false;
	if (colon - text >= 24 || open - colon >= 24 || close - open >= 24)
		return false;
	memset(part, 0, sizeof(part));
	memcpy(part[0], text, (size_t)(colon - text));
	memcpy(part[1], colon + 1, (size_t)(open - colon - 1));
	memcpy(part[2], open + 1, (size_t)(close - open - 1));
	if (!read_place(part[0], &from, &p->seq_absolute) ||
	    !word_number(part[1], -INT64_C(0xffffffff), INT64_C(0x1ffffffff), &to) ||
	    !word_number(part[2], 0, 65000, &len) || to - from != len)
		return false;
	p->seq = (uint32_t)from;
	p->len = (uint32_t)len;
	return true;
}

static bool add(struct script_step *p, uint64_t value, unsigned bytes)
{
	if (p->options_len + bytes > SCRIPT_OPTION_BYTES)
		return false;
	while (bytes-- > 0)
		p->options[p->options_len++] = (uint8_t)(value >> (8 * bytes));
	return true;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Kind, length, and the bytes of `hex` (an even number of digits). */
static bool add_hex(struct script_step *p, unsigned kind, const char *prefix, const char *hex)
{
	size_t bytes = (strlen(prefix) + strlen(hex)) / 2;

	if (strlen(hex) % 2 || !add(p, kind, 1) || !add(p, 2 + bytes, 1))
		return false;
	for (int half = 0; half < 2; half++)
		for (const char *h = half ? hex : prefix; *h; h += 2)
			if (hex_digit(h[0]) < 0 || hex_digit(h[1]) < 0 ||
			    !add(p, (uint64_t)(hex_digit(h[0]) * 16 + hex_digit(h[1])), 1))
				return false;
	return true;
}

/* Bytes as they stand, to make lists that do not parse. */
static bool add_raw(struct script_step *p, const char *hex)
{
	for (; *hex; hex += 2)
		if (hex_digit(hex[0]) < 0 || hex_digit(hex[1]) < 0 ||
		    !add(p, (uint64_t)(hex_digit(hex[0]) * 16 + hex_digit(hex[1])), 1))
			return false;
	return true;
}

/* "sack 1:5 9:12": blocks of the peer's sequence space. */
static bool add_sack(struct script_step *p, struct words *w)
{
	unsigned at = p->options_len;

	if (!add(p, 5, 1) || !add(p, 0, 1))
		return false;
	while (words_next(w)) {
		char *colon = strchr(w->word, ':');
		int64_t left, right;

		if (!colon || p->relative_count + 2 > sizeof(p->relative))
			return false;
		*colon = '\0';
		if (!word_number(w->word, 0, UINT32_MAX, &left) ||
		    !word_number(colon + 1, 0, UINT32_MAX, &right))
			return false;
		p->relative[p->relative_count++] = (uint8_t)p->options_len;
		p->relative[p->relative_count++] = (uint8_t)(p->options_len + 4);
		if (!add(p, (uint64_t)left, 4) || !add(p, (uint64_t)right, 4))
			return false;
	}
	p->options[at + 1] = (uint8_t)(p->options_len - at);
	return true;
}

/* "TS val 1 ecr 2" */
static bool add_timestamps(struct script_step *p, struct words *w)
{
	int64_t val, ecr;

	return words_skip(w, "val") && words_next(w) && word_number(w->word, 0, UINT32_MAX, &val) &&
	       words_skip(w, "ecr") && words_next(w) && word_number(w->word, 0, UINT32_MAX, &ecr) &&
	       add(p, 8, 1) && add(p, 10, 1) && add(p, (uint64_t)val, 4) &&
	       add(p, (uint64_t)ecr, 4);
}

static bool add_number(struct script_step *p, struct words *w, unsigned kind, unsigned bytes)
{
	int64_t n;

	return words_next(w) && word_number(w->word, 0, (INT64_C(1) << (8 * bytes)) - 1, &n) &&
	       add(p, kind, 1) && add(p, 2 + bytes, 1) && add(p, (uint64_t)n, bytes);
}

static bool add_kind(struct script_step *p, struct words *w)
{
	int64_t kind;

	if (!words_next(w) || !word_number(w->word, 0, 255, &kind))
		return false;
	return add_hex(p, (unsigned)kind, "", words_next(w) ? w->word : "");
}

static bool read_option(struct script_step *p, struct words *w)
{
	char name[16];

	if (!words_next(w) || !word_copy(name, sizeof(name), w->word))
		return false;
	if (strcmp(name, "mss") == 0)
		return add_number(p, w, 2, 2);
	if (strcmp(name, "wscale") == 0)
		return add_number(p, w, 3, 1);
	if (strcmp(name, "sackOK") == 0)
		return add(p, 4, 1) && add(p, 2, 1);
	if (strcmp(name, "sack") == 0)
		return add_sack(p, w);
	if (strcmp(name, "TS") == 0)
		return add_timestamps(p, w);
	if (strcmp(name, "nop") == 0)
		return add(p, 1, 1);
	if (strcmp(name, "eol") == 0)
		return add(p, 0, 1);
	if (strcmp(name, "FO") == 0)
		return add_hex(p, 34, "", words_next(w) ? w->word : "");
	if (strcmp(name, "FOEXP") == 0)
		return add_hex(p, 254, "f989", words_next(w) ? w->word : "");
	if (strcmp(name, "opt") == 0)
		return add_kind(p, w);
	if (strcmp(name, "raw") == 0)
		return words_next(w) && add_raw(p, w->word);
	return false;
}

/* "<mss 1460,sackOK>" */
static bool read_options(const char *list, struct script_step *p)
{
	size_t len = strlen(list);
	bool eol = false;

	if (len < 2 || list[len - 1] != '>')
		return false;
	for (const char *at = list + 1; at < list + len - 1;) {
		const char *comma = memchr(at, ',', (size_t)(list + len - 1 - at));
		const char *end = comma ? comma : list + len - 1;
		struct words w;

		words_start(&w, at, (size_t)(end - at));
		eol = eol || strncmp(at, "eol", 3) == 0;
		if (!read_option(p, &w) || words_next(&w))
			return false;
		at = end + 1;
	}
	while (p->options_len % 4)
		p->options[p->options_len++] = eol ? 0 : 1;
	return true;
}

struct extra {
	const char *name;
	int64_t high;
	void (*set)(struct script_step *, int64_t);
};

static void set_window(struct script_step *p, int64_t n)
{
	p->window = (uint16_t)n;
}

static void set_urgent(struct script_step *p, int64_t n)
{
	p->urgent = (uint16_t)n;
}

static void set_ttl(struct script_step *p, int64_t n)
{
	p->ttl = (int)n;
}

static void set_tos(struct script_step *p, int64_t n)
{
	p->tos = (uint8_t)n;
}

static void set_id(struct script_step *p, int64_t n)
{
	p->id = (int)n;
}

static void set_data_offset(struct script_step *p, int64_t n)
{
	p->data_offset = (int)n;
}

static void set_cut(struct script_step *p, int64_t n)
{
	p->cut = (long)n;
}

static void set_flow(struct script_step *p, int64_t n)
{
	p->flow = (unsigned)n;
}

/* The three bits that are still reserved, as a number from 0 to 7. */
static void set_reserved(struct script_step *p, int64_t n)
{
	p->flags |= (uint16_t)(n << 9);
}

static const struct extra extras[] = {
	{ "win", 65535, set_window }, { "urg", 65535, set_urgent },    { "ttl", 255, set_ttl },
	{ "id", 65535, set_id },      { "doff", 15, set_data_offset }, { "cut", 262144, set_cut },
	{ "flow", 999, set_flow },    { "reserved", 7, set_reserved }, { "tos", 255, set_tos },
};

static bool read_extra(struct words *w, struct script_step *p, const char **error)
{
	int64_t n;

	if (strcmp(w->word, "badsum") == 0)
		return p->bad_checksum = true;
	if (strcmp(w->word, "offload") == 0)
		return p->offload = true;
	for (unsigned i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
		if (strcmp(w->word, extras[i].name) != 0)
			continue;
		if (!words_next(w) || !word_number(w->word, 0, extras[i].high, &n))
			return say(error, "a number that fits was expected");
		extras[i].set(p, n);
		return true;
	}
	return say(error, "a word that this notation does not have");
}

static bool read_ack(struct words *w, struct script_step *p, const char **error)
{
	int64_t n;

	if (!words_next(w) || !read_place(w->word, &n, &p->ack_absolute))
		return say(error, "a number was expected after ack");
	p->ack = (uint32_t)n;
	p->has_ack = true;
	return true;
}

bool segment_text(struct words *w, struct script_step *p, const char **error)
{
	if (!words_next(w) || !read_flags(w->word, &p->flags))
		return say(error, "flags were expected: none, or some of S F R P . U E W e");
	if (!words_next(w) || !read_range(w->word, p))
		return say(error, "FROM:TO(LENGTH) was expected");
	if (words_skip(w, "ack") && !read_ack(w, p, error))
		return false;
	if (p->flags & 0x010 && !p->has_ack)
		return say(error, "a segment with `.` needs an ack");
	for (;;) {
		struct words ahead = *w;

		if (!words_next(&ahead) || ahead.word[0] == '=' || ahead.word[0] == '!')
			return true;
		*w = ahead;
		if (w->word[0] == '<' && !read_options(w->word, p))
			return say(error, "these options cannot be made");
		if (w->word[0] != '<' && !read_extra(w, p, error))
			return false;
	}
}
