/*
 * A 4-tuple that is used again while its connection before is remembered: the SYN and the SYN-ACK of the new one.
 *
 * The older one stays behind the new one until the SYN-ACK, as engine.c would have it.  When that is quiet too, it was
 * closed as RFC 9293 has it, and the new one comes as RFC 6191 and RFC 9293, 3.6.1 want it: then what its rules note is
 * counted. Anything else is asked of a struct conn, of which nothing is left but to see the two segments.
 */
#include "incarnation.h"
#include "lifetime.h"
#include "oracle.h"
#include "quiet_private.h"
#include "tell.h"

/* Who sent a segment, in a connection of the 4-tuple. */
static enum side side_in(const struct quiet *q, bool from_first)
{
	return from_first != q->swapped ? CLIENT : SERVER;
}

static const struct quiet_closing *closing(const struct engine *en, const struct quiet *q)
{
	return flow_closing(&en->flows, flow_part(&en->flows, q));
}

/* TIME_WAIT began with the closer's ACK, which was the last segment. */
static bool within_time_wait(const struct engine *en, const struct quiet *old, const struct segment *s)
{
	return s->ts >= old->last_ts && s->ts - old->last_ts < 2 * en->limits.msl;
}

/* isn_overlaps_previous is silent. */
static bool keeps_clear(const struct before *b, enum side x, const struct segment *s)
{
	return !b->known[x] || !seq_in(b->isn[x], s->seq, b->smax[x] - 1) ||
	       (b->timestamps && s->opt.present & OPT_TIMESTAMPS && seq_gt(s->opt.ts_val, b->tsval[x]));
}

/* ---- what is known of a quiet connection that was closed ---- */

static struct mark last_of(const struct quiet *q, const struct quiet_closing *k, enum side x)
{
	const struct kept *s = &k->segment[k->count - (x == k->closer ? 1 : 2)];

	return (struct mark){ s->ts, q->id + s->frame };
}

/* As engine_remember(). */
static void remember(const struct engine *en, struct before *b, const struct quiet *old, bool swapped)
{
	const struct quiet_closing *k = closing(en, old);

	for (enum side i = CLIENT; i <= SERVER; i++) {
		const enum side x = swapped == old->swapped ? i : other(i);

		b->known[i] = true;
		b->isn[i] = flow_part(&en->flows, old)->isn[x];
		b->smax[i] = k->smax[x];
		b->tsval[i] = k->tsval[x];
		b->last[i] = last_of(old, k, x);
	}
	b->timestamps = old->stamped;
}

/* Of who holds TIME_WAIT itself: time_wait_cut_short is but a note, of a host that goes by timestamps (judge_cut()). */
static bool cut_is_noted(const struct quiet_closing *k, const struct quiet *old, enum side x, const struct segment *s)
{
	return old->stamped && s->opt.present & OPT_TIMESTAMPS && seq_gt(s->opt.ts_val, k->tsval[x]) &&
	       s->ts - old->last_ts >= SECOND;
}

/* Of its peer: who holds TIME_WAIT may accept it, and time_wait_syn_rejected waits for nothing. */
static bool is_newer(const struct quiet_closing *k, bool stamped, enum side x, const struct segment *s)
{
	const struct reopening r = {
		.had_timestamps = stamped,
		.has_timestamps = s->opt.present & OPT_TIMESTAMPS,
		.tsval_last = k->tsval[x],
		.tsval = s->opt.ts_val,
		.fin = k->smax[x] - 1,
		.seq = s->seq,
	};

	return oracle_reopening(&r) != NOT_NEWER;
}

/* With the same number the SYN would belong to the older one (incarnation.c). */
static bool reopens_closed(const struct engine *en, const struct quiet *old, enum side x, const struct segment *s)
{
	if (old->stage != QUIET_CLOSED || en->quiet.loud_reuse || !within_time_wait(en, old, s) ||
	    s->seq == flow_part(&en->flows, old)->isn[x])
		return false;
	const struct quiet_closing *k = closing(en, old);

	return k->closer == x ? cut_is_noted(k, old, x, s) : is_newer(k, old->stamped, x, s);
}

