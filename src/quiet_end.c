/* Timers and the release of quiet connections: what struct conn would have counted. */
#include <assert.h>

#include "finding.h"
#include "lifetime.h"
#include "quiet_private.h"
#include "tell.h"

/* ---- rules that fire on ordinary conversations ---- */

/* All of them state what the tap saw, with a confidence that nothing changes (findings.c). */
static bool passes(const struct engine *en, enum rule r, uint8_t verdict, uint8_t severity)
{
	const struct finding_cell cell = {
		.rule = (uint16_t)r,
		.verdict = verdict,
		.severity = finding_severity(&en->options, r, severity),
		.confidence = 0.9F,
	};

	return finding_passes(&en->options, &cell);
}

static bool is_loud(const struct engine *en, enum rule r)
{
	/* no other finding explains it, and it explains none */
	assert(en->rules->by_suppressed.first[r] == en->rules->by_suppressed.first[r + 1]);
	assert(en->rules->by_kept.first[r] == en->rules->by_kept.first[r + 1]);
	return passes(en, r, (uint8_t)rule_rows[r].public.verdict, KEEP);
}

/* Of the notes about TIME_WAIT one would be reported.  Those that explain others do so of connections in use. */
static bool is_reuse_loud(const struct engine *en)
{
	return passes(en, RULE_time_wait_cut_short, TCPLINT_NOTE, TCPLINT_INFO) ||
	       passes(en, RULE_time_wait_reopened, TCPLINT_NOTE, KEEP) || is_loud(en, RULE_time_wait_estimate);
}

/* What might explain rst_abort is not taken quietly. */
static bool is_reset_loud(const struct engine *en)
{
	return passes(en, RULE_rst_abort, (uint8_t)rule_rows[RULE_rst_abort].public.verdict, KEEP) ||
	       is_loud(en, RULE_ts_missing_on_rst);
}

/*
 * What fires on a segment that is kept, and is counted; and what waits from a RST on for what follows it.  All others
 * are silent of such a segment: nobody asks them when it is played.
 */
static void note_asked(struct engine *en)
{
	static const enum rule asked[] = {
		RULE_truncated_capture, RULE_syn_refused, RULE_close_normal_4way, RULE_close_3seg,
		RULE_ts_missing_on_rst, RULE_rst_abort, RULE_rst_exact_ignored, RULE_rst_then_sender_continues,
	};

	for (unsigned i = 0; i < sizeof(asked) / sizeof(*asked); i++)
		en->quiet.asked[asked[i] / 64] |= UINT64_C(1) << asked[i] % 64;
}

void quiet_init(struct engine *en)
{
	note_asked(en);
	en->packing.from = KEPT_UNPACKED;
	en->quiet.on = !en->options.segments && !en->options.loud;
	en->quiet.loud_cut = is_loud(en, RULE_truncated_capture);
	en->quiet.loud_close = is_loud(en, RULE_close_normal_4way) || is_loud(en, RULE_close_3seg);
	en->quiet.loud_refused = is_loud(en, RULE_syn_refused);
	en->quiet.loud_unanswered = is_loud(en, RULE_syn_unanswered);
	en->quiet.loud_incomplete = is_loud(en, RULE_handshake_incomplete);
	en->quiet.loud_reset = is_reset_loud(en);
	en->quiet.loud_reuse = en->options.all || is_reuse_loud(en);
}

void quiet_count(struct engine *en, enum rule r, bool first)
{
	en->hits[r]++;
	if (first && !finding_disabled(&en->options, r))
		en->counters->findings_below_threshold++;
}

/* Counted, unless a finding about a host stands for it. */
static void tell_of(struct engine *en, const struct quiet *q, enum rule r)
{
	tell_common(en, r, TCPLINT_BY_NETWORK, q);
}

/* ---- timers ---- */

static int64_t answered_at(const struct engine *en, const struct quiet *q)
{
	return q->syn_ts + flow_answer(&en->flows, q)->after;
}

/* When silence ends it. */
static inline int64_t idle_until(const struct engine *en, const struct quiet *q)
{
	switch ((enum quiet_stage)q->stage) {
	case QUIET_OPEN:
	case QUIET_ESTABLISHED:
	case QUIET_FIN:
	case QUIET_FIN_ACKED:
		return q->last_ts + IDLE_ESTABLISHED;
	case QUIET_CLOSED:
		return q->last_ts + 2 * en->limits.msl;
	case QUIET_REFUSED:
	case QUIET_RESET:
		return q->last_ts + AFTER_RST;
	case QUIET_SYN:
	case QUIET_SYNACK:
	case QUIET_FINS:
		break;
	}
	return q->last_ts + IDLE_HALF_OPEN;
}

/* What waits for the other FIN, or for its acknowledgment. */
static int64_t closing_until(const struct engine *en, const struct quiet *q, int64_t deadline)
{
	const struct quiet_closing *k = flow_closing(&en->flows, flow_part(&en->flows, q));

	for (unsigned i = 0; i < k->count; i++)
		if (k->segment[i].flags & FLAG_FIN)
			lifetime_sooner(&deadline, k->segment[i].ts + FIN_WAIT_1_MAX, en->now);
	lifetime_sooner(&deadline, q->last_ts + STALL_WARN + 1, en->now);
	return deadline;
}

