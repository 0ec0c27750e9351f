/* The record `host`. */
#include "names.h"
#include "report_private.h"

static void put_numbers(struct report *r, json_t *object, const struct tcplint_host *h, int side)
{
	json_t *isn, *list;

	if (!h->isn[side].samples)
		return;
	isn = put_object(r, object, "isn");
	put_number(r, isn, "samples", h->isn[side].samples);
	put_number(r, isn, "distinct", h->isn[side].distinct);
	if (h->isn[side].has_p)
		put(r, isn, "p", json_real(h->isn[side].p));
	if (h->isn[side].has_rate)
		put(r, isn, "rate", json_integer(h->isn[side].rate));
	if (!h->isn[side].count)
		return;
	list = put_array(r, isn, "values");
	for (unsigned i = 0; i < h->isn[side].count; i++)
		append(r, list, json_integer(h->isn[side].value[i]));
}

static void put_roles(struct report *r, json_t *object, const struct tcplint_host *h)
{
	json_t *role;

	if (h->has_role[TCPLINT_CLIENT]) {
		role = put_object(r, object, "client");
		put_number(r, role, "opened", h->opened);
		put_number(r, role, "completed", h->completed);
		put_number(r, role, "refused", h->refused);
		put_number(r, role, "aborted", h->aborted);
		put_numbers(r, role, h, TCPLINT_CLIENT);
	}
	if (h->has_role[TCPLINT_SERVER]) {
		role = put_object(r, object, "server");
		put_number(r, role, "answered", h->answered);
		put_numbers(r, role, h, TCPLINT_SERVER);
	}
}

static void put_floods(struct report *r, json_t *object, const struct tcplint_host *h)
{
	json_t *list = h->flood_count ? put_array(r, object, "floods") : NULL;

	for (unsigned i = 0; i < h->flood_count; i++) {
		json_t *one = json_object();

		put_number(r, one, "port", h->flood[i].port);
		put_time(r, one, "start", h->flood[i].start);
		put_time(r, one, "end", h->flood[i].end);
		put_number(r, one, "syns", h->flood[i].syns);
		put_number(r, one, "completed", h->flood[i].completed);
		put_number(r, one, "sources", h->flood[i].sources);
		put_number(r, one, "synack_retransmissions", h->flood[i].synack_retransmissions);
		append(r, list, one);
	}
}

static void put_scans(struct report *r, json_t *object, const struct tcplint_host *h)
{
	json_t *scan;

	if (h->has_scan) {
		scan = put_object(r, object, "scan");
		put_time(r, scan, "start", h->scan.start);
		put_time(r, scan, "end", h->scan.end);
		put_number(r, scan, "targets", h->scan.targets);
		put_number(r, scan, "failed", h->scan.failed);
	}
	if (!h->probes_fin && !h->probes_null && !h->probes_xmas)
		return;
	scan = put_object(r, object, "probes");
	put_number(r, scan, "fin", h->probes_fin);
	put_number(r, scan, "null", h->probes_null);
	put_number(r, scan, "xmas", h->probes_xmas);
}

static void put_time_wait(struct report *r, json_t *object, const struct tcplint_host *h)
{
	json_t *t;

	if (!h->time_wait.connections)
		return;
	t = put_object(r, object, "time_wait");
	put_number(r, t, "connections", h->time_wait.connections);
	put_seconds(r, t, "lower", h->time_wait.lower ? h->time_wait.lower : -1);
	put_seconds(r, t, "upper", h->time_wait.upper ? h->time_wait.upper : -1);
}

bool json_host(struct report *r, const struct tcplint_host *h)
{
	char ip[ADDRESS_SIZE];
	json_t *object, *findings;

	if (r->failed || !report_wants(r, REPORT_HOST))
		return !r->failed;
	object = record_begin(r, "host");
	put_when(r, object, h->ts);
	put_text(r, object, "ip", format_address(h->ip, ip));
	put_roles(r, object, h);
	put_floods(r, object, h);
	put_scans(r, object, h);
	put_time_wait(r, object, h);
	put_number(r, object, "aggregated", h->aggregated);
	findings = put_array(r, object, "findings");
	for (unsigned i = 0; i < h->finding_count; i++) {
		json_t *one = json_object();

		put_finding(r, one, h->findings[i], true);
		append(r, findings, one);
	}
	return record_end(r, object);
}
