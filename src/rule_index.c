#include <string.h>

#include "compiler.h"
#include "rule_index.h"

const struct precedence precedences[PRECEDENCES] = {
#define PREFER(left, scope, right) { RULE_##left, RULE_##right, PRECEDENCE_##scope },
#include "precedence.def"
#undef PREFER
};

/* The rows of the scopes FRAME and CONN, or those of HOST that a rule about hosts stands for; how many. */
static uint16_t rows_of(bool host, uint16_t *out)
{
	uint16_t n = 0;

	for (uint16_t i = 0; i < PRECEDENCES; i++)
		if ((precedences[i].scope == PRECEDENCE_HOST) == host &&
		    (!host || rule_rows[precedences[i].keep].on == ON_HOST))
			out[n++] = i;
	return n;
}

/* Sort rows by one of their rules; those of one rule stay in their order. */
static void sort_rows(struct precedence_list *list, const uint16_t *in, uint16_t n, bool by_kept)
{
	uint16_t at[RULE_COUNT + 1] = { 0 };

	for (uint16_t i = 0; i < n; i++)
		at[(by_kept ? precedences[in[i]].keep : precedences[in[i]].suppress) + 1]++;
	for (unsigned r = 0; r < RULE_COUNT; r++)
		at[r + 1] = (uint16_t)(at[r + 1] + at[r]);
	memcpy(list->first, at, sizeof(at));
	for (uint16_t i = 0; i < n; i++)
		list->row[at[by_kept ? precedences[in[i]].keep : precedences[in[i]].suppress]++] = in[i];
}

static void index_precedences(struct rule_index *x)
{
	struct precedence_list kept;
	uint16_t rows[PRECEDENCES];
	uint16_t n = rows_of(false, rows);

	sort_rows(&x->by_suppressed, rows, n, false);
	sort_rows(&x->by_kept, rows, n, true);
	/* in the order of the rules that stand for it */
	n = rows_of(true, rows);
	sort_rows(&kept, rows, n, true);
	sort_rows(&x->by_host, kept.row, n, false);
}

void rule_index_init(struct rule_index *x)
{
	memset(x, 0, sizeof(*x));
	for (unsigned r = 0; r < RULE_COUNT; r++) {
		struct rule_list *list = &x->on[rule_rows[r].on];

		list->rule[list->n++] = (uint16_t)r;
		for (unsigned e = 0; e < RULE_EVENTS && rule_rows[r].on == ON_SEGMENT; e++)
			if (rule_rows[r].when >> e & 1)
				x->by_event[e][r / 64] |= UINT64_C(1) << r % 64;
	}
	index_precedences(x);
}

void rule_index_wanted(const struct rule_index *x, uint32_t events, uint64_t wanted[RULE_WORDS])
{
	memset(wanted, 0, RULE_WORDS * sizeof(*wanted));
	for (; events; events &= events - 1) {
		const unsigned e = LOWEST_BIT(events);

		for (unsigned i = 0; i < RULE_WORDS; i++)
			wanted[i] |= x->by_event[e][i];
	}
}
