/* Implementation of script.h. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "segment_text.h"
#include "word.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct parser {
	struct script *script;
	unsigned line;
	bool ended;
	const char *what; /* goes wrong */
	struct words words;
};

static bool wrong(struct parser *q, const char *what)
{
	q->what = what;
	return false;
}

static bool state_by_name(const char *name, enum tcplint_state *s)
{
	static const char *const names[] = {
		[TCPLINT_CLOSED] = "CLOSED",           [TCPLINT_LISTEN] = "LISTEN",
		[TCPLINT_SYN_SENT] = "SYN_SENT",       [TCPLINT_SYN_RECEIVED] = "SYN_RECEIVED",
		[TCPLINT_ESTABLISHED] = "ESTABLISHED", [TCPLINT_FIN_WAIT_1] = "FIN_WAIT_1",
		[TCPLINT_FIN_WAIT_2] = "FIN_WAIT_2",   [TCPLINT_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCPLINT_CLOSING] = "CLOSING",         [TCPLINT_LAST_ACK] = "LAST_ACK",
		[TCPLINT_TIME_WAIT] = "TIME_WAIT",
	};

	for (unsigned i = 0; i < COUNT(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*s = (enum tcplint_state)i;
			return true;
		}
	}
	return false;
}

static bool read_state(struct parser *q, struct script_state *s)
{
	size_t len;

	if (!words_next(&q->words))
		return wrong(q, "two states were expected after =");
	if (strcmp(q->words.word, "*") == 0)
		return true;
	if (strcmp(q->words.word, "-") == 0) {
		s->want = STATE_UNKNOWN;
		return true;
	}
	len = strlen(q->words.word);
	s->want = STATE_IS;
	s->tentative = q->words.word[len - 1] == '?';
	if (s->tentative)
		q->words.word[len - 1] = '\0';
	return state_by_name(q->words.word, &s->state) || wrong(q, "no state of RFC 9293");
}

/* What stands behind a rule's name: "(verdict)", "/offender", ":would_be", "@0.8+", "@<0.8". */
static bool read_bounds(char *text, struct script_rule *r)
{
	char *end;
	float n;

	if (*text == '<') {
		n = strtof(text + 1, &end);
		r->below = n;
		return end > text + 1 && *end == '\0';
	}
	n = strtof(text, &end);
	r->least = n;
	return end > text && strcmp(end, "+") == 0;
}

/* Cut `text` at the first of the marks; what follows the mark, or null. */
static char *cut_at(char *text, char mark)
{
	char *at = strchr(text, mark);

	if (at)
		*at++ = '\0';
	return at;
}

static bool read_rule(char *text, struct script_rule *r)
{
	char *bounds = cut_at(text, '@'), *would_be = cut_at(text, ':');
	char *offender = cut_at(text, '/'), *verdict = cut_at(text, '(');

	r->below = 2.0F;
	if (verdict && !cut_at(verdict, ')'))
		return false;
	return *text && word_copy(r->name, sizeof(r->name), text) &&
	       (!would_be || word_copy(r->would_be, sizeof(r->would_be), would_be)) &&
	       (!offender || word_copy(r->offender, sizeof(r->offender), offender)) &&
	       (!verdict || word_copy(r->verdict, sizeof(r->verdict), verdict)) &&
	       (!bounds || read_bounds(bounds, r));
}

/* The lists after `!` and `!~`, up to the end of the line. */
static bool read_rules(struct parser *q, struct script_step *p)
{
	bool optional = strcmp(q->words.word, "!~") == 0;

	while (words_next(&q->words)) {
		char *at = q->words.word;

		if (*at == '!') {
			optional = strcmp(at, "!~") == 0;
			continue;
		}
		while (at && *at) {
			char *next = cut_at(at, ',');

			if (p->rule_count == SCRIPT_RULES ||
			    !read_rule(at, &p->rule[p->rule_count]))
				return wrong(q, "a list of rules was expected after !");
			p->rule[p->rule_count++].optional = optional;
			at = next;
		}
	}
	return p->rule_count > 0 || wrong(q, "a list of rules was expected after !");
}

/* From `=` or `!` on. */
static bool read_demands(struct parser *q, struct script_step *p)
{
	if (words_skip(&q->words, "=")) {
		p->has_states = true;
		if (!read_state(q, &p->state[TCPLINT_CLIENT]) ||
		    !read_state(q, &p->state[TCPLINT_SERVER]))
			return false;
	}
	if (!words_next(&q->words))
		return true;
	if (q->words.word[0] != '!')
		return wrong(q, "the end of the line, = or ! was expected");
	return read_rules(q, p);
}

static bool option_msl(struct script *s, const char *value)
{
	return word_seconds(value, &s->msl);
}

