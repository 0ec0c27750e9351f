#include "judge.h"
#include "watch.h"

/* Tells addresses apart; not keyed, for what it tells must not depend on the key. */
static uint32_t print_of(const struct tcplint_address *a, uint16_t port)
{
	uint64_t h = 1 + port;

	for (unsigned i = 0; i < 16; i++)
		h = (h ^ a->ip[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 32);
}

static struct sighting sighting_of(struct mark m, const struct tcplint_address *to, uint16_t source)
{
	return (struct sighting){ m, print_of(to, to->port), print_of(to, 0), to->port, source };
}

static struct host *watched(struct stage *st, enum host_kind kind, const struct tcplint_address *a, int64_t ts)
{
	struct host *h = hosts_get(&st->hosts, kind, a->ip, 0, ts);

	h->reported = false;
	return h;
}

/* Note a target, the latest last.  True: so many different ones came within SCAN_WINDOW. */
static bool sight(struct watch *w, struct sighting s, bool by_port)
{
	unsigned at = 0;

	w->count++;
	while (at < w->n && (by_port ? w->seen[at].port != s.port : w->seen[at].target != s.target))
		at++;
	if (at == w->n && w->n == SIGHTINGS)
		at = 0;
	else if (at == w->n)
		w->n++;
	for (; at + 1u < w->n; at++)
		w->seen[at] = w->seen[at + 1];
	w->seen[w->n - 1] = s;
	return w->n == SIGHTINGS && s.mark.ts - w->seen[0].mark.ts <= SCAN_WINDOW;
}

static void report(struct stage *st, struct host *h, enum rule r, bool cut)
{
	struct host_view hv = { .h = h, .probe = -1, .cut = cut };
	const struct host_detail *d = host_detail(&st->hosts, h);

	if (judge_finding(st, h, r))
		return;
	for (unsigned i = 0; h->kind != HOST_RESETS && i < d->watch.n; i++)
		if (i >= d->watch.n - 3u || i < 3)
			judge_mark(&hv, d->watch.seen[i].mark);
	if (h->kind == HOST_RESETS)
		for (unsigned i = 0; i < 2; i++)
			judge_mark(&hv, d->resets.sample[i]);
	hv.watched = true;
	judge_ask(st, h, &hv);
}

/* ---- ACKs and FINs without a connection, and connections that were opened for nothing ---- */

static void on_targets(struct stage *st, const struct told_sighting *t, enum host_kind kind, enum rule r)
{
	struct host *h = watched(st, kind, &t->from, st->now);

	if (sight(&hosts_detail(&st->hosts, h)->watch, sighting_of(t->mark, &t->to, t->from.port),
		  kind == HOST_CONNECTS))
		report(st, h, r, false);
}

/* ---- answers to what was never asked ---- */

/* A connection of which only these are seen may turn out to be a whole one, of which one direction is. */
#define ANSWER_AGE (3 * SECOND)

static bool is_backscatter(const struct watch *w)
{
	return w->n == SIGHTINGS && w->strong * 2 >= w->count && w->refuted * 20 <= w->count;
}

static void on_unasked(struct stage *st, const struct told_sighting *t)
{
	const struct host *asked = hosts_find(&st->hosts, HOST_CLIENT, t->to.ip, 0);

	if (asked && asked->openings)
		return;
	struct host *h = watched(st, HOST_UNASKED, &t->from, t->mark.ts);
	struct watch *w = &hosts_detail(&st->hosts, h)->watch;

	w->count++;
	w->strong += t->strong;
	if (w->n < SIGHTINGS)
		w->seen[w->n++] = sighting_of(t->mark, &t->to, 0);
	else if (t->mark.ts - w->seen[SIGHTINGS - 1].mark.ts >= ANSWER_AGE && is_backscatter(w))
		report(st, h, RULE_backscatter, false);
}

/* It was asked for after all. */
static void on_asked(struct stage *st, const struct told_sighting *t)
{
	struct host *h = hosts_find(&st->hosts, HOST_UNASKED, t->from.ip, 0);
	unsigned kept = 0;

	if (!h)
		return;
	struct watch *w = &hosts_detail(&st->hosts, h)->watch;

	w->refuted++;
	for (unsigned i = 0; i < w->n; i++)
		if (w->seen[i].mark.frame != t->frame)
			w->seen[kept++] = w->seen[i];
	w->n = (uint8_t)kept;
}

/* ---- resets by the hundred ---- */

static int64_t second_of(int64_t ts)
{
	return ts / SECOND;
}

/* A second that has left the window belongs to what is usual, a mean over ten minutes. */
static void pass_second(struct resets *r, uint32_t count)
{
	r->usual += (count - r->usual) / 600;
	r->weight += (1 - r->weight) / 600;
}

static void advance(struct resets *r, int64_t now)
{
	for (int64_t s = r->second + 1; s <= now && s <= r->second + 3600; s++) {
		uint32_t *slot = &r->count[s % RESET_WINDOW];

		pass_second(r, *slot);
		*slot = 0;
	}
	r->second = now;
}

static void begin(struct stage *st, struct resets *r, int64_t now)
{
	int64_t quiet = now - second_of(st->limits.capture_start) - RESET_WINDOW;

	r->second = now;
	r->observed = quiet >= RESET_WINDOW;
	for (quiet = quiet > 3600 ? 3600 : quiet; quiet > 0; quiet--)
		pass_second(r, 0);
}

static void on_reset(struct stage *st, const struct told_sighting *t)
{
	const int64_t now = second_of(t->mark.ts);
	uint32_t n = 0;
	struct host *h = watched(st, HOST_RESETS, &t->from, t->mark.ts);
	struct resets *r = &hosts_detail(&st->hosts, h)->resets;

	if (!r->total++)
		begin(st, r, now);
	if (now > r->second)
		advance(r, now);
	r->count[r->second % RESET_WINDOW]++;
	for (unsigned i = 0; i < RESET_WINDOW; i++)
		n += r->count[i];
	if (n == 1)
		r->sample[0] = t->mark;
	r->sample[1] = t->mark;
	const double usual = r->weight > 0 ? r->usual / r->weight : 0;

	if (n < RESET_MIN || n <= 10 * usual * RESET_WINDOW)
		return;
	if (n > r->most) {
		r->most = n;
		r->most_usual = usual * RESET_WINDOW;
	}
	report(st, h, RULE_rst_storm, false);
}

/* ---- all of them ---- */

void watch_sighting(struct stage *st, const struct told_sighting *t)
{
	if (t->told.kind == TOLD_ACK)
		on_targets(st, t, HOST_ACKS, RULE_scan_ack);
	else if (t->told.kind == TOLD_EMPTY)
		on_targets(st, t, HOST_CONNECTS, RULE_scan_connect);
	else if (t->told.kind == TOLD_UNASKED)
		on_unasked(st, t);
	else if (t->told.kind == TOLD_ASKED)
		on_asked(st, t);
	else
		on_reset(st, t);
}

void watch_settle(struct stage *st, struct host *h)
{
	if (h->kind == HOST_UNASKED && is_backscatter(&host_detail(&st->hosts, h)->watch))
		report(st, h, RULE_backscatter, true);
}
