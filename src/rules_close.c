/*
 * Teardown: which way a connection ended, by FINs or by a RST.
 *
 * Classifications, not faults.  A close is classified by the segment that completes it,
 * and only the first time: what a lost ACK makes the ends repeat is the same close.
 */
#include "draft.h"

/* ---- closes ---- */

/* The first FIN of `x` was sent in the knowledge of its peer's. */
static bool closed_second(const struct conn *c, enum side x)
{
	return knows(&c->end[x], K_FIN) && knows(&c->end[other(x)], K_FIN) &&
	       seq_ge(c->detail[x].first_fin_ack, c->end[other(x)].fend);
}

/* The segment is the first to acknowledge the second FIN, and so completes a close that X began. */
static bool completes_close(const struct view *v)
{
	return v->events & EV_CLOSING && !(v->events & EV_RESET) && v->drives && !v->c->self_connect &&
	       has(v, FLAG_ACK) && !(v->s->flags & (FLAG_SYN | FLAG_RST)) && closed_second(v->c, v->y) &&
	       v->s->ack == v->Y->fend && !v->YD->fin_acked_by.frame && v->XD->fin_acked_by.frame;
}

static int64_t since(int64_t later, struct mark earlier)
{
	return later > earlier.ts ? later - earlier.ts : 0;
}

static void close_draft(const struct view *v, struct draft *d)
{
	draft_offender(d, v->x);
	draft_frame(d, v->XD->first_fin);
	draft_frame(d, v->XD->fin_acked_by);
	draft_frame(d, v->YD->first_fin);
	draft_frame(d, mark_of(v->s));
	d->number[0] = since(v->s->ts, v->XD->first_fin);
	d->number[1] = since(v->YD->first_fin.ts, v->XD->first_fin);
}

bool rule_close_normal_4way(const struct view *v, struct draft *d)
{
	if (!completes_close(v) || v->XD->fin_acked_by.frame == v->YD->first_fin.frame)
		return false;
	close_draft(v, d);
	return true;
}

bool rule_close_3seg(const struct view *v, struct draft *d)
{
	if (!completes_close(v) || v->XD->fin_acked_by.frame != v->YD->first_fin.frame)
		return false;
	close_draft(v, d);
	return true;
}

/* A FIN so long after the peer's is perhaps a copy: its first one may have acknowledged more or less. */
#define LATE_FIN  SECOND
#define PERHAPS   0.5F

bool rule_close_simultaneous(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_FIN) || v->events & EV_RESET || !v->drives || v->c->self_connect ||
	    v->s->flags & (FLAG_SYN | FLAG_RST) || knows(v->X, K_FIN) || !knows(v->Y, K_FIN))
		return false;
	if (seq_ge(v->s->ack, v->Y->fend) || seq_ge(v->YD->first_fin_ack, v->end) ||
	    (knows(v->X, K_AMAX) && seq_ge(v->X->amax, v->Y->fend)))
		return false;
	d->offender = TCPLINT_BY_UNKNOWN;
	draft_frame(d, v->YD->first_fin);
	draft_frame(d, mark_of(v->s));
	d->number[0] = since(v->s->ts, v->YD->first_fin);
	if (v->events & EV_GAP || d->number[0] > LATE_FIN) {
		d->cap = PERHAPS;
		d->alternatives |= ALT_capture_loss;
	}
	return true;
}

/* Payload that the segment brings and that its sender had not sent before. */
static uint32_t new_payload(const struct view *v)
{
	const uint32_t end = v->s->seq + v->s->len;

	if (!knows(v->X, K_DMAX) || seq_ge(v->s->seq, v->X->dmax))
		return v->s->len;
	return seq_gt(end, v->X->dmax) ? end - v->X->dmax : 0;
}

/* `p` acknowledged its peer's FIN and has not sent its own. */
static bool half_closed(const struct conn *c, enum side p)
{
	const struct endpoint *P = &c->end[p], *A = &c->end[other(p)];

	return knows(A, K_FIN) && !knows(P, K_FIN) && knows(P, K_AMAX) && seq_ge(P->amax, A->fend);
}

