/* The record `host`. */
#include "names.h"
#include "report_line.h"

static void put_numbers(struct report *r, const struct tcplint_host *h, int side)
{
	if (!h->isn[side].samples)
		return;
	open_object(r, "isn");
	put_number(r, "samples", h->isn[side].samples);
	put_number(r, "distinct", h->isn[side].distinct);
	if (h->isn[side].has_p)
		put_real(r, "p", h->isn[side].p);
	if (h->isn[side].has_rate)
		put_integer(r, "rate", h->isn[side].rate);
	if (h->isn[side].count) {
		open_array(r, "values");
		for (unsigned i = 0; i < h->isn[side].count; i++)
			put_number(r, NULL, h->isn[side].value[i]);
		close_array(r);
	}
	close_object(r);
}

static void put_roles(struct report *r, const struct tcplint_host *h)
{
	if (h->has_role[TCPLINT_CLIENT]) {
		open_object(r, "client");
		put_number(r, "opened", h->opened);
		put_number(r, "completed", h->completed);
		put_number(r, "refused", h->refused);
		put_number(r, "aborted", h->aborted);
		put_numbers(r, h, TCPLINT_CLIENT);
		close_object(r);
	}
	if (h->has_role[TCPLINT_SERVER]) {
		open_object(r, "server");
		put_number(r, "answered", h->answered);
		put_numbers(r, h, TCPLINT_SERVER);
		close_object(r);
	}
}

static void put_floods(struct report *r, const struct tcplint_host *h)
{
	if (!h->flood_count)
		return;
	open_array(r, "floods");
	for (unsigned i = 0; i < h->flood_count; i++) {
		open_object(r, NULL);
		put_number(r, "port", h->flood[i].port);
		put_time(r, "start", h->flood[i].start);
		put_time(r, "end", h->flood[i].end);
		put_number(r, "syns", h->flood[i].syns);
		put_number(r, "completed", h->flood[i].completed);
		put_number(r, "sources", h->flood[i].sources);
		put_number(r, "synack_retransmissions", h->flood[i].synack_retransmissions);
		close_object(r);
	}
	close_array(r);
}

static void put_scans(struct report *r, const struct tcplint_host *h)
{
	if (h->has_scan) {
		open_object(r, "scan");
		put_time(r, "start", h->scan.start);
		put_time(r, "end", h->scan.end);
		put_number(r, "targets", h->scan.targets);
		put_number(r, "failed", h->scan.failed);
		close_object(r);
	}
	if (!h->probes_fin && !h->probes_null && !h->probes_xmas)
		return;
	open_object(r, "probes");
	put_number(r, "fin", h->probes_fin);
	put_number(r, "null", h->probes_null);
	put_number(r, "xmas", h->probes_xmas);
	close_object(r);
}

static void put_time_wait(struct report *r, const struct tcplint_host *h)
{
	if (!h->time_wait.connections)
		return;
	open_object(r, "time_wait");
	put_number(r, "connections", h->time_wait.connections);
	put_seconds(r, "lower", h->time_wait.lower ? h->time_wait.lower : -1);
	put_seconds(r, "upper", h->time_wait.upper ? h->time_wait.upper : -1);
	close_object(r);
}

bool json_host(struct report *r, const struct tcplint_host *h)
{
	if (r->failed || !report_wants(r, REPORT_HOST))
		return !r->failed;
	record_begin(r, "host");
	put_when(r, h->ts);
	put_ip(r, h->ip);
	put_roles(r, h);
	put_floods(r, h);
	put_scans(r, h);
	put_time_wait(r, h);
	put_number(r, "aggregated", h->aggregated);
	put_findings(r, h->findings, h->finding_count);
	return record_end(r);
}
