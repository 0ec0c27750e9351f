/* Counters of the library, the capture and the output, for the records and for metrics. */
#include <stdio.h>

#include "metrics.h"
#include "packets.h"
#include "run_private.h"

#define DROPS_MAX 32

bool session_totals(struct session *s, bool last, bool (*use)(struct session *s, const struct report_totals *t))
{
	const struct capture_counters *cc = capture_counters(s->capture);
	const struct packets_counters pc =
		s->to.packets ? packets_count(s->to.packets) : (struct packets_counters){ 0 };
	uint64_t hits[RULE_COUNT], drops[DROPS_MAX];
	const char *names[DROPS_MAX];
	unsigned n = 0;

	tcplint_flush(s->lint);
	for (unsigned r = 0; r < RULE_COUNT; r++)
		hits[r] = tcplint_rule_hits(s->lint, r);
	for (const char *name; n < DROPS_MAX; n++) {
		drops[n] = tcplint_drops(s->lint, n, &name);
		names[n] = name;
		if (!name)
			break;
	}
	return use(s, &(struct report_totals){
		.counters = tcplint_counters(s->lint),
		.rule_hits = hits,
		.drop_count = n,
		.drop_names = names,
		.drops = drops,
		.read = cc->frames,
		.filtered_out = cc->filtered_out,
		.kernel_drops_known = cc->kernel_drops_known,
		.interface_drops_known = cc->interface_drops_known,
		.kernel_drops = cc->kernel_drops,
		.interface_drops = cc->interface_drops,
		.interface = capture_interface(s->capture),
		.may_lose = s->options->on_write_error == WRITE_ERROR_DROPS,
		.lost_records = output_lost(s->to.records),
		.packets = s->to.packets,
		.packets_written = pc.written,
		.packets_lost = pc.lost,
		.packets_forgotten = pc.forgotten,
		.memory_bound = session_memory(s),
		.ended = last,
		.interrupted = s->interrupted,
		.error = s->input_error,
	});
}

bool session_tell_totals(struct session *s, const struct report_totals *t)
{
	return (t->ended ? s->reporter->summary : s->reporter->stats)(s->report, t);
}

/* A file of metrics that cannot be written is said once, and is no reason to stop. */
bool session_write_metrics(struct session *s, const struct report_totals *t)
{
	struct error e;

	if (metrics_write(s->options->metrics_file, s->source_name, t, &e))
		return true;
	if (!s->metrics_failed)
		fprintf(stderr, "tcplint: %s\n", e.text);
	s->metrics_failed = true;
	return false;
}