static bool option_profile(struct script *s, const char *value)
{
	static const char *const names[] = { "rfc", "textbook", "lenient" };

	for (unsigned i = 0; i < COUNT(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			s->profile = (enum tcplint_profile)i;
			return true;
		}
	}
	return false;
}

static bool option_disable(struct script *s, const char *rule)
{
	return s->disabled_count < SCRIPT_DISABLED &&
	       word_copy(s->disabled[s->disabled_count++], sizeof(s->disabled[0]), rule);
}

static bool read_option(struct parser *q)
{
	if (words_skip(&q->words, "disable"))
		return words_next(&q->words) && option_disable(q->script, q->words.word);
	if (words_skip(&q->words, "msl"))
		return words_next(&q->words) && option_msl(q->script, q->words.word);
	if (words_skip(&q->words, "profile"))
		return words_next(&q->words) && option_profile(q->script, q->words.word);
	return false;
}

static bool read_expect(struct parser *q)
{
	struct script_expect *x = &q->script->expect[q->script->expects];
	int64_t n = 1;

	if (q->script->expects == SCRIPT_EXPECTS)
		return false;
	x->line = q->line;
	if (words_skip(&q->words, "connections")) {
		words_rest(&q->words, x->value, sizeof(x->value));
		q->script->expects++;
		return word_number(x->value, 0, 1000, &n);
	}
	if (!words_skip(&q->words, "connection") || !words_next(&q->words))
		return false;
	if (word_number(q->words.word, 1, 1000, &n) && !words_next(&q->words))
		return false;
	x->connection = (unsigned)n;
	if (!word_copy(x->key, sizeof(x->key), q->words.word))
		return false;
	words_rest(&q->words, x->value, sizeof(x->value));
	q->script->expects++;
	return x->value[0] != '\0';
}

static bool read_vlan(struct parser *q)
{
	int64_t n;

	while (q->script->vlans < 2 && words_next(&q->words)) {
		if (!word_number(q->words.word, 1, 4094, &n))
			return false;
		q->script->vlan[q->script->vlans++] = (unsigned)n;
	}
	return q->script->vlans > 0;
}

/* The end that an address or a port is said of; -1: none. */
static int read_end(struct parser *q)
{
	return words_skip(&q->words, "client") ? TCPLINT_CLIENT : words_skip(&q->words, "server") ? TCPLINT_SERVER : -1;
}

static bool read_address(struct parser *q)
{
	const int end = read_end(q);
	uint8_t *a = q->script->address[end < 0 ? 0 : end];
	char rest;

	if (end < 0 || !words_next(&q->words) ||
	    sscanf(q->words.word, "%hhu.%hhu.%hhu.%hhu%c", &a[0], &a[1], &a[2], &a[3], &rest) != 4)
		return false;
	return q->script->has_address[end] = q->script->ipv4_only = true;
}

static bool read_port(struct parser *q)
{
	const int end = read_end(q);
	unsigned port;
	char rest;

	if (end < 0 || !words_next(&q->words) || sscanf(q->words.word, "%u%c", &port, &rest) != 1 || port > 65535)
		return false;
	q->script->port[end] = port;
	return q->script->has_port[end] = true;
}

/* The lines that are no segments.  False when this is none of them; trouble is in q->what. */
static bool read_directive(struct parser *q)
{
	struct script *s = q->script;
	char ignored[160];

	if (words_skip(&q->words, "option"))
		return read_option(q) ||
		       wrong(q, "msl SECONDS, profile NAME or disable RULE was expected");
	if (words_skip(&q->words, "expect"))
		return read_expect(q) ||
		       wrong(q, "connection [N] KEY VALUE or connections N was expected");
	if (words_skip(&q->words, "vlan"))
		return read_vlan(q) || wrong(q, "a VLAN from 1 to 4094 was expected");
	if (words_skip(&q->words, "ipv4"))
		return (s->ipv4_only = words_skip(&q->words, "only")) ||
		       wrong(q, "only was expected");
	if (words_skip(&q->words, "ipv6"))
		return (s->ipv6_only = words_skip(&q->words, "only")) ||
		       wrong(q, "only was expected");
	if (words_skip(&q->words, "isn"))
		return (s->isn_fixed = words_skip(&q->words, "only")) ||
		       wrong(q, "only was expected");
	if (words_skip(&q->words, "link"))
		return (s->raw = words_skip(&q->words, "raw")) || wrong(q, "raw was expected");
	if (words_skip(&q->words, "clean"))
		return s->clean = true;
	if (words_skip(&q->words, "self"))
		return s->self = true;
	if (words_skip(&q->words, "address"))
		return read_address(q) || wrong(q, "client or server and an IPv4 address were expected");
	if (words_skip(&q->words, "port"))
		return read_port(q) || wrong(q, "client or server and a port were expected");
	if (!words_skip(&q->words, "nomutate"))
		return false;
	words_rest(&q->words, ignored, sizeof(ignored));
	s->nomutate = true;
	return ignored[0] != '\0' || wrong(q, "a reason was expected after nomutate");
}

