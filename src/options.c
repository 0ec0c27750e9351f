/*
 * The command line.  Every row of options.def becomes a spec, which says where in
 * `struct options` the argument goes and what it may be; the rest of this file
 * neither knows nor names an option: options_check.c says which exclude each other.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define MAX_SNAPLEN     262144          /* as in tcpdump and libpcap */
#define MAX_CONNECTIONS 1073741824      /* an index of 32 bits has room for flags beside it */
#define MAX_FRAMES      999999999999999 /* more than any capture has, and still exact in JSON */
#define MAX_CHOICES     4
#define MAX_FILTER_FILE (1 << 20)
#define LONG_BASE       256 /* getopt_long() answers LONG_BASE + row for a long option */

enum kind { KIND_FLAG, KIND_TEXT, KIND_LIST, KIND_NUMBER, KIND_DECIMAL, KIND_CHOICE, KIND_SIZE };

struct spec {
	int letter; /* 0: none */
	const char *name, *argument, *help;
	enum kind kind;
	bool live;                /* means something with -i only */
	bool commas;              /* a list between commas */
	size_t at, size;          /* the member of struct options */
	uint64_t scale, min, max; /* numbers: units per one, bounds in those units */
	const char *choice[MAX_CHOICES];
};

/* What each of the words in options.def's fourth column sets. */
#define MEMBER(m)               .at = offsetof(struct options, m), .size = sizeof(((struct options *)0)->m)
#define FLAG(m)                 .kind = KIND_FLAG, MEMBER(m)
#define TEXT(m)                 .kind = KIND_TEXT, MEMBER(m)
#define LIST(m, between_commas) .kind = KIND_LIST, .commas = (between_commas), MEMBER(m)
#define NUMBER(m, per_one, lo, hi)                                                                 \
	.kind = KIND_NUMBER, .scale = (per_one), .min = (lo), .max = (hi), MEMBER(m)
#define DECIMAL(m, lo, hi)                                                                         \
	.kind = KIND_DECIMAL, .scale = PARTS, .min = (lo)*PARTS, .max = (hi)*PARTS, MEMBER(m)
#define SIZE(m)                         .kind = KIND_SIZE, MEMBER(m)
#define CHOICE(m, ...)                  .kind = KIND_CHOICE, .choice = { __VA_ARGS__ }, MEMBER(m)
#define LIVE_FLAG(m)                    .live = true, FLAG(m)
#define LIVE_TEXT(m)                    .live = true, TEXT(m)
#define LIVE_NUMBER(m, per_one, lo, hi) .live = true, NUMBER(m, per_one, lo, hi)
#define PARTS                           UINT64_C(1000000000) /* of a decimal fraction that are told apart */

static const struct spec specs[] = {
#define OPTION(s, l, a, sets, h) { .letter = (s), .name = (l), .argument = (a), .help = (h), sets },
#include "options.def"
#undef OPTION
};

#define SPEC_COUNT (sizeof(specs) / sizeof(specs[0]))

/* "--msl", or "-c" where there is nothing longer. */
static const char *spelling(const struct spec *s, char out[static 32])
{
	if (s->name)
		snprintf(out, 32, "--%s", s->name);
	else
		snprintf(out, 32, "-%c", s->letter);
	return out;
}

/*
 * The one parser of numbers: decimal digits, and a fraction when `scale` leaves room for one.  The answer is in
 * units of 1/scale; UINT64_MAX when it does not fit.
 */
