#include <string.h>

#include "aggregate.h"
#include "finding.h"
#include "judge.h"
#include "stir.h"

static void forget(void *user, struct host *h)
{
	struct stage *st = user;

	st->counters->hosts_evicted++;
	stage_give_cells(st, &h->findings);
}

bool aggregate_init(struct stage *st, const struct siphash_key *key, struct error *e)
{
	if (!hosts_init(&st->hosts, st->options.max_connections, key, e))
		return false;
	st->hosts.forget = forget;
	st->hosts.user = st;
	return true;
}

/* ---- fingerprints: not keyed, for what they tell must not depend on the key ---- */

static uint32_t print_of_address(const struct tcplint_address *a)
{
	return (uint32_t)(stir_address(1, a) >> 32);
}

/* Never 0. */
static uint32_t print_of_tuple(const struct opening_id *c)
{
	return (uint32_t)(stir_address(stir_address(1, &c->client), &c->server) >> 32) | 1;
}

/* ---- initial sequence numbers ---- */

/* The same segment on its other side of a translator. */
static bool is_copy(const struct opening *o, const struct opening *of)
{
	const int64_t apart = o->mark.ts - of->mark.ts;

	return o->isn == of->isn && apart < SECOND && (o->print == of->print || apart < 10 * MILLISECOND);
}

/* An opening with its number, unless that tells nothing: the same 4-tuple again, or a copy. */
static struct opening *add_opening(struct stage *st, struct host *h, const struct told_opening *t,
				   const struct tcplint_address *peer)
{
	struct opening *list[OPENINGS_KEPT + CHUNK_OPENINGS];
	unsigned n = 0;
	struct opening o = {
		.mark = t->mark,
		.isn = t->seq,
		.tuple = t->id.incarnation ? 0 : print_of_tuple(&t->id),
		.peer = print_of_address(peer),
		.print = t->print,
		.port = t->id.client.port,
		.state = OPENING_PENDING,
	};

	st->hosts.any_number = st->hosts.any_number || t->seq;
	if (hosts_note(&st->hosts, h, o.tuple, o.isn) && o.tuple && h->numbers < ISN_KEPT)
		n = hosts_openings(&st->hosts, h, list);
	for (unsigned i = 0; i < n && o.tuple; i++)
		if (list[i]->tuple == o.tuple || is_copy(&o, list[i]))
			o.tuple = 0;
	for (unsigned i = 0; i < n && o.tuple; i++)
		h->repeated = h->repeated || (list[i]->tuple && list[i]->isn == o.isn);
	struct opening *kept = hosts_add_opening(&st->hosts, h);

	*kept = o;
	h->unanswered++;
	return kept;
}

