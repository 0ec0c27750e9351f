#include <string.h>

#include "compiler.h"
#include "rule_index.h"

const struct precedence precedences[PRECEDENCES] = {
#define PREFER(left, scope, right) { RULE_##left, RULE_##right, PRECEDENCE_##scope },
#include "precedence.def"
#undef PREFER
};

static void list_precedences(struct precedence_list *list, bool by_kept)
{
	uint16_t n = 0;

	for (unsigned r = 0; r < RULE_COUNT; r++) {
		list->first[r] = n;
		for (uint16_t i = 0; i < PRECEDENCES; i++) {
			const struct precedence *p = &precedences[i];

			if (p->scope != PRECEDENCE_HOST && (by_kept ? p->keep : p->suppress) == r)
				list->row[n++] = i;
		}
	}
	list->first[RULE_COUNT] = n;
}

/* In the order of the rules that stand for it. */
static void list_host_precedences(struct precedence_list *list)
{
	uint16_t n = 0;

	for (unsigned r = 0; r < RULE_COUNT; r++) {
		list->first[r] = n;
		for (unsigned left = 0; left < RULE_COUNT; left++)
			for (uint16_t i = 0; rule_rows[left].on == ON_HOST && i < PRECEDENCES; i++)
				if (precedences[i].scope == PRECEDENCE_HOST && precedences[i].keep == left &&
				    precedences[i].suppress == r)
					list->row[n++] = i;
	}
	list->first[RULE_COUNT] = n;
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
	list_precedences(&x->by_suppressed, false);
	list_precedences(&x->by_kept, true);
	list_host_precedences(&x->by_host);
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
