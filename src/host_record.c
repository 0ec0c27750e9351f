/* At the end, and whenever somebody asks: the last judgements, and the records of hosts with findings. */
#include <stdlib.h>
#include <string.h>

#include "aggregate.h"
#include "finding.h"
#include "judge.h"
#include "watch.h"

#define FINDINGS_MAX 16

struct host_list {
	struct host **at;
	uint32_t n;
};

static int by_ip(const void *a, const void *b)
{
	const struct host *x = *(struct host *const *)a, *y = *(struct host *const *)b;

	return memcmp(x->ip, y->ip, sizeof(x->ip));
}

static int by_address(const void *a, const void *b)
{
	const struct host *x = *(struct host *const *)a, *y = *(struct host *const *)b;
	const int c = by_ip(a, b);

	if (c)
		return c;
	return x->kind != y->kind ? (int)x->kind - (int)y->kind : (int)x->port - (int)y->port;
}

/*
 * Those that are wanted, by address; none when there is no memory.  Most entries of a large table are of no interest.
 */
static struct host_list sorted(const struct hosts *t,
			       bool (*wanted)(const struct host *h, const struct host_list *with),
			       const struct host_list *with)
{
	struct host_list list = { t->hosts.used ? malloc(t->hosts.used * sizeof(*list.at)) : NULL, 0 };

	for (uint32_t i = 1; list.at && i < t->hosts.fresh; i++)
		if (host_at(t, i)->in_use && wanted(host_at(t, i), with))
			list.at[list.n++] = host_at(t, i);
	if (list.n)
		qsort(list.at, list.n, sizeof(*list.at), by_address);
	return list;
}

/* Of a single opening only a number that is zero says something. */
static bool may_show(const struct host *h, const struct host_list *unused)
{
	(void)unused;
	return h->detail || (h->kept && !h->only.isn);
}

static bool is_accused(const struct host *h, const struct host_list *unused)
{
	(void)unused;
	return h->findings;
}

static bool is_among(const struct host *h, const struct host_list *accused)
{
	return bsearch(&h, accused->at, accused->n, sizeof(*accused->at), by_ip);
}

void aggregate_settle(struct stage *st, bool last)
{
	const struct mark now = { .ts = st->now };
	const struct host_list list = sorted(&st->hosts, may_show, NULL);

	for (uint32_t i = 0; i < list.n; i++) {
		struct host *h = list.at[i];

		if (h->kind == HOST_SERVICE)
			judge_service(st, h, now.ts / SECOND, (struct mark){ 0 }, last);
		if (h->kind == HOST_SERVICE)
			judge_cookies(st, h);
		if (h->kind == HOST_SERVICE && last)
			judge_failures(st, h, now.ts);
		if (h->kind == HOST_CLIENT)
			judge_scan(st, h, now, last);
		if ((h->kind == HOST_CLIENT || h->kind == HOST_SERVER) && last)
			judge_numbers(st, h, true);
		if (last)
			watch_settle(st, h);
		if (h->kind == HOST_CLIENT && last)
			judge_ports(st, h);
	}
	free(list.at);
}

/* ---- records ---- */

struct record {
	struct tcplint_host host;
	struct tcplint_host_id id[FINDINGS_MAX];
	struct tcplint_finding finding[FINDINGS_MAX];
	const struct tcplint_finding *findings[FINDINGS_MAX];
	char message[FINDINGS_MAX][FINDING_MESSAGE];
	bool fresh;
};

static void add_numbers(struct tcplint_host *out, const struct host *h, const struct host_detail *d)
{
	const int side = h->kind == HOST_CLIENT ? TCPLINT_CLIENT : TCPLINT_SERVER;

	if (!h->judged)
		return;
	out->isn[side].samples = d->isn.n;
	out->isn[side].distinct = d->isn.distinct;
	out->isn[side].has_p = true;
	out->isn[side].p = d->isn.p;
	out->isn[side].has_rate = d->isn.test == ISN_CLOCK;
	out->isn[side].rate = d->isn.rate;
	for (unsigned i = 0; i < d->isn.n && i < TCPLINT_MAX_NUMBERS; i++)
		out->isn[side].value[out->isn[side].count++] = d->shown[i];
}