bool rule_half_close_data(const struct view *v, struct draft *d)
{
	if (!(v->events & (EV_FIN | EV_RST)) || v->events & EV_RESET || !v->drives || v->c->self_connect ||
	    v->s->flags & FLAG_SYN)
		return false;
	const bool by_fin = v->events & EV_FIN;
	const enum side p = half_closed(v->c, v->x) ? v->x : v->y;

	if (!half_closed(v->c, p) || (by_fin && p != v->x))
		return false;
	const uint64_t bytes = v->c->detail[p].bytes_after_peer_fin + (by_fin ? new_payload(v) : 0);

	if (!bytes)
		return false;
	draft_offender(d, p);
	draft_frame(d, v->c->detail[other(p)].first_fin);
	draft_frame(d, v->c->detail[other(p)].fin_acked_by);
	draft_frame(d, v->c->detail[p].last_data);
	draft_frame(d, mark_of(v->s));
	d->number[0] = (int64_t)bytes;
	d->number[1] = since(v->s->ts, v->c->detail[other(p)].fin_acked_by);
	return true;
}

/* ---- RST ---- */

/* Data so old would have been acknowledged, had it arrived: it was lost behind the tap. */
#define LOST_BEHIND_TAP (1 * SECOND)

/* Payload of `p` that its peer had not acknowledged, not even with `ack`. */
static uint32_t unacked(const struct conn *c, enum side p, const uint32_t *ack)
{
	const struct endpoint *P = &c->end[p], *Q = &c->end[other(p)];
	uint32_t edge = Q->amax;

	if (!knows(P, K_DMAX) || !knows(Q, K_AMAX))
		return 0;
	if (ack && seq_gt(*ack, edge) && seq_le(*ack, P->smax))
		edge = *ack;
	return seq_gt(P->dmax, edge) && P->dmax - edge < UINT32_C(0x40000000) ? P->dmax - edge : 0;
}

static uint32_t unacked_of_peer(const struct view *v)
{
	const uint32_t *ack = has(v, FLAG_ACK) ? &v->s->ack : NULL;

	return v->s->ts - v->YD->last_data.ts <= LOST_BEHIND_TAP ? unacked(v->c, v->y, ack) : 0;
}

/* The first RST of a connection of which both directions were captured. */
static bool first_rst(const struct view *v)
{
	return v->events & EV_RST && !(v->events & EV_RESET) && v->drives && !v->c->self_connect && !has(v, FLAG_SYN) &&
	       knows(v->X, K_SEEN) && knows(v->Y, K_SEEN);
}

/* What the sender of a SYN was told is only certain once it went on. */
static bool is_open(const struct endpoint *e)
{
	return fact_is(e, SYN_SENT) && fact_is(e, SYN_RCVD) &&
	       (knows(e, K_ACTIVE) ? fact_get(e, SYN_ACKED) == CONFIRMED : fact_is(e, SYN_ACKED));
}

/* In the space of its sender, or where the peer's latest segments put it. */
static bool rst_of_connection(const struct view *v)
{
	const struct endpoint *X = v->X;

	if (!knows(X, K_SMAX) || !knows(v->Y, K_AMAX))
		return false;
	return v->s->seq == v->Y->amax || seq_in(v->Y->amax, v->s->seq, X->smax) || v->s->seq == X->smax ||
	       (knows(X, K_FIN) && X->fend - v->s->seq <= 1);
}

static bool aborts(const struct view *v)
{
	return first_rst(v) && is_open(v->X) && !knows(v->X, K_FIN);
}

/* It closed its direction, and data that came then is answered with a RST. */
static bool resets_half_closed(const struct view *v)
{
	return first_rst(v) && knows(v->X, K_FIN) && rst_of_connection(v) && unacked(v->c, v->y, NULL) &&
	       v->s->ts - v->YD->last_data.ts <= RESOLVE_TIMEOUT;
}

