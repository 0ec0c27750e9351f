/* The record `rule`: a row of the catalogue, for --rules. */
#include "names.h"
#include "report_line.h"
#include "rules.h"

bool report_rule(struct report *r, unsigned rule)
{
	const struct rule_row *row = &rule_rows[rule];
	const char evidence[2] = { row->public.evidence, '\0' };

	if (r->failed)
		return false;
	record_begin(r, "rule");
	put_text(r, "rule", row->public.name);
	put_number(r, "tier", row->public.tier);
	put_text(r, "phase", tcplint_phase_name(row->public.phase));
	put_text(r, "verdict", tcplint_verdict_name(row->public.verdict));
	put_text(r, "severity", tcplint_severity_name(row->public.severity));
	put_text(r, "textbook_severity", tcplint_severity_name(row->textbook));
	put_text(r, "evidence", evidence);
	put_fraction(r, "confidence", rule_base_confidence((enum rule)rule));
	put_clauses(r, rule);
	put_text(r, "summary", row->public.summary);
	put_text(r, "why", row->public.why);
	put_text(r, "fires", row->public.fires);
	put_text(r, "near_miss", row->public.near_miss);
	return record_end(r);
}
