/*
 * What the stage will look at is asked for before it hears of it, as for segments (ahead.h): of several engines,
 * messages lie in rings, and the entries of hosts that they need are in no cache of this core's.
 */
#include "stage.h"

static void expect_hosts(const struct hosts *hosts, struct hosts_needed *x, const struct told *t)
{
	const struct told_opening *o = (const void *)t;

	x->n = 0;
	if (t->kind == TOLD_SYN || t->kind == TOLD_SYNACK || t->kind == TOLD_COMPLETED || t->kind == TOLD_FAILED)
		hosts_expect(hosts, x, o->id.client.ip, o->id.server.ip, o->id.server.port, t->kind == TOLD_SYNACK);
}

void stage_look_ahead(const struct stage *st, const struct told *const *messages, unsigned n)
{
	const struct hosts *hosts = &st->hosts;
	struct hosts_needed needed[STAGE_AHEAD];

	for (unsigned i = 0; i < n; i++)
		expect_hosts(hosts, &needed[i], messages[i]);
	for (unsigned i = 0; i < n; i++)
		hosts_prefetch(hosts, &needed[i]);
	for (unsigned i = 0; i < n; i++)
		hosts_prefetch_openings(hosts, &needed[i]);
}
