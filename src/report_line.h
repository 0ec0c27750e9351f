/*
 * A record, member by member in the order of the calls.  A key that is null makes an element of the array that is open.
 * There may be no memory: that sticks in the report, so that nobody has to ask after each member.  A text that is null
 * makes no member.
 *
 * Keys are ours, need no escape, and are known while compiling, nearly all of them: so what writes them stands here.
 * Each value is followed by a comma, which what closes its object takes back.
 */
#ifndef TCPLINT_REPORT_LINE_H
#define TCPLINT_REPORT_LINE_H

#include <string.h>

#include "compiler.h"
#include "report_private.h"

/* Beyond 2^53 a reader that keeps numbers in doubles would see another number (RFC 8259, 6). */
#define MAX_EXACT (UINT64_C(1) << 53)

/* Where `size` more bytes may be written; null: there is no memory, and that sticks. */
static inline char *line_room(struct report *r, size_t size)
{
	return LIKELY(r->size - r->used >= size) || report_reserve(r, r->used + size) ? r->buffer + r->used : NULL;
}

/* The same behind the member's name; an element of an array has none. */
static inline char *line_member(struct report *r, const char *key, size_t size)
{
	const size_t len = key ? strlen(key) : 0;
	char *at = line_room(r, len + size + 4);

	if (!at || !key)
		return at;
	*at = '"';
	memcpy(at + 1, key, len);
	memcpy(at + 1 + len, "\":", 2);
	return at + len + 3;
}

static inline void line_end(struct report *r, char *at)
{
	*at++ = ',';
	r->used = (size_t)(at - r->buffer);
}

/* Values, where line_member() said that there is room for them. */
void line_text(struct report *r, const char *key, char *at, const char *text, size_t len);
void line_span(struct report *r, const char *key, char *at, int64_t from, int64_t to);

static inline void line_open(struct report *r, const char *key, char bracket)
{
	char *at = line_member(r, key, 1);

	if (!at)
		return;
	*at = bracket;
	r->used = (size_t)(at + 1 - r->buffer);
}

static inline void line_close(struct report *r, char bracket)
{
	char *at = line_room(r, 2);

	if (!at)
		return;
	if (at[-1] == ',')
		at--;
	*at = bracket;
	line_end(r, at + 1);
}

static inline void open_object(struct report *r, const char *key)
{
	line_open(r, key, '{');
}

static inline void close_object(struct report *r)
{
	line_close(r, '}');
}

static inline void open_array(struct report *r, const char *key)
{
	line_open(r, key, '[');
}

static inline void close_array(struct report *r)
{
	line_close(r, ']');
}

/* UTF-8. */
static inline void put_text(struct report *r, const char *key, const char *text)
{
	const size_t len = text ? strlen(text) : 0;
	char *at = text ? line_member(r, key, len + 2) : NULL;

	if (at)
		line_text(r, key, at, text, len);
}

/* One of ours, that needs no escape. */
static inline void put_word(struct report *r, const char *key, const char *word)
{
	const size_t len = word ? strlen(word) : 0;
	char *at = word ? line_member(r, key, len + 2) : NULL;

	if (!at)
		return;
	*at = '"';
	memcpy(at + 1, word, len);
	at[len + 1] = '"';
	line_end(r, at + len + 2);
}

static inline void put_rule(struct report *r, const char *key, unsigned rule)
{
	const struct tcplint_rule *known = tcplint_rule(rule);

	put_word(r, key, known ? known->name : "?");
}

static inline void put_time(struct report *r, const char *key, int64_t ts)
{
	char *at = line_member(r, key, TIME_SIZE + 1);

	if (!at)
		return;
	*at = '"';
	format_time_near(&r->second, ts, at + 1);
	at[TIME_SIZE] = '"'; /* where its null character would be */
	line_end(r, at + TIME_SIZE + 1);
}

static inline void put_ip(struct report *r, const uint8_t ip[16])
{
	char *at = line_member(r, "ip", ADDRESS_SIZE + 2);

	if (!at)
		return;
	*at = '"';
	at = format_ip(at + 1, ip);
	*at = '"';
	line_end(r, at + 1);
}

static inline void put_number(struct report *r, const char *key, uint64_t n)
{
	char *at = line_member(r, key, NUMBER_SIZE);

	if (at)
		line_end(r, format_number(at, n < MAX_EXACT ? n : MAX_EXACT));
}

static inline void put_bool(struct report *r, const char *key, bool b)
{
	char *at = line_member(r, key, 5);

	if (!at)
		return;
	memcpy(at, b ? "true" : "false", 5);
	line_end(r, at + (b ? 4 : 5));
}

/* 0..1.  Three digits: more would pretend to know more, and a float has 0.850000024 for 0.85. */
static inline void put_fraction(struct report *r, const char *key, float f)
{
	char *at = line_member(r, key, NUMBER_SIZE);

	if (at)
		line_end(r, format_decimal(at, (int)(f * 1000 + 0.5F), 3));
}

/* Nanoseconds, in seconds. */
static inline void put_span(struct report *r, const char *key, int64_t from, int64_t to)
{
	char *at = line_member(r, key, NUMBER_SIZE);

	if (at)
		line_span(r, key, at, from, to);
}

/* Negative: no member. */
static inline void put_seconds(struct report *r, const char *key, int64_t ns)
{
	if (ns >= 0)
		put_span(r, key, 0, ns);
}

#endif