static struct script_step *add_step(struct parser *q)
{
	struct script *s = q->script;
	struct script_step *bigger, *p;

	bigger = realloc(s->step, (s->steps + 1) * sizeof(*bigger));
	if (!bigger)
		return NULL;
	s->step = bigger;
	p = &s->step[s->steps++];
	memset(p, 0, sizeof(*p));
	p->line = q->line;
	p->delay = 10000000;
	p->window = 65535;
	p->ttl = p->id = p->data_offset = -1;
	p->cut = -1;
	return p;
}

static bool read_step(struct parser *q)
{
	struct script_step *p = add_step(q);

	if (!p)
		return wrong(q, "out of memory");
	if (!words_next(&q->words))
		return wrong(q, "a segment was expected");
	const char sign = q->words.word[0];

	if (sign == '+' || sign == '-') {
		if (!word_seconds(q->words.word + 1, &p->delay) || !words_next(&q->words))
			return wrong(q, "+SECONDS and a segment were expected");
		p->delay = sign == '-' ? -p->delay : p->delay;
	}
	if (strcmp(q->words.word, "idle") == 0) {
		p->kind = SCRIPT_IDLE;
		return !words_next(&q->words) || wrong(q, "nothing may follow idle");
	}
	if (strcmp(q->words.word, ">") != 0 && strcmp(q->words.word, "<") != 0)
		return wrong(q, "> or < was expected");
	p->from = q->words.word[0] == '>' ? TCPLINT_CLIENT : TCPLINT_SERVER;
	if (words_skip(&q->words, "icmp"))
		p->kind = SCRIPT_ICMP;
	return segment_text(&q->words, p, &q->what) && read_demands(q, p);
}

static bool read_line(struct parser *q)
{
	struct words ahead = q->words;

	if (q->ended && words_next(&ahead))
		return wrong(q, "nothing may follow end");
	if (!words_next(&ahead) || read_directive(q))
		return words_next(&q->words) ? wrong(q, "the end of the line was expected") : true;
	if (q->what)
		return false;
	if (words_skip(&q->words, "end")) {
		q->ended = true;
		q->script->end.line = q->line;
		return !words_next(&q->words) ||
		       (q->words.word[0] == '!' && read_rules(q, &q->script->end)) ||
		       wrong(q, "! was expected after end");
	}
	return read_step(q);
}

/* Packets without an id of their own are numbered, each side from its own start, so that two never look alike. */
static void number_packets(struct script *s)
{
	int next[2] = { 0x1000, 0x8000 };

	for (unsigned i = 0; i < s->steps; i++)
		if (s->step[i].id < 0)
			s->step[i].id = next[s->step[i].from]++ & 0xffff;
}

static bool check(struct parser *q)
{
	struct script *s = q->script;

	if (!q->ended)
		return wrong(q, "the last line must be end");
	if (s->steps == 0)
		return wrong(q, "there is no segment");
	if (s->ipv4_only && s->ipv6_only)
		return wrong(q, "ipv4 only and ipv6 only");
	number_packets(s);
	return true;
}

struct script *script_parse(const char *name, const char *text, char *error, size_t size)
{
	struct parser q = { .script = calloc(1, sizeof(struct script)) };
	const char *slash = strrchr(name, '/');
	bool ok = q.script != NULL;

	if (ok)
		snprintf(q.script->name, sizeof(q.script->name), "%s", slash ? slash + 1 : name);
	while (ok && *text) {
		size_t len = strcspn(text, "\n");

		q.line++;
		words_start(&q.words, text, len);
		ok = read_line(&q);
		text += len + (text[len] == '\n');
	}
	if (ok && check(&q))
		return q.script;
	if (q.words.word[0])
		snprintf(error, size, "%s:%u: %s; here: %s", slash ? slash + 1 : name, q.line,
			 q.what ? q.what : "out of memory", q.words.word);
	else
		snprintf(error, size, "%s:%u: %s", slash ? slash + 1 : name, q.line,
			 q.what ? q.what : "out of memory");
	script_free(q.script);
	return NULL;
}

struct script *script_read(const char *path, char *error, size_t size)
{
	static const size_t limit = 1 << 20; /* no conversation that anybody reads is longer */
	FILE *in = fopen(path, "r");
	char *text = malloc(limit + 1);
	struct script *s = NULL;
	size_t len = 0;

	if (in && text) {
		len = fread(text, 1, limit, in);
		text[len] = '\0';
	}
	if (!in || !text || ferror(in) || len == limit || strlen(text) != len)
		snprintf(error, size, "%s: cannot be read", path);
	else
		s = script_parse(path, text, error, size);
	if (in)
		fclose(in);
	free(text);
	return s;
}

void script_free(struct script *s)
{
	if (s)
		free(s->step);
	free(s);
}
