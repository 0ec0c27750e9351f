#include <stddef.h>
#include <string.h>

#include "incarnation.h"
#include "record_private.h"
#include "resolve.h"
#include "time_wait.h"
#include "tracker.h"

#define UNKNOWN (-1)

static bool both_closed(const struct conn *c)
{
	const struct endpoint *a = &c->end[CLIENT], *b = &c->end[SERVER];

	if (c->self_connect)
		return fact_is(a, FIN_SENT) && fact_is(a, FIN_ACKED);
	return fact_is(a, FIN_SENT) && fact_is(a, FIN_ACKED) && fact_is(b, FIN_SENT) && fact_is(b, FIN_ACKED);
}

/* A client in SYN_SENT that refuses a foreign SYN-ACK goes on, whatever its RST does to the server. */
static bool was_reset(const struct conn *c)
{
	return fact_is(&c->end[CLIENT], RESET) ||
	       (fact_is(&c->end[SERVER], RESET) && !knows(&c->end[CLIENT], K_REFUSED));
}

/* When the second of the two FINs was acknowledged; a RST after that ends nothing. */
static int64_t closed_at(const struct conn *c)
{
	const int64_t a = c->detail[CLIENT].fact[FIN_ACKED].ts, b = c->detail[SERVER].fact[FIN_ACKED].ts;

	return a > b ? a : b;
}

static bool reset_before_close(const struct conn *c)
{
	int64_t first = INT64_MAX;

	for (enum side i = CLIENT; i <= SERVER; i++)
		if (fact_is(&c->end[i], RESET) && c->detail[i].fact[RESET].ts < first)
			first = c->detail[i].fact[RESET].ts;
	return was_reset(c) && (!both_closed(c) || first < closed_at(c));
}

/* One direction was never captured although it existed: an ACK, data or FIN proves the peer. */
static bool one_sided(const struct conn *c)
{
	const struct endpoint *a = &c->end[CLIENT], *b = &c->end[SERVER];

	if (c->self_connect || knows(a, K_SEEN) == knows(b, K_SEEN))
		return false;
	const enum side x = knows(a, K_SEEN) ? CLIENT : SERVER;
	const struct endpoint_detail *d = &c->detail[x];

	return c->end[x].segments > d->syn + d->rst && c->origin != TCPLINT_ORIGIN_STRAY;
}

/* ---- handshake ---- */

static enum tcplint_handshake_kind handshake_kind(const struct conn *c)
{
	const struct endpoint_detail *d = c->detail;

	if (c->split)
		return TCPLINT_HANDSHAKE_SPLIT;
	if (c->simultaneous || (c->self_connect && d[CLIENT].syn))
		return TCPLINT_HANDSHAKE_SIMULTANEOUS;
	if (!d[SERVER].synack)
		return TCPLINT_HANDSHAKE_NONE;
	if (c->fast_open && d[CLIENT].syn_len && d[CLIENT].syn)
		return TCPLINT_HANDSHAKE_FAST_OPEN;
	return TCPLINT_HANDSHAKE_THREE_WAY;
}

/* Whether the client's acknowledgment of the SYN-ACK was captured. */
static bool third_step_seen(const struct conn *c)
{
	if (c->simultaneous || c->self_connect)
		return fact_is(&c->end[CLIENT], SYN_ACKED) && (c->self_connect || fact_is(&c->end[SERVER], SYN_ACKED));
	return c->hs_ack.frame;
}

/* Whether something proves that the connection came to be although a step of its handshake was not captured. */
static bool opened_unseen(const struct conn *c)
{
	const struct endpoint *a = &c->end[CLIENT], *b = &c->end[SERVER];

	return fact_get(a, SYN_ACKED) == CONFIRMED || fact_get(b, SYN_ACKED) == CONFIRMED ||
	       (knows(b, K_DMAX) && !knows(a, K_SEEN));
}

/* Unless a violation was found (released.c). */
static enum tcplint_judgement judge_handshake(const struct conn *c)
{
	const struct endpoint_detail *d = c->detail;
	const uint32_t syns = d[CLIENT].syn + d[SERVER].syn, synacks = d[CLIENT].synack + d[SERVER].synack;

	if (!syns && !synacks)
		return TCPLINT_NOT_SEEN;
	if (one_sided(c) || !syns)
		return TCPLINT_UNDECIDABLE;
	if (!synacks && !c->self_connect && !c->simultaneous)
		return opened_unseen(c) ? TCPLINT_UNDECIDABLE : TCPLINT_INCOMPLETE;
	if (third_step_seen(c))
		return TCPLINT_CONFORMANT;
	return opened_unseen(c) ? TCPLINT_UNDECIDABLE : TCPLINT_INCOMPLETE;
}

