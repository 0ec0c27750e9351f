#include <string.h>

#include "findings.h"
#include "judge.h"

/* ---- findings about hosts ---- */

struct finding_cell *judge_finding(const struct stage *st, const struct host *h, enum rule r)
{
	for (struct finding_cell *f = finding_at(&st->findings, h->findings); f; f = finding_at(&st->findings, f->next))
		if (f->rule == r)
			return f;
	return NULL;
}

struct tcplint_host_id judge_host_id(const struct host *h)
{
	const bool client = h->kind == HOST_CLIENT || h->kind == HOST_ACKS || h->kind == HOST_CONNECTS;
	struct tcplint_host_id id = { .role = client ? TCPLINT_CLIENT : TCPLINT_SERVER, .port = -1 };

	memcpy(id.ip, h->ip, sizeof(id.ip));
	if (h->kind == HOST_SERVICE)
		id.port = h->port;
	return id;
}

static struct finding_cell *new_finding(struct stage *st, struct host *h, const struct fired *f)
{
	const struct rule_row *row = &rule_rows[f->rule];
	const uint32_t number = stage_take_cell(st);
	float p = rule_base_confidence((enum rule)f->rule);

	if (!number)
		return NULL;
	if (f->draft.cap > 0 && p > f->draft.cap)
		p = f->draft.cap;
	struct finding_cell *cell = finding_at(&st->findings, number);
	uint32_t *link = &h->findings;

	*cell = (struct finding_cell){
		.rule = f->rule,
		.offender = f->draft.offender,
		.verdict = f->draft.verdict != KEEP ? f->draft.verdict : (uint8_t)row->public.verdict,
		.severity = finding_severity(&st->options, f->rule, f->draft.severity),
		.confidence = p,
		.count = 1,
		.first_ts = f->draft.ts,
		.last_ts = f->draft.ts,
		.draft = f->draft,
	};
	while (*link) /* in the order in which they were settled */
		link = &finding_at(&st->findings, *link)->next;
	*link = number;
	return cell;
}

/* Another finding of the host, in the batch or on record, has the same cause and says more. */
static bool preferred(struct stage *st, const struct host *h, const struct batch *b, const struct fired *f)
{
	for (unsigned j = 0; j < b->n; j++)
		if (findings_host_prefers(st, (enum rule)b->fired[j].rule, (enum rule)f->rule))
			return true;
	for (struct finding_cell *c = finding_at(&st->findings, h->findings); c; c = finding_at(&st->findings, c->next))
		if (findings_host_prefers(st, (enum rule)c->rule, (enum rule)f->rule)) {
			finding_relate(c, f->rule);
			return true;
		}
	return false;
}

static void report(struct stage *st, struct host *h, const struct batch *b)
{
	const struct tcplint_host_id id = judge_host_id(h);

	for (unsigned i = 0; i < b->n; i++) {
		const struct fired *f = &b->fired[i];
		struct finding_cell *cell = judge_finding(st, h, (enum rule)f->rule);

		st->hits[f->rule]++;
		if (cell) {
			cell->count++;
			cell->last_ts = f->draft.ts;
			continue;
		}
		if (preferred(st, h, b, f))
			continue;
		cell = new_finding(st, h, f);
		for (unsigned j = 0; cell && j < b->n; j++)
			if (findings_host_prefers(st, (enum rule)f->rule, (enum rule)b->fired[j].rule))
				finding_relate(cell, b->fired[j].rule);
		if (cell)
			findings_emit(st, NULL, &id, cell);
	}
}

void judge_ask(struct stage *st, struct host *h, const struct host_view *hv)
{
	const struct rule_list *list = &st->rules->on[ON_HOST];
	struct host_view full = *hv;
	const struct view v = { .limits = &st->limits, .now = st->now, .host = &full };
	struct batch b;

	full.detail = host_detail(&st->hosts, h);
	batch_begin(&b);
	for (unsigned i = 0; i < list->n; i++) {
		const enum rule r = (enum rule)list->rule[i];
		struct draft d = { .verdict = KEEP, .severity = KEEP, .state = { KEEP, KEEP } };

		if (!(st->options.disabled && st->options.disabled[r]) && rule_rows[r].predicate(&v, &d))
			batch_add(&b, r, REFUTED, &d);
	}
	h->reported = false;
	hosts_set_worth(&st->hosts, h, HOST_ACCUSED);
	report(st, h, &b);
}