static void count_number(struct stage *st, struct host *h)
{
	if (h->judged || h->numbers >= ISN_KEPT)
		return;
	h->numbers++;
	if (isn_look_at(h->numbers) || (h->repeated && h->numbers >= 8))
		judge_numbers(st, h, false);
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

static void advance(struct stage *st, struct host *h, struct service *v, struct mark m)
{
	const int64_t now = second_of(m.ts);

	if (now <= v->second)
		return;
	judge_service(st, h, now, m, false);
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

static struct service *service_detail(struct stage *st, struct host *h)
{
	return &hosts_detail(&st->hosts, h)->service;
}

static bool in_slots(const struct service *v, int64_t second)
{
	return second <= v->second && second > v->second - FLOOD_SLOTS;
}

static struct service *count_syn(struct stage *st, const struct opening_id *c, struct mark m)
{
	struct host *h = hosts_get(&st->hosts, HOST_SERVICE, c->server.ip, c->server.port, m.ts);
	struct service *v = service_detail(st, h);
	struct tcplint_address source = c->client;

	if (!h->openings++) {
		v->second = second_of(m.ts);
		v->judged = v->second - 1;
		v->epoch = v->second / FLOOD_WINDOW;
		v->sample[v->samples++] = m;
	}
	advance(st, h, v, m);
	if (in_slots(v, second_of(m.ts)))
		v->slot[slot_of(second_of(m.ts))].syn++;
	source.port = 0;
	const uint32_t bit = print_of_address(&source) % (SOURCE_WORDS * 64);

	v->seen[0][bit / 64] |= UINT64_C(1) << bit % 64;
	return v;
}

/* Null: it is not in the table. */
static struct service *service_of(struct stage *st, const struct opening_id *c)
{
	struct host *h = hosts_find(&st->hosts, HOST_SERVICE, c->server.ip, c->server.port);

	return h ? service_detail(st, h) : NULL;
}

/* ---- openings ---- */

/*
 * Those of a fast scan have to be kept until it is known that nobody answers them, whatever comes after: the list is
 * full and its oldest is young.
 */
static bool crowded(const struct stage *st, const struct host *h, int64_t now)
{
	return h->kept >= OPENINGS_KEPT && now - hosts_oldest_opening(&st->hosts, h)->mark.ts < 6 * SECOND;
}

/* Whether the segment has the options that SYN cookies have no room for. */
static void count_options(const struct told_opening *t, uint32_t *has_them, uint32_t *has_none)
{
	*has_them += t->scaled;
	*has_none += t->plain;
}

static void on_syn(struct stage *st, const struct told_opening *t)
{
	const struct opening_id *c = &t->id;
	struct service *service = count_syn(st, c, t->mark);
	const bool flooded = judge_flooded(service, second_of(t->mark.ts));
	/* a flood's sources are made up: they must not drive real hosts out of the table */
	struct host *h = flooded ? hosts_find(&st->hosts, HOST_CLIENT, c->client.ip, 0) :
				   hosts_get(&st->hosts, HOST_CLIENT, c->client.ip, 0, t->mark.ts);

	if (flooded)
		count_options(t, &service->offered, &service->not_offered);
	if (!h)
		return;
	h->last = t->mark.ts;
	if (!crowded(st, h, t->mark.ts))
		add_opening(st, h, t, &c->server);
	h->openings++;
	if (h->openings % 4 == 0)
		judge_scan(st, h, t->mark, false);
}

/* The client's entry of the opening, and that. */
static struct opening *opening_of(struct stage *st, const struct opening_id *c, struct host **h)
{
	*h = hosts_find(&st->hosts, HOST_CLIENT, c->client.ip, 0);
	return *h ? hosts_opening_at(&st->hosts, *h, c->start.frame) : NULL;
}

static void set_state(struct host *h, struct opening *o, enum opening_state state)
{
	h->unanswered += opening_unanswered(state);
	h->unanswered -= opening_unanswered((enum opening_state)o->state);
	o->state = (uint8_t)state;
}

static void on_synack(struct stage *st, const struct told_opening *t)
{
	const struct opening_id *c = &t->id;
	struct host *client;
	struct service *service;
	struct opening *o = opening_of(st, c, &client);

	if (o)
		set_state(client, o, OPENING_ANSWERED);
	service = service_of(st, c);
	st->hosts.zero_synack = st->hosts.zero_synack || !t->seq;
	st->hosts.any_answer = true;
	if (service)
		service->synacks++;
	if (service && judge_flooded(service, second_of(t->mark.ts))) { /* E-COOKIE */
		count_options(t, &service->granted, &service->withheld);
		return;
	}
	if (service)
		service->gave = service->gave || t->scaled;
	struct host *h = hosts_get(&st->hosts, HOST_SERVER, c->server.ip, 0, t->mark.ts);

	h->openings++;
	if (h->judged || h->numbers >= ISN_KEPT)
		return;
	if (add_opening(st, h, t, &c->client)->tuple)
		count_number(st, h);
	if (h->judged || h->numbers >= ISN_KEPT) /* a server's openings are for nothing else */
		hosts_drop_openings(&st->hosts, h);
}

static void on_again(struct stage *st, const struct opening_id *c)
{
	struct service *service = service_of(st, c);

	if (service)
		service->synack_copies++;
}

static void on_completed(struct stage *st, const struct opening_id *c)
{
	struct host *h;
	struct service *service = service_of(st, c);
	struct opening *o = opening_of(st, c, &h);

	st->hosts.any_answer = st->hosts.any_completed = true;
	if (service) {
		service->completed++;
		if (in_slots(service, second_of(c->start.ts)))
			service->slot[slot_of(second_of(c->start.ts))].completed++;
	}
	if (!h)
		return;
	const uint64_t completed = ++hosts_detail(&st->hosts, h)->client.completed;

	if (!o)
		return;
	set_state(h, o, OPENING_COMPLETED);
	if (o->tuple)
		count_number(st, h);
	if (completed == 16 || completed == OPENINGS_KEPT)
		judge_ports(st, h);
}

static void on_failed(struct stage *st, const struct told_opening *t)
{
	struct host *h;
	struct service *service = service_of(st, &t->id);
	struct opening *o = opening_of(st, &t->id, &h);

	st->hosts.any_answer = true;
	if (service)
		service->resets++;
	if (!h)
		return;
	struct client *d = &hosts_detail(&st->hosts, h)->client;

	if (t->how == OPENING_REFUSED)
		d->refused++;
	else
		d->aborted++;
	if (o)
		set_state(h, o, (enum opening_state)t->how);
	judge_scan(st, h, t->mark, false);
}

void aggregate_opening(struct stage *st, const struct told_opening *t)
{
	if (t->told.kind == TOLD_SYN)
		on_syn(st, t);
	else if (t->told.kind == TOLD_SYNACK)
		on_synack(st, t);
	else if (t->told.kind == TOLD_AGAIN)
		on_again(st, &t->id);
	else if (t->told.kind == TOLD_COMPLETED)
		on_completed(st, &t->id);
	else
		on_failed(st, t);
}

void aggregate_probe(struct stage *st, const struct told_sighting *t)
{
	struct host *h = hosts_get(&st->hosts, HOST_CLIENT, t->from.ip, 0, t->mark.ts);

	judge_probe(st, h, (enum probe)t->probe, print_of_address(&t->to), t->mark);
}

/* rules.md 1.8: of a host only the greatest lower bound and the least upper one are worth keeping. */
void aggregate_time_wait(struct stage *st, const struct told_time_wait *t)
{
	struct host *h = hosts_find(&st->hosts, (enum host_kind)t->kind, t->ip, 0);

	if (!h)
		return;
	struct host_detail *d = hosts_detail(&st->hosts, h);

	d->time_wait.n++;
	if (t->held && t->lower > d->time_wait.lower)
		d->time_wait.lower = t->lower;
	if (t->gone && (!d->time_wait.upper || t->upper < d->time_wait.upper))
		d->time_wait.upper = t->upper;
}

/* ---- what a finding about a host stands for ---- */

static bool stands_for(const struct host_detail *d, enum rule r, int64_t start)
{
	if (r == RULE_syn_flood)
		return second_of(start) >= d->service.from && second_of(start) <= d->service.until + FLOOD_WINDOW;
	if (r == RULE_scan_syn)
		return start >= d->client.first_scan.ts && start - d->client.last_scan.ts <= SCAN_WINDOW;
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
static struct finding_cell *standing(struct stage *st, const struct covered *c, enum rule r, enum tcplint_offender by,
				     struct host **h)
{
	const struct precedence_list *list = &st->rules->by_host;

	for (unsigned i = list->first[r]; i < list->first[r + 1]; i++) {
		const enum rule left = (enum rule)precedences[list->row[i]].keep;
		const bool flood = left == RULE_syn_flood, syn = left == RULE_scan_syn;
		const bool unasked = left == RULE_backscatter && c->answered_only;
		const struct tcplint_address *a =
			flood || unasked || (!syn && by == TCPLINT_BY_SERVER) ? c->server : c->client;

		if (!st->hits[left]) /* of no host at all */
			continue;
		*h = hosts_find(&st->hosts, kind_of(left), a->ip, flood ? a->port : 0);
		struct finding_cell *cell = *h ? judge_finding(st, *h, left) : NULL;

		if (cell && stands_for(host_detail(&st->hosts, *h), left, c->start))
			return cell;
	}
	return NULL;
}

bool aggregate_covers(struct stage *st, const struct covered *c, enum rule r, enum tcplint_offender by)
{
	struct host *h;
	struct finding_cell *cell = standing(st, c, r, by, &h);

	if (!cell)
		return false;
	h->aggregated++;
	h->reported = false;
	finding_relate(cell, r);
	return true;
}
