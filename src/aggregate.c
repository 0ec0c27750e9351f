#include <string.h>

#include "aggregate.h"
#include "judge.h"
#include "resolve.h"

static void forget(void *user, struct host *h)
{
	struct engine *en = user;

	en->counters.hosts_evicted++;
	while (h->findings) {
		const uint32_t number = h->findings;

		h->findings = finding_at(&en->cells, number)->next;
		slab_give(&en->cells.findings, number);
	}
}

bool aggregate_init(struct engine *en, struct error *e)
{
	if (!hosts_init(&en->hosts, en->options.max_connections, &en->flows.key, e))
		return false;
	en->hosts.forget = forget;
	en->hosts.user = en;
	return true;
}

/* ---- fingerprints: not keyed, for what they tell must not depend on the key ---- */

static uint64_t stir(uint64_t h, uint64_t x)
{
	h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t stir_address(uint64_t h, const struct tcplint_address *a)
{
	uint64_t half[2];

	memcpy(half, a->ip, sizeof(half));
	return stir(stir(stir(h, half[0]), half[1]), a->port);
}

static uint32_t print_of_address(const struct tcplint_address *a)
{
	return (uint32_t)(stir_address(1, a) >> 32);
}

/* Never 0. */
static uint32_t print_of_tuple(const struct opening_id *c)
{
	return (uint32_t)(stir_address(stir_address(1, c->client), c->server) >> 32) | 1;
}

/* What a translator of addresses leaves as it is (E-NAT2, rules.md 1.11). */
static uint32_t print_of_segment(const struct segment *s)
{
	const bool stamped = s->opt.present & OPT_TIMESTAMPS;
	const uint64_t h = stir(stir(1, (uint64_t)s->opt.layout << 32 | s->opt.mss), s->window);

	return (uint32_t)(stir(h, stamped ? s->opt.ts_val : s->ip_id) >> 32);
}

/* ---- initial sequence numbers ---- */

/* The same segment on its other side of a translator. */
static bool is_copy(const struct opening *o, const struct opening *of)
{
	const int64_t apart = o->mark.ts - of->mark.ts;

	return o->isn == of->isn && apart < SECOND && (o->print == of->print || apart < 10 * MILLISECOND);
}

/* An opening with its number, unless that tells nothing: the same 4-tuple again, or a copy. */
static struct opening *add_opening(struct engine *en, struct host *h, const struct opening_id *c, const struct segment *s,
				   const struct tcplint_address *peer)
{
	struct opening *list[OPENINGS_KEPT + CHUNK_OPENINGS];
	unsigned n = 0;
	struct opening o = {
		.mark = mark_of(s),
		.isn = s->seq,
		.tuple = c->incarnation ? 0 : print_of_tuple(c),
		.peer = print_of_address(peer),
		.print = print_of_segment(s),
		.port = c->client->port,
		.state = OPENING_PENDING,
	};

	en->hosts.any_number = en->hosts.any_number || s->seq;
	if (o.tuple && h->numbers < ISN_KEPT)
		n = hosts_openings(&en->hosts, h, list);
	for (unsigned i = 0; i < n && o.tuple; i++)
		if (list[i]->tuple == o.tuple || is_copy(&o, list[i]))
			o.tuple = 0;
	for (unsigned i = 0; i < n && o.tuple; i++)
		h->repeated = h->repeated || (list[i]->tuple && list[i]->isn == o.isn);
	struct opening *kept = hosts_add_opening(&en->hosts, h);

	*kept = o;
	return kept;
}

static void count_number(struct engine *en, struct host *h)
{
	if (h->judged || h->numbers >= ISN_KEPT)
		return;
	h->numbers++;
	if (isn_look_at(h->numbers) || (h->repeated && h->numbers >= 8))
		judge_numbers(en, h, false);
}

/* ---- floods ---- */

static int64_t second_of(int64_t ts)
{
	return ts / SECOND;
}

static unsigned slot_of(int64_t second)
{
	const int64_t i = second % FLOOD_SLOTS;

	return (unsigned)(i < 0 ? i + FLOOD_SLOTS : i);
}

static void advance(struct engine *en, struct host *h, struct mark m)
{
	struct service *v = &h->service;
	const int64_t now = second_of(m.ts);

	if (now <= v->second)
		return;
	judge_service(en, h, now, m, false);
	if (v->judged >= v->second) /* nothing came in between */
		v->judged = now - 1;
	for (int64_t s = v->second; s < now && s < v->second + 3600; s++) {
		v->usual += ((s > v->second ? 0 : v->slot[slot_of(s)].syn) - v->usual) / 600;
		if (s < v->second + FLOOD_SLOTS)
			memset(&v->slot[slot_of(s + 1)], 0, sizeof(v->slot[0]));
	}
	v->second = now;
	if (now / FLOOD_WINDOW != v->epoch) {
		if (now / FLOOD_WINDOW == v->epoch + 1)
			memcpy(v->seen[1], v->seen[0], sizeof(v->seen[1]));
		else
			memset(v->seen[1], 0, sizeof(v->seen[1]));
		memset(v->seen[0], 0, sizeof(v->seen[0]));
		v->epoch = now / FLOOD_WINDOW;
	}
	v->sample[v->samples++ % 3] = m;
}

static bool in_slots(const struct service *v, int64_t second)
{
	return second <= v->second && second > v->second - FLOOD_SLOTS;
}

static struct host *count_syn(struct engine *en, const struct opening_id *c, struct mark m)
{
	struct host *h = hosts_get(&en->hosts, HOST_SERVICE, c->server->ip, c->server->port, m.ts);
	struct service *v = &h->service;
	struct tcplint_address source = *c->client;

	if (!h->openings++) {
		v->second = second_of(m.ts);
		v->judged = v->second - 1;
		v->epoch = v->second / FLOOD_WINDOW;
		v->sample[v->samples++] = m;
	}
	advance(en, h, m);
	if (in_slots(v, second_of(m.ts)))
		v->slot[slot_of(second_of(m.ts))].syn++;
	source.port = 0;
	const uint32_t bit = print_of_address(&source) % (SOURCE_WORDS * 64);

	v->seen[0][bit / 64] |= UINT64_C(1) << bit % 64;
	return h;
}

static struct host *service_of(struct engine *en, const struct opening_id *c)
{
	return hosts_find(&en->hosts, HOST_SERVICE, c->server->ip, c->server->port);
}

/* ---- openings ---- */

/*
 * Those of a fast scan have to be kept until it is known that nobody answers them, whatever comes after: the list is
 * full and its oldest is young.
 */
static bool crowded(const struct engine *en, const struct host *h, int64_t now)
{
	return h->kept >= OPENINGS_KEPT && now - chunk_at(&en->hosts, h->oldest)->opening[0].mark.ts < 6 * SECOND;
}

/* Whether the segment has the options that SYN cookies have no room for. */
static void count_options(const struct segment *s, uint32_t *has_them, uint32_t *has_none)
{
	if (s->opt.present & (OPT_WSCALE | OPT_SACK_PERMITTED))
		++*has_them;
	else if (!(s->opt.present & OPT_UNREADABLE))
		++*has_none;
}

void aggregate_syn(struct engine *en, const struct opening_id *c, const struct segment *s)
{
	struct host *service = count_syn(en, c, mark_of(s));
	const bool flooded = judge_flooded(service, second_of(s->ts));
	/* a flood's sources are made up: they must not drive real hosts out of the table */
	struct host *h = flooded ? hosts_find(&en->hosts, HOST_CLIENT, c->client->ip, 0) :
				   hosts_get(&en->hosts, HOST_CLIENT, c->client->ip, 0, s->ts);

	if (flooded)
		count_options(s, &service->service.offered, &service->service.not_offered);
	if (!h)
		return;
	h->last = s->ts;
	if (!crowded(en, h, s->ts))
		add_opening(en, h, c, s, c->server);
	h->openings++;
	if (h->openings % 4 == 0)
		judge_scan(en, h, mark_of(s), false);
}

static void on_synack(struct engine *en, const struct opening_id *c, const struct segment *s)
{
	struct host *service = service_of(en, c);

	en->hosts.zero_synack = en->hosts.zero_synack || !s->seq;
	en->hosts.any_answer = true;
	if (service)
		service->service.synacks++;
	if (service && judge_flooded(service, second_of(s->ts))) { /* E-COOKIE */
		count_options(s, &service->service.granted, &service->service.withheld);
		return;
	}
	if (service)
		service->service.gave = service->service.gave || s->opt.present & (OPT_WSCALE | OPT_SACK_PERMITTED);
	struct host *h = hosts_get(&en->hosts, HOST_SERVER, c->server->ip, 0, s->ts);

	h->openings++;
	if (h->judged || h->numbers >= ISN_KEPT)
		return;
	if (add_opening(en, h, c, s, c->client)->tuple)
		count_number(en, h);
	if (h->judged || h->numbers >= ISN_KEPT) /* a server's openings are for nothing else */
		hosts_drop_openings(&en->hosts, h);
}

/* The client's entry of the opening, and that. */
static struct opening *opening_of(struct engine *en, const struct opening_id *c, struct host **h)
{
	*h = hosts_find(&en->hosts, HOST_CLIENT, c->client->ip, 0);
	return *h ? hosts_opening_at(&en->hosts, *h, c->start.frame) : NULL;
}

void aggregate_completed(struct engine *en, const struct opening_id *c)
{
	struct host *h, *service = service_of(en, c);
	struct opening *o = opening_of(en, c, &h);

	en->hosts.any_answer = en->hosts.any_completed = true;
	if (service) {
		service->service.completed++;
		if (in_slots(&service->service, second_of(c->start.ts)))
			service->service.slot[slot_of(second_of(c->start.ts))].completed++;
	}
	if (!h)
		return;
	h->client.completed++;
	if (!o)
		return;
	o->state = OPENING_COMPLETED;
	if (o->tuple)
		count_number(en, h);
	if (h->client.completed == 16 || h->client.completed == OPENINGS_KEPT)
		judge_ports(en, h);
}

static void on_failed(struct engine *en, const struct opening_id *c, enum opening_state how, struct mark m)
{
	struct host *h, *service = service_of(en, c);
	struct opening *o = opening_of(en, c, &h);

	en->hosts.any_answer = true;
	if (service)
		service->service.resets++;
	if (!h)
		return;
	if (how == OPENING_REFUSED)
		h->client.refused++;
	else
		h->client.aborted++;
	if (o)
		o->state = (uint8_t)how;
	judge_scan(en, h, m, false);
}

void aggregate_answered(struct engine *en, const struct opening_id *c, const struct segment *s)
{
	struct host *h;
	struct opening *o = opening_of(en, c, &h);

	if (o)
		o->state = OPENING_ANSWERED;
	on_synack(en, c, s);
}

void aggregate_probe(struct engine *en, const struct view *v)
{
	const struct segment *s = v->s;
	const struct tcplint_address *from = v->x == CLIENT ? &v->c->id.client : &v->c->id.server;
	const struct tcplint_address *to = v->x == CLIENT ? &v->c->id.server : &v->c->id.client;
	struct draft unused = { 0 };
	enum probe kind;

	if (rule_flags_xmas(v, &unused))
		kind = PROBE_XMAS;
	else if (rule_flags_null(v, &unused))
		kind = PROBE_NULL;
	else if (rule_flags_fin_no_ack(v, &unused))
		kind = PROBE_FIN;
	else
		return;
	judge_probe(en, hosts_get(&en->hosts, HOST_CLIENT, from->ip, 0, s->ts), kind, print_of_address(to), mark_of(s));
}

/* A SYN-ACK, or the end of an opening that is awaited. */
static void follow(struct engine *en, struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;
	const struct opening_id id = opening_id_of(c);

	if (v->events & EV_SYNACK && v->x == SERVER) {
		struct host *service = c->opening == OPENING_ANSWERED ? service_of(en, &id) : NULL;

		if (service)
			service->service.synack_copies++;
		else if (c->opening == OPENING_PENDING || v->events & EV_FIRST) {
			c->opening = OPENING_ANSWERED;
			aggregate_answered(en, &id, s);
		}
		return;
	}
	if (!c->opening || v->events & EV_SYN)
		return;
	if (s->flags & FLAG_RST) {
		on_failed(en, &id, v->x == SERVER ? OPENING_REFUSED : OPENING_ABORTED, mark_of(s));
		c->opening = OPENING_NONE;
	} else if (s->flags & FLAG_ACK && (v->x == CLIENT || c->simultaneous)) {
		aggregate_completed(en, &id);
		c->opening = OPENING_NONE;
	}
}

void aggregate_segment(struct engine *en, struct conn *c, const struct view *v)
{
	if (!v->drives || c->self_connect || v->events & EV_ODD_FLAGS)
		return;
	if (v->events & EV_SYN && v->events & EV_FIRST) {
		const struct opening_id id = opening_id_of(c);

		c->opening = OPENING_PENDING;
		aggregate_syn(en, &id, v->s);
	} else {
		follow(en, c, v);
	}
}

void aggregate_refused(struct engine *en, struct conn *c)
{
	const struct opening_id id = opening_id_of(c);

	if (c->opening != OPENING_PENDING)
		return;
	on_failed(en, &id, OPENING_REFUSED, (struct mark){ en->now, 0 });
	c->opening = OPENING_NONE;
}

/* ---- what a finding about a host stands for ---- */

static bool stands_for(const struct host *h, enum rule r, const struct opening_id *c)
{
	if (r == RULE_syn_flood)
		return second_of(c->start.ts) >= h->service.from &&
		       second_of(c->start.ts) <= h->service.until + FLOOD_WINDOW;
	if (r == RULE_scan_syn)
		return c->start.ts >= h->client.first_scan.ts && c->start.ts - h->client.last_scan.ts <= SCAN_WINDOW;
	return true;
}

/* Of what kind the entry is that has findings of that rule. */
static enum host_kind kind_of(enum rule r)
{
	switch ((int)r) {
	case RULE_syn_flood:
		return HOST_SERVICE;
	case RULE_scan_ack:
		return HOST_ACKS;
	case RULE_scan_connect:
		return HOST_CONNECTS;
	case RULE_backscatter:
		return HOST_UNASKED;
	default:
		return HOST_CLIENT;
	}
}

/* The finding about a host that stands for it, and that host; null: there is none. */
static struct finding_cell *standing(struct engine *en, const struct opening_id *c, enum rule r, enum tcplint_offender by,
				     struct host **h)
{
	const struct precedence_list *list = &en->rules.by_host;

	for (unsigned i = list->first[r]; i < list->first[r + 1]; i++) {
		const enum rule left = (enum rule)precedences[list->row[i]].keep;
		const bool flood = left == RULE_syn_flood, syn = left == RULE_scan_syn;
		const bool unasked = left == RULE_backscatter && c->answered_only;
		const struct tcplint_address *a =
			flood || unasked || (!syn && by == TCPLINT_BY_SERVER) ? c->server : c->client;

		if (!en->hits[left]) /* of no host at all */
			continue;
		*h = hosts_find(&en->hosts, kind_of(left), a->ip, flood ? a->port : 0);
		struct finding_cell *cell = *h ? judge_finding(en, *h, left) : NULL;

		if (cell && stands_for(*h, left, c))
			return cell;
	}
	return NULL;
}

bool aggregate_would_cover(struct engine *en, const struct opening_id *c, enum rule r, enum tcplint_offender by)
{
	struct host *h;

	return standing(en, c, r, by, &h);
}

bool aggregate_covers(struct engine *en, const struct opening_id *c, enum rule r, enum tcplint_offender by)
{
	struct host *h;
	struct finding_cell *cell = standing(en, c, r, by, &h);

	if (!cell)
		return false;
	h->aggregated++;
	h->reported = false;
	judge_relate(cell, r);
	return true;
}
