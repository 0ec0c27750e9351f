#include "aggregate.h"
#include "findings.h"

bool findings_host_prefers(const struct stage *st, enum rule left, enum rule right)
{
	const struct precedence_list *list = &st->rules->by_host;

	for (unsigned i = list->first[right]; i < list->first[right + 1]; i++)
		if (precedences[list->row[i]].keep == left)
			return true;
	return false;
}

/* ---- confidence (rules.md 1.7) ---- */

static bool states_what_the_tap_saw(enum tcplint_verdict v)
{
	return v == TCPLINT_NETWORK_EVENT || v == TCPLINT_ARTEFACT || v == TCPLINT_NOTE;
}

static float confidence_of(const struct stage *st, const struct subject *c, struct fired *f,
			   enum tcplint_verdict verdict)
{
	const char kind = rule_rows[f->rule].public.evidence;
	const bool cross = kind == 'X' || kind == 'A';
	float p = rule_base_confidence((enum rule)f->rule);

	if (kind == 'F')
		f->draft.evidence |= EVI_single_segment;
	if (kind == 'P')
		f->draft.evidence |= EVI_same_sender;
	if (states_what_the_tap_saw(verdict))
		return f->draft.cap > 0 && f->draft.cap < 0.9F ? f->draft.cap : 0.9F;
	if (cross && f->outcome == PLAIN) {
		const bool loss = f->loss_near || stage_loss_near(st, f->draft.ts);

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

/* ---- precedence ---- */

/* What is at hand: a batch, and the connection that it is about. */
struct hearing {
	struct stage *st;
	struct dossier *dossier;
	const struct subject *subject;
	struct batch batch;
	bool replaying;
};

static struct finding_cell *find(const struct hearing *h, unsigned rule, int offender)
{
	const struct slab *cells = &h->st->findings;

	for (struct finding_cell *f = finding_at(cells, h->dossier->findings); f; f = finding_at(cells, f->next))
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
	return p->scope == PRECEDENCE_CONN || draft_decisive(a) == draft_decisive(b);
}

/* The finding that takes precedence over f, in the batch or on record. */
static bool suppressed(const struct hearing *h, const struct fired *f)
{
	const struct precedence_list *list = &h->st->rules->by_suppressed;

	for (unsigned i = list->first[f->rule]; i < list->first[f->rule + 1]; i++) {
		const struct precedence *p = &precedences[list->row[i]];

		if (finding_disabled(&h->st->options, p->keep))
			continue;
		for (unsigned j = 0; j < h->batch.n; j++)
			if (h->batch.fired[j].rule == p->keep && same_cause(p, &h->batch.fired[j].draft, &f->draft))
				return true;
		struct finding_cell *left = find(h, p->keep, -1);

		if (!left || !same_cause(p, &left->draft, &f->draft))
			continue;
		finding_relate(left, f->rule);
		return true;
	}
	return false;
}

static void add_related(const struct hearing *h, struct finding_cell *cell, const struct fired *f)
{
	const struct precedence_list *list = &h->st->rules->by_kept;

	for (unsigned i = list->first[f->rule]; i < list->first[f->rule + 1]; i++) {
		const struct precedence *p = &precedences[list->row[i]];

		for (unsigned j = 0; j < h->batch.n; j++)
			if (h->batch.fired[j].rule == p->suppress && same_cause(p, &h->batch.fired[j].draft, &f->draft))
				finding_relate(cell, h->batch.fired[j].rule);
	}
}

/* ---- findings ---- */

void findings_emit(struct stage *st, const struct subject *c, const struct tcplint_host_id *host,
		   struct finding_cell *cell)
{
	struct tcplint_finding out;
	char message[FINDING_MESSAGE];

	if (finding_disabled(&st->options, cell->rule))
		return;
	cell->listed = finding_passes(&st->options, cell);
	if (!cell->listed) {
		st->counters->findings_below_threshold++;
		return;
	}
	finding_public(c, host, cell, &out, message, sizeof(message));
	if (st->options.ignored && st->options.ignored(st->options.ignored_user, &out)) {
		cell->listed = false;
		st->counters->findings_ignored++;
		return;
	}
	st->counters->findings++;
	if (st->sink.finding)
		st->sink.finding(st->sink.user, &out);
}

/* What was counted before is not handed on again. */
static void emit(const struct hearing *h, struct finding_cell *cell)
{
	if (h->replaying)
		cell->listed = finding_passes(&h->st->options, cell);
	else
		findings_emit(h->st, h->subject, NULL, cell);
}

/* What a violation of a phase does to the judgement of the connection (design.md 3). */
static void judge(const struct hearing *h, const struct finding_cell *f)
{
	const enum tcplint_phase phase = rule_rows[f->rule].public.phase;

	if (f->verdict != TCPLINT_VIOLATION || f->confidence < 0.8F)
		return;
	if (phase == TCPLINT_PHASE_HANDSHAKE)
		h->dossier->violated |= 1;
	if (phase == TCPLINT_PHASE_TEARDOWN || f->rule == RULE_ack_beyond_fin)
		h->dossier->violated |= 2;
}

/* It happened before on this connection: counted, and for what the sender alone shows, surer. */
static void repeat(const struct hearing *h, struct finding_cell *cell, const struct fired *f, float confidence)
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
	judge(h, cell);
	if (!cell->listed && finding_passes(&h->st->options, cell)) {
		h->st->counters->findings_below_threshold--;
		emit(h, cell);
	}
}

static void note_fired(const struct stage *st, unsigned rule)
{
	if (st->record && st->record->fired_count < 8)
		st->record->fired[st->record->fired_count++] = rule;
}

/* The first of its kind, behind those that were settled before. */
static struct finding_cell *new_cell(const struct hearing *h, const struct fired *f, enum tcplint_verdict verdict,
				     float confidence)
{
	struct slab *cells = &h->st->findings;
	const uint32_t number = stage_take_cell(h->st);
	struct finding_cell *cell = finding_at(cells, number);
	uint32_t *link = &h->dossier->findings;

	if (!cell)
		return NULL;
	*cell = (struct finding_cell){
		.rule = f->rule,
		.offender = f->draft.offender,
		.verdict = (uint8_t)verdict,
		.severity = finding_severity(&h->st->options, f->rule, f->draft.severity),
		.has_would_be = f->has_would_be,
		.would_be = f->would_be,
		.confidence = confidence,
		.count = 1 + f->copies,
		.first_ts = f->draft.ts,
		.last_ts = f->copies ? f->last_ts : f->draft.ts,
		.draft = f->draft,
	};
	while (*link)
		link = &finding_at(cells, *link)->next;
	*link = number;
	return cell;
}

static void report_one(const struct hearing *h, struct fired *f)
{
	const struct rule_row *row = &rule_rows[f->rule];
	const enum tcplint_verdict verdict =
		f->draft.verdict != KEEP ? (enum tcplint_verdict)f->draft.verdict : row->public.verdict;
	const float confidence = confidence_of(h->st, h->subject, f, verdict);
	struct finding_cell *cell = find(h, f->rule, f->draft.offender);

	note_fired(h->st, f->rule);
	/* a timer that looks again is not another occurrence */
	if (cell && draft_decisive(&cell->draft) == draft_decisive(&f->draft) && row->on != ON_SEGMENT)
		return;
	h->st->hits[f->rule] += !h->replaying;
	if (cell) {
		if (f->has_would_be && !cell->has_would_be) {
			cell->has_would_be = true;
			cell->would_be = f->would_be;
		}
		add_related(h, cell, f);
		repeat(h, cell, f, confidence);
		return;
	}
	cell = new_cell(h, f, verdict, confidence);
	if (!cell)
		return;
	add_related(h, cell, f);
	judge(h, cell);
	emit(h, cell);
}

/* A finding about the host stands for it; a timer that looks again is not another occurrence. */
static bool aggregated(const struct hearing *h, const struct fired *f)
{
	const bool timer = rule_rows[f->rule].on != ON_SEGMENT;
	const struct subject *s = h->subject;
	const struct covered c = { &s->id.client, &s->id.server, s->start.ts, s->origin == TCPLINT_ORIGIN_SYNACK };

	if (timer && h->dossier->aggregated == f->rule + 1)
		return true;
	if (!aggregate_covers(h->st, &c, (enum rule)f->rule, (enum tcplint_offender)f->draft.offender))
		return false;
	if (timer)
		h->dossier->aggregated = (uint16_t)(f->rule + 1);
	h->st->hits[f->rule]++;
	return true;
}

void findings_fired(struct stage *st, const struct told_fired *t)
{
	struct hearing h;

	h.st = st;
	h.dossier = stage_dossier(st, &t->told, t->subject.number);
	h.subject = &t->subject;
	h.replaying = t->replaying;
	h.batch.n = t->batch.n;
	for (unsigned i = 0; i < t->batch.n; i++)
		h.batch.fired[i] = t->batch.fired[i];
	for (unsigned i = 0; i < h.batch.n; i++) {
		struct fired *f = &h.batch.fired[i];

		if (explained(&h.batch, f) || suppressed(&h, f))
			continue;
		if (h.replaying || !aggregated(&h, f)) /* what a host stood for was not taken quietly */
			report_one(&h, f);
	}
}
