#include <string.h>

#include "interpret.h"
#include "report.h"

static int verdict_by_name(const char *name)
{
	for (enum tcplint_verdict v = 0; v < TCPLINT_VERDICT_COUNT; v++)
		if (!strcmp(name, tcplint_verdict_name(v)))
			return (int)v;
	return -1;
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

bool interpret(const struct options *o, bool disabled[RULE_COUNT], struct tcplint_options *lo, unsigned *emit,
	       struct error *e)
{
	bool verdicts[TCPLINT_VERDICT_COUNT] = { false }, types[REPORT_TYPE_COUNT] = { false };

	tcplint_options_init(lo);
	if (!select_rules(o, disabled, e) || !options_mark(&o->verdicts, "--verdict", verdict_by_name, verdicts, e) ||
	    !options_mark(&o->emit, "--emit", report_type_by_name, types, e))
		return false;
	*emit = bits_of(types, REPORT_TYPE_COUNT);
	lo->verdicts = bits_of(verdicts, TCPLINT_VERDICT_COUNT);
	lo->disabled = disabled;
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
