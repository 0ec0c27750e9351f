/*
 * What the stage will look at is asked for before it hears of it, as for segments (ahead.h): of several engines, messages
 * lie in rings, and the entries of hosts that they need are in no cache of this core's.
 */
#include "stage.h"

/* Entries that a message needs: that of its client first. */
struct need {
	unsigned n;
	uint32_t hash[3];
};

static void expect(const struct hosts *hosts, struct need *w, enum host_kind kind, const struct tcplint_address *a)
{
	const uint32_t hash = hosts_hash(hosts, kind, a->ip, kind == HOST_SERVICE ? a->port : 0);

	w->hash[w->n++] = hash;
	hosts_prefetch_slot(hosts, hash);
}

static void expect_hosts(const struct hosts *hosts, struct need *w, const struct told *t)
{
	const struct told_opening *o = (const void *)t;

	w->n = 0;
	if (t->kind != TOLD_SYN && t->kind != TOLD_SYNACK && t->kind != TOLD_COMPLETED && t->kind != TOLD_FAILED)
		return;
	expect(hosts, w, HOST_CLIENT, &o->id.client);
	expect(hosts, w, HOST_SERVICE, &o->id.server);
	if (t->kind == TOLD_SYNACK)
		expect(hosts, w, HOST_SERVER, &o->id.server);
}

void stage_look_ahead(const struct stage *st, const struct told *const *messages, unsigned n)
{
	const struct hosts *hosts = &st->hosts;
	struct need need[STAGE_AHEAD];

	for (unsigned i = 0; i < n; i++)
		expect_hosts(hosts, &need[i], messages[i]);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < need[i].n; k++)
			hosts_prefetch(hosts, need[i].hash[k]);
	for (unsigned i = 0; i < n; i++)
		if (need[i].n)
			hosts_prefetch_openings(hosts, need[i].hash[0]);
}