static bool parse_number(const char *text, uint64_t scale, uint64_t *out)
{
	bool fraction = false, digits = false, too_big = false;
	uint64_t value = 0, unit = scale;

	for (const char *p = text; *p; p++) {
		if (*p == '.' && !fraction && scale > 1) {
			fraction = true;
			continue;
		}
		if (*p < '0' || *p > '9')
			return false;
		digits = true;
		if (fraction && (unit /= 10) == 0 && *p != '0')
			return false;
		if ((!fraction && __builtin_mul_overflow(value, 10, &value)) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0') * unit, &value))
			too_big = true;
	}
	*out = too_big ? UINT64_MAX : value;
	return digits;
}

static bool set_number(void *member, const struct spec *s, const char *text, struct error *e)
{
	uint64_t n = 0;
	char name[32];

	if (!parse_number(text, s->scale, &n))
		return fail(e, "%s needs a number, not '%s'", spelling(s, name), text);
	if (n < s->min || n > s->max)
		return fail(e, "%s: %s is out of range (%.12g to %.12g)", spelling(s, name), text,
			    (double)s->min / (double)s->scale, (double)s->max / (double)s->scale);
	if (s->kind == KIND_DECIMAL)
		*(double *)member = (double)n / (double)PARTS;
	else if (s->size == sizeof(uint32_t))
		*(uint32_t *)member = (uint32_t)n;
	else
		*(uint64_t *)member = n;
	return true;
}

/* Millions of bytes, or with a suffix so many KiB, MiB or GiB, as tcpdump has it. */
static bool set_size(uint64_t *member, const struct spec *s, const char *text, struct error *e)
{
	static const char letters[] = "kmg";
	const size_t len = strlen(text);
	const char *suffix = strchr(letters, tolower((unsigned char)text[len - 1]));
	uint64_t unit = suffix ? UINT64_C(1024) << (10 * (suffix - letters)) : 1000000, n = 0;
	char digits[32] = "", name[32];

	if (len < sizeof(digits))
		memcpy(digits, text, len - !!suffix);
	if (!parse_number(digits, 1, &n))
		return fail(e, "%s needs a size, as 10 (millions of bytes), 500k, 20m or 1g, not '%s'",
			    spelling(s, name), text);
	if (n == 0 || __builtin_mul_overflow(n, unit, member))
		return fail(e, "%s: %s is out of range", spelling(s, name), text);
	return true;
}

static bool set_choice(int *member, const struct spec *s, const char *text, struct error *e)
{
	char list[128] = "", name[32];

	for (int i = 0; i < MAX_CHOICES && s->choice[i]; i++) {
		size_t used = strlen(list);

		if (strcmp(text, s->choice[i]) == 0) {
			*member = i;
			return true;
		}
		snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", s->choice[i]);
	}
	return fail(e, "%s must be one of %s, not '%s'", spelling(s, name), list, text);
}

static bool list_add(struct name_list *l, const char *text, size_t len, struct error *e)
{
	char **grown = realloc(l->name, (l->count + 1) * sizeof(*l->name));

	if (!grown)
		return fail(e, "out of memory");
	l->name = grown;
	l->name[l->count] = strndup(text, len);
	if (!l->name[l->count])
		return fail(e, "out of memory");
	l->count++;
	return true;
}

static bool set_list(struct name_list *l, const struct spec *s, const char *text, struct error *e)
{
	const char *at = text;
	char name[32];

	if (!s->commas)
		return list_add(l, text, strlen(text), e);
	for (;;) {
		size_t len = strcspn(at, ",");

		if (len == 0)
			return fail(e, "%s has an empty name in '%s'", spelling(s, name), text);
		if (!list_add(l, at, len, e))
			return false;
		if (!at[len])
			return true;
		at += len + 1;
	}
}

static bool set(struct options *o, const struct spec *s, const char *text, struct error *e)
{
	void *member = (char *)o + s->at;
	char name[32];

	if (s->argument && !*text)
		return fail(e, "%s needs an argument that is not empty", spelling(s, name));
	switch (s->kind) {
	case KIND_FLAG:
		*(bool *)member = true;
		return true;
	case KIND_TEXT:
		*(const char **)member = text;
		return true;
	case KIND_LIST:
		return set_list(member, s, text, e);
	case KIND_NUMBER:
	case KIND_DECIMAL:
		return set_number(member, s, text, e);
	case KIND_CHOICE:
		return set_choice(member, s, text, e);
	case KIND_SIZE:
		return set_size(member, s, text, e);
	}
	return true;
}

/* What getopt_long() wants: "+:r:i:D" and the table of long names. */
static void getopt_tables(char *letters, struct option *names)
{
	*letters++ = '+';
	*letters++ = ':';
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		const struct spec *s = &specs[i];

		if (s->letter) {
			*letters++ = (char)s->letter;
			if (s->argument)
				*letters++ = ':';
		}
		if (s->name)
			*names++ = (struct option){ s->name,
						    s->argument ? required_argument : no_argument,
						    NULL, LONG_BASE + (int)i };
	}
	*letters = '\0';
	*names = (struct option){ NULL, 0, NULL, 0 };
}

static const struct spec *spec_of(int value)
{
	if (value >= LONG_BASE)
		return &specs[value - LONG_BASE];
	for (size_t i = 0; i < SPEC_COUNT; i++)
		if (specs[i].letter && specs[i].letter == value)
			return &specs[i];
	return NULL;
}

static bool complain(int answer, char **argv, struct error *e)
{
	const struct spec *s = spec_of(optopt);
	char name[32];

	if (answer == ':' && s && optopt < LONG_BASE)
		return fail(e, "-%c needs an argument: %s", optopt, s->argument);
	if (answer == ':' && s)
		return fail(e, "%s needs an argument: %s", spelling(s, name), s->argument);
	if (optopt >= LONG_BASE && s)
		return fail(e, "%s takes no argument", spelling(s, name));
	if (optopt)
		return fail(e, "unknown option '-%c'", optopt);
	return fail(e, "unknown or ambiguous option '%s'", argv[optind - 1]);
}

/* Everything after the options is one expression, as in tcpdump. */
static bool join_filter(struct options *o, char **words, bool dashes, struct error *e)
{
	size_t size = 1;

	for (char **w = words; *w; w++) {
		if (!dashes && (*w)[0] == '-' &&
		    ((*w)[1] == '-' || isalpha((unsigned char)(*w)[1])))
			return fail(e, "'%s' stands after the filter; options come before it", *w);
		size += strlen(*w) + 1;
	}
	if (size == 1)
		return true;
	o->filter = malloc(size);
	if (!o->filter)
		return fail(e, "out of memory");
	char *at = o->filter;
	for (char **w = words; *w; w++)
		at += sprintf(at, "%s%s", w == words ? "" : " ", *w);
	o->capture.filter = o->filter;
	return true;
}

