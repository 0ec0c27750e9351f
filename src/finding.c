/* From a finding as it is stored to what the library shows of it. */
#include "finding.h"
#include "message.h"

bool finding_disabled(const struct tcplint_options *o, unsigned rule)
{
	return o->disabled && o->disabled[rule];
}

uint8_t finding_severity(const struct tcplint_options *o, unsigned rule, uint8_t drafted)
{
	const struct rule_row *row = &rule_rows[rule];
	const int8_t *asked = o->severities;

	if (asked && asked[rule] != TCPLINT_SEVERITY_OF_RULE)
		return (uint8_t)asked[rule];
	if (drafted != KEEP)
		return drafted;
	return (uint8_t)(o->profile == TCPLINT_PROFILE_TEXTBOOK ? row->textbook : row->public.severity);
}

bool finding_passes(const struct tcplint_options *o, const struct finding_cell *f)
{
	const bool lenient = o->profile == TCPLINT_PROFILE_LENIENT;

	if (finding_disabled(o, f->rule) || (lenient && (f->severity < TCPLINT_ERROR || f->confidence < 0.8F)))
		return false;
	return f->severity >= o->min_severity && f->confidence >= o->min_confidence - 1e-6F &&
	       (!o->verdicts || o->verdicts & 1u << f->verdict);
}

bool finding_may_pass(const struct tcplint_options *o, unsigned rule, const struct draft *d)
{
	const struct finding_cell certain = {
		.rule = (uint16_t)rule,
		.verdict = d->verdict != KEEP ? d->verdict : (uint8_t)rule_rows[rule].public.verdict,
		.severity = finding_severity(o, rule, d->severity),
		.confidence = 1,
	};

	return finding_passes(o, &certain);
}

void finding_relate(struct finding_cell *cell, unsigned rule)
{
	for (unsigned i = 0; i < cell->related_count; i++)
		if (cell->related[i] == rule)
			return;
	if (cell->related_count < TCPLINT_MAX_RELATED)
		cell->related[cell->related_count++] = (uint8_t)rule;
}

static const struct {
	unsigned bit;
	const char *name;
} alternative_names[] = {
	{ ALT_capture_loss, "capture_loss" }, { ALT_network_loss, "network_loss" }, { ALT_reordering, "reordering" },
	{ ALT_middlebox, "middlebox" },	      { ALT_injection, "injection" },	    { ALT_one_sided, "one_sided" },
	{ ALT_capture_end, "capture_end" },   { ALT_old_duplicate, "old_duplicate" },
};

static const struct {
	unsigned bit;
	const char *name;
} evidence_names[] = {
	{ EVI_single_segment, "single_segment" },
	{ EVI_same_sender, "same_sender" },
	{ EVI_peer_objected, "peer_objected" },
	{ EVI_never_acked, "never_acked" },
	{ EVI_stimulus_repeated, "stimulus_repeated" },
	{ EVI_no_loss_near, "no_loss_near" },
	{ EVI_repeated, "repeated" },
	{ EVI_loss_proven, "loss_proven" },
	{ EVI_nothing_beyond_fin, "nothing_beyond_fin" },
	{ EVI_order_proven, "order_proven" },
	{ EVI_no_id_gap, "no_id_gap" },
	{ EVI_tap_at_host, "tap_at_host" },
};

static void public_values(const struct subject *c, const struct draft *d, struct tcplint_finding *out)
{
	for (unsigned i = 0; i < d->values; i++) {
		struct tcplint_value *p = &out->value[out->value_count++];
		const uint8_t space = d->value[i].space;

		*p = (struct tcplint_value){
			.field = (enum tcplint_field)d->value[i].field,
			.has_expected = d->value[i].has_expected,
			.has_actual = d->value[i].has_actual,
			.expected = d->value[i].expected,
			.actual = d->value[i].actual,
		};
		if (!c || space == KEEP || !c->has_isn[space])
			continue;
		p->relative = true;
		p->expected_relative = p->expected - c->isn[space];
		p->actual_relative = p->actual - c->isn[space];
	}
}

void finding_public(const struct subject *c, const struct tcplint_host_id *host, const struct finding_cell *f,
		    struct tcplint_finding *out, char *message, size_t size)
{
	const struct draft *d = &f->draft;
	unsigned n = 0;

	*out = (struct tcplint_finding){
		.rule = f->rule,
		.verdict = (enum tcplint_verdict)f->verdict,
		.severity = (enum tcplint_severity)f->severity,
		.offender = (enum tcplint_offender)f->offender,
		.confidence = f->confidence,
		.conn = c ? &c->id : NULL,
		.host = host,
		.ts = d->ts,
		.count = f->count,
		.first_ts = f->first_ts,
		.last_ts = f->last_ts,
		.message = message,
		.would_be = f->has_would_be ? f->would_be : -1,
		.below_threshold = !f->listed,
	};
	if (d->state[0] != KEEP && d->state[1] != KEEP) {
		out->has_state = true;
		out->state[0] = (enum tcplint_state)d->state[0];
		out->state[1] = (enum tcplint_state)d->state[1];
	}
	for (unsigned i = 0; i < d->frames; i++)
		out->frame[out->frame_count++] = d->frame[i];
	public_values(c, d, out);
	for (unsigned i = 0; i < sizeof(alternative_names) / sizeof(*alternative_names); i++)
		if (d->alternatives & alternative_names[i].bit && n < TCPLINT_MAX_ALTERNATIVES)
			out->alternatives[n++] = alternative_names[i].name;
	n = 0;
	for (unsigned i = 0; i < sizeof(evidence_names) / sizeof(*evidence_names); i++)
		if (d->evidence & evidence_names[i].bit && n < TCPLINT_MAX_EVIDENCE)
			out->evidence[n++] = evidence_names[i].name;
	for (unsigned i = 0; i < f->related_count; i++)
		out->related[out->related_count++] = f->related[i];
	message_write(message, size, f->rule, out, d);
}
