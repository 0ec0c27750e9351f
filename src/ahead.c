#include "ahead.h"

static void expect_client(const struct hosts *hosts, struct ahead *a, const struct endpoint_address *client)
{
	if (!hosts)
		return;
	a->opening = true;
	a->client = hosts_hash(hosts, HOST_CLIENT, client->ip, 0);
	hosts_prefetch_slot(hosts, a->client);
}

void ahead_begin(const struct flow_table *flows, const struct hosts *hosts, struct ahead *a, const struct segment *s,
		 uint64_t hash)
{
	a->opening = false;
	flow_prefetch_slot(flows, hash);
	if (s->flags & FLAG_SYN)
		expect_client(hosts, a, s->flags & FLAG_ACK ? &s->dst : &s->src);
}

void ahead_step(const struct flow_table *flows, const struct hosts *hosts, struct ahead *a, const struct segment *s,
		uint64_t hash, unsigned step)
{
	const bool syn = s->flags & FLAG_SYN;

	switch (step) {
	case 0:
		flow_prefetch(flows, hash);
		if (a->opening)
			hosts_prefetch(hosts, a->client);
		break;
	case 1:
		if (!syn && flow_prefetch_part(flows, hash))
			expect_client(hosts, a, &s->src);
		else if (a->opening)
			hosts_prefetch_openings(hosts, a->client);
		break;
	case 2:
		if (!syn && a->opening)
			hosts_prefetch(hosts, a->client);
		else if (!syn)
			flow_prefetch_closing(flows, hash);
		break;
	default:
		if (!syn && a->opening)
			hosts_prefetch_openings(hosts, a->client);
		break;
	}
}
