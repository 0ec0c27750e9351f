#include <assert.h>
#include <string.h>

#include "aggregate.h"
#include "compiler.h"
#include "finding.h"
#include "resolve.h"
#include "vantage.h"

bool resolve_host_prefers(const struct engine *en, enum rule left, enum rule right)
{
	const struct precedence_list *list = &en->rules.by_host;

	for (unsigned i = list->first[right]; i < list->first[right + 1]; i++)
		if (precedences[list->row[i]].keep == left)
			return true;
	return false;
}

void batch_add(struct batch *b, enum rule r, enum outcome o, const struct draft *d)
{
	if (b->n == BATCH_MAX)
		return;
	b->fired[b->n++] = (struct fired){ .rule = (uint16_t)r, .outcome = (uint8_t)o, .draft = *d };
}

static void note(unsigned *list, unsigned *n, unsigned max, unsigned rule)
{
	if (*n < max)
		list[(*n)++] = rule;
}

static uint64_t decisive(const struct draft *d)
{
	return d->frames ? d->frame[d->frames - 1] : 0;
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
	for (const struct candidate_cell *q = candidate_at(&en->cells, c->candidates); q;
	     q = candidate_at(&en->cells, q->next))
		if (q->k.rule == r && q->k.sender == v->x)
			return; /* one at a time: the first shows the cause */
	const uint32_t number = slab_take(&en->cells.candidates);

	if (!number) {
		en->cells.exhausted++;
		return;
	}
	struct candidate_cell *q = candidate_at(&en->cells, number);

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

/* Ask one rule: it fires, opens a candidate, or has nothing to say. */
static void ask(struct engine *en, struct conn *c, const struct view *v, enum rule r, struct batch *b)
{
	struct draft d = { .verdict = KEEP, .severity = KEEP, .state = { KEEP, KEEP } };

	if (!rule_rows[r].predicate(v, &d))
		return;
	if (rule_rows[r].settle)
		open_candidate(en, c, v, r, &d);
	else
		batch_add(b, r, REFUTED, &d);
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
#endif

void resolve_run(struct engine *en, struct conn *c, struct view *v, enum rule_on on, struct batch *b)
{
	const struct rule_list *list = &en->rules.on[on];
	uint64_t wanted[RULE_WORDS];

	if (on != ON_SEGMENT) {
		for (unsigned i = 0; i < list->n; i++)
			ask(en, c, v, (enum rule)list->rule[i], b);
		return;
	}
#ifndef NDEBUG
	check_masks(v);
#endif
	rule_index_wanted(&en->rules, v->events, wanted);
	for (unsigned i = 0; i < RULE_WORDS; i++)
		for (; wanted[i]; wanted[i] &= wanted[i] - 1)
			ask(en, c, v, (enum rule)(64 * i + LOWEST_BIT(wanted[i])), b);
}

void resolve_settle(struct engine *en, struct conn *c, struct view *v, struct batch *b)
{
	for (uint32_t *link = &c->candidates; *link;) {
		const uint32_t number = *link;
		struct candidate_cell *q = candidate_at(&en->cells, number);
		enum outcome o = rule_rows[q->k.rule].settle(v, &q->k);

		/* rules.md 1.6: what crosses directions is not judged within the window of reordering */
		if (o == REFUTED && v->s && v->now - q->k.opened < REORDER_WINDOW && v->s->frame != decisive(&q->k.draft))
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
			batch_add(b, RULE_capture_loss, REFUTED, &q->k.draft);
			if (b->n) {
				b->fired[b->n - 1].has_would_be = true;
				b->fired[b->n - 1].would_be = q->k.rule;
				b->fired[b->n - 1].draft.offender = TCPLINT_BY_CAPTURE;
				b->fired[b->n - 1].draft.evidence |= EVI_loss_proven;
			}
		} else if (o != DISMISSED) {
			batch_add(b, (enum rule)q->k.rule, o, &q->k.draft);
		}
		*link = q->next;
		slab_give(&en->cells.candidates, number);
	}
}

int64_t resolve_deadline(const struct engine *en, const struct conn *c)
{
	int64_t least = INT64_MAX;

	for (const struct candidate_cell *q = candidate_at(&en->cells, c->candidates); q;
	     q = candidate_at(&en->cells, q->next))
		if (q->k.deadline < least)
			least = q->k.deadline;
	return least;
}

void resolve_forget(struct engine *en, struct conn *c)
{
	while (c->candidates) {
		const uint32_t number = c->candidates;

		c->candidates = candidate_at(&en->cells, number)->next;
		slab_give(&en->cells.candidates, number);
	}
	while (c->findings) {
		const uint32_t number = c->findings;

		c->findings = finding_at(&en->cells, number)->next;
		slab_give(&en->cells.findings, number);
	}
}

/* ---- confidence (rules.md 1.7) ---- */

static bool states_what_the_tap_saw(enum tcplint_verdict v)
{
	return v == TCPLINT_NETWORK_EVENT || v == TCPLINT_ARTEFACT || v == TCPLINT_NOTE;
}

static bool loss_near(const struct engine *en, const struct conn *c, int64_t ts)
{
	const int64_t since = ts - SECOND;

	return engine_loss_near(en, ts) || (c->loss && c->loss_ts >= since) ||
	       holes_since(&en->holes, &c->end[CLIENT], since) || holes_since(&en->holes, &c->end[SERVER], since);
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

static float confidence_of(const struct engine *en, const struct conn *c, struct fired *f, enum tcplint_verdict verdict)
{
	const char kind = rule_rows[f->rule].public.evidence;
	const bool cross = kind == 'X' || kind == 'A';
	float p = rule_base_confidence((enum rule)f->rule);

	if (kind == 'F')
		f->draft.evidence |= EVI_single_segment;
	if (kind == 'P')
		f->draft.evidence |= EVI_same_sender;
	explain_by_vantage(c, &f->draft);
	if (states_what_the_tap_saw(verdict))
		return f->draft.cap > 0 && f->draft.cap < 0.9F ? f->draft.cap : 0.9F;
	if (cross && f->outcome == PLAIN) {
		const bool loss = loss_near(en, c, f->draft.ts);

		p *= loss ? 0.5F : 0.75F;
		f->draft.alternatives |= ALT_capture_loss;
		if (!loss)
			f->draft.evidence |= EVI_no_loss_near;
	}
	if (f->outcome == REFUTED && f->draft.evidence & EVI_peer_objected && p < 0.95F)
		p = 0.95F;
	if (cross && c->origin == TCPLINT_ORIGIN_MIDSTREAM)
		p *= 0.5F;
	if (f->draft.scale > 0)
		p *= f->draft.scale;
	if (kind == 'A' && p > 0.6F)
		p = 0.6F;
	if (f->draft.cap > 0 && p > f->draft.cap)
		p = f->draft.cap;
	return p;
}

/* ---- findings ---- */

static struct finding_cell *find(const struct engine *en, const struct conn *c, unsigned rule, int offender)
{
	for (struct finding_cell *f = finding_at(&en->cells, c->findings); f; f = finding_at(&en->cells, f->next))
		if (f->rule == rule && (offender < 0 || f->offender == offender))
			return f;
	return NULL;
}

/* The same missing packet, seen as a hole and as what it explains: the explanation says more. */
static bool explained(const struct batch *b, const struct fired *f)
{
	for (unsigned j = 0; j < b->n && f->rule == RULE_capture_loss && !f->has_would_be; j++)
		if (b->fired[j].has_would_be)
			return true;
	return false;
}

static bool same_cause(const struct precedence *p, const struct draft *a, const struct draft *b)
{
	return p->scope == PRECEDENCE_CONN || decisive(a) == decisive(b);
}

static void relate(struct finding_cell *cell, unsigned rule)
{
	for (unsigned i = 0; i < cell->related_count; i++)
		if (cell->related[i] == rule)
			return;
	if (cell->related_count < TCPLINT_MAX_RELATED)
		cell->related[cell->related_count++] = (uint8_t)rule;
}

/* The finding that takes precedence over f, in the batch or on record. */
static bool suppressed(struct engine *en, struct conn *c, struct batch *b, const struct fired *f)
{
	const struct precedence_list *list = &en->rules.by_suppressed;

	for (unsigned i = list->first[f->rule]; i < list->first[f->rule + 1]; i++) {
		const struct precedence *p = &precedences[list->row[i]];

		if (finding_disabled(en, p->keep))
			continue;
		for (unsigned j = 0; j < b->n; j++)
			if (b->fired[j].rule == p->keep && same_cause(p, &b->fired[j].draft, &f->draft))
				return true;
		struct finding_cell *left = find(en, c, p->keep, -1);

		if (!left || !same_cause(p, &left->draft, &f->draft))
			continue;
		relate(left, f->rule);
		return true;
	}
	return false;
}

static void add_related(const struct engine *en, struct finding_cell *cell, const struct batch *b, const struct fired *f)
{
	const struct precedence_list *list = &en->rules.by_kept;

	for (unsigned i = list->first[f->rule]; i < list->first[f->rule + 1]; i++) {
		const struct precedence *p = &precedences[list->row[i]];

		for (unsigned j = 0; j < b->n; j++)
			if (b->fired[j].rule == p->suppress && same_cause(p, &b->fired[j].draft, &f->draft))
				relate(cell, b->fired[j].rule);
	}
}

/* What a violation of a phase does to the judgement of the connection (design.md 3). */
static void judge(struct conn *c, const struct finding_cell *f)
{
	const enum tcplint_phase phase = rule_rows[f->rule].public.phase;

	if (f->verdict != TCPLINT_VIOLATION || f->confidence < 0.8F)
		return;
	if (phase == TCPLINT_PHASE_HANDSHAKE)
		c->violated |= 1;
	if (phase == TCPLINT_PHASE_TEARDOWN || f->rule == RULE_ack_beyond_fin)
		c->violated |= 2;
}

/* It happened before on this connection: counted, and for what the sender alone shows, surer. */
static void repeat(struct engine *en, struct conn *c, struct finding_cell *cell, const struct fired *f, float confidence)
{
	const char kind = rule_rows[f->rule].public.evidence;
	const bool surer = kind == 'F' || kind == 'P' || (kind == 'X' && f->outcome == REFUTED);

	cell->count++;
	if (f->draft.ts)
		cell->last_ts = f->draft.ts;
	if (states_what_the_tap_saw((enum tcplint_verdict)cell->verdict))
		return;
	float p = confidence > cell->confidence ? confidence : cell->confidence;

	if (surer)
		p = 1 - (1 - cell->confidence) * (1 - confidence);
	cell->confidence = p > 0.99F ? 0.99F : p;
	cell->draft.evidence |= EVI_repeated;
	judge(c, cell);
	if (!cell->listed && finding_passes(en, cell)) {
		en->counters.findings_below_threshold--;
		finding_emit(en, c, NULL, cell);
	}
}

static void report_one(struct engine *en, struct conn *c, struct batch *b, struct fired *f)
{
	const struct rule_row *row = &rule_rows[f->rule];
	const enum tcplint_verdict verdict =
		f->draft.verdict != KEEP ? (enum tcplint_verdict)f->draft.verdict : row->public.verdict;
	const float confidence = confidence_of(en, c, f, verdict);
	struct finding_cell *cell = find(en, c, f->rule, f->draft.offender);

	if (en->record)
		note(en->record->fired, &en->record->fired_count, 8, f->rule);
	/* a timer that looks again is not another occurrence */
	if (cell && decisive(&cell->draft) == decisive(&f->draft) && row->on != ON_SEGMENT)
		return;
	en->hits[f->rule] += !en->replaying;
	if (cell) {
		if (f->has_would_be && !cell->has_would_be) {
			cell->has_would_be = true;
			cell->would_be = f->would_be;
		}
		add_related(en, cell, b, f);
		repeat(en, c, cell, f, confidence);
		return;
	}
	const uint32_t number = slab_take(&en->cells.findings);

	if (!number) {
		en->cells.exhausted++;
		return;
	}
	cell = finding_at(&en->cells, number);
	*cell = (struct finding_cell){
		.rule = f->rule,
		.offender = f->draft.offender,
		.verdict = (uint8_t)verdict,
		.severity = finding_severity(en, f->rule, f->draft.severity),
		.has_would_be = f->has_would_be,
		.would_be = f->would_be,
		.confidence = confidence,
		.count = 1,
		.first_ts = f->draft.ts,
		.last_ts = f->draft.ts,
		.draft = f->draft,
	};
	/* in the order in which they were settled */
	uint32_t *link = &c->findings;

	while (*link)
		link = &finding_at(&en->cells, *link)->next;
	*link = number;
	add_related(en, cell, b, f);
	judge(c, cell);
	finding_emit(en, c, NULL, cell);
}

/* A finding about the host stands for it; a timer that looks again is not another occurrence. */
static bool aggregated(struct engine *en, struct conn *c, const struct fired *f)
{
	const bool timer = rule_rows[f->rule].on != ON_SEGMENT;

	if (timer && c->aggregated == f->rule + 1)
		return true;
	const struct opening_id id = opening_id_of(c);

	if (!aggregate_covers(en, &id, (enum rule)f->rule, (enum tcplint_offender)f->draft.offender))
		return false;
	if (timer)
		c->aggregated = (uint16_t)(f->rule + 1);
	en->hits[f->rule]++;
	return true;
}

void resolve_report(struct engine *en, struct conn *c, struct view *v, struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct fired *f = &b->fired[i];

		if (v->s && f->draft.state[0] == KEEP && decisive(&f->draft) == v->s->frame) {
			f->draft.state[0] = v->state[0];
			f->draft.state[1] = v->state[1];
		}
		if (explained(b, f) || suppressed(en, c, b, f))
			continue;
		if (en->replaying || !aggregated(en, c, f)) /* what a host stood for was not taken quietly */
			report_one(en, c, b, f);
	}
	b->n = 0;
}
