#include "draft.h"

void draft_frame(struct draft *d, struct mark m)
{
	if (!m.frame)
		return;
	d->ts = m.ts;
	if (d->frames && d->frame[d->frames - 1] == m.frame)
		return;
	if (d->frames == DRAFT_FRAMES) { /* the decisive one is worth more than the one before it */
		d->frame[DRAFT_FRAMES - 1] = m.frame;
		return;
	}
	d->frame[d->frames++] = m.frame;
}

static void add_value(struct draft *d, enum tcplint_field f, uint8_t space, const uint32_t *expected, uint32_t actual)
{
	if (d->values == DRAFT_VALUES)
		return;
	const unsigned i = d->values++;

	d->value[i].field = (uint8_t)f;
	d->value[i].space = space;
	d->value[i].has_expected = expected;
	d->value[i].expected = expected ? *expected : 0;
	d->value[i].has_actual = true;
	d->value[i].actual = actual;
}

void draft_value_seq(struct draft *d, enum tcplint_field f, enum side space, uint32_t expected, uint32_t actual)
{
	add_value(d, f, (uint8_t)space, &expected, actual);
}

void draft_actual(struct draft *d, enum tcplint_field f, enum side space, uint32_t actual)
{
	add_value(d, f, (uint8_t)space, NULL, actual);
}

void draft_plain(struct draft *d, enum tcplint_field f, uint32_t actual)
{
	add_value(d, f, KEEP, NULL, actual);
}

void draft_wrong(struct draft *d, enum tcplint_field f, uint32_t expected, uint32_t actual)
{
	add_value(d, f, KEEP, &expected, actual);
}

void draft_offender(struct draft *d, enum side x)
{
	d->offender = (uint8_t)offender_of(x);
}