/* When everything is closed, or refused, there is nothing left to wait for. */
int64_t quiet_deadline(const struct engine *en, const struct quiet *q)
{
	int64_t deadline = idle_until(en, q);

	if (q->stage == QUIET_SYNACK)
		lifetime_sooner(&deadline, answered_at(en, q) + SYNACK_WAIT, en->now);
	else if (q->stage >= QUIET_FIN && q->stage < QUIET_CLOSED)
		deadline = closing_until(en, q, deadline);
	return deadline;
}

void quiet_rearm(struct engine *en, struct quiet *q, uint32_t number)
{
	const int64_t deadline = quiet_deadline(en, q);

	if (q->deadline && q->deadline > en->now && deadline >= q->deadline)
		return;
	q->deadline = deadline;
	wheel_arm(&en->wheel, number, (uint32_t)q->id, deadline);
}

/* The SYN-ACK waits for its acknowledgment for so long that handshake_incomplete fires. */
static bool incomplete(const struct engine *en, const struct quiet *q, int64_t now)
{
	return q->stage == QUIET_SYNACK && !q->counted && now - answered_at(en, q) >= SYNACK_WAIT;
}

void quiet_fire(struct engine *en, uint32_t number, int64_t now)
{
	struct quiet *q = flow_quiet(&en->flows, number);
	const bool closing = q->stage >= QUIET_FIN && q->stage <= QUIET_FINS;

	if (!closing && now >= idle_until(en, q)) {
		quiet_release(en, number, TCPLINT_END_TIMEOUT, now);
		return;
	}
	if (incomplete(en, q, now) && !en->quiet.loud_incomplete) {
		tell_of(en, q, RULE_handshake_incomplete);
		q->counted = true;
	}
	if (closing || incomplete(en, q, now)) {
		lifetime_fire(en, quiet_replay(en, number), now);
		return;
	}
	q->deadline = 0;
	quiet_rearm(en, q, number);
}

/* ---- the end ---- */

/* The rule that fires at the release of a half-open connection; RULE_COUNT: none. */
static enum rule last_rule(const struct engine *en, const struct quiet *q, enum tcplint_end end, int64_t now)
{
	if (incomplete(en, q, now))
		return RULE_handshake_incomplete;
	/* where the input ends, or room was needed, the answer may have been on its way */
	if (q->stage == QUIET_SYN && (end == TCPLINT_END_TIMEOUT || now - q->last_ts >= RESOLVE_TIMEOUT))
		return RULE_syn_unanswered;
	return RULE_COUNT;
}

/* Open, and silent for so long that close_without_fin fires. */
static bool gone(const struct quiet *q, enum tcplint_end end, int64_t now)
{
	return (q->stage == QUIET_OPEN || q->stage == QUIET_ESTABLISHED) && end != TCPLINT_END_EVICTED &&
	       now - q->last_ts >= 3600 * SECOND;
}

/* What is to be reported is reported by struct conn. */
static bool is_silent(struct engine *en, const struct quiet *q, enum tcplint_end end, int64_t now)
{
	const enum rule r = last_rule(en, q, end, now);
	const bool loud = r == RULE_syn_unanswered ? en->quiet.loud_unanswered : en->quiet.loud_incomplete;

	if (en->options.all || flow_older(&en->flows, q) || (q->stage >= QUIET_FIN && q->stage <= QUIET_FINS) ||
	    gone(q, end, now))
		return false;
	if (r == RULE_COUNT)
		return true;
	if (loud)
		return false;
	tell_of(en, q, r);
	return true;
}

/* How it ended. */
static enum tcplint_end end_of(const struct quiet *q, enum tcplint_end end)
{
	if (q->stage == QUIET_CLOSED)
		return TCPLINT_END_FIN;
	return q->stage == QUIET_REFUSED || q->stage == QUIET_RESET ? TCPLINT_END_RST : end;
}

/* What its RST has waited for did not come. */
static void tell_aborted(struct engine *en, const struct quiet *q)
{
	const enum side x = (enum side)flow_closing(&en->flows, flow_part(&en->flows, q))->closer;

	tell_common(en, RULE_rst_abort, offender_of(x), q);
}

void quiet_release(struct engine *en, uint32_t number, enum tcplint_end end, int64_t now)
{
	struct quiet *q = flow_quiet(&en->flows, number);
	const bool opened = q->stage >= QUIET_OPEN, closed = q->stage >= QUIET_CLOSED;
	struct tcplint_counters *n = en->counters;

	if (!is_silent(en, q, end, now)) {
		lifetime_release(en, quiet_replay(en, number), end, now);
		return;
	}
	n->handshake[opened ? TCPLINT_CONFORMANT : TCPLINT_INCOMPLETE]++;
	n->teardown[closed ? TCPLINT_CONFORMANT : TCPLINT_NOT_SEEN]++;
	n->end[end_of(q, end)]++;
	n->origin[TCPLINT_ORIGIN_SYN]++;
	if (q->stage == QUIET_RESET)
		tell_aborted(en, q);
	if (q->behind)
		quiet_tell_time_wait(en, q);
	if (en->draining && !q->behind) {
		q->in_use = false;
		return;
	}
	wheel_disarm(&en->wheel, number);
	flow_remove(&en->flows, number);
}
