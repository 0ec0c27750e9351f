/* What a service shows besides a flood: SYN cookies while it is flooded, and how many of its handshakes fail. */
#include "judge.h"

#define COOKIES_MIN  20 /* SYN-ACKs that show it */
#define SILENT_MIN   100
#define ATTEMPTS_MIN 20

static void show_samples(struct host_view *hv, const struct service *v)
{
	for (unsigned i = 0; i < 3; i++)
		judge_mark(hv, v->sample[(v->samples + i) % 3]);
}

/* Options that it gave before and that the flood's SYNs ask for are gone (RFC 4987, 3.6). */
static bool withholds(const struct service *v)
{
	return v->gave && v->withheld >= COOKIES_MIN && v->withheld / 9 >= v->granted &&
	       v->offered / 9 >= v->not_offered;
}

/*
 * SYN-ACKs that nobody answers are not sent again, since nothing is remembered of them.  Those that were sent
 * before all places were taken are, several times.
 */
static bool forgets(const struct service *v)
{
	const uint64_t answered = v->synacks - v->before.synacks, over = v->completed + v->resets - v->before.over;
	const uint64_t copies = v->synack_copies - v->before.copies;

	return v->until - v->from >= 2 * FLOOD_WINDOW && answered >= SILENT_MIN + over && 2 * copies < answered - over;
}

void judge_cookies(struct stage *st, struct host *h)
{
	const struct service *v = &host_detail(&st->hosts, h)->service;
	struct host_view hv = { .h = h, .probe = -1 };

	if (!v->from || judge_finding(st, h, RULE_syn_cookies_active))
		return;
	hv.withholds = withholds(v);
	hv.forgets = forgets(v);
	if (!hv.withholds && !hv.forgets)
		return;
	show_samples(&hv, v);
	judge_ask(st, h, &hv);
}

void judge_failures(struct stage *st, struct host *h, int64_t now)
{
	const struct service *v = &host_detail(&st->hosts, h)->service;
	uint64_t young = 0; /* that may still be completed */

	for (int64_t s = now / SECOND - FLOOD_GRACE; s <= now / SECOND; s++)
		if (s <= v->second && s > v->second - FLOOD_SLOTS && s >= 0)
			young += v->slot[s % FLOOD_SLOTS].syn - v->slot[s % FLOOD_SLOTS].completed;
	if (!st->hosts.any_completed || h->openings < ATTEMPTS_MIN + young ||
	    v->completed * 10 > (h->openings - young) * 9 || judge_finding(st, h, RULE_handshake_failure_rate))
		return;
	struct host_view hv = { .h = h, .probe = -1, .failures = true };

	show_samples(&hv, v);
	judge_ask(st, h, &hv);
}
