#include "judge.h"
#include "watch.h"

static const struct tcplint_address *address_of(const struct conn *c, enum side x)
{
	return x == CLIENT ? &c->id.client : &c->id.server;
}

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

static struct host *watched(struct engine *en, enum host_kind kind, const struct tcplint_address *a, int64_t ts)
{
	struct host *h = hosts_get(&en->hosts, kind, a->ip, 0, ts);

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

static void report(struct engine *en, struct host *h, enum rule r, bool cut)
{
	struct host_view hv = { .h = h, .probe = -1, .cut = cut };

	if (judge_finding(en, h, r))
		return;
	for (unsigned i = 0; h->kind != HOST_RESETS && i < h->watch.n; i++)
		if (i >= h->watch.n - 3u || i < 3)
			judge_mark(&hv, h->watch.seen[i].mark);
	if (h->kind == HOST_RESETS)
		for (unsigned i = 0; i < 2; i++)
			judge_mark(&hv, h->resets.sample[i]);
	hv.watched = true;
	judge_ask(en, h, &hv);
}

/* ---- ACKs and FINs without a connection, which a closed port answers with a RST ---- */

static void on_answer(struct engine *en, const struct conn *c, const struct view *v)
{
	const struct endpoint *C = &c->end[CLIENT], *S = &c->end[SERVER];
	const struct latest *probe = &c->detail[CLIENT].latest;

	if (v->x != SERVER || c->origin != TCPLINT_ORIGIN_MIDSTREAM || c->older || S->segments != c->detail[SERVER].rst ||
	    c->detail[SERVER].rst != 1 || C->payload_bytes || c->detail[CLIENT].rst || C->segments > 3 ||
	    (probe->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) != FLAG_ACK || v->s->seq != probe->ack)
		return;
	struct host *h = watched(en, HOST_ACKS, &c->id.client, v->s->ts);

	if (sight(&h->watch, sighting_of(probe->at, &c->id.server, c->id.client.port), false))
		report(en, h, RULE_scan_ack, false);
}

/* ---- connections that were opened for nothing ---- */

static bool first_end(const struct conn *c)
{
	return c->detail[CLIENT].fin + c->detail[SERVER].fin + c->detail[CLIENT].rst + c->detail[SERVER].rst == 1;
}

static void on_empty(struct engine *en, const struct conn *c, const struct view *v)
{
	if (!first_end(c) || c->origin != TCPLINT_ORIGIN_SYN || !c->hs_ack.frame || c->end[CLIENT].payload_bytes ||
	    c->end[SERVER].payload_bytes || v->s->ts - c->start.ts > SECOND)
		return;
	struct host *h = watched(en, HOST_CONNECTS, &c->id.client, v->s->ts);

	if (sight(&h->watch, sighting_of(mark_of(v->s), &c->id.server, c->id.client.port), true))
		report(en, h, RULE_scan_connect, false);
}

/* ---- answers to what was never asked ---- */

/* A connection of which only these are seen may turn out to be a whole one, of which one direction is. */
#define ANSWER_AGE (3 * SECOND)

static bool is_backscatter(const struct watch *w)
{
	return w->n == SIGHTINGS && w->strong * 2 >= w->count && w->refuted * 20 <= w->count;
}

static void on_unsolicited(struct engine *en, const struct conn *c, const struct view *v)
{
	const struct tcplint_address *to = address_of(c, other(v->x));
	const struct host *asked = hosts_find(&en->hosts, HOST_CLIENT, to->ip, 0);
	const struct segment *s = v->s;

	if (c->older || (asked && asked->openings))
		return;
	struct host *h = watched(en, HOST_UNASKED, address_of(c, v->x), s->ts);
	struct watch *w = &h->watch;

	w->count++;
	/* a SYN-ACK, or a RST that refuses a SYN: no connection was there */
	w->strong += s->flags & FLAG_SYN || (s->flags & FLAG_ACK && !s->seq);
	if (w->n < SIGHTINGS)
		w->seen[w->n++] = sighting_of(mark_of(s), to, 0);
	else if (s->ts - w->seen[SIGHTINGS - 1].mark.ts >= ANSWER_AGE && is_backscatter(w))
		report(en, h, RULE_backscatter, false);
}

/* The connection goes on: it was there, and its other direction or its beginning is not in the capture. */
static void on_refuted(struct engine *en, const struct conn *c, const struct view *v)
{
	const enum side x = c->origin == TCPLINT_ORIGIN_SYNACK ? SERVER : CLIENT;
	const struct endpoint *e = c->end;
	const struct endpoint_detail *d = c->detail;
	const uint32_t known = d[0].synack + d[1].synack + d[0].rst + d[1].rst;
	struct host *h = e[0].segments + e[1].segments - known == 1 ?
				 hosts_find(&en->hosts, HOST_UNASKED, address_of(c, x)->ip, 0) : NULL;

	if (!h || v->s->flags & (FLAG_SYN | FLAG_RST))
		return;
	struct watch *w = &h->watch;
	unsigned kept = 0;

	w->refuted++;
	for (unsigned i = 0; i < w->n; i++)
		if (w->seen[i].mark.frame != c->start.frame)
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

static void begin(struct engine *en, struct resets *r, int64_t now)
{
	int64_t quiet = now - second_of(en->limits.capture_start) - RESET_WINDOW;

	r->second = now;
	r->observed = quiet >= RESET_WINDOW;
	for (quiet = quiet > 3600 ? 3600 : quiet; quiet > 0; quiet--)
		pass_second(r, 0);
}

/* An answer to a SYN, or to another segment of somebody who has no connection here, is no sign of anything. */
static bool only_answers(const struct conn *c, enum side x)
{
	return c->end[x].segments == c->detail[x].rst && c->end[other(x)].segments;
}

static void on_reset(struct engine *en, const struct conn *c, const struct view *v)
{
	const int64_t now = second_of(v->s->ts);
	uint32_t n = 0;

	if (c->detail[v->x].rst != 1 || only_answers(c, v->x) || now < 0)
		return;
	struct host *h = watched(en, HOST_RESETS, address_of(c, v->x), v->s->ts);
	struct resets *r = &h->resets;

	if (!r->total++)
		begin(en, r, now);
	if (now > r->second)
		advance(r, now);
	r->count[r->second % RESET_WINDOW]++;
	for (unsigned i = 0; i < RESET_WINDOW; i++)
		n += r->count[i];
	if (n == 1)
		r->sample[0] = mark_of(v->s);
	r->sample[1] = mark_of(v->s);
	const double usual = r->weight > 0 ? r->usual / r->weight : 0;

	if (n < RESET_MIN || n <= 10 * usual * RESET_WINDOW)
		return;
	if (n > r->most) {
		r->most = n;
		r->most_usual = usual * RESET_WINDOW;
	}
	report(en, h, RULE_rst_storm, false);
}

/* ---- all of them ---- */

void watch_segment(struct engine *en, const struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;

	if (!v->drives || v->foreign || c->self_connect || v->events & (EV_ODD_FLAGS | EV_DUPLICATE))
		return;
	if (v->events & EV_RST) {
		on_answer(en, c, v);
		on_reset(en, c, v);
	}
	if (v->events & (EV_RST | EV_FIN))
		on_empty(en, c, v);
	if (c->origin != TCPLINT_ORIGIN_SYNACK && c->origin != TCPLINT_ORIGIN_STRAY)
		return;
	if (v->events & EV_FIRST && s->flags & (FLAG_SYN | FLAG_RST))
		on_unsolicited(en, c, v);
	else
		on_refuted(en, c, v);
}

void watch_settle(struct engine *en, struct host *h)
{
	if (h->kind == HOST_UNASKED && is_backscatter(&h->watch))
		report(en, h, RULE_backscatter, true);
}
