#include "ahead.h"

static void expect(const struct hosts *hosts, struct ahead *a, enum host_kind kind, const struct endpoint_address *e)
{
	const uint32_t hash = hosts_hash(hosts, kind, e->ip, kind == HOST_SERVICE ? e->port : 0);

	a->hash[a->hosts++] = hash;
	hosts_prefetch_slot(hosts, hash);
}

/* A step of an opening: what the stage will look at (aggregate.c). */
static void expect_hosts(const struct hosts *hosts, struct ahead *a, const struct segment *s)
{
	const bool answer = (s->flags & (FLAG_SYN | FLAG_ACK)) == (FLAG_SYN | FLAG_ACK);
	const struct endpoint_address *client = answer ? &s->dst : &s->src, *server = answer ? &s->src : &s->dst;

	if (!hosts)
		return;
	expect(hosts, a, HOST_CLIENT, client);
	expect(hosts, a, HOST_SERVICE, server);
	if (answer)
		expect(hosts, a, HOST_SERVER, server);
}

static void prefetch_hosts(const struct hosts *hosts, const struct ahead *a)
{
	for (unsigned i = 0; i < a->hosts; i++)
		hosts_prefetch(hosts, a->hash[i]);
}

void ahead_begin(const struct flow_table *flows, const struct hosts *hosts, struct ahead *a, const struct segment *s,
		 uint64_t hash)
{
	a->hosts = 0;
	flow_prefetch_slot(flows, hash);
	if (s->flags & FLAG_SYN)
		expect_hosts(hosts, a, s);
}

void ahead_step(const struct flow_table *flows, const struct hosts *hosts, struct ahead *a, const struct segment *s,
		uint64_t hash, unsigned step)
{
	const bool syn = s->flags & FLAG_SYN;

	switch (step) {
	case 0:
		flow_prefetch(flows, hash);
		prefetch_hosts(hosts, a);
		break;
	case 1:
		if (!syn && flow_prefetch_part(flows, hash))
			expect_hosts(hosts, a, s);
		else if (a->hosts)
			hosts_prefetch_openings(hosts, a->hash[0]);
		break;
	case 2:
		if (!syn && a->hosts)
			prefetch_hosts(hosts, a);
		else if (!syn)
			flow_prefetch_closing(flows, hash);
		break;
	default:
		if (!syn && a->hosts)
			hosts_prefetch_openings(hosts, a->hash[0]);
		break;
	}
}
