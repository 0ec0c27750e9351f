#include "ahead.h"

static void expect(const struct hosts *hosts, struct ahead *a, enum host_kind kind, const struct endpoint_address *e)
{
	const uint32_t hash = hosts_hash(hosts, kind, e->ip, kind == HOST_SERVICE ? e->port : 0);

	a->hash[a->hosts++] = hash;
	hosts_prefetch_slot(hosts, hash);
}

/* A step of an opening: what the stage will look at (aggregate.c). */
void ahead_expect_hosts(const struct hosts *hosts, struct ahead *a, const struct segment *s)
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

void ahead_prefetch_hosts(const struct hosts *hosts, const struct ahead *a)
{
	for (unsigned i = 0; i < a->hosts; i++)
		hosts_prefetch(hosts, a->hash[i]);
}