static void add_client(struct tcplint_host *out, const struct host *h, const struct client *c)
{

	out->has_role[TCPLINT_CLIENT] = h->openings;
	out->opened = h->openings;
	out->completed = c->completed;
	out->refused = c->refused;
	out->aborted = c->aborted;
	out->has_scan = c->last_scan.ts;
	out->scan.start = c->first_scan.ts;
	out->scan.end = c->last_scan.ts;
	out->scan.targets = c->targets;
	out->scan.failed = c->failed;
	out->probes_fin = c->probes ? c->probe[PROBE_FIN].count : 0;
	out->probes_null = c->probes ? c->probe[PROBE_NULL].count : 0;
	out->probes_xmas = c->probes ? c->probe[PROBE_XMAS].count : 0;
}

static void add_service(struct tcplint_host *out, const struct host *h, const struct service *v)
{
	const unsigned i = out->flood_count;

	if (!v->from || i == TCPLINT_MAX_FLOODS)
		return;
	out->flood_count++;
	out->flood[i].port = h->port;
	out->flood[i].start = v->from * SECOND;
	out->flood[i].end = (v->until + 1) * SECOND;
	out->flood[i].syns = v->most_syn;
	out->flood[i].completed = v->most_completed;
	out->flood[i].sources = v->most_sources;
	out->flood[i].synack_retransmissions = v->synack_copies;
}

static void add_findings(struct stage *st, struct record *r, struct host *h)
{
	for (struct finding_cell *f = finding_at(&st->findings, h->findings); f;
	     f = finding_at(&st->findings, f->next)) {
		const unsigned i = r->host.finding_count;

		if (!f->listed || i == FINDINGS_MAX)
			continue;
		r->host.finding_count++;
		r->id[i] = judge_host_id(h);
		finding_public(NULL, &r->id[i], f, &r->finding[i], r->message[i], sizeof(r->message[i]));
		r->findings[i] = &r->finding[i];
	}
	r->fresh = r->fresh || (h->findings && !h->reported);
	h->reported = true;
}

static void add_time_wait(struct tcplint_host *out, const struct host *h, const struct host_detail *d)
{
	if (h->kind == HOST_SERVICE || !d->time_wait.n)
		return;
	out->time_wait.connections += d->time_wait.n;
	if (d->time_wait.lower > out->time_wait.lower)
		out->time_wait.lower = d->time_wait.lower;
	if (d->time_wait.upper && (!out->time_wait.upper || d->time_wait.upper < out->time_wait.upper))
		out->time_wait.upper = d->time_wait.upper;
}

static void add_entry(struct stage *st, struct record *r, struct host *h)
{
	const struct host_detail *d = host_detail(&st->hosts, h);

	if (h->last > r->host.ts)
		r->host.ts = h->last;
	r->host.aggregated += h->aggregated;
	if (h->kind == HOST_CLIENT)
		add_client(&r->host, h, &d->client);
	if (h->kind == HOST_SERVER) {
		r->host.has_role[TCPLINT_SERVER] = true;
		r->host.answered = h->openings;
	}
	if (h->kind == HOST_SERVICE)
		add_service(&r->host, h, &d->service);
	if (h->kind == HOST_CLIENT || h->kind == HOST_SERVER)
		add_numbers(&r->host, h, d);
	add_time_wait(&r->host, h, d);
	add_findings(st, r, h);
}

/* What all entries of an address say together, from the first of them up to `end`. */
static void report_host(struct stage *st, struct record *r, struct host *const *first, struct host *const *end,
			bool all)
{
	r->fresh = false;
	r->host = (struct tcplint_host){ .ts = INT64_MIN, .findings = r->findings };
	memcpy(r->host.ip, (*first)->ip, sizeof(r->host.ip));
	for (; first < end; first++)
		add_entry(st, r, *first);
	if (r->host.finding_count && (all || r->fresh))
		st->sink.host(st->sink.user, &r->host);
}

void aggregate_records(struct stage *st, bool all)
{
	const struct host_list accused = sorted(&st->hosts, is_accused, NULL);
	const struct host_list list =
		accused.n ? sorted(&st->hosts, is_among, &accused) : (struct host_list){ NULL, 0 };
	struct record *r = st->sink.host && list.n ? malloc(sizeof(*r)) : NULL;

	for (uint32_t i = 0, end; r && i < list.n; i = end) {
		for (end = i + 1; end < list.n && !by_ip(&list.at[end], &list.at[i]);)
			end++;
		report_host(st, r, list.at + i, list.at + end, all);
	}
	free(r);
	free(list.at);
	free(accused.at);
}
