#include "ahead.h"

/* A step of an opening: what the stage will look at (aggregate.c). */
static void expect_hosts(const struct hosts *hosts, struct ahead_segment *x)
{
	const struct segment *s = x->s;
	const bool answer = (s->flags & (FLAG_SYN | FLAG_ACK)) == (FLAG_SYN | FLAG_ACK);
	const struct endpoint_address *client = answer ? &s->dst : &s->src, *server = answer ? &s->src : &s->dst;

	hosts_expect(hosts, &x->hosts, client->ip, server->ip, server->port, answer);
}

/* Those whose connection waits for its third segment; how many. */
static unsigned prefetch_parts(struct ahead *a, const struct flow_table *flows, uint8_t third[AHEAD])
{
	unsigned thirds = 0;

	for (unsigned i = 0; i < a->n; i++) {
		const struct quiet *q = flow_prefetch_part(flows, a->of[i].number);

		third[thirds] = (uint8_t)i;
		thirds += (q->stage == QUIET_SYNACK) & !(a->of[i].s->flags & FLAG_SYN);
	}
	return thirds;
}

/*
 * Of what begins a teardown or an opening, or goes on with it, what changes timers and how much a connection is worth
 * too.
 */
static void prefetch_closings(const struct ahead *a, const struct flow_table *flows, const struct wheel *wheel)
{
	for (unsigned i = 0; i < a->n; i++) {
		const struct ahead_segment *x = &a->of[i];
		const unsigned flags = x->s->flags;
		const uint32_t number = flags & (FLAG_SYN | FLAG_FIN) ? x->number : 0;

		flow_prefetch_closing(flows, x->number, flags);
		flow_prefetch_age(flows, number);
		wheel_prefetch(wheel, number);
	}
}

/*
 * The first lines of closings that were never used: about as many connections take one as complete their openings
 * meanwhile, and the first segment that is cut counts in it.
 */
static void prefetch_fresh_closings(const struct slab *closings, unsigned n)
{
	const uint32_t left = closings->limit + 1 - closings->fresh;

	for (unsigned i = 0; i < n && i < left; i++)
		PREFETCH(slab_at(closings, closings->fresh + i));
}

void ahead_prefetch(struct ahead *a, const struct flow_table *flows, const struct wheel *wheel,
		    const struct hosts *hosts)
{
	const unsigned syns = hosts ? a->syns : 0;
	uint8_t third[AHEAD];

	/* all at once: asked for between the decoding of two frames each of them is waited for */
	for (unsigned i = 0; i < a->n; i++)
		PREFETCH(&flows->slots[a->of[i].slot]);
	for (unsigned i = 0; i < syns; i++)
		expect_hosts(hosts, &a->of[a->syn[i]]);
	for (unsigned i = 0; i < a->n; i++) {
		struct ahead_segment *x = &a->of[i];

		x->slot = flow_glance(flows, x->hash);
		x->number = (uint32_t)flows->slots[x->slot];
		flow_prefetch(flows, x->number);
	}
	for (unsigned i = 0; i < syns; i++)
		hosts_prefetch(hosts, &a->of[a->syn[i]].hosts);

	const unsigned thirds = prefetch_parts(a, flows, third);

	for (unsigned i = 0; i < thirds; i++) {
		struct ahead_segment *x = &a->of[third[i]];

		PREFETCH(flow_answer(flows, flow_quiet(flows, x->number)));
		flow_prefetch_age(flows, x->number);
		if (hosts)
			expect_hosts(hosts, x);
	}
	for (unsigned i = 0; i < syns; i++)
		hosts_prefetch_openings(hosts, &a->of[a->syn[i]].hosts);
	for (unsigned i = 0; i < thirds && hosts; i++)
		hosts_prefetch(hosts, &a->of[third[i]].hosts);
	prefetch_closings(a, flows, wheel);
	prefetch_fresh_closings(&flows->closings, thirds);
	for (unsigned i = 0; i < thirds && hosts; i++)
		hosts_prefetch_openings(hosts, &a->of[third[i]].hosts);
}
