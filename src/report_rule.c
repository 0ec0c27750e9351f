/* The record `rule`: a row of the catalogue, for --rules. */
#include "names.h"
#include "report_private.h"
#include "rules.h"

bool report_rule(struct report *r, unsigned rule)
{
	const struct rule_row *row = &rule_rows[rule];
	const char evidence[2] = { row->public.evidence, '\0' };
	json_t *object;

	if (r->failed)
		return false;
	object = record_begin(r, "rule");
	put_text(r, object, "rule", row->public.name);
	put_number(r, object, "tier", row->public.tier);
	put_text(r, object, "phase", tcplint_phase_name(row->public.phase));
	put_text(r, object, "verdict", tcplint_verdict_name(row->public.verdict));
	put_text(r, object, "severity", tcplint_severity_name(row->public.severity));
	put_text(r, object, "textbook_severity", tcplint_severity_name(row->textbook));
	put_text(r, object, "evidence", evidence);
	put_fraction(r, object, "confidence", rule_base_confidence((enum rule)rule));
	put_clauses(r, object, rule);
	put_text(r, object, "summary", row->public.summary);
	put_text(r, object, "why", row->public.why);
	put_text(r, object, "fires", row->public.fires);
	put_text(r, object, "near_miss", row->public.near_miss);
	return record_end(r, object);
}