/* The SYN that a SYN-ACK answers; without one, the latest. */
static const struct attempt *answered_syn(const struct conn *c, const struct attempt *synack)
{
	for (unsigned i = 0; synack && i < c->syns; i++)
		if (synack->ack - (c->syn[i].isn + 1) <= c->syn[i].len)
			return &c->syn[i];
	return c->syns ? &c->syn[c->syns - 1] : NULL;
}

static void fill_handshake(struct tcplint_connection *r, const struct conn *c)
{
	const struct attempt *synack = c->synacks ? &c->synack[c->synacks - 1] : NULL;
	const struct attempt *syn = answered_syn(c, synack);

	r->handshake.verdict = judge_handshake(c);
	r->handshake.kind = handshake_kind(c);
	r->handshake.syn_count = c->detail[CLIENT].syn + c->detail[SERVER].syn;
	r->handshake.synack_count = c->detail[CLIENT].synack + c->detail[SERVER].synack;
	r->handshake.syn_synack = r->handshake.synack_ack = r->handshake.total = UNKNOWN;
	if (syn && synack && c->simultaneous == false && synack->first.ts >= syn->first.ts)
		r->handshake.syn_synack = synack->first.ts - syn->first.ts;
	if (synack && c->hs_ack.frame && !c->simultaneous && c->hs_ack.ts >= synack->first.ts)
		r->handshake.synack_ack = c->hs_ack.ts - synack->first.ts;
	if (syn && c->hs_ack.frame)
		r->handshake.total = c->hs_ack.ts - syn->first.ts;
}

/* ---- teardown ---- */

static int active_closer(const struct conn *c)
{
	const bool a = knows(&c->end[CLIENT], K_FIN), b = knows(&c->end[SERVER], K_FIN);

	if (a && b && !c->self_connect)
		return c->detail[SERVER].first_fin.frame < c->detail[CLIENT].first_fin.frame;
	return a ? CLIENT : b ? SERVER : UNKNOWN;
}

static enum tcplint_teardown_kind teardown_kind(const struct conn *c)
{
	const struct endpoint *a = &c->end[CLIENT], *b = &c->end[SERVER];
	const struct endpoint_detail *d = c->detail;

	if (reset_before_close(c))
		return d[SERVER].synack || c->origin != TCPLINT_ORIGIN_SYN || opened_unseen(c) || knows(a, K_FIN) ||
				       knows(b, K_FIN) ?
			       TCPLINT_TEARDOWN_RST :
			       TCPLINT_TEARDOWN_NONE;
	if (!knows(a, K_FIN) && !knows(b, K_FIN))
		return TCPLINT_TEARDOWN_NONE;
	if (c->self_connect)
		return TCPLINT_TEARDOWN_SIMULTANEOUS;
	if (!knows(a, K_FIN) || !knows(b, K_FIN))
		return TCPLINT_TEARDOWN_HALF_CLOSED;
	const enum side closer = active_closer(c) == SERVER ? SERVER : CLIENT, peer = other(closer);

	if (!knows(&c->end[peer], K_FIN_AFTER_FIN))
		return TCPLINT_TEARDOWN_SIMULTANEOUS;
	return d[closer].fin_acked_by.frame == d[peer].first_fin.frame ? TCPLINT_TEARDOWN_THREE_SEGMENT :
									 TCPLINT_TEARDOWN_FOUR_WAY;
}

/* The last numbers of an end, its FIN perhaps, were acknowledged and not captured. */
static bool end_missed(const struct conn *c)
{
	for (enum side i = CLIENT; i <= SERVER; i++) {
		const struct endpoint *X = &c->end[i], *Y = &c->end[other(i)];

		if (!knows(X, K_FIN) && knows(X, K_SMAX) && knows(Y, K_AMAX) && seq_gt(Y->amax, X->smax))
			return true;
	}
	return false;
}

static enum tcplint_judgement judge_teardown(const struct conn *c, enum tcplint_teardown_kind kind)
{
	if (kind == TCPLINT_TEARDOWN_NONE)
		return TCPLINT_NOT_SEEN;
	if (kind == TCPLINT_TEARDOWN_RST || both_closed(c))
		return c->origin == TCPLINT_ORIGIN_STRAY || one_sided(c) ? TCPLINT_UNDECIDABLE : TCPLINT_CONFORMANT;
	return one_sided(c) || end_missed(c) ? TCPLINT_UNDECIDABLE : TCPLINT_INCOMPLETE;
}

