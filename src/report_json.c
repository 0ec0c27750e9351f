/*
 * A line of JSON, written from left to right; and the table of the JSON reporter.
 *
 * jansson says what a value looks like.  Building its objects took four fifths of the time of a record, so what we are
 * sure about (integers, plain text, decimals of few digits) is written here; it encodes the rest, and debug builds let
 * it read every line and write it again, and assert that nothing changes.
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "report_line.h"

/* 15 digits: every decimal of so many survives a double, so 0.04032 does not become 0.040320000000000002. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

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

void put_members(struct report *r, const char *members)
{
	const size_t len = strlen(members);
	char *at = line_room(r, len);

	if (!at)
		return;
	memcpy(at, members, len);
	r->used += len;
}

/* As jansson writes it, which may be as null as its memory. */
static void put_encoded(struct report *r, const char *key, json_t *value)
{
	const size_t len = json_dumpb(value, NULL, 0, DUMP_FLAGS);
	char *at = len ? line_member(r, key, len) : NULL;

	if (at)
		line_end(r, at + json_dumpb(value, at, len, DUMP_FLAGS));
	else
		r->no_memory = true;
	json_decref(value);
}

/* ---- texts ---- */

#define EVERY_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS  (EVERY_BYTE << 7)

/* High bits if one of eight bytes needs an escape (RFC 8259, 7) or is not ASCII: then what is borrowed does no harm. */
static uint64_t odd_bytes(uint64_t bytes)
{
	return bytes | (bytes - EVERY_BYTE * ' ') | ((bytes ^ EVERY_BYTE * '"') - EVERY_BYTE) |
	       ((bytes ^ EVERY_BYTE * '\\') - EVERY_BYTE);
}

static uint64_t copy_eight(char *to, const char *from)
{
	uint64_t bytes;

	memcpy(&bytes, from, sizeof(bytes));
	memcpy(to, &bytes, sizeof(bytes));
	return odd_bytes(bytes);
}

static uint64_t copy_four(char *to, const char *from)
{
	uint32_t bytes;

	memcpy(&bytes, from, sizeof(bytes));
	memcpy(to, &bytes, sizeof(bytes));
	return odd_bytes((uint64_t)bytes << 32 | bytes);
}

static uint64_t copy_one(char *to, const char *from)
{
	*to = *from;
	return odd_bytes(EVERY_BYTE * (unsigned char)*from);
}

/* Copy a text; false if jansson should look at it.  What is left of it is copied with some of what was before it. */
static bool copy_plain(char *to, const char *from, size_t len)
{
	uint64_t odd = 0;

	if (len >= 8) {
		for (size_t i = 0; i + 8 <= len; i += 8)
			odd |= copy_eight(to + i, from + i);
		odd |= copy_eight(to + len - 8, from + len - 8);
	} else if (len >= 4) {
		odd = copy_four(to, from) | copy_four(to + len - 4, from + len - 4);
	} else {
		for (size_t i = 0; i < len; i++)
			odd |= copy_one(to + i, from + i);
	}
	return !(odd & HIGH_BITS);
}

void line_text(struct report *r, const char *key, char *at, const char *text, size_t len)
{
	if (!copy_plain(at + 1, text, len)) {
		put_encoded(r, key, json_stringn_nocheck(text, len));
		return;
	}
	*at = at[len + 1] = '"';
	line_end(r, at + len + 2);
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

/* ---- numbers ---- */

void put_integer(struct report *r, const char *key, int64_t n)
{
	put_encoded(r, key, json_integer(n));
}

void put_real(struct report *r, const char *key, double value)
{
	put_encoded(r, key, json_real(value));
}

/* More than 15 digits are rounded as a double rounds them, as they always were. */
void line_span(struct report *r, const char *key, char *at, int64_t from, int64_t to)
{
	/* Modulo 2^64 the difference is right even where int64_t would overflow. */
	const uint64_t size = to >= from ? (uint64_t)to - (uint64_t)from : (uint64_t)from - (uint64_t)to;

	if (size > DECIMAL_MAX)
		put_real(r, key, (to >= from ? (double)size : -(double)size) / 1e9);
	else
		line_end(r, format_decimal(at, to >= from ? (int64_t)size : -(int64_t)size, 9));
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
	put_word(r, "type", type);
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
