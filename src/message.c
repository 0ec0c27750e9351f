/* Sentences from templates: one pass over the template, one table of words that may stand between braces. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "message.h"
#include "names.h"
#include "rules.h"

#define LONGEST_WORD 32 /* longer than any placeholder */

/* Where the sentence grows; what does not fit is cut off. */
struct sentence {
	char *at, *end; /* `end` is the place of the last null character */
};

/* What a template may refer to. */
struct source {
	const struct tcplint_finding *f;
	const struct draft *d; /* or null */
};

static void add(struct sentence *t, const char *text, size_t len)
{
	const size_t left = (size_t)(t->end - t->at);

	if (len > left)
		len = left;
	memcpy(t->at, text, len);
	t->at += len;
}

static void say(struct sentence *t, const char *text)
{
	add(t, text, strlen(text));
}

/* In base `base`, at least `width` digits. */
static void say_number(struct sentence *t, uint64_t n, unsigned base, size_t width)
{
	char digits[20];
	size_t first = sizeof(digits);

	do
		digits[--first] = "0123456789abcdef"[n % base];
	while ((n /= base) || sizeof(digits) - first < width);
	add(t, digits + first, sizeof(digits) - first);
}

static void say_signed(struct sentence *t, int64_t n)
{
	if (n < 0)
		say(t, "-");
	say_number(t, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, 10, 1);
}

static void say_flags(struct sentence *t, uint16_t flags)
{
	char names[NAMES_FLAGS_SIZE];

	say(t, name_of_flags(flags, names));
}

static const char *party(enum tcplint_offender o)
{
	switch (o) {
	case TCPLINT_BY_CLIENT:
		return "the client";
	case TCPLINT_BY_SERVER:
		return "the server";
	case TCPLINT_BY_NETWORK:
		return "the network";
	case TCPLINT_BY_CAPTURE:
		return "the capture";
	case TCPLINT_BY_UNKNOWN:
	case TCPLINT_OFFENDER_COUNT:
		break;
	}
	return "an unknown sender";
}

static const char *peer_of(enum tcplint_offender o)
{
	return o == TCPLINT_BY_CLIENT   ? party(TCPLINT_BY_SERVER)
	       : o == TCPLINT_BY_SERVER ? party(TCPLINT_BY_CLIENT)
					: "the peer";
}

static void say_capitalized(struct sentence *t, const char *text)
{
	const char first = (char)(*text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text);

	add(t, &first, 1);
	say(t, text + 1);
}

/* As many digits as say something: milliseconds from a second up, microseconds below it, else nanoseconds. */
static void say_duration(struct sentence *t, int64_t ns)
{
	const uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	const uint64_t step = size >= 1000000000 ? 1000000 : size >= 1000 ? 1000 : 1;
	const uint64_t rounded = (size + step / 2) / step * step;
	uint64_t fraction = rounded % 1000000000;
	size_t digits = 9;

	if (ns == INT64_MAX) {
		say(t, "an unknown time");
		return;
	}
	if (ns < 0)
		say(t, "-");
	say_number(t, rounded / 1000000000, 10, 1);
	for (; fraction && fraction % 10 == 0; fraction /= 10)
		digits--;
	if (fraction) {
		say(t, ".");
		say_number(t, fraction, 10, digits);
	}
	say(t, " s");
}

static void say_value(struct sentence *t, const struct tcplint_finding *f, bool expected)
{
	const struct tcplint_value *v = &f->value[0];
	uint32_t number;

	if (!f->value_count || !(expected ? v->has_expected : v->has_actual)) {
		say(t, "unknown");
		return;
	}
	number = expected ? v->expected : v->actual;
	if (v->relative)
		number = expected ? v->expected_relative : v->actual_relative;
	if (v->field == TCPLINT_FIELD_FLAGS) {
		say_flags(t, (uint16_t)number);
	} else if (v->field == TCPLINT_FIELD_CHECKSUM) {
		say(t, "0x");
		say_number(t, number, 16, 4);
	} else {
		say_number(t, number, 10, 1);
	}
}

