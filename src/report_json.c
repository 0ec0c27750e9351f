/*
 * A line of JSON, written from left to right; and the table of the JSON reporter.
 *
 * jansson says what a value looks like.  Building its objects took four fifths of the time of a record, so what we are
 * sure about (integers, plain text, decimals of few digits) is written here; it encodes the rest, and debug builds let
 * it read every line and write it again, and assert that nothing changes.
 *
 * Each value is followed by a comma, which what closes its object takes back.
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "report_private.h"

/* 15 digits: every decimal of so many survives a double, so 0.04032 does not become 0.040320000000000002. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* Beyond 2^53 a reader that keeps numbers in doubles would see another number (RFC 8259, 6). */
#define MAX_EXACT (UINT64_C(1) << 53)

const struct reporter report_json = {
	.capture = json_capture,
	.finding = json_finding,
	.connection = json_connection,
	.segment = json_segment,
	.host = json_host,
	.stats = json_stats,
	.summary = json_summary,
};

/* ---- the line ---- */

/* Where `size` more bytes may be written; null: there is no memory, and that sticks. */
static inline char *room(struct report *r, size_t size)
{
	return r->size - r->used >= size || report_reserve(r, r->used + size) ? r->buffer + r->used : NULL;
}

/* The same behind the member's name, which is ours and needs no escape; an element of an array has none. */
static char *room_for(struct report *r, const char *key, size_t size)
{
	const size_t len = key ? strlen(key) : 0;
	char *at = room(r, len + size + 4);

	if (!at || !key)
		return at;
	*at++ = '"';
	memcpy(at, key, len);
	at += len;
	*at++ = '"';
	*at++ = ':';
	return at;
}

static void end_value(struct report *r, char *at)
{
	*at++ = ',';
	r->used = (size_t)(at - r->buffer);
}

void put_members(struct report *r, const char *members)
{
	const size_t len = strlen(members);
	char *at = room(r, len);

	if (!at)
		return;
	memcpy(at, members, len);
	r->used += len;
}

static void put_constant(struct report *r, const char *key, const char *text, size_t len)
{
	char *at = room_for(r, key, len);

	if (!at)
		return;
	memcpy(at, text, len);
	end_value(r, at + len);
}

/* As jansson writes it, which may be as null as its memory. */
static void put_encoded(struct report *r, const char *key, json_t *value)
{
	const size_t len = json_dumpb(value, NULL, 0, DUMP_FLAGS);
	char *at = len ? room_for(r, key, len) : NULL;

	if (at)
		end_value(r, at + json_dumpb(value, at, len, DUMP_FLAGS));
	else
		r->no_memory = true;
	json_decref(value);
}

static void open_with(struct report *r, const char *key, char bracket)
{
	char *at = room_for(r, key, 1);

	if (!at)
		return;
	*at++ = bracket;
	r->used = (size_t)(at - r->buffer);
}

static void close_with(struct report *r, char bracket)
{
	char *at = room(r, 2);

	if (!at)
		return;
	if (at[-1] == ',')
		at--;
	*at++ = bracket;
	end_value(r, at);
}

void open_object(struct report *r, const char *key)
{
	open_with(r, key, '{');
}

void close_object(struct report *r)
{
	close_with(r, '}');
}

void open_array(struct report *r, const char *key)
{
	open_with(r, key, '[');
}

void close_array(struct report *r)
{
	close_with(r, ']');
}

/* ---- texts ---- */

#define EVERY_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS  (EVERY_BYTE << 7)

/* Sets high bits if a byte is below `than`, which is 128 at most. */
static uint64_t below(uint64_t bytes, uint64_t than)
{
	return (bytes - EVERY_BYTE * than) & ~bytes;
}

/* Copy eight bytes; answers high bits if one of them needs an escape (RFC 8259, 7) or is not ASCII. */
static uint64_t copy_word(char *to, const char *from)
{
	uint64_t bytes;

	memcpy(&bytes, from, sizeof(bytes));
	memcpy(to, &bytes, sizeof(bytes));
	return bytes | below(bytes, ' ') | below(bytes ^ EVERY_BYTE * '"', 1) | below(bytes ^ EVERY_BYTE * '\\', 1);
}

/* Copy a text; false if jansson should look at it. */
static bool copy_plain(char *to, const char *from, size_t len)
{
	uint64_t odd = 0;

	for (size_t i = 0; i + 8 <= len; i += 8)
		odd |= copy_word(to + i, from + i);
	if (len % 8 && len > 8) {
		odd |= copy_word(to + len - 8, from + len - 8);
	} else if (len % 8) {
		char word[] = "        ";

		for (size_t i = 0; i < len; i++)
			word[i] = from[i];
		odd |= copy_word(to, word); /* and blanks, that what follows overwrites */
	}
	return !(odd & HIGH_BITS);
}

