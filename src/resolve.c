#include <assert.h>
#include <string.h>

#include "compiler.h"
#include "finding.h"
#include "resolve.h"
#include "vantage.h"

static void note(unsigned *list, unsigned *n, unsigned max, unsigned rule)
{
	if (*n < max)
		list[(*n)++] = rule;
}

/* ---- candidates ---- */

#define LONGEST_PATIENCE (60 * SECOND)

/* rules.md 4, resolve_timeout: a timer of RFC 6298 is about twice as long as the way there and back. */
static int64_t patience(const struct conn *c)
{
	const int64_t four = 4 * 2 * (c->end[CLIENT].turn + c->end[SERVER].turn);

	return four < RESOLVE_TIMEOUT ? RESOLVE_TIMEOUT : four < LONGEST_PATIENCE ? four : LONGEST_PATIENCE;
}

static void open_candidate(struct engine *en, struct conn *c, const struct view *v, enum rule r, const struct draft *d)
{
	for (const struct candidate_cell *q = candidate_at(&en->candidates, c->candidates); q;
	     q = candidate_at(&en->candidates, q->next))
		if (q->k.rule == r && q->k.sender == v->x)
			return; /* one at a time: the first shows the cause */
	const uint32_t number = slab_take(&en->candidates);

	if (!number) {
		en->exhausted++;
		return;
	}
	struct candidate_cell *q = candidate_at(&en->candidates, number);

	q->k = (struct candidate){
		.rule = (uint16_t)r,
		.sender = (uint8_t)v->x,
		.opened = v->now,
		.deadline = v->now + patience(c),
		.heard = v->Y->segments,
		.draft = *d,
	};
	if (v->s) {
		q->k.seq = v->s->seq;
		q->k.ack = v->s->ack;
		q->k.end = v->end;
		if (d->state[0] == KEEP) {
			q->k.draft.state[0] = v->state[0];
			q->k.draft.state[1] = v->state[1];
		}
	}
	q->next = c->candidates;
	c->candidates = number;
	if (en->record)
		note(en->record->opened, &en->record->opened_count, 8, r);
}

static const struct draft blank = { .verdict = KEEP, .severity = KEEP, .state = { KEEP, KEEP } };

/* Ask one rule: it fires, opens a candidate, or has nothing to say.  `d` is blank, and is again afterwards. */
static void ask(struct engine *en, struct conn *c, const struct view *v, enum rule r, struct batch *b, struct draft *d)
{
	const bool yes = rule_rows[r].predicate(v, d);

	assert(yes || !memcmp(d, &blank, sizeof(blank))); /* who says no writes nothing */
	if (!yes)
		return;
	if (rule_rows[r].settle)
		open_candidate(en, c, v, r, d);
	else
		batch_add(b, r, REFUTED, d);
	*d = blank;
}

#ifndef NDEBUG
/* No rule may fire outside the events of its row. */
static void check_masks(const struct view *v)
{
	for (enum rule r = 0; r < RULE_COUNT; r++) {
		struct draft d = { 0 };

		if (rule_rows[r].on == ON_SEGMENT && !(rule_rows[r].when & v->events))
			assert(!rule_rows[r].predicate(v, &d));
	}
}

/* None but `some` may. */
static void check_silence(const struct view *v, const uint64_t some[RULE_WORDS])
{
	for (enum rule r = 0; r < RULE_COUNT; r++) {
		struct draft d = blank;

		if (rule_rows[r].on == ON_SEGMENT && !(some[r / 64] >> r % 64 & 1))
			assert(!rule_rows[r].predicate(v, &d));
	}
}
#endif

/* The rules of a set, in its order. */
static void ask_all(struct engine *en, struct conn *c, const struct view *v, uint64_t wanted[RULE_WORDS],
		    struct batch *b)
{
	struct draft d = blank;

	for (unsigned i = 0; i < RULE_WORDS; i++)
		for (; wanted[i]; wanted[i] &= wanted[i] - 1)
			ask(en, c, v, (enum rule)(64 * i + LOWEST_BIT(wanted[i])), b, &d);
}

void resolve_run(struct engine *en, struct conn *c, struct view *v, enum rule_on on, struct batch *b)
{
	const struct rule_list *list = &en->rules->on[on];
	uint64_t wanted[RULE_WORDS];
	struct draft d = blank;

	if (on != ON_SEGMENT) {
		for (unsigned i = 0; i < list->n; i++)
			ask(en, c, v, (enum rule)list->rule[i], b, &d);
		return;
	}
#ifndef NDEBUG
	check_masks(v);
#endif
	rule_index_wanted(en->rules, v->events, wanted);
	ask_all(en, c, v, wanted, b);
}

void resolve_run_some(struct engine *en, struct conn *c, struct view *v, const uint64_t some[RULE_WORDS],
		      struct batch *b)
{
	uint64_t wanted[RULE_WORDS];

