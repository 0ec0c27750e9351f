#include <stddef.h>
#include <string.h>

#include "finding.h"
#include "released.h"

#define FINDINGS_MAX 64

struct embedded {
	struct tcplint_finding finding[FINDINGS_MAX];
	const struct tcplint_finding *list[FINDINGS_MAX];
	char message[FINDINGS_MAX][FINDING_MESSAGE];
};

static void fill_findings(const struct stage *st, const struct dossier *d, struct tcplint_connection *r,
			  const struct subject *c, struct embedded *e)
{
	for (const struct finding_cell *f = finding_at(&st->findings, d->findings);
	     f && r->finding_count < FINDINGS_MAX; f = finding_at(&st->findings, f->next)) {
		const unsigned i = r->finding_count;

		if (!f->listed)
			continue;
		finding_public(c, NULL, f, &e->finding[i], e->message[i], sizeof(e->message[i]));
		e->list[i] = &e->finding[i];
		r->finding_count++;
	}
	r->findings = e->list;
}

static bool has_listed(const struct stage *st, const struct dossier *d)
{
	for (const struct finding_cell *f = finding_at(&st->findings, d->findings); f;
	     f = finding_at(&st->findings, f->next))
		if (f->listed)
			return true;
	return false;
}

/* What was not seen cannot have been violated. */
static enum tcplint_judgement judged(enum tcplint_judgement v, bool violated)
{
	return violated && v != TCPLINT_NOT_SEEN ? TCPLINT_VIOLATED : v;
}

static void hand_on(struct stage *st, const struct dossier *d, const struct told_released *t)
{
	struct embedded findings;
	struct tcplint_connection r;

	/* the places that are not counted stay as they are: nobody looks there */
	memcpy(&r, &t->record, offsetof(struct tcplint_connection, not_evaluated) +
				       t->record.not_evaluated_count * sizeof(r.not_evaluated[0]));
	r.finding_count = 0;
	r.conn = &t->subject.id;
	r.history = t->history;
	r.handshake.verdict = judged((enum tcplint_judgement)t->handshake, d->violated & 1);
	r.teardown.verdict = judged((enum tcplint_judgement)t->teardown, d->violated & 2);
	fill_findings(st, d, &r, &t->subject, &findings);
	st->sink.connection(st->sink.user, &r);
}

void released(struct stage *st, const struct told_released *t)
{
	struct dossier *d = stage_dossier(st, &t->told, t->subject.number);

	st->counters->handshake[judged((enum tcplint_judgement)t->handshake, d->violated & 1)]++;
	st->counters->teardown[judged((enum tcplint_judgement)t->teardown, d->violated & 2)]++;
	if (t->recorded && (st->options.all || has_listed(st, d)))
		hand_on(st, d, t);
	stage_give_cells(st, &d->findings);
	*d = (struct dossier){ 0 };
}