static void rst_draft(const struct view *v, struct draft *d)
{
	const int hops = (int)v->s->ttl - (int)v->X->ttl;
	const bool crossed = v->YD->last_data.frame < v->XD->first_fin.frame;

	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);

	draft_frame(d, crossed ? v->YD->last_data : v->XD->first_fin);
	draft_frame(d, crossed ? v->XD->first_fin : v->YD->last_data);
	draft_frame(d, mark_of(v->s));
	if (hops < -2 || hops > 2)
		d->alternatives |= ALT_middlebox | ALT_injection;
}

bool rule_half_duplex_close_reset(const struct view *v, struct draft *d)
{
	if (!resets_half_closed(v))
		return false;
	rst_draft(v, d);
	d->number[0] = unacked(v->c, v->y, NULL);
	return true;
}

/*
 * The RST stands, the sender goes on as if nothing had happened, or that is not known yet.
 * What was in flight when the RST was sent is no contradiction.
 */
static enum outcome rst_stands(const struct view *v, const struct candidate *k)
{
	const struct endpoint *X = &v->c->end[k->sender];

	if (v->s && v->s->flags & FLAG_SYN)
		return REFUTED;
	if (!fact_is(X, RESET))
		return DISMISSED;
	if (v->s && v->x == k->sender && !(v->s->flags & FLAG_RST) && v->drives &&
	    v->s->ts - k->opened > REORDER_WINDOW)
		return DISMISSED;
	return WAIT;
}

/* A bare RST of an end that never showed that its SYN was acknowledged: it had no connection to abort. */
static bool refuses(const struct view *v)
{
	return !(v->s->flags & FLAG_ACK) && fact_get(v->X, SYN_ACKED) != CONFIRMED;
}

bool rule_rst_abort(const struct view *v, struct draft *d)
{
	if (!aborts(v) || refuses(v))
		return false;
	rst_draft(v, d);
	d->number[0] = unacked(v->c, v->x, NULL);
	d->number[1] = unacked_of_peer(v);
	return true;
}

enum outcome settle_rst_abort(const struct view *v, struct candidate *k)
{
	return rst_stands(v, k);
}

bool rule_rst_discards_data(const struct view *v, struct draft *d)
{
	if ((!aborts(v) && !resets_half_closed(v)) || refuses(v))
		return false;
	const uint32_t own = unacked(v->c, v->x, NULL), of_peer = unacked_of_peer(v);

	if (!own && !of_peer)
		return false;
	rst_draft(v, d);
	d->number[0] = own;
	d->number[1] = of_peer;
	return true;
}

/* An ACK of the sender's data that was on its way when the RST came counts. */
enum outcome settle_rst_discards_data(const struct view *v, struct candidate *k)
{
	const enum side x = (enum side)k->sender;
	const enum outcome o = rst_stands(v, k);

	if (v->s && v->x != x && has(v, FLAG_ACK) && !has(v, FLAG_SYN)) {
		const uint32_t left = unacked(v->c, x, NULL);

		if (left < k->draft.number[0])
			k->draft.number[0] = left;
		if (!k->draft.number[0] && !k->draft.number[1])
			return DISMISSED;
	}
	return o;
}

/* ---- a FIN, and then a RST ---- */

#define SOON (2 * SECOND)

/* With data of the peer between the two it is half_duplex_close_reset. */
bool rule_fin_then_rst(const struct view *v, struct draft *d)
{
	if (!first_rst(v) || !knows(v->X, K_FIN) || !rst_of_connection(v))
		return false;
	const int64_t after = v->s->ts - v->XD->first_fin.ts;

	if (after > SOON || after < 0 || v->YD->last_data.frame > v->XD->first_fin.frame)
		return false;
	/* the close was complete, and its connection is over: CLOSED answers so (RFC 9293, 3.10.7.1) */
	if (!has(v, FLAG_ACK) && v->XD->last_ack_of_fin.frame)
		return false;
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, v->XD->first_fin);
	draft_frame(d, mark_of(v->s));
	d->number[0] = after;
	return true;
}
