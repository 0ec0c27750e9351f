/* JSON by jansson: members of an object, one line of an object, and the table of the JSON reporter. */
#include <stdlib.h>
#include <string.h>

#include "report_private.h"

/* 15 digits: every decimal of so many survives a double, so 0.04032 does not become 0.040320000000000002. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

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

bool put(struct report *r, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new_nocheck(object, key, value))
		r->no_memory = true;
	return !r->no_memory;
}

void append(struct report *r, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		r->no_memory = true;
}

void put_text(struct report *r, json_t *object, const char *key, const char *text)
{
	if (text)
		put(r, object, key, json_string_nocheck(text));
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

/* A name that the world gave: what is not UTF-8 in it becomes U+FFFD. */
json_t *foreign_text(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *clean = malloc(3 * strlen(text) + 1);
	size_t used = 0;
	json_t *value;

	if (!clean)
		return NULL;
	for (size_t len; *text; text += len ? len : 1) {
		len = utf8_length((const unsigned char *)text);
		memcpy(clean + used, len ? text : replacement, len ? len : 3);
		used += len ? len : 3;
	}
	value = json_stringn_nocheck(clean, used);
	free(clean);
	return value;
}

void put_foreign(struct report *r, json_t *object, const char *key, const char *text)
{
	if (text)
		put(r, object, key, foreign_text(text));
}

void put_number(struct report *r, json_t *object, const char *key, uint64_t n)
{
	put(r, object, key, json_integer((json_int_t)(n < MAX_EXACT ? n : MAX_EXACT)));
}

void put_bool(struct report *r, json_t *object, const char *key, bool b)
{
	put(r, object, key, json_boolean(b));
}

/* Three digits: more would pretend to know more, and a float has 0.850000024 for 0.85. */
void put_fraction(struct report *r, json_t *object, const char *key, float f)
{
	put(r, object, key, json_real((double)(int)(f * 1000 + 0.5F) / 1000));
}

void put_seconds(struct report *r, json_t *object, const char *key, int64_t ns)
{
	if (ns >= 0)
		put(r, object, key, json_real(format_seconds(ns)));
}

void put_time(struct report *r, json_t *object, const char *key, int64_t ts)
{
	char text[TIME_SIZE];

	put_text(r, object, key, format_time(ts, text));
}

json_t *put_object(struct report *r, json_t *object, const char *key)
{
	json_t *value = json_object();

	return put(r, object, key, value) ? value : NULL;
}

json_t *put_array(struct report *r, json_t *object, const char *key)
{
	json_t *value = json_array();

	return put(r, object, key, value) ? value : NULL;
}

json_t *rule_name(unsigned rule)
{
	const struct tcplint_rule *known = tcplint_rule(rule);

	return json_string_nocheck(known ? known->name : "?");
}

void put_when(struct report *r, json_t *object, int64_t ts)
{
	put_time(r, object, "ts", ts);
	if (r->started)
		put(r, object, "rel", json_real(format_since(ts, r->first_ts)));
}

json_t *record_begin(struct report *r, const char *type)
{
	json_t *object = json_object();

	put_text(r, object, "type", type);
	return object;
}

/* Write the object as a line, and let go of it. */
bool record_end(struct report *r, json_t *object)
{
	size_t len = 0;

	if (!r->no_memory)
		len = json_dumpb(object, r->buffer, r->size, DUMP_FLAGS);
	if (len > r->size && report_reserve(r, len))
		len = json_dumpb(object, r->buffer, r->size, DUMP_FLAGS);
	if (!len)
		r->no_memory = true;
	r->used = len;
	json_decref(object);
	return report_write(r);
}
