/* Sentences from templates: one pass over the template, one table of words that may stand between braces. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "names.h"
#include "rules.h"

#define LONGEST_WORD 32 /* longer than any placeholder */
#define PIECE_SIZE   64

/* What a template may refer to. */
struct source {
	const struct tcplint_finding *f;
	const struct draft *d; /* or null */
};

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

static void capitalized(char *out, const char *text)
{
	snprintf(out, PIECE_SIZE, "%s", text);
	if (*out >= 'a' && *out <= 'z')
		*out = (char)(*out - 'a' + 'A');
}

/* As many digits as say something: milliseconds from a second up, microseconds below it, else nanoseconds. */
static void duration(char *out, int64_t ns)
{
	const char *sign = ns < 0 ? "-" : "";
	const uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	const uint64_t step = size >= 1000000000 ? 1000000 : size >= 1000 ? 1000 : 1;
	const uint64_t rounded = (size + step / 2) / step * step;
	char fraction[10];
	int digits = 9;

	if (ns == INT64_MAX) {
		snprintf(out, PIECE_SIZE, "an unknown time");
		return;
	}
	snprintf(fraction, sizeof(fraction), "%09" PRIu64, rounded % 1000000000);
	while (digits > 0 && fraction[digits - 1] == '0')
		digits--;
	snprintf(out, PIECE_SIZE, "%s%" PRIu64 "%s%.*s s", sign, rounded / 1000000000,
		 digits ? "." : "", digits, fraction);
}

static void value(char *out, const struct tcplint_finding *f, bool expected)
{
	const struct tcplint_value *v = &f->value[0];
	uint32_t number;
	char flags[NAMES_FLAGS_SIZE];

	if (!f->value_count || !(expected ? v->has_expected : v->has_actual)) {
		snprintf(out, PIECE_SIZE, "unknown");
		return;
	}
	number = expected ? v->expected : v->actual;
	if (v->relative)
		number = expected ? v->expected_relative : v->actual_relative;
	if (v->field == TCPLINT_FIELD_FLAGS)
		snprintf(out, PIECE_SIZE, "%s", name_of_flags((uint16_t)number, flags));
	else if (v->field == TCPLINT_FIELD_CHECKSUM)
		snprintf(out, PIECE_SIZE, "0x%04" PRIx32, number);
	else
		snprintf(out, PIECE_SIZE, "%" PRIu32, number);
}

static void state(char *out, const struct tcplint_finding *f, const char *whose)
{
	int side = !strcmp(whose, "client")   ? TCPLINT_CLIENT
		   : !strcmp(whose, "server") ? TCPLINT_SERVER
					      : -1;

	if (!strcmp(whose, "offender") && f->offender <= TCPLINT_BY_SERVER)
		side = f->offender == TCPLINT_BY_SERVER;
	if (side < 0 || !f->has_state || f->state[side] >= TCPLINT_STATE_COUNT)
		snprintf(out, PIECE_SIZE, "an unknown state");
	else
		snprintf(out, PIECE_SIZE, "%s", tcplint_state_name(f->state[side]));
}

/* "0", "1:s", "2:flags". */
static bool number(char *out, const struct draft *d, const char *word)
{
	const unsigned index = (unsigned)(unsigned char)word[0] - '0';
	const char *as = word[1] == ':' ? word + 2 : "";
	char flags[NAMES_FLAGS_SIZE];

	if (index >= DRAFT_NUMBERS || (word[1] && word[1] != ':') || !d)
		return false;
	if (!strcmp(as, "s"))
		duration(out, d->number[index]);
	else if (!strcmp(as, "x"))
		snprintf(out, PIECE_SIZE, "%" PRIx64, (uint64_t)d->number[index]);
	else if (!strcmp(as, "flags"))
		snprintf(out, PIECE_SIZE, "%s", name_of_flags((uint16_t)d->number[index], flags));
	else
		snprintf(out, PIECE_SIZE, "%" PRId64, d->number[index]);
	return true;
}

/* The address that the finding is about, or its port. */
static void host(char *out, const struct tcplint_host_id *h, bool port)
{
	static const uint8_t v4[12] = { [10] = 0xff, [11] = 0xff };
	const bool mapped = h && !memcmp(h->ip, v4, sizeof(v4));

	snprintf(out, PIECE_SIZE, "%s", port ? "unknown" : "a host");
	if (h && port && h->port >= 0)
		snprintf(out, PIECE_SIZE, "%d", h->port);
	else if (h && !port)
		inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? h->ip + 12 : h->ip, out, PIECE_SIZE);
}

/* What stands for `word`; false when it is no placeholder. */
static bool expand(char *out, const struct source *s, const char *word)
{
	if (!strcmp(word, "offender"))
		snprintf(out, PIECE_SIZE, "%s", party(s->f->offender));
	else if (!strcmp(word, "Offender"))
		capitalized(out, party(s->f->offender));
	else if (!strcmp(word, "peer"))
		snprintf(out, PIECE_SIZE, "%s", peer_of(s->f->offender));
	else if (!strcmp(word, "Peer"))
		capitalized(out, peer_of(s->f->offender));
	else if (!strcmp(word, "expected") || !strcmp(word, "actual"))
		value(out, s->f, *word == 'e');
	else if (!strcmp(word, "host") || !strcmp(word, "port"))
		host(out, s->f->host, *word == 'p');
	else if (!strncmp(word, "state.", 6))
		state(out, s->f, word + 6);
	else
		return number(out, s->d, word);
	return true;
}

/* The placeholder that `at` begins with, and what follows it; null when there is none. */
static const char *placeholder(const char *at, char word[LONGEST_WORD])
{
	const char *end = *at == '{' ? strchr(at, '}') : NULL;

	if (!end || end - at > LONGEST_WORD)
		return NULL;
	snprintf(word, LONGEST_WORD, "%.*s", (int)(end - at - 1), at + 1);
	return end + 1;
}

/* Copy the template `at`, with every placeholder replaced. */
static void expand_all(char *out, size_t size, const char *at, const struct tcplint_finding *f,
		       const struct draft *d)
{
	const struct source source = { f, d };
	size_t used = 0;

	if (!size)
		return;
	*out = '\0';
	while (*at && used + 1 < size) {
		char word[LONGEST_WORD], piece[PIECE_SIZE] = { *at, '\0' };
		const char *after = placeholder(at, word);
		int len;

		if (!after || !expand(piece, &source, word))
			after = at + 1;
		len = snprintf(out + used, size - used, "%s", piece);
		used += len > 0 ? (size_t)len : 0;
		at = after;
	}
}

void message_write(char *out, size_t size, unsigned rule, const struct tcplint_finding *f,
		   const struct draft *d)
{
	expand_all(out, size, rule < RULE_COUNT ? rule_rows[rule].says : "", f, d);
}