static void fill_teardown(struct tcplint_connection *r, const struct conn *c)
{
	const int closer = active_closer(c);

	r->teardown.kind = teardown_kind(c);
	r->teardown.verdict = judge_teardown(c, r->teardown.kind);
	r->teardown.active_closer = r->teardown.kind == TCPLINT_TEARDOWN_NONE ? UNKNOWN : closer;
	r->teardown.duration = UNKNOWN;
	if (closer == UNKNOWN)
		return;
	if (!c->self_connect) {
		r->teardown.has_half_close = true;
		r->teardown.half_close_bytes = c->detail[closer == CLIENT ? SERVER : CLIENT].bytes_after_peer_fin;
	}
	if (both_closed(c))
		r->teardown.duration = closed_at(c) - c->detail[closer].first_fin.ts;
}

/* It may be CLOSED by now, after a RST for instance. */
static bool was_in_time_wait(const struct tcplint_connection *r, const struct conn *c, enum side x)
{
	const struct tcplint_endpoint *e = &r->endpoint[x];

	if ((c->time_wait.held.frame || c->time_wait.gone.frame) && c->time_wait.side == x)
		return true;
	for (unsigned i = 0; i < e->state_count; i++)
		if (e->states[i].state == TCPLINT_TIME_WAIT)
			return true;
	return false;
}

/* The paths of the endpoints are filled in. */
static void fill_time_wait(struct tcplint_connection *r, const struct conn *c)
{
	const bool a = was_in_time_wait(r, c, CLIENT), b = was_in_time_wait(r, c, SERVER);

	r->time_wait.holder = a && b ? 2 : a ? CLIENT : b ? SERVER : UNKNOWN;
	r->time_wait.lower = r->time_wait.upper = r->time_wait.reuse_after = UNKNOWN;
	if (r->time_wait.holder == UNKNOWN)
		return;
	const enum side holder = b && !a ? SERVER : CLIENT;
	const struct endpoint_detail *d = &c->detail[holder];

	r->time_wait.start = d->last_ack_of_fin.frame ? time_wait_since(c, holder) : d->fact[FIN_RCVD].ts;
	if (c->time_wait.held.frame)
		r->time_wait.lower = c->time_wait.lower;
	if (c->time_wait.gone.frame)
		r->time_wait.upper = c->time_wait.upper;
	if (c->reused)
		r->time_wait.reuse_after = c->reused - r->time_wait.start;
}

/* ---- endpoints ---- */

static void fill_endpoint(struct tcplint_endpoint *r, const struct conn *c, enum side x)
{
	const struct endpoint *e = &c->end[x];
	const struct endpoint_detail *d = &c->detail[x];

	*r = (struct tcplint_endpoint){
		.has_isn = knows(e, K_ISN),
		.isn_inferred = knows(e, K_ISN_INFERRED),
		.isn = e->isn,
		.has_syn = d->has_syn && !d->syn_cut,
		.has_mss = d->syn_opt & OPT_MSS,
		.has_wscale = d->syn_opt & OPT_WSCALE,
		.mss = d->mss,
		.wscale = d->wscale,
		.sack_permitted = d->syn_opt & OPT_SACK_PERMITTED,
		.timestamps = d->syn_opt & OPT_TIMESTAMPS,
		.fast_open = d->syn_opt & OPT_FAST_OPEN,
		.has_ttl = knows(e, K_SEEN),
		.ttl = e->ttl,
		.segments = e->segments,
		.payload_bytes = e->payload_bytes,
		.retransmitted_segments = e->retransmitted,
		.syn = d->syn,
		.synack = d->synack,
		.fin = d->fin,
		.rst = d->rst,
		.has_state = tracker_known(c, x) && !(c->self_connect && x == SERVER),
		.state = (enum tcplint_state)e->state,
		.state_certain = e->certain,
	};
	/* RFC 3168, 6.1.1: an ECN-setup SYN has ECE and CWR, an ECN-setup SYN-ACK has ECE alone */
	r->ecn = d->has_syn &&
		 (d->syn_flags & FLAG_ACK ? (d->syn_flags & (FLAG_ECE | FLAG_CWR)) == FLAG_ECE
					  : (d->syn_flags & (FLAG_ECE | FLAG_CWR)) == (FLAG_ECE | FLAG_CWR));
	if (r->has_state)
		r->state_count = tracker_path(c, x, r->states, TCPLINT_MAX_STATES);
	record_retries(r, c, x);
}

