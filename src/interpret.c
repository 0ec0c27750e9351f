#include <string.h>

#include "interpret.h"
#include "names.h"
#include "report.h"

/* --severity RULE=NAME (rules.md 1.10). */
static bool set_severity(struct choice *choice, const char *text, struct error *e)
{
	const char *equals = strchr(text, '=');
	char name[64] = "";
	int rule, severity;

	if (!equals || (size_t)(equals - text) >= sizeof(name))
		return fail(e, "--severity: '%s' is not RULE=NAME", text);
	memcpy(name, text, (size_t)(equals - text));
	rule = tcplint_rule_by_name(name);
	if (rule < 0)
		return fail(e, "--severity: unknown name '%s'", name);
	if (!strcmp(equals + 1, "off")) {
		choice->disabled[rule] = true;
		return true;
	}
	severity = severity_by_name(equals + 1);
	if (severity < 0)
		return fail(e, "--severity: '%s' is not info, notice, warning, error or off", equals + 1);
	choice->severity[rule] = (int8_t)severity;
	return true;
}

static bool select_rules(const struct options *o, bool *disabled, struct error *e)
{
	bool only[RULE_COUNT] = { false };

	if (!options_mark(&o->only, "--only", tcplint_rule_by_name, only, e) ||
	    !options_mark(&o->disable, "--disable", tcplint_rule_by_name, disabled, e))
		return false;
	for (unsigned r = 0; r < RULE_COUNT && o->only.count; r++)
		disabled[r] = disabled[r] || !only[r];
	return true;
}

static unsigned bits_of(const bool *mark, unsigned n)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < n; i++)
		bits |= mark[i] ? 1U << i : 0;
	return bits;
}

bool interpret(const struct options *o, struct choice *choice, struct tcplint_options *lo, unsigned *emit,
	       struct error *e)
{
	bool verdicts[TCPLINT_VERDICT_COUNT] = { false }, types[REPORT_TYPE_COUNT] = { false };

	tcplint_options_init(lo);
	memset(choice->severity, TCPLINT_SEVERITY_OF_RULE, sizeof(choice->severity));
	if (!select_rules(o, choice->disabled, e) ||
	    !options_mark(&o->verdicts, "--verdict", verdict_by_name, verdicts, e) ||
	    !options_mark(&o->emit, "--emit", report_type_by_name, types, e))
		return false;
	for (unsigned i = 0; i < o->severities.count; i++)
		if (!set_severity(choice, o->severities.name[i], e))
			return false;
	*emit = bits_of(types, REPORT_TYPE_COUNT);
	lo->verdicts = bits_of(verdicts, TCPLINT_VERDICT_COUNT);
	lo->disabled = choice->disabled;
	lo->severities = o->severities.count ? choice->severity : NULL;
	lo->max_connections = o->max_connections;
	lo->msl = o->msl;
	lo->profile = (enum tcplint_profile)o->profile;
	lo->min_severity = (enum tcplint_severity)o->min_severity;
	lo->min_confidence = (float)o->min_confidence;
	lo->all = o->all;
	lo->segments = *emit & 1U << REPORT_SEGMENT;
	lo->tunnels = o->tunnels;
	lo->headers_only = !o->capture.file_count && o->capture.snaplen == SNAPLEN_HEADERS;
	lo->vlan_in_key = o->vlan;
	return true;
}