void put_text(struct report *r, const char *key, const char *text)
{
	const size_t len = text ? strlen(text) : 0;
	char *at = text ? room_for(r, key, len + 10) : NULL;

	if (!at)
		return;
	if (!copy_plain(at + 1, text, len)) {
		put_encoded(r, key, json_stringn_nocheck(text, len));
		return;
	}
	*at = at[len + 1] = '"';
	end_value(r, at + len + 2);
}

/* How many bytes the first one promises (RFC 3629, 4); 0: it begins no character. */
static size_t utf8_promise(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* How many bytes of `s` are its first character; 0: they are malformed. */
static size_t utf8_length(const unsigned char *s)
{
	/* What may follow these four is narrower: no longer form than need be, no surrogate, nothing past U+10FFFF. */
	const unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
	const unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
	const size_t len = utf8_promise(s[0]);

	if (len > 1 && (s[1] < low || s[1] > high))
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* What is not UTF-8 in it becomes U+FFFD. */
void put_foreign(struct report *r, const char *key, const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *clean = text ? malloc(3 * strlen(text) + 1) : NULL;
	size_t used = 0;

	if (!clean) {
		r->no_memory |= text != NULL;
		return;
	}
	for (size_t len; *text; text += len ? len : 1) {
		len = utf8_length((const unsigned char *)text);
		memcpy(clean + used, len ? text : replacement, len ? len : 3);
		used += len ? len : 3;
	}
	clean[used] = '\0';
	put_text(r, key, clean);
	free(clean);
}

void put_rule(struct report *r, const char *key, unsigned rule)
{
	const struct tcplint_rule *known = tcplint_rule(rule);

	put_text(r, key, known ? known->name : "?");
}

void put_time(struct report *r, const char *key, int64_t ts)
{
	char text[TIME_SIZE];

	put_text(r, key, format_time(ts, text));
}

/* ---- numbers ---- */

void put_number(struct report *r, const char *key, uint64_t n)
{
	char *at = room_for(r, key, NUMBER_SIZE);

	if (at)
		end_value(r, format_number(at, n < MAX_EXACT ? n : MAX_EXACT));
}

void put_integer(struct report *r, const char *key, int64_t n)
{
	put_encoded(r, key, json_integer(n));
}

void put_bool(struct report *r, const char *key, bool b)
{
	put_constant(r, key, b ? "true" : "false", b ? 4 : 5);
}

void put_real(struct report *r, const char *key, double value)
{
	put_encoded(r, key, json_real(value));
}

/* Three digits: more would pretend to know more, and a float has 0.850000024 for 0.85. */
void put_fraction(struct report *r, const char *key, float f)
{
	char *at = room_for(r, key, NUMBER_SIZE);

	if (at)
		end_value(r, format_decimal(at, (int)(f * 1000 + 0.5F), 3));
}

/* More than 15 digits are rounded as a double rounds them, as they always were. */
void put_span(struct report *r, const char *key, int64_t from, int64_t to)
{
	/* Modulo 2^64 the difference is right even where int64_t would overflow. */
	const uint64_t size = to >= from ? (uint64_t)to - (uint64_t)from : (uint64_t)from - (uint64_t)to;
	char *at;

	if (size > DECIMAL_MAX) {
		put_real(r, key, (to >= from ? (double)size : -(double)size) / 1e9);
		return;
	}
	at = room_for(r, key, NUMBER_SIZE);
	if (at)
		end_value(r, format_decimal(at, to >= from ? (int64_t)size : -(int64_t)size, 9));
}

void put_seconds(struct report *r, const char *key, int64_t ns)
{
	if (ns >= 0)
		put_span(r, key, 0, ns);
}

/* ---- records ---- */

void put_when(struct report *r, int64_t ts)
{
	put_time(r, "ts", ts);
	if (r->started)
		put_span(r, "rel", r->first_ts, ts);
}

void record_begin(struct report *r, const char *type)
{
	r->used = 0;
	open_object(r, NULL);
	put_text(r, "type", type);
}

#ifndef NDEBUG
/* Whether jansson reads the line, and writes it again as it is; if it has no memory left, nobody knows. */
static bool jansson_agrees(const struct report *r)
{
	json_object_seed(1); /* any will do; without one it opens /dev/urandom, which the sandbox forbids */
	json_t *value = json_loadb(r->buffer, r->used, JSON_REJECT_DUPLICATES, NULL);
	char *again = value ? json_dumps(value, DUMP_FLAGS) : NULL;
	json_t *more = json_array();
	const bool same = again ? strlen(again) == r->used && !memcmp(again, r->buffer, r->used) : !more;

	free(again);
	json_decref(value);
	json_decref(more);
	return same;
}
#endif

bool record_end(struct report *r)
{
	close_object(r);
	r->used -= !r->no_memory; /* the comma */
	assert(r->no_memory || jansson_agrees(r));
	return report_write(r);
}
