#include "vantage.h"

/* A side is near when the way to the other one takes so many times as long. */
#define NEARER 4

/* No more routers than this are on a way; a TTL further down began somewhere else. */
#define HOPS_MAX 40

/* What is missing to the least of the usual first values that is not below it. */
static bool hops_of(uint8_t ttl, uint8_t *hops)
{
	static const uint8_t usual[] = { 64, 128, 255 };

	for (unsigned i = 0; i < sizeof(usual); i++) {
		if (ttl > usual[i])
			continue;
		*hops = (uint8_t)(usual[i] - ttl);
		return *hops <= HOPS_MAX;
	}
	return false;
}

static enum tcplint_vantage by_time(const struct vantage *v)
{
	if (v->rtt[CLIENT] < 0 || v->rtt[SERVER] < 0)
		return TCPLINT_VANTAGE_UNKNOWN;
	if (v->rtt[CLIENT] < v->rtt[SERVER] / NEARER)
		return TCPLINT_NEAR_CLIENT;
	return v->rtt[SERVER] < v->rtt[CLIENT] / NEARER ? TCPLINT_NEAR_SERVER : TCPLINT_MIDDLE;
}

/* One end has passed no router, and the other has. */
static enum tcplint_vantage by_hops(const struct vantage *v)
{
	if (!v->has_hops[CLIENT] || !v->has_hops[SERVER] || !v->hops[CLIENT] == !v->hops[SERVER])
		return TCPLINT_VANTAGE_UNKNOWN;
	return v->hops[CLIENT] ? TCPLINT_NEAR_SERVER : TCPLINT_NEAR_CLIENT;
}

struct vantage vantage_of(const struct conn *c)
{
	struct vantage v = { .rtt = { -1, -1 } };

	if (c->self_connect)
		return v;
	for (enum side i = CLIENT; i <= SERVER; i++) {
		v.has_hops[i] = knows(&c->end[i], K_SEEN) && hops_of(c->end[i].ttl, &v.hops[i]);
		if (c->end[i].turn > 0 && c->synacks && c->syns && !c->simultaneous)
			v.rtt[i] = c->end[i].turn;
	}
	const enum tcplint_vantage hops = by_hops(&v), time = by_time(&v);

	/* a slow host looks like a long way, so that routers count for more; when they contradict, neither does */
	v.estimate = hops == TCPLINT_VANTAGE_UNKNOWN ? time : hops;
	if (hops != TCPLINT_VANTAGE_UNKNOWN && time != TCPLINT_VANTAGE_UNKNOWN && time != TCPLINT_MIDDLE &&
	    time != hops)
		v.estimate = TCPLINT_VANTAGE_UNKNOWN;
	return v;
}

bool vantage_at(const struct conn *c, enum side x)
{
	const struct vantage v = vantage_of(c);

	return v.estimate == (x == CLIENT ? TCPLINT_NEAR_CLIENT : TCPLINT_NEAR_SERVER) && v.has_hops[x] && !v.hops[x];
}
