/* What a host that is watched (watch.h), or a service, has shown over several connections. */
#include "draft.h"
#include "hosts.h"

static bool shows(const struct view *v, enum host_kind kind, enum side by, struct draft *d)
{
	const struct host_view *hv = v->host;

	if (!hv || !hv->watched || hv->h->kind != kind)
		return false;
	draft_offender(d, by);
	for (unsigned i = 0; i < hv->marks; i++)
		draft_frame(d, hv->mark[i]);
	d->cap = 0.9F;
	return true;
}

/* How many of the sightings have something that none before them had. */
static unsigned distinct(const struct watch *w, bool (*same)(const struct sighting *a, const struct sighting *b))
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n; i++) {
		unsigned j = 0;

		while (j < i && !same(&w->seen[j], &w->seen[i]))
			j++;
		n += j == i;
	}
	return n;
}

static bool same_port(const struct sighting *a, const struct sighting *b)
{
	return a->port == b->port;
}

static bool same_source(const struct sighting *a, const struct sighting *b)
{
	return a->source == b->source;
}

static bool same_address(const struct sighting *a, const struct sighting *b)
{
	return a->address == b->address;
}

/*
 * Many ports of few hosts, or one port of many hosts from the same port.  A host that wakes up, or returns after its
 * NAT forgot it, has connections that everybody else has forgotten: to few services of many hosts, each from a port of
 * its own; or, when it is the server, from few low ports to many high ones.
 */
static bool explores(const struct watch *w)
{
	const unsigned few = SIGHTINGS / 2, ports = distinct(w, same_port);
	unsigned to_services = 0;

	for (unsigned i = 0; i < w->n; i++)
		to_services += w->seen[i].port < w->seen[i].source;
	if (to_services <= few)
		return false;
	return ports > few ? distinct(w, same_address) <= few : distinct(w, same_source) <= few;
}

bool rule_scan_ack(const struct view *v, struct draft *d)
{
	if (!shows(v, HOST_ACKS, CLIENT, d))
		return false;
	const struct watch *w = &v->host->detail->watch;

	if (!explores(w)) {
		d->cap = 0.45F;
		d->alternatives |= ALT_capture_loss;
	}
	d->number[0] = w->n;
	d->number[1] = w->seen[w->n - 1].mark.ts - w->seen[0].mark.ts;
	return true;
}

bool rule_scan_connect(const struct view *v, struct draft *d)
{
	if (!shows(v, HOST_CONNECTS, CLIENT, d))
		return false;
	const struct watch *w = &v->host->detail->watch;

	d->number[0] = w->n;
	d->number[1] = w->seen[w->n - 1].mark.ts - w->seen[0].mark.ts;
	return true;
}

bool rule_backscatter(const struct view *v, struct draft *d)
{
	if (!shows(v, HOST_UNASKED, SERVER, d))
		return false;
	d->alternatives |= ALT_one_sided;
	d->number[0] = (int64_t)v->host->detail->watch.count;
	return true;
}

/* Where nothing was seen of the host before, the usual rate is not known. */
bool rule_rst_storm(const struct view *v, struct draft *d)
{
	if (!shows(v, HOST_RESETS, SERVER, d))
		return false;
	const struct resets *r = &v->host->detail->resets;

	if (!r->observed)
		d->cap = 0.45F;
	d->offender = TCPLINT_BY_UNKNOWN;
	d->number[0] = r->most;
	d->number[1] = (int64_t)(r->most_usual + 0.5);
	return true;
}

/* ---- services ---- */

static void service_draft(const struct host_view *hv, struct draft *d)
{
	draft_offender(d, SERVER);
	for (unsigned i = 0; i < hv->marks; i++)
		draft_frame(d, hv->mark[i]);
}

bool rule_syn_cookies_active(const struct view *v, struct draft *d)
{
	const struct host_view *hv = v->host;

	if (!hv || (!hv->withholds && !hv->forgets))
		return false;
	const struct service *s = &hv->detail->service;

	service_draft(hv, d);
	d->number[0] = hv->withholds ? s->withheld : 0;
	d->number[1] = hv->forgets ? (int64_t)(s->synacks - s->before.synacks) : 0;
	d->number[2] = hv->forgets ? (int64_t)(s->synack_copies - s->before.copies) : 0;
	return true;
}

bool rule_handshake_failure_rate(const struct view *v, struct draft *d)
{
	const struct host_view *hv = v->host;

	if (!hv || !hv->failures)
		return false;
	service_draft(hv, d);
	d->number[0] = (int64_t)hv->h->openings;
	d->number[1] = (int64_t)hv->detail->service.completed;
	d->number[2] = (int64_t)hv->detail->service.resets;
	return true;
}
