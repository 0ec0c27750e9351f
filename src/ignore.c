/* A list of entries, asked one after the other: findings are rare, and baselines short. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ignore.h"

#define BLANKS "\t\r\n\v\f "

struct entry {
	int rule;       /* -1: any */
	int port;       /* -1: any */
	unsigned bits;  /* how many of `ip` count; 0: any address */
	uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct ignore_list {
	size_t count, room;
	struct entry *entries;
};

/* Digits and nothing else, up to `max`. */
static bool number(const char *text, unsigned max, unsigned *out)
{
	unsigned n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned)(*text - '0');
		if (n > max)
			return false;
	}
	*out = n;
	return true;
}

static bool parse_port(const char *text, struct entry *n, struct error *e)
{
	unsigned port;

	if (!number(text, UINT16_MAX, &port))
		return fail(e, "\"%s\" is not a port", text);
	n->port = (int)port;
	return true;
}

static bool parse_ip(const char *text, struct entry *n, struct error *e)
{
	const bool v6 = strchr(text, ':');

	if (!strcmp(text, "*"))
		return true;
	n->bits = 128;
	n->ip[10] = n->ip[11] = 0xff;
	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, v6 ? n->ip : n->ip + 12) == 1)
		return true;
	return fail(e, "\"%s\" is not an address", text);
}

/* An address and perhaps its prefix. */
static bool parse_network(char *text, const char *prefix, struct entry *n, struct error *e)
{
	char *slash = strchr(text, '/');
	const unsigned widest = strchr(text, ':') ? 128 : 32;
	unsigned bits;

	if (slash) {
		*slash = '\0';
		prefix = slash + 1;
	}
	if (!parse_ip(text, n, e))
		return false;
	if (!prefix)
		return true;
	if (!n->bits || !number(prefix, widest, &bits))
		return fail(e, "\"%s\" is not a prefix length of %s", prefix, text);
	n->bits = 128 - widest + bits;
	return true;
}

/* [ADDRESS]:PORT, [ADDRESS/PREFIX]:PORT or [ADDRESS]/PREFIX:PORT. */
static bool parse_bracketed(char *text, struct entry *n, struct error *e)
{
	char *close = strchr(text, ']'), *colon;
	const char *prefix = NULL;

	if (!close)
		return fail(e, "\"%s\" has no closing bracket", text);
	*close++ = '\0';
	colon = strchr(close, ':');
	if (colon)
		*colon++ = '\0';
	if (*close == '/')
		prefix = close + 1;
	else if (*close)
		return fail(e, "\"%s\" follows the bracket", close);
	return parse_network(text + 1, prefix, n, e) && (!colon || parse_port(colon, n, e));
}

static bool parse_endpoint(char *text, struct entry *n, struct error *e)
{
	char *colon = strchr(text, ':');

	if (*text == '[')
		return parse_bracketed(text, n, e);
	if (!colon || strchr(colon + 1, ':')) /* two colons: IPv6 */
		return parse_network(text, NULL, n, e);
	*colon = '\0';
	return parse_network(text, NULL, n, e) && parse_port(colon + 1, n, e);
}

/* One line; `*found` tells whether there was an entry on it. */
static bool parse_line(char *line, struct entry *n, bool *found, struct error *e)
{
	char *rest = NULL, *rule, *endpoint, *more;

	line[strcspn(line, "#")] = '\0';
	rule = strtok_r(line, BLANKS, &rest);
	*found = rule != NULL;
	if (!rule)
		return true;
	endpoint = strtok_r(NULL, BLANKS, &rest);
	more = strtok_r(NULL, BLANKS, &rest);
	*n = (struct entry){ .rule = -1, .port = -1 };
	if (strcmp(rule, "*") != 0) {
		n->rule = tcplint_rule_by_name(rule);
		if (n->rule < 0)
			return fail(e, "there is no rule \"%s\"", rule);
	}
	if (more)
		return fail(e, "\"%s\" is one word too many", more);
	return !endpoint || parse_endpoint(endpoint, n, e);
}

static bool add(struct ignore_list *l, const struct entry *n, struct error *e)
{
	const size_t room = l->room ? 2 * l->room : 16;
	struct entry *grown;

	if (l->count == l->room) {
		grown = realloc(l->entries, room * sizeof(*grown));
		if (!grown)
			return fail(e, "not enough memory");
		l->entries = grown;
		l->room = room;
	}
	l->entries[l->count++] = *n;
	return true;
}

static bool read_lines(struct ignore_list *l, FILE *in, const char *path, struct error *e)
{
	struct error why;
	char *line = NULL;
	size_t size = 0;
	bool ok = true, found;

	for (unsigned number = 1; ok && getline(&line, &size, in) >= 0; number++) {
		struct entry n;

		ok = parse_line(line, &n, &found, &why) && (!found || add(l, &n, &why));
		if (!ok)
			fail(e, "%s:%u: %s", path, number, why.text);
	}
	free(line);
	if (ok && ferror(in))
		return fail(e, "%s: %s", path, strerror(errno));
	return ok;
}

struct ignore_list *ignore_read(const char *path, struct error *e)
{
	struct ignore_list *l;
	FILE *in = fopen(path, "re");
	bool ok;

	if (!in) {
		fail(e, "%s: %s", path, strerror(errno));
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	ok = l ? read_lines(l, in, path, e) : fail(e, "not enough memory");
	fclose(in);
	if (ok)
		return l;
	ignore_destroy(l);
	return NULL;
}

void ignore_destroy(struct ignore_list *l)
{
	if (l)
		free(l->entries);
	free(l);
}

static bool endpoint_matches(const struct entry *n, const struct tcplint_address *a)
{
	const unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (n->port >= 0 && n->port != a->port)
		return false;
	if (memcmp(n->ip, a->ip, whole) != 0)
		return false;
	return !rest || (n->ip[whole] ^ a->ip[whole]) >> (8 - rest) == 0;
}

/* An entry with a port speaks of that service only. */
static bool host_matches(const struct entry *n, const struct tcplint_host_id *h)
{
	struct tcplint_address a = { .port = (uint16_t)(h->port < 0 ? 0 : h->port) };

	memcpy(a.ip, h->ip, sizeof(a.ip));
	return (n->port < 0 || h->port >= 0) && endpoint_matches(n, &a);
}

static bool entry_covers(const struct entry *n, const struct tcplint_finding *f)
{
	if (n->rule >= 0 && (unsigned)n->rule != f->rule)
		return false;
	if (!n->bits && n->port < 0)
		return true;
	if (f->host)
		return host_matches(n, f->host);
	return f->conn &&
	       (endpoint_matches(n, &f->conn->client) || endpoint_matches(n, &f->conn->server));
}

bool ignore_covers(void *list, const struct tcplint_finding *f)
{
	const struct ignore_list *l = list;

	for (size_t i = 0; i < l->count; i++)
		if (entry_covers(&l->entries[i], f))
			return true;
	return false;
}
