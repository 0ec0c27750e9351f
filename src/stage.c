#include <stdlib.h>

#include "aggregate.h"
#include "findings.h"
#include "released.h"
#include "stage.h"
#include "watch.h"

bool stage_init(struct stage *st, const struct tcplint_options *o, const struct tcplint_sink *sink,
		const struct rule_index *rules, struct tcplint_counters *counters, unsigned shards,
		uint32_t connections, const struct siphash_key *key, struct error *e)
{
	*st = (struct stage){
		.options = *o,
		.sink = *sink,
		.limits = limits_of(o),
		.rules = rules,
		.counters = counters,
		.now = INT64_MIN,
		.dossiers = calloc(shards, sizeof(*st->dossiers)),
		.shards = shards,
	};
	bool good = st->dossiers || fail(e, "no memory for findings");

	for (unsigned i = 0; i < shards && good; i++)
		good = slab_init(&st->dossiers[i], sizeof(struct dossier), connections, e);
	good = good && slab_init(&st->findings, sizeof(struct finding_cell), cells_limit(o->max_connections), e) &&
	       aggregate_init(st, key, e);
	if (!good)
		stage_finish(st);
	return good;
}

void stage_finish(struct stage *st)
{
	for (unsigned i = 0; st->dossiers && i < st->shards; i++)
		slab_finish(&st->dossiers[i]);
	free(st->dossiers);
	st->dossiers = NULL;
	slab_finish(&st->findings);
	hosts_finish(&st->hosts);
}

uint64_t stage_memory(const struct stage *st)
{
	return hosts_memory(&st->hosts) + (uint64_t)st->findings.limit * st->findings.cell +
	       (uint64_t)st->shards * st->dossiers[0].limit * st->dossiers[0].cell;
}

/* ---- loss ---- */

bool stage_loss_near(const struct stage *st, int64_t ts)
{
	const unsigned n = st->losses < LOSS_MEMORY ? st->losses : LOSS_MEMORY;

	for (unsigned i = 0; i < n; i++)
		if (ts >= st->loss[i].from - SECOND && ts <= st->loss[i].to + SECOND)
			return true;
	return false;
}

/* What is nearer than two seconds to another time of loss is one with it: there is no moment that is near neither. */
void stage_missed(struct stage *st, int64_t from, int64_t to)
{
	const unsigned n = st->losses < LOSS_MEMORY ? st->losses : LOSS_MEMORY;

	for (unsigned i = 1; i <= n; i++) {
		const unsigned at = (st->losses - i) % LOSS_MEMORY;

		if (from > st->loss[at].to + 2 * SECOND || to < st->loss[at].from - 2 * SECOND)
			continue;
		if (from < st->loss[at].from)
			st->loss[at].from = from;
		if (to > st->loss[at].to)
			st->loss[at].to = to;
		return;
	}
	st->loss[st->losses % LOSS_MEMORY].from = from;
	st->loss[st->losses++ % LOSS_MEMORY].to = to;
}

/* ---- cells ---- */

uint32_t stage_take_cell(struct stage *st)
{
	const uint32_t number = slab_take(&st->findings);

	st->exhausted += !number;
	return number;
}

void stage_give_cells(struct stage *st, uint32_t *first)
{
	while (*first) {
		const uint32_t number = *first;

		*first = finding_at(&st->findings, number)->next;
		slab_give(&st->findings, number);
	}
}

/* ---- what is told ---- */

/* A finding about a host stands for it, or it is counted: nobody wants to read of it. */
static void hear_common(struct stage *st, const struct told_common *t)
{
	const struct covered c = { &t->client, &t->server, t->start, false };

	st->hits[t->rule]++;
	if (!aggregate_covers(st, &c, (enum rule)t->rule, (enum tcplint_offender)t->by) &&
	    !finding_disabled(&st->options, t->rule))
		st->counters->findings_below_threshold++;
}

struct told *stage_room(void *user)
{
	return (void *)((struct stage *)user)->room;
}

void stage_hear(void *user, struct told *t, int64_t now)
{
	struct stage *st = user;

	st->now = now;
	switch ((enum told_kind)t->kind) {
	case TOLD_SYN:
	case TOLD_SYNACK:
	case TOLD_AGAIN:
	case TOLD_COMPLETED:
	case TOLD_FAILED:
		aggregate_opening(st, (const struct told_opening *)t);
		break;
	case TOLD_PROBE:
		aggregate_probe(st, (const struct told_sighting *)t);
		break;
	case TOLD_ACK:
	case TOLD_EMPTY:
	case TOLD_UNASKED:
	case TOLD_ASKED:
	case TOLD_RESET:
		watch_sighting(st, (const struct told_sighting *)t);
		break;
	case TOLD_TIME_WAIT:
		aggregate_time_wait(st, (const struct told_time_wait *)t);
		break;
	case TOLD_COMMON:
		hear_common(st, (const struct told_common *)t);
		break;
	case TOLD_FIRED:
		findings_fired(st, (const struct told_fired *)t);
		break;
	case TOLD_RELEASED:
		released(st, (const struct told_released *)t);
		break;
	case TOLD_LOSS:
		stage_missed(st, ((const struct told_loss *)t)->ts, ((const struct told_loss *)t)->ts);
		break;
	}
}