void judge_mark(struct host_view *hv, struct mark m)
{
	if (!m.frame)
		return;
	if (hv->marks == DRAFT_FRAMES)
		hv->mark[DRAFT_FRAMES - 1] = m;
	else
		hv->mark[hv->marks++] = m;
}

/* ---- initial sequence numbers ---- */

/* The openings whose numbers count: a client's only when a handshake shows that they are its TCP's. */
static unsigned numbers_of(const struct stage *st, struct host *h, bool raw, struct isn_sample *s,
			   const struct opening **of)
{
	struct opening *list[OPENINGS_KEPT + CHUNK_OPENINGS];
	const unsigned all = hosts_openings(&st->hosts, h, list);
	unsigned n = 0;

	for (unsigned i = 0; i < all && n < ISN_KEPT; i++) {
		if (!list[i]->tuple || (h->kind == HOST_CLIENT && !raw && list[i]->state != OPENING_COMPLETED))
			continue;
		of[n] = list[i];
		s[n++] = (struct isn_sample){ list[i]->mark.ts, list[i]->isn, list[i]->peer };
	}
	return n;
}

static bool one_peer(const struct isn_sample *s, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (s[i].peer != s[0].peer)
			return false;
	return true;
}

void judge_numbers(struct stage *st, struct host *h, bool last)
{
	struct isn_sample s[ISN_KEPT];
	const struct opening *of[ISN_KEPT]; /* theirs */
	/* no handshake of it was completed: what sends these is perhaps no TCP at all */
	const bool raw = h->kind == HOST_CLIENT && !host_detail(&st->hosts, h)->client.completed;

	if (h->judged || (raw && !last))
		return;
	const unsigned n = numbers_of(st, h, raw, s, of);
	/* a secret function of the addresses alone gives one destination a clock that can be seen */
	const bool few = raw || (h->kind == HOST_CLIENT && one_peer(s, n));
	const struct isn_verdict v = isn_judge(s, n, last || n >= 8, last, h->kind == HOST_SERVER,
					       few ? 1u << ISN_CONSTANT | 1u << ISN_ZERO : ISN_ALL);

	if (!v.failed)
		return;
	struct host_view hv = {
		.h = h, .isn = &v, .raw = raw, .probe = -1, .relative = !st->hosts.any_number && st->hosts.zero_synack
	};

	struct host_detail *d = hosts_detail(&st->hosts, h);

	h->judged = true;
	d->isn = v;
	for (unsigned i = 0; i < n && i < TCPLINT_MAX_NUMBERS; i++)
		d->shown[i] = s[i].isn;
	if (v.test == ISN_REPEATED || v.test == ISN_ZERO) {
		const bool zero = v.test == ISN_ZERO;

		judge_mark(&hv, of[zero ? v.zero[0] : v.a]->mark);
		if (!zero || v.zeros > 1)
			judge_mark(&hv, of[zero ? v.zero[1] : v.b]->mark);
	} else {
		for (unsigned i = n > DRAFT_FRAMES ? n - DRAFT_FRAMES : 0; i < n; i++)
			judge_mark(&hv, of[i]->mark);
	}
	judge_ask(st, h, &hv);
}

/* ---- scans ---- */

struct tally {
	unsigned targets, failed; /* distinct ones whose openings are over */
	struct mark first;
};

static bool over(const struct opening *o, int64_t now, int64_t grace)
{
	return o->state == OPENING_PENDING ? now - o->mark.ts >= grace : o->state != OPENING_ANSWERED;
}

#define PEERS 256 /* slots: a power of two, several times as many as there are openings */

/* Of each peer, the openings within SCAN_WINDOW; a list of pairs would take the square of its length. */
struct peers {
	struct {
		uint32_t peer;
		bool used, open, counted; /* some opening was completed; it is among the targets */
	} at[PEERS];
};

static unsigned peer_at(struct peers *p, uint32_t peer)
{
	unsigned i = peer % PEERS;

	while (p->at[i].used && p->at[i].peer != peer)
		i = (i + 1) % PEERS;
	p->at[i].used = true;
	p->at[i].peer = peer;
	return i;
}

