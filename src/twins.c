#include <string.h>

#include "twins.h"

#define TWIN_WINDOW INT64_C(1000000000) /* rules.md, nat_double_capture */

static uint32_t stir(uint32_t h, uint32_t v)
{
	h = (h ^ v) * UINT32_C(0x9e3779b1);
	return h ^ h >> 15;
}

/* Never 0. */
static uint32_t print_of(const struct segment *s)
{
	const uint32_t h = stir(stir(stir(1, s->seq), s->opt.ts_val), s->opt.layout);

	return stir(stir(h, (uint32_t)s->opt.wscale << 16 | s->window), s->flags) | 1;
}

static bool same(const struct tcplint_address *a, const struct tcplint_address *b)
{
	return a->port == b->port && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

/* Of `s`, which has the same print. */
static bool is_twin(const struct twin *t, const struct segment *s, const struct tcplint_conn_id *id)
{
	const int64_t apart = s->ts - t->mark.ts;

	return t->seq == s->seq && apart >= 0 && apart < TWIN_WINDOW &&
	       !(same(&t->client, &id->client) && same(&t->server, &id->server));
}

const struct twin *twins_note(struct twins *t, const struct segment *s, const struct tcplint_conn_id *id)
{
	const uint32_t print = print_of(s);
	const unsigned i = (print >> 1) % TWINS;
	struct twin *at = &t->at[i];

	if (t->print[i] == print && is_twin(at, s, id))
		return at;
	t->print[i] = print;
	*at = (struct twin){
		.client = id->client,
		.server = id->server,
		.seq = s->seq,
		.mark = { .ts = s->ts, .frame = s->frame },
	};
	return NULL;
}
