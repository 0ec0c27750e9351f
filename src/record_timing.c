/* Of the record `connection`: what was sent again and when, and where the tap stands. */
#include "aside.h"
#include "record_private.h"
#include "vantage.h"

/* By how much an interval is to grow: RFC 6298, 5.5, says twice; the rest is for jitter. */
static bool grows(uint32_t before, uint32_t now)
{
	return now >= before + before / 2;
}

static enum tcplint_backoff backoff_of(const struct retries *r, unsigned n)
{
	unsigned equal = 0, grown = 0;

	if (n < 2 || r->timer < n)
		return TCPLINT_BACKOFF_UNKNOWN;
	for (unsigned i = 1; i < n; i++) {
		if (grows(r->us[i - 1], r->us[i]))
			grown++;
		else if (same_interval(r->us[i - 1], r->us[i]) && !grown)
			equal++;
	}
	if (grown + equal < n - 1)
		return TCPLINT_BACKOFF_IRREGULAR;
	if (!equal)
		return TCPLINT_BACKOFF_EXPONENTIAL;
	return grown ? TCPLINT_BACKOFF_LINEAR_THEN_EXPONENTIAL : TCPLINT_BACKOFF_LINEAR;
}

static void fill_retries(struct tcplint_retries *r, const struct retries *from)
{
	const unsigned n = from->count < RETRY_INTERVALS ? from->count : RETRY_INTERVALS;

	r->count = from->count;
	r->timer = from->timer;
	r->interval_count = n;
	for (unsigned i = 0; i < n; i++)
		r->interval[i] = (int64_t)from->us[i] * 1000;
	r->total = (int64_t)from->total_us * 1000;
	r->backoff = backoff_of(from, n);
}

void record_retries(struct tcplint_endpoint *r, const struct conn *c, enum side x)
{
	if (!c->aside)
		return;
	fill_retries(x == CLIENT ? &r->syn_retries : &r->synack_retries, &c->aside->end[x].opening);
	fill_retries(&r->fin_retries, &c->aside->end[x].closing);
}

void record_vantage(struct tcplint_connection *r, const struct conn *c)
{
	const struct vantage v = vantage_of(c);

	r->vantage.estimate = v.estimate;
	for (enum side i = CLIENT; i <= SERVER; i++) {
		r->vantage.has_hops[i] = v.has_hops[i];
		r->vantage.hops[i] = v.hops[i];
		r->vantage.rtt[i] = v.rtt[i];
	}
}