	rule_index_wanted(en->rules, v->events, wanted);
	for (unsigned i = 0; i < RULE_WORDS; i++)
		wanted[i] &= some[i];
#ifndef NDEBUG
	check_silence(v, some);
#endif
	ask_all(en, c, v, wanted, b);
}

void resolve_settle(struct engine *en, struct conn *c, struct view *v, struct batch *b)
{
	for (uint32_t *link = &c->candidates; *link;) {
		const uint32_t number = *link;
		struct candidate_cell *q = candidate_at(&en->candidates, number);
		enum outcome o = rule_rows[q->k.rule].settle(v, &q->k);

		/* rules.md 1.6: what crosses directions is not judged within the window of reordering */
		if (o == REFUTED && v->s && v->now - q->k.opened < REORDER_WINDOW &&
		    v->s->frame != draft_decisive(&q->k.draft))
			o = WAIT;
		if (o == WAIT && (v->releasing || v->now >= q->k.deadline))
			o = PLAIN;
		if (o == WAIT) {
			link = &q->next;
			continue;
		}
		if (en->record)
			note(en->record->settled, &en->record->settled_count, 8, q->k.rule);
		if (o == SUPPORTED) {
			struct fired *f = batch_add(b, RULE_capture_loss, REFUTED, &q->k.draft);

			if (f) {
				f->has_would_be = true;
				f->would_be = q->k.rule;
				f->draft.offender = TCPLINT_BY_CAPTURE;
				f->draft.evidence |= EVI_loss_proven;
			}
		} else if (o != DISMISSED) {
			batch_add(b, (enum rule)q->k.rule, o, &q->k.draft);
		}
		*link = q->next;
		slab_give(&en->candidates, number);
	}
}

int64_t resolve_deadline(const struct engine *en, const struct conn *c)
{
	int64_t least = INT64_MAX;

	for (const struct candidate_cell *q = candidate_at(&en->candidates, c->candidates); q;
	     q = candidate_at(&en->candidates, q->next))
		if (q->k.deadline < least)
			least = q->k.deadline;
	return least;
}

void resolve_forget(struct engine *en, struct conn *c)
{
	while (c->candidates) {
		const uint32_t number = c->candidates;

		c->candidates = candidate_at(&en->candidates, number)->next;
		slab_give(&en->candidates, number);
	}
}

/* ---- what the stage is told ---- */

static bool loss_near(const struct engine *en, const struct conn *c, int64_t ts)
{
	const int64_t since = ts - SECOND;

	return (c->loss && c->loss_ts >= since) || holes_since(&en->holes, &c->end[CLIENT], since) ||
	       holes_since(&en->holes, &c->end[SERVER], since);
}

/* The tap is at the host that is said not to have heard or answered: nothing was lost between the two. */
static void explain_by_vantage(const struct conn *c, struct draft *d)
{
	const bool end = d->offender == TCPLINT_BY_CLIENT || d->offender == TCPLINT_BY_SERVER;

	if (!(d->alternatives & ALT_network_loss) || !end ||
	    !vantage_at(c, d->offender == TCPLINT_BY_CLIENT ? CLIENT : SERVER))
		return;
	d->alternatives &= (uint8_t)~ALT_network_loss;
	d->evidence |= EVI_tap_at_host;
}

void resolve_subject(const struct engine *en, const struct conn *c, struct subject *s)
{
	*s = (struct subject){
		.id = conn_id(c),
		.start = c->start,
		.number = flow_number(&en->flows, c),
		.origin = c->origin,
	};
	for (enum side i = CLIENT; i <= SERVER; i++) {
		s->has_isn[i] = knows(&c->end[i], K_ISN);
		s->isn[i] = c->end[i].isn;
	}
}

void resolve_report(struct engine *en, struct conn *c, struct view *v, struct batch *b)
{
	struct told_fired *t;

	if (!b->n)
		return;
	t = engine_room(en);
	t->batch.n = 0;
	for (unsigned i = 0; i < b->n; i++) {
		struct fired *f = &b->fired[i];

		/* a timer that looks again, at what was told while the connection was quiet */
		if (c->counted == f->rule + 1)
			continue;
		if (v->s && f->draft.state[0] == KEEP && draft_decisive(&f->draft) == v->s->frame) {
			f->draft.state[0] = v->state[0];
			f->draft.state[1] = v->state[1];
		}
		explain_by_vantage(c, &f->draft);
		f->loss_near = loss_near(en, c, f->draft.ts);
		c->may_be_listed = c->may_be_listed || finding_may_pass(&en->options, f->rule, &f->draft);
		t->batch.fired[t->batch.n++] = *f;
	}
	b->n = 0;
	if (!t->batch.n)
		return;
	c->fired = true;
	t->replaying = en->replaying;
	resolve_subject(en, c, &t->subject);
	engine_tell(en, &t->told, TOLD_FIRED, offsetof(struct told_fired, batch.fired[t->batch.n]));
}