/* ---- the connection ---- */

static enum tcplint_end end_of(const struct conn *c, enum tcplint_end end)
{
	if (reset_before_close(c))
		return TCPLINT_END_RST;
	if (both_closed(c))
		return TCPLINT_END_FIN;
	return end;
}

static void fill_record(struct tcplint_connection *r, const struct conn *c, enum tcplint_end how)
{
	/* most of it are places for rules that could not be judged: those are counted */
	memset(r, 0, offsetof(struct tcplint_connection, not_evaluated));
	r->start = c->start.ts;
	r->duration = c->last.ts - c->start.ts;
	r->origin = (enum tcplint_origin)c->origin;
	r->end = how;
	r->self_connect = c->self_connect;
	r->quality.capture_loss = c->loss;
	r->quality.duplicates = c->duplicates;
	r->quality.reordered = c->reordered;
	r->quality.one_sided = one_sided(c);
	r->quality.truncated = c->truncated;
	fill_handshake(r, c);
	fill_teardown(r, c);
	fill_endpoint(&r->endpoint[CLIENT], c, CLIENT);
	fill_endpoint(&r->endpoint[SERVER], c, SERVER);
	fill_time_wait(r, c);
	r->conn_state = zeek_conn_state(&c->zeek);
	record_vantage(r, c);
	record_not_evaluated(r, c);
}

void record_connection(struct engine *en, const struct conn *c, enum tcplint_end end)
{
	const enum tcplint_end how = end_of(c, end);
	const bool recorded = en->ear.records && (en->options.all || c->may_be_listed);
	const enum tcplint_judgement handshake = judge_handshake(c), teardown = judge_teardown(c, teardown_kind(c));
	struct told_released *t;

	en->counters->end[how]++;
	en->counters->origin[c->origin]++;
	if (!c->fired && !recorded) {
		en->counters->handshake[handshake]++;
		en->counters->teardown[teardown]++;
		return;
	}
	t = engine_room(en);
	t->recorded = recorded;
	t->handshake = (uint8_t)handshake;
	t->teardown = (uint8_t)teardown;
	resolve_subject(en, c, &t->subject);
	if (recorded) {
		fill_record(&t->record, c, how);
		_Static_assert(sizeof(t->history) == sizeof(c->zeek.history), "it is whole");
		memcpy(t->history, zeek_history(&c->zeek), sizeof(t->history));
	}
	engine_tell(en, &t->told, TOLD_RELEASED,
		    recorded ? offsetof(struct told_released, record.not_evaluated[t->record.not_evaluated_count]) :
			       offsetof(struct told_released, history));
}

/* ---- segments ---- */

void record_segment_before(struct tcplint_segment *r, const struct tcplint_conn_id *id, const struct view *v)
{
	const struct segment *s = v->s;

	*r = (struct tcplint_segment){
		.conn = id,
		.ts = s->ts,
		.frame = s->frame,
		.from = (enum tcplint_side)v->x,
		.flags = s->flags,
		.seq = s->seq,
		.ack = s->ack,
		.len = s->len,
		.window = s->window,
	};
	for (enum side i = CLIENT; i <= SERVER; i++) {
		r->before[i] = (enum tcplint_state)v->state[i];
		r->known_before[i] = v->known[i];
		r->certain_before[i] = v->certain[i];
	}
}

void record_segment_after(struct tcplint_segment *r, const struct view *v)
{
	const struct segment *s = v->s;
	const struct endpoint *X = v->X, *Y = v->Y;

	r->has_relative = knows(X, K_ISN) && (knows(Y, K_ISN) || !(s->flags & FLAG_ACK));
	r->seq_relative = s->seq - X->isn;
	r->ack_relative = s->flags & FLAG_ACK ? s->ack - Y->isn : 0;
	if (!(s->flags & FLAG_SYN) && X->wscale != SCALE_UNKNOWN)
		r->window <<= X->wscale;
	for (enum side i = CLIENT; i <= SERVER; i++) {
		r->after[i] = (enum tcplint_state)v->c->end[i].state;
		r->known_after[i] = tracker_known(v->c, i);
		r->certain_after[i] = v->c->end[i].certain;
		r->arrow[i] = r->after[i] == r->before[i] ? NULL : arrow_clause(r->before[i], r->after[i]);
	}
	r->ignored = v->ignored;
}