static void say_state(struct sentence *t, const struct tcplint_finding *f, const char *whose)
{
	int side = !strcmp(whose, "client")   ? TCPLINT_CLIENT
		   : !strcmp(whose, "server") ? TCPLINT_SERVER
					      : -1;

	if (!strcmp(whose, "offender") && f->offender <= TCPLINT_BY_SERVER)
		side = f->offender == TCPLINT_BY_SERVER;
	if (side < 0 || !f->has_state || f->state[side] >= TCPLINT_STATE_COUNT)
		say(t, "an unknown state");
	else
		say(t, tcplint_state_name(f->state[side]));
}

/* "0", "1:s", "2:flags". */
static bool say_drafted(struct sentence *t, const struct draft *d, const char *word)
{
	const unsigned index = (unsigned)(unsigned char)word[0] - '0';
	const char *as = word[1] == ':' ? word + 2 : "";

	if (index >= DRAFT_NUMBERS || (word[1] && word[1] != ':') || !d)
		return false;
	if (!strcmp(as, "s"))
		say_duration(t, d->number[index]);
	else if (!strcmp(as, "x"))
		say_number(t, (uint64_t)d->number[index], 16, 1);
	else if (!strcmp(as, "flags"))
		say_flags(t, (uint16_t)d->number[index]);
	else
		say_signed(t, d->number[index]);
	return true;
}

/* The address that the finding is about, or its port. */
static void say_host(struct sentence *t, const struct tcplint_host_id *h, bool port)
{
	static const uint8_t v4[12] = { [10] = 0xff, [11] = 0xff };
	const bool mapped = h && !memcmp(h->ip, v4, sizeof(v4));
	char ip[INET6_ADDRSTRLEN];

	if (h && port && h->port >= 0)
		say_signed(t, h->port);
	else if (h && !port && inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? h->ip + 12 : h->ip, ip, sizeof(ip)))
		say(t, ip);
	else
		say(t, port ? "unknown" : "a host");
}

/* What stands for `word`; false when it is no placeholder. */
static bool expand(struct sentence *t, const struct source *s, const char *word)
{
	if (!strcmp(word, "offender"))
		say(t, party(s->f->offender));
	else if (!strcmp(word, "Offender"))
		say_capitalized(t, party(s->f->offender));
	else if (!strcmp(word, "peer"))
		say(t, peer_of(s->f->offender));
	else if (!strcmp(word, "Peer"))
		say_capitalized(t, peer_of(s->f->offender));
	else if (!strcmp(word, "expected") || !strcmp(word, "actual"))
		say_value(t, s->f, *word == 'e');
	else if (!strcmp(word, "host") || !strcmp(word, "port"))
		say_host(t, s->f->host, *word == 'p');
	else if (!strncmp(word, "state.", 6))
		say_state(t, s->f, word + 6);
	else
		return say_drafted(t, s->d, word);
	return true;
}

/* The placeholder that the brace at `at` begins, and what follows it; null when there is none. */
static const char *placeholder(const char *at, char word[LONGEST_WORD])
{
	const char *end = strchr(at, '}');

	if (!end || end - at > LONGEST_WORD)
		return NULL;
	memcpy(word, at + 1, (size_t)(end - at - 1));
	word[end - at - 1] = '\0';
	return end + 1;
}

static void say_all(struct sentence *t, const char *at, const struct source *s)
{
	while (*at) {
		const size_t plain = strcspn(at, "{");
		char word[LONGEST_WORD];
		const char *after;

		add(t, at, plain);
		at += plain;
		if (!*at)
			return;
		after = placeholder(at, word);
		if (!after || !expand(t, s, word)) {
			add(t, at, 1);
			after = at + 1;
		}
		at = after;
	}
}

/* Copy the template `at`, with every placeholder replaced. */
static void expand_all(char *out, size_t size, const char *at, const struct tcplint_finding *f,
		       const struct draft *d)
{
	const struct source source = { f, d };
	struct sentence t = { out, out };

	if (!size)
		return;
	t.end += size - 1;
	say_all(&t, at, &source);
	*t.at = '\0';
}

void message_write(char *out, size_t size, unsigned rule, const struct tcplint_finding *f,
		   const struct draft *d)
{
	expand_all(out, size, rule < RULE_COUNT ? rule_rows[rule].says : "", f, d);
}
