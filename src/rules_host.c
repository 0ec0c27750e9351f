/* What a host shows over several connections: its initial sequence numbers, floods and scans. */
#include <string.h>

#include "draft.h"
#include "hosts.h"

/* ---- initial sequence numbers ---- */

static void add_frames(const struct host_view *hv, struct draft *d)
{
	for (unsigned i = 0; i < hv->marks; i++)
		draft_frame(d, hv->mark[i]);
	if (hv->cut)
		d->alternatives |= ALT_capture_end;
	if (hv->cut || hv->silent)
		d->cap = 0.6F;
	if (hv->silent)
		d->alternatives |= ALT_one_sided;
}

static bool numbers_fail(const struct view *v, enum isn_test t, struct draft *d)
{
	const struct host_view *hv = v->host;

	if (!hv || !hv->isn || !(hv->isn->failed & 1u << t))
		return false;
	draft_offender(d, hv->h->kind == HOST_CLIENT ? CLIENT : SERVER);
	add_frames(hv, d);
	d->number[0] = hv->isn->n;
	if (t == ISN_REPEATED || t == ISN_CONSTANT)
		draft_plain(d, TCPLINT_FIELD_ISN, hv->isn->value);
	if (t == ISN_ZERO)
		draft_plain(d, TCPLINT_FIELD_ISN, 0);
	if (hv->relative) { /* a tool that writes relative numbers, or makes captures anonymous */
		d->verdict = TCPLINT_ARTEFACT;
		d->severity = TCPLINT_INFO;
		d->offender = TCPLINT_BY_CAPTURE;
	}
	return true;
}

bool rule_isn_repeated(const struct view *v, struct draft *d)
{
	return numbers_fail(v, ISN_REPEATED, d);
}

bool rule_isn_constant(const struct view *v, struct draft *d)
{
	if (!numbers_fail(v, ISN_CONSTANT, d))
		return false;
	if (v->host->raw && !v->host->relative) /* not a host's TCP: a scanner that makes its SYNs itself */
		d->verdict = TCPLINT_ATTACK_SUSPECT;
	return true;
}

bool rule_isn_fixed_increment(const struct view *v, struct draft *d)
{
	if (!numbers_fail(v, ISN_FIXED_INCREMENT, d))
		return false;
	d->number[1] = v->host->isn->low;
	d->number[2] = v->host->isn->high;
	return true;
}

bool rule_isn_clock_predictable(const struct view *v, struct draft *d)
{
	if (!numbers_fail(v, ISN_CLOCK, d))
		return false;
	d->number[1] = v->host->isn->rate;
	d->number[2] = isn_exponent(v->host->isn->p);
	return true;
}

bool rule_isn_common_divisor(const struct view *v, struct draft *d)
{
	if (!numbers_fail(v, ISN_COMMON_DIVISOR, d))
		return false;
	d->number[1] = v->host->isn->divisor;
	return true;
}

bool rule_isn_bit_bias(const struct view *v, struct draft *d)
{
	if (!numbers_fail(v, ISN_BIT_BIAS, d))
		return false;
	d->number[1] = v->host->isn->bit;
	d->number[2] = v->host->isn->ones;
	return true;
}

bool rule_isn_zero(const struct view *v, struct draft *d)
{
	if (!numbers_fail(v, ISN_ZERO, d))
		return false;
	d->number[1] = v->host->isn->zeros;
	if (v->host->isn->zeros < 2)
		d->severity = TCPLINT_INFO;
	return true;
}

bool rule_port_sequential(const struct view *v, struct draft *d)
{
	const struct host_view *hv = v->host;

	if (!hv || !hv->ports)
		return false;
	draft_offender(d, CLIENT);
	add_frames(hv, d);
	d->number[0] = hv->ports->close;
	d->number[1] = hv->ports->pairs;
	d->number[2] = hv->ports->last;
	return true;
}

/* 127.0.0.0/8 and ::1: nothing is ever delayed there. */
static bool is_loopback(const uint8_t ip[16])
{
	static const uint8_t v4[12] = { [10] = 0xff, [11] = 0xff }, v6[16] = { [15] = 1 };

	return (!memcmp(ip, v4, 12) && ip[12] == 127) || !memcmp(ip, v6, 16);
}

/* RFC 9293, MUST-13: two MSL of two minutes each. */
#define OLD_SEGMENTS_LIVE (240 * SECOND)

bool rule_isn_overlaps_previous(const struct view *v, struct draft *d)
{
	const struct segment *s = v->s;
	const struct conn *c = v->c;

	if (!(v->events & (EV_SYN | EV_SYNACK)) || !v->drives || v->events & EV_ODD_FLAGS || !c->before.known[v->x] ||
	    knows(v->X, K_ISN))
		return false;
	const uint32_t isn = c->before.isn[v->x], smax = c->before.smax[v->x];
	const int64_t gap = s->ts - c->before.last[v->x].ts;

	if (gap < 0 || gap >= OLD_SEGMENTS_LIVE || smax == isn || !seq_in(isn, s->seq, smax - 1) ||
	    is_loopback(conn_address(c, CLIENT)->ip))
		return false;
	/* PAWS tells the two apart: RFC 7323, 5.8 and appendix B */
	if (c->before.timestamps && s->opt.present & OPT_TIMESTAMPS && seq_gt(s->opt.ts_val, c->before.tsval[v->x]))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_ISN, s->seq);
	draft_frame(d, c->before.last[v->x]);
	draft_frame(d, mark_of(s));
	d->number[0] = s->seq - isn;
	d->number[1] = smax - isn;
	d->number[2] = gap;
	return true;
}

/* ---- floods and scans ---- */

bool rule_syn_flood(const struct view *v, struct draft *d)
{
	const struct host_view *hv = v->host;

	if (!hv || !hv->flood)
		return false;
	d->offender = TCPLINT_BY_UNKNOWN;
	add_frames(hv, d);
	d->number[0] = hv->detail->service.most_syn;
	d->number[1] = hv->detail->service.most_sources;
	d->number[2] = hv->detail->service.most_completed;
	return true;
}

bool rule_scan_syn(const struct view *v, struct draft *d)
{
	const struct host_view *hv = v->host;

	if (!hv || !hv->scan)
		return false;
	draft_offender(d, CLIENT);
	add_frames(hv, d);
	if (hv->silent)
		d->cap = 0.45F;
	d->number[0] = hv->detail->client.targets;
	d->number[1] = hv->detail->client.failed;
	return true;
}

static bool probed(const struct view *v, enum probe kind, struct draft *d)
{
	const struct host_view *hv = v->host;

	if (!hv || hv->probe != (int)kind)
		return false;
	draft_offender(d, CLIENT);
	add_frames(hv, d);
	d->number[0] = PROBE_MIN;
	d->number[1] = hv->mark[hv->marks - 1].ts - hv->mark[0].ts;
	return true;
}

bool rule_scan_fin(const struct view *v, struct draft *d)
{
	return probed(v, PROBE_FIN, d);
}

bool rule_scan_null(const struct view *v, struct draft *d)
{
	return probed(v, PROBE_NULL, d);
}

bool rule_scan_xmas(const struct view *v, struct draft *d)
{
	return probed(v, PROBE_XMAS, d);
}
