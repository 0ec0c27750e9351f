/* Of the record `connection`: the rules whose silence is no praise, because nobody could judge them here. */
#include "record_private.h"

/* They look at the windows that both ends offered, which only their SYNs tell how to scale (RFC 7323, 2.2). */
static const uint16_t need_windows[] = { RULE_rst_out_of_window, RULE_rst_in_window_inexact };

static bool needs_windows(enum rule r)
{
	for (unsigned i = 0; i < sizeof(need_windows) / sizeof(*need_windows); i++)
		if (need_windows[i] == r)
			return true;
	return false;
}

/* They set one SYN against the other, or later options against both. */
static bool compares_syns(const struct tcplint_rule *rule)
{
	return rule->phase == TCPLINT_PHASE_OPTIONS && rule->evidence != 'F';
}

static bool is_of_opening(const struct tcplint_rule *rule)
{
	return rule->phase == TCPLINT_PHASE_HANDSHAKE || rule->phase == TCPLINT_PHASE_TIMING ||
	       rule->phase == TCPLINT_PHASE_ISN;
}

static bool is_about_hosts(const struct tcplint_rule *rule)
{
	return rule->evidence == 'G' || rule->phase == TCPLINT_PHASE_AGGREGATE;
}

/* An end spoke, and its SYN was not captured. */
static bool lacks_syn(const struct conn *c, enum side x)
{
	return knows(&c->end[x], K_SEEN) && !c->detail[x].has_syn && !c->self_connect;
}

/* What may keep a rule from speaking. */
struct doubt {
	bool one_sided, unopened, incomplete, options_cut, truncated;
};

static const char *reason_of(const struct doubt *d, enum rule i)
{
	const struct tcplint_rule *rule = &rule_rows[i].public;

	if (is_about_hosts(rule) || rule->phase == TCPLINT_PHASE_CAPTURE)
		return NULL;
	if ((rule->evidence == 'X' || rule->evidence == 'A') && d->one_sided)
		return "one_sided";
	if ((is_of_opening(rule) && d->unopened) || ((compares_syns(rule) || needs_windows(i)) && d->incomplete))
		return "midstream";
	if ((rule->phase == TCPLINT_PHASE_OPTIONS && d->options_cut) || (i == RULE_checksum_bad && d->truncated))
		return "truncated";
	return NULL;
}

void record_not_evaluated(struct tcplint_connection *r, const struct conn *c)
{
	const bool unopened = c->origin == TCPLINT_ORIGIN_MIDSTREAM || c->origin == TCPLINT_ORIGIN_STRAY;
	const struct doubt d = {
		.one_sided = r->quality.one_sided,
		.unopened = unopened,
		.incomplete = unopened || lacks_syn(c, CLIENT) || lacks_syn(c, SERVER),
		.options_cut = c->options_cut,
		.truncated = c->truncated,
	};

	_Static_assert((int)RULE_COUNT <= TCPLINT_MAX_NOT_EVALUATED, "every rule has a place");
	if (!d.one_sided && !d.incomplete && !d.options_cut && !d.truncated)
		return;
	for (enum rule i = 0; i < RULE_COUNT; i++) {
		const char *reason = reason_of(&d, i);

		if (!reason)
			continue;
		r->not_evaluated[r->not_evaluated_count].rule = i;
		r->not_evaluated[r->not_evaluated_count++].reason = reason;
	}
}
