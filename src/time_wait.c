#include "oracle.h"
#include "time_wait.h"

bool time_wait_held_by(const struct conn *c, enum side x)
{
	const struct endpoint *X = &c->end[x], *Y = &c->end[other(x)];

	return X->state == TCPLINT_TIME_WAIT && !c->self_connect && c->detail[x].last_ack_of_fin.frame &&
	       knows(X, K_FIN) && knows(Y, K_FIN) && seq_lt(c->detail[x].first_fin_ack, Y->fend) &&
	       !fact_is(X, RESET) && !fact_is(Y, RESET);
}

int64_t time_wait_since(const struct conn *c, enum side x)
{
	const struct endpoint_detail *D = &c->detail[x];
	const int64_t heard = D->last_ack_of_fin.ts, acked = D->fact[FIN_ACKED].ts;

	/* the FINs crossed: through CLOSING */
	if (seq_lt(c->detail[other(x)].first_fin_ack, c->end[x].fend) && acked > heard)
		return acked;
	return heard;
}

bool time_wait_may_be_over(const struct conn *c, enum side x)
{
	const struct endpoint_detail *D = &c->detail[x], *PD = &c->detail[other(x)];

	return c->end[x].last.frame != D->last_ack_of_fin.frame || PD->fin_copies || c->foreign_again ||
	       c->end[other(x)].last.frame > D->last_ack_of_fin.frame;
}

/* Something of the peer's came after X had acknowledged its FIN, perhaps a new SYN; X has not spoken since. */
static bool provoked(const struct view *v)
{
	const struct conn *c = v->c;

	if (c->foreign_syn.frame > v->X->last.frame && c->foreign_side == v->y)
		return true;
	return v->Y->last.frame > v->XD->last_ack_of_fin.frame && v->Y->last.frame > v->X->last.frame;
}

bool time_wait_denied(const struct view *v)
{
	const struct latest *t = &v->YD->latest;

	return v->s && v->drives && (v->s->flags & (FLAG_RST | FLAG_ACK | FLAG_SYN)) == FLAG_RST &&
	       time_wait_held_by(v->c, v->x) && seq_in(v->X->isn, v->s->seq, v->X->fend) && provoked(v) &&
	       t->at.frame == v->Y->last.frame && t->flags & FLAG_ACK && t->ack == v->s->seq && t->end != t->seq;
}

bool time_wait_answered(const struct view *v)
{
	return v->s && v->drives && is_pure_ack(v->s) && time_wait_held_by(v->c, v->x) && v->s->seq == v->X->fend &&
	       v->s->ack == v->Y->fend && provoked(v);
}

/* A SYN may carry data (RFC 7413), and the SYN-ACK acknowledge it. */
#define SYN_DATA_MAX 1460

bool time_wait_accepts(const struct view *v)
{
	const struct conn *c = v->c;

	return v->s && v->foreign && v->events & EV_SYNACK && !(v->events & (EV_BAD_CHECKSUM | EV_ODD_FLAGS)) &&
	       c->foreign_syn.frame && c->foreign_side == v->y && time_wait_held_by(c, v->x) &&
	       v->s->ack - (c->foreign_seq + 1) <= SYN_DATA_MAX;
}

bool time_wait_own_syn(const struct view *v)
{
	return knows(v->X, K_ISN_INFERRED) && seq_le(v->s->seq, v->X->isn);
}

/* Several answers: the longest time that it was held, the shortest after which it was not. */
static bool of_holder(const struct conn *c, enum side x)
{
	return (!c->time_wait.held.frame && !c->time_wait.gone.frame) || c->time_wait.side == x;
}

static void note_held(struct conn *c, const struct view *v)
{
	const int64_t t = v->s->ts - time_wait_since(c, v->x);

	if (!of_holder(c, v->x) || t <= c->time_wait.lower)
		return;
	c->time_wait.lower = t;
	c->time_wait.held = mark_of(v->s);
	c->time_wait.side = (uint8_t)v->x;
}

static void note_gone(struct conn *c, const struct view *v)
{
	const int64_t t = v->s->ts - time_wait_since(c, v->x);

	if (!of_holder(c, v->x) || t <= 0 || (c->time_wait.gone.frame && t >= c->time_wait.upper))
		return;
	c->time_wait.upper = t;
	c->time_wait.gone = mark_of(v->s);
	c->time_wait.side = (uint8_t)v->x;
}

void time_wait_note(struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;
	struct endpoint_detail *D = &c->detail[v->x];

	if (time_wait_denied(v))
		note_gone(c, v);
	if (time_wait_answered(v))
		note_held(c, v);
	if (!has(v, FLAG_ACK) || s->flags & (FLAG_SYN | FLAG_RST) || !knows(v->Y, K_FIN) || s->ack != v->Y->fend)
		return;
	if (!D->last_ack_of_fin.frame || v->YD->last_fin.frame > D->last_ack_of_fin.frame)
		D->last_ack_of_fin = mark_of(s);
}

uint8_t time_wait_newer(const struct view *v)
{
	const struct segment *s = v->s;
	const struct reopening r = {
		.had_timestamps = knows(v->X, K_TSVAL) && knows(v->Y, K_TSVAL),
		.has_timestamps = s->opt.present & OPT_TIMESTAMPS,
		.cut = s->opt.present & OPT_CUT,
		.tsval_last = v->X->tsval,
		.tsval = s->opt.ts_val,
		.fin = v->X->fend - 1,
		.seq = s->seq,
	};

	return (uint8_t)oracle_reopening(&r);
}

void time_wait_note_syn(struct conn *c, const struct view *v)
{
	c->foreign_again = c->foreign_syn.frame && c->foreign_side == v->x && c->foreign_seq == v->s->seq;
	c->foreign_newer = time_wait_newer(v);
	if (time_wait_held_by(c, v->x) && !time_wait_own_syn(v))
		note_gone(c, v);
}

void time_wait_note_synack(struct conn *c, const struct view *v)
{
	if (time_wait_accepts(v) && c->foreign_newer == NOT_NEWER)
		note_gone(c, v);
}