static struct tally count_targets(struct opening **list, unsigned n, int64_t now, int64_t grace, struct host_view *hv)
{
	struct tally t = { 0 };
	struct peers peers = { 0 };

	_Static_assert(OPENINGS_KEPT + CHUNK_OPENINGS <= PEERS / 2, "there is an empty slot, and it is near");
	for (unsigned i = 0; i < n; i++)
		if (list[i]->state == OPENING_COMPLETED && now - list[i]->mark.ts <= SCAN_WINDOW)
			peers.at[peer_at(&peers, list[i]->peer)].open = true;
	for (unsigned i = 0; i < n; i++) {
		if (now - list[i]->mark.ts > SCAN_WINDOW || !over(list[i], now, grace))
			continue;
		const unsigned at = peer_at(&peers, list[i]->peer);
		const bool open = peers.at[at].open;

		if (peers.at[at].counted)
			continue;
		peers.at[at].counted = true;
		if (!t.targets++)
			t.first = list[i]->mark;
		t.failed += !open;
		if (!open && hv->marks < 3)
			judge_mark(hv, list[i]->mark);
	}
	return t;
}

#define FAILED_MIN (SCAN_MIN * 4 / 5)

/* Whether as many openings have failed as a scan needs: nearly always not, and targets need no counting. */
static bool enough_failed(struct host *h, struct opening **list, unsigned n, int64_t now, int64_t grace)
{
	unsigned failed = 0, unanswered = 0;

	for (unsigned i = 0; i < n; i++) {
		const bool may_fail = opening_unanswered((enum opening_state)list[i]->state);

		unanswered += may_fail;
		failed += may_fail & over(list[i], now, grace);
	}
	h->unanswered = unanswered; /* without those that were forgotten */
	return failed >= FAILED_MIN;
}

void judge_scan(struct stage *st, struct host *h, struct mark now, bool last)
{
	struct opening *list[OPENINGS_KEPT + CHUNK_OPENINGS];
	struct host_view hv = { .h = h, .scan = true, .probe = -1, .silent = !st->hosts.any_answer };

	if (h->kept < SCAN_MIN || h->unanswered < FAILED_MIN || (hv.silent && !last)) /* perhaps answers cannot be seen: time will tell */
		return;
	const unsigned n = hosts_openings(&st->hosts, h, list);

	if (!enough_failed(h, list, n, now.ts, last ? SECOND : 3 * SECOND))
		return;
	struct tally t = count_targets(list, n, now.ts, 3 * SECOND, &hv);

	if (last && t.targets < SCAN_MIN) {
		hv.marks = 0;
		hv.cut = true;
		t = count_targets(list, n, now.ts, SECOND, &hv);
	}
	if (t.targets < SCAN_MIN || t.failed * 5 < t.targets * 4)
		return;
	struct client *c = &hosts_detail(&st->hosts, h)->client;
	const bool goes_on = c->last_scan.frame && now.ts - c->last_scan.ts <= SCAN_WINDOW;

	c->last_scan = last ? list[n - 1]->mark : now;
	c->targets = t.targets;
	c->failed = t.failed;
	if (goes_on)
		return;
	c->first_scan = t.first;
	judge_mark(&hv, c->last_scan);
	judge_ask(st, h, &hv);
}

void judge_probe(struct stage *st, struct host *h, enum probe kind, uint32_t target, struct mark m)
{
	struct probes *p = hosts_probes(&st->hosts, h, kind);
	struct host_view hv = { .h = h, .probe = (int)kind };
	unsigned at = 0;

	p->count++;
	h->reported = false;
	for (unsigned i = 0; i < PROBE_MIN; i++) {
		if (p->latest[i].mark.frame && p->latest[i].target == target) {
			at = i;
			break;
		}
		if (p->latest[i].mark.frame < p->latest[at].mark.frame)
			at = i;
	}
	const bool again = p->latest[at].mark.frame && p->latest[at].target == target;

	for (unsigned i = at; i + 1 < PROBE_MIN; i++) /* the newest stands last */
		p->latest[i] = p->latest[i + 1];
	p->latest[PROBE_MIN - 1].mark = m;
	p->latest[PROBE_MIN - 1].target = target;
	if (again || !p->latest[0].mark.frame || m.ts - p->latest[0].mark.ts > SCAN_WINDOW)
		return;
	static const enum rule rules[PROBES] = { RULE_scan_fin, RULE_scan_null, RULE_scan_xmas };

	if (judge_finding(st, h, rules[kind]))
		return;
	for (unsigned i = 0; i < PROBE_MIN; i++)
		judge_mark(&hv, p->latest[i].mark);
	judge_ask(st, h, &hv);
}