static bool finish(struct options *o, const struct spec *live, struct error *e)
{
	char name[32];

	o->capture.files = (const char *const *)o->files.name;
	o->capture.file_count = o->files.count;
	o->capture.tunnels = o->tunnels;
	if (o->help)
		o->mode = MODE_HELP;
	else if (o->version)
		o->mode = MODE_VERSION;
	else if (o->list_interfaces)
		o->mode = MODE_INTERFACES;
	else if (o->list_rules)
		o->mode = MODE_RULES;
	else if (o->explain)
		o->mode = MODE_EXPLAIN;
	return o->mode != MODE_RUN || options_check(o, live ? spelling(live, name) : NULL, e);
}

static void set_defaults(struct options *o)
{
	*o = (struct options){
		.capture.snaplen = SNAPLEN_HEADERS,
		.profile = TCPLINT_PROFILE_RFC,
		.msl = INT64_C(30000000000),
		.max_connections = 1 << 20,
		.min_severity = TCPLINT_NOTICE,
		.min_confidence = 0.5,
		.format = FORMAT_JSON,
	};
}

bool options_parse(struct options *o, int argc, char **argv, struct error *e)
{
	char letters[2 * SPEC_COUNT + 3];
	struct option names[SPEC_COUNT + 1];
	const struct spec *live = NULL;
	int answer;

	set_defaults(o);
	getopt_tables(letters, names);
	opterr = 0;
	optind = 0; /* begin anew, should this be the second time */
	while (!o->help && !o->version &&
	       (answer = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		const struct spec *s = answer == '?' || answer == ':' ? NULL : spec_of(answer);

		if (!s)
			return complain(answer, argv, e);
		if (!set(o, s, optarg, e))
			return false;
		if (s->live && !live)
			live = s;
	}
	if (o->help || o->version)
		return finish(o, live, e);
	return join_filter(o, argv + optind, optind > 1 && strcmp(argv[optind - 1], "--") == 0,
			   e) &&
	       finish(o, live, e);
}

bool options_read_filter(struct options *o, struct error *e)
{
	bool comment = false;
	size_t len;
	FILE *in;

	if (!o->filter_file)
		return true;
	in = fopen(o->filter_file, "re");
	o->filter = malloc(MAX_FILTER_FILE);
	if (!in || !o->filter) {
		fail(e, "%s: %s", o->filter_file, strerror(errno));
		if (in)
			fclose(in);
		return false;
	}
	len = fread(o->filter, 1, MAX_FILTER_FILE, in);
	bool bad = ferror(in);
	int cause = errno;
	fclose(in);
	if (bad)
		return fail(e, "%s: %s", o->filter_file, strerror(cause));
	if (len == MAX_FILTER_FILE || memchr(o->filter, '\0', len))
		return fail(e, "%s: not a filter expression", o->filter_file);
	for (size_t i = 0; i < len;
	     i++) { /* from # to the end of the line is a remark, as in tcpdump */
		comment = o->filter[i] != '\n' && (comment || o->filter[i] == '#');
		if (comment || o->filter[i] == '\n')
			o->filter[i] = ' ';
	}
	o->filter[len] = '\0';
	o->capture.filter = o->filter;
	return true;
}

bool options_mark(const struct name_list *names, const char *option, int (*by_name)(const char *),
		  bool *mark, struct error *e)
{
	for (unsigned i = 0; i < names->count; i++) {
		int index = by_name(names->name[i]);

		if (index < 0)
			return fail(e, "%s: unknown name '%s'", option, names->name[i]);
		mark[index] = true;
	}
	return true;
}

static void list_free(struct name_list *l)
{
	for (unsigned i = 0; i < l->count; i++)
		free(l->name[i]);
	free(l->name);
	*l = (struct name_list){ 0 };
}

void options_free(struct options *o)
{
	for (size_t i = 0; i < SPEC_COUNT; i++)
		if (specs[i].kind == KIND_LIST)
			list_free((struct name_list *)((char *)o + specs[i].at));
	free(o->filter);
	o->filter = NULL;
	o->capture.filter = NULL;
	o->capture.files = NULL;
}

void options_help(FILE *out)
{
	fputs("Usage: tcplint [OPTION]... -r FILE [-r FILE]... [FILTER]\n"
	      "       tcplint [OPTION]... -i INTERFACE [FILTER]\n"
	      "Watch TCP connections and say, as JSON lines, where they break the RFCs.\n"
	      "FILTER is an expression of pcap-filter(7).  tcplint(1) says more.\n\n",
	      out);
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		const struct spec *s = &specs[i];
		char left[64];
		int n = 0;

		if (s->letter)
			n = snprintf(left, sizeof(left), "-%c%s", s->letter, s->name ? ", " : "");
		else
			n = snprintf(left, sizeof(left), "    ");
		if (s->name)
			n += snprintf(left + n, sizeof(left) - (size_t)n, "--%s", s->name);
		if (s->argument)
			snprintf(left + n, sizeof(left) - (size_t)n, " %s", s->argument);
		fprintf(out, "  %-28s %s\n", left, s->help);
	}
}