/* ---- the SYN ---- */

bool quiet_may_reopen(struct engine *en, uint32_t older, const struct segment *s, bool from_first)
{
	struct before b;

	if (flow_is_quiet(older)) {
		struct quiet *old = flow_quiet(&en->flows, older);

		quiet_ask_again(en, old); /* and it stays so: no segment goes on with it */
		if (!reopens_closed(en, old, side_in(old, from_first), s))
			return false;
		remember(en, &b, old, !from_first);
	} else {
		const struct conn *old = flow_conn(&en->flows, older);

		if (old->older || !conn_finished(old) || incarnation_choose(&en->flows, older, s, from_first).number)
			return false;
		engine_remember(&b, old, !from_first);
	}
	return keeps_clear(&b, CLIENT, s);
}

void quiet_follow(struct engine *en, struct quiet *q, uint32_t older)
{
	struct before *b = flow_before(&en->flows, q);

	if (flow_is_quiet(older)) {
		remember(en, b, flow_quiet(&en->flows, older), q->swapped);
		q->incarnation = flow_quiet(&en->flows, older)->incarnation + 1;
	} else {
		engine_remember(b, flow_conn(&en->flows, older), q->swapped);
		q->incarnation = flow_conn(&en->flows, older)->incarnation + 1;
	}
}

/* Whether the client of the new connection held TIME_WAIT of the old one. */
static bool client_held(const struct engine *en, const struct quiet *q, const struct quiet *old)
{
	return closing(en, old)->closer == side_in(old, !q->swapped);
}

void quiet_show_syn(struct engine *en, const struct quiet *q, uint32_t older, const struct segment *s)
{
	if (!flow_is_quiet(older)) {
		engine_show(en, flow_conn(&en->flows, older), s, !q->swapped, en->now);
		return;
	}
	const struct quiet *old = flow_quiet(&en->flows, older);

	if (client_held(en, q, old))
		tell_common(en, RULE_time_wait_cut_short, offender_of(closing(en, old)->closer), old);
}

/* ---- the SYN-ACK ---- */

bool quiet_may_accept(const struct engine *en, const struct quiet *q, const struct segment *s)
{
	const struct before *b = flow_before(&en->flows, q);

	if (!keeps_clear(b, SERVER, s))
		return false;
	if (!flow_is_quiet(b->older))
		return true;
	const struct quiet *old = flow_quiet(&en->flows, b->older);

	/* time_wait_reopen_isn_low */
	return client_held(en, q, old) || !within_time_wait(en, old, s) || seq_gt(s->seq, b->smax[SERVER] - 1);
}

void quiet_accept(struct engine *en, const struct quiet *q, const struct segment *s)
{
	const uint32_t older = flow_older(&en->flows, q);

	if (!older)
		return;
	if (!flow_is_quiet(older)) {
		engine_show(en, flow_conn(&en->flows, older), s, q->swapped, en->now);
		engine_supersede(en, flow_conn(&en->flows, older), q->syn_ts);
		return;
	}
	const struct quiet *old = flow_quiet(&en->flows, older);

	if (!client_held(en, q, old) && within_time_wait(en, old, s))
		tell_common(en, RULE_time_wait_reopened, offender_of(closing(en, old)->closer), old);
	quiet_release(en, older, TCPLINT_END_REUSE, en->now);
}

void quiet_tell_time_wait(struct engine *en, const struct quiet *old)
{
	const struct quiet *q = flow_quiet(&en->flows, flow_newer(&en->flows, old));
	const enum side holder = closing(en, old)->closer;

	if (!client_held(en, q, old))
		return;
	tell_common(en, RULE_time_wait_estimate, offender_of(holder), old);
	tell_time_wait_gone(en, holder, &old->end[old->swapped == (holder == CLIENT)], q->syn_ts - old->last_ts);
}