/* ---- floods ---- */

/* How many there were when so many bits are set: -m ln(1 - x), the same on every machine. */
static uint32_t sources_of(const struct service *v)
{
	const double m = SOURCE_WORDS * 64;
	unsigned bits = 0;
	double sum = 0, power = 1;

	for (unsigned i = 0; i < SOURCE_WORDS; i++)
		for (uint64_t w = v->seen[0][i] | v->seen[1][i]; w; w &= w - 1)
			bits++;
	const double x = bits < m ? bits / m : (m - 1) / m;

	for (unsigned k = 1; k < 10000 && power > 1e-9; k++) {
		power *= x;
		sum += power / k;
	}
	return (uint32_t)(m * sum + 0.5);
}

static unsigned slot_of(int64_t second)
{
	const int64_t i = second % FLOOD_SLOTS;

	return (unsigned)(i < 0 ? i + FLOOD_SLOTS : i);
}

bool judge_flooded(const struct service *v, int64_t second)
{
	return v->from && second - v->until <= FLOOD_WINDOW;
}

/* The window that ends with second `e`. */
static void judge_window(struct stage *st, struct host *h, int64_t e, struct mark m, bool cut)
{
	struct service *v = &hosts_detail(&st->hosts, h)->service;
	uint32_t syn = 0, completed = 0;

	for (int64_t i = e - FLOOD_WINDOW + 1; i <= e; i++) {
		if (i > v->second || i <= v->second - FLOOD_SLOTS)
			continue;
		syn += v->slot[slot_of(i)].syn;
		completed += v->slot[slot_of(i)].completed;
	}
	if (syn < FLOOD_MIN || (uint64_t)completed * 10 >= syn)
		return;
	/* a capture of SYNs and SYN-ACKs alone shows no handshake complete */
	if (v->synacks && !st->hosts.any_completed && !v->synack_copies && !v->resets)
		return;
	const uint32_t sources = sources_of(v);
	const bool unusual = e - h->first / SECOND >= 600 && syn >= 10 * v->usual * FLOOD_WINDOW;

	if (sources < FLOOD_SOURCES && !unusual)
		return;
	const bool goes_on = v->from && e - v->until <= FLOOD_WINDOW;

	v->until = e;
	if (!goes_on) {
		v->from = e - FLOOD_WINDOW + 1;
		v->before.synacks = v->synacks;
		v->before.copies = v->synack_copies;
		v->before.over = v->completed + v->resets;
	}
	h->reported = false;
	if (syn > v->most_syn) {
		v->most_syn = syn;
		v->most_completed = completed;
		v->most_sources = sources;
	}
	if (goes_on)
		return;
	struct host_view hv = { .h = h, .flood = true, .probe = -1, .cut = cut, .silent = !st->hosts.any_answer };

	for (unsigned i = 0; i < 3; i++)
		judge_mark(&hv, v->sample[(v->samples + i) % 3]);
	if (!hv.marks || hv.mark[hv.marks - 1].frame != m.frame)
		judge_mark(&hv, m);
	judge_ask(st, h, &hv);
}

void judge_service(struct stage *st, struct host *h, int64_t second, struct mark m, bool last)
{
	struct service *v = &hosts_detail(&st->hosts, h)->service;
	const int64_t end = second - FLOOD_GRACE < v->second ? second - FLOOD_GRACE : v->second;

	for (int64_t e = v->judged + 1; e <= end; e++)
		judge_window(st, h, e, m, false);
	if (end > v->judged)
		v->judged = end;
	if (last && v->judged < v->second) {
		v->judged = v->second;
		judge_window(st, h, v->second, m, true);
	}
}
