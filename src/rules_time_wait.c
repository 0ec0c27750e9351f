/*
 * TIME_WAIT and what becomes of the 4-tuple after it.
 *
 * The SYN and the SYN-ACK that open it again belong to a newer incarnation.  The old one is shown them
 * before it is released (engine.c), and judges them by what it remembers; so a SYN that comes when the old
 * record is gone, 2 MSL after its last segment, is the first of a connection like any other.
 */
#include "oracle.h"
#include "predicates.h"
#include "time_wait.h"

static void doubt_sender(const struct view *v, struct draft *d)
{
	if (!other_distance(v))
		return;
	d->scale = 0.5F;
	d->alternatives |= ALT_middlebox | ALT_injection;
}

/* A RST of the peer that the capture missed would excuse it. */
static void doubt_time_wait(const struct view *v, struct draft *d)
{
	if (!time_wait_may_be_over(v->c, v->x))
		return;
	d->scale = d->scale > 0 ? d->scale : 0.75F;
	d->alternatives |= ALT_capture_loss;
}

static int64_t two_msl(const struct view *v)
{
	return 2 * v->limits->msl;
}

/* ---- how long ---- */

/* A shorter lower bound says nothing that a round trip does not. */
#define WORTH_SAYING SECOND

bool rule_time_wait_estimate(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;
	const struct mark held = c->time_wait.held, gone = c->time_wait.gone;

	if (!gone.frame && c->time_wait.lower < WORTH_SAYING)
		return false;
	draft_offender(d, c->time_wait.side);
	draft_frame(d, c->detail[other(c->time_wait.side)].first_fin);
	draft_frame(d, held);
	draft_frame(d, gone);
	d->number[0] = c->time_wait.lower;
	d->number[1] = gone.frame ? c->time_wait.upper : INT64_MAX;
	/* its end was found before a later answer: two hosts behind one address */
	if (gone.frame && c->time_wait.upper < c->time_wait.lower)
		d->alternatives |= ALT_middlebox;
	return true;
}

/* ---- the second copy of the last FIN ---- */

bool rule_time_wait_fin_reacked(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_DUP_ACK) || !time_wait_answered(v) ||
	    v->YD->last_fin.frame <= v->XD->last_ack_of_fin.frame)
		return false;
	draft_offender(d, v->x);
	draft_frame(d, v->XD->last_ack_of_fin);
	draft_frame(d, v->YD->last_fin);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->ts - time_wait_since(v->c, v->x);
	return true;
}

/* Copies of the FIN that came when the peer had acknowledged it and, in TIME_WAIT, did not again. */
static bool fin_not_reacked(const struct view *v)
{
	const enum side a = v->y;

	return live(v, EV_FIN) && time_wait_held_by(v->c, a) && v->end == v->X->fend && knows(v->Y, K_SEEN) &&
	       v->XD->fin_copies_unanswered && v->XD->last_fin.frame > v->YD->last_ack_of_fin.frame &&
	       v->s->ts - time_wait_since(v->c, a) < two_msl(v);
}

/* Offender and candidate: `sender` is the end that repeats its FIN. */
bool rule_time_wait_fin_not_reacked(const struct view *v, struct draft *d)
{
	if (!fin_not_reacked(v))
		return false;
	draft_offender(d, v->y);
	draft_value_seq(d, TCPLINT_FIELD_ACK, v->x, v->X->fend, v->X->fend);
	d->value[0].has_actual = false;
	draft_frame(d, v->YD->last_ack_of_fin);
	draft_frame(d, v->XD->last_fin);
	draft_frame(d, mark_of(v->s));
	d->number[0] = (int64_t)v->XD->fin_copies_unanswered + 1;
	d->number[1] = v->s->ts - v->YD->last_ack_of_fin.ts;
	d->alternatives = ALT_network_loss;
	return true;
}

#define ENOUGH_COPIES 3

enum outcome settle_time_wait_fin_not_reacked(const struct view *v, struct candidate *k)
{
	const enum side p = (enum side)k->sender;
	const struct endpoint_detail *PD = &v->c->detail[p];
	const struct endpoint *A = &v->c->end[other(p)];
	const int64_t patience = 3 * crossing(A) > SECOND ? 3 * crossing(A) : SECOND;

	if (v->foreign)
		return DISMISSED;
	if (A->last.frame > k->draft.frame[0] && A->last.ts >= k->opened)
		return DISMISSED;
	if (v->s && v->x == p && v->events & EV_FIN && v->end == v->X->fend && v->s->ts > k->opened) {
		k->draft.number[0] = PD->fin_copies_unanswered;
		k->draft.number[1] = v->s->ts - v->YD->last_ack_of_fin.ts;
		k->deadline = v->now + (patience > RESOLVE_TIMEOUT ? patience : RESOLVE_TIMEOUT);
		draft_frame(&k->draft, mark_of(v->s));
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	if (v->now - k->draft.ts < patience)
		return DISMISSED; /* the input ended too soon */
	if (k->draft.number[0] < ENOUGH_COPIES)
		return PLAIN;
	k->draft.evidence |= EVI_stimulus_repeated;
	return REFUTED;
}

bool rule_time_wait_not_held(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_RST) || !time_wait_denied(v))
		return false;
	const int64_t t = v->s->ts - time_wait_since(v->c, v->x);

	if (t >= two_msl(v))
		return false;
	doubt_sender(v, d);
	/* who repeats its FIN has not reset the connection; old data may come after a RST that was not captured */
	if (!(v->YD->latest.flags & FLAG_FIN))
		doubt_time_wait(v, d);
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, v->XD->last_ack_of_fin);
	draft_frame(d, v->Y->last);
	draft_frame(d, mark_of(v->s));
	d->alternatives |= ALT_middlebox; /* a load balancer that forgot it, or chose another host */
	d->number[0] = t;
	d->number[1] = two_msl(v);
	return true;
}

/* ---- the 4-tuple opened again ---- */

/* RFC 9293 has 4 minutes; SHORT is what some systems use for 2 MSL. */
#define SPECIFIED (240 * SECOND)
#define SHORT     (30 * SECOND)

static void judge_cut(const struct view *v, struct draft *d, int64_t t)
{
	const bool newer_timestamp = knows(v->X, K_TSVAL) && knows(v->Y, K_TSVAL) &&
				     v->s->opt.present & OPT_TIMESTAMPS && seq_gt(v->s->opt.ts_val, v->X->tsval);

	if (other_distance(v) || (newer_timestamp && t >= SECOND)) {
		d->verdict = TCPLINT_NOTE;
		d->severity = TCPLINT_INFO;
	} else if (t >= two_msl(v)) {
		d->verdict = TCPLINT_DEVIATION;
		d->severity = TCPLINT_INFO;
	} else if (t >= SHORT || newer_timestamp) { /* tcp_tw_reuse_delay of Linux may be set to nothing */
		d->verdict = TCPLINT_DEVIATION;
		d->severity = TCPLINT_NOTICE;
	} else if (t < SECOND) {
		d->severity = TCPLINT_ERROR;
	}
}

/* An older timestamp than X has used since proves that it was sent before. */
static bool is_older(const struct view *v)
{
	return knows(v->X, K_TSVAL) && v->s->opt.present & OPT_TIMESTAMPS && seq_lt(v->s->opt.ts_val, v->X->tsval);
}

bool rule_time_wait_cut_short(const struct view *v, struct draft *d)
{
	if (!reopens(v) || !time_wait_held_by(v->c, v->x) || (time_wait_own_syn(v) && is_older(v)))
		return false;
	const int64_t t = v->s->ts - time_wait_since(v->c, v->x);

	if (t >= (two_msl(v) > SPECIFIED ? two_msl(v) : SPECIFIED))
		return false;
	judge_cut(v, d, t);
	doubt_time_wait(v, d);
	/* a newer timestamp would make it a deviation at least */
	if (v->s->opt.present & OPT_CUT || v->c->options_cut)
		d->scale = 0.5F;
	if (time_wait_own_syn(v)) {
		d->scale = 0.5F;
		d->alternatives |= ALT_old_duplicate;
	}
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, v->X->fend, v->s->seq);
	d->value[0].has_expected = false;
	draft_frame(d, v->XD->last_ack_of_fin);
	draft_frame(d, mark_of(v->s));
	d->number[0] = t;
	d->number[1] = two_msl(v);
	return true;
}

/* X, in TIME_WAIT for less than 2 MSL, accepts the peer's SYN. */
static bool accepts_early(const struct view *v)
{
	return time_wait_accepts(v) && v->c->foreign_newer != PERHAPS_NEWER &&
	       v->s->ts - time_wait_since(v->c, v->x) < two_msl(v);
}

/* Whose SYN it was, where it stood and where it would have been newer. */
static void syn_draft(const struct view *v, struct draft *d)
{
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->y, v->Y->fend, v->c->foreign_seq);
	draft_frame(d, v->XD->last_ack_of_fin);
	draft_frame(d, v->c->foreign_syn);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->c->foreign_syn.ts - time_wait_since(v->c, v->x);
}

bool rule_time_wait_reopened(const struct view *v, struct draft *d)
{
	if (!accepts_early(v) || v->c->foreign_newer == NOT_NEWER)
		return false;
	syn_draft(v, d);
	d->value[0].has_expected = v->c->foreign_newer == NEWER_SEQUENCE;
	return true;
}

bool rule_time_wait_old_syn_accepted(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!accepts_early(v) || c->foreign_newer != NOT_NEWER ||
	    (c->time_wait.gone.frame && c->time_wait.side == v->x && c->time_wait.gone.ts < v->s->ts))
		return false;
	syn_draft(v, d);
	doubt_sender(v, d);
	doubt_time_wait(v, d);
	d->alternatives |= ALT_middlebox;
	return true;
}

bool rule_time_wait_reopen_isn_low(const struct view *v, struct draft *d)
{
	if (!accepts_early(v) || v->c->foreign_newer == NOT_NEWER || seq_gt(v->s->seq, v->X->fend - 1))
		return false;
	doubt_sender(v, d);
	doubt_time_wait(v, d);
	if (v->c->foreign_newer != NEWER_SEQUENCE) { /* timestamps keep the incarnations apart, RFC 6191 */
		d->verdict = TCPLINT_DEVIATION;
		d->severity = TCPLINT_NOTICE;
	}
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, v->X->fend, v->s->seq);
	draft_frame(d, v->XD->last_ack_of_fin);
	draft_frame(d, v->c->foreign_syn);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->ts - time_wait_since(v->c, v->x);
	return true;
}

/* The SYN of X that its peer, in TIME_WAIT, need not accept. */
bool rule_time_wait_syn_rejected(const struct view *v, struct draft *d)
{
	if (!reopens(v) || !time_wait_held_by(v->c, v->y) || time_wait_newer(v) != NOT_NEWER ||
	    v->s->ts - time_wait_since(v->c, v->y) >= two_msl(v))
		return false;
	d->offender = TCPLINT_BY_NETWORK;
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, v->X->fend, v->s->seq);
	draft_frame(d, v->YD->last_ack_of_fin);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->ts - time_wait_since(v->c, v->y);
	return true;
}

/* It is answered with an ACK (RFC 5961, 4.2), or not at all (RFC 6191): then it is repeated. */
enum outcome settle_time_wait_syn_rejected(const struct view *v, struct candidate *k)
{
	const struct conn *c = v->c;
	const enum side p = (enum side)k->sender, a = other(p);

	if (v->s && v->x == a && has(v, FLAG_ACK) && !v->foreign && is_pure_ack(v->s) && v->s->seq == c->end[a].fend &&
	    v->s->ack == c->end[p].fend) {
		draft_frame(&k->draft, mark_of(v->s));
		k->draft.number[1] = 1;
		return REFUTED;
	}
	if (v->s && v->x == a && v->events & (EV_SYNACK | EV_RST))
		return DISMISSED;
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	if (!c->foreign_again)
		return DISMISSED;
	draft_frame(&k->draft, c->foreign_syn);
	return REFUTED;
}

/* ---- old duplicates ---- */

/* No timer waits so long for the first copy (RFC 6298, 2.1 and 5.7). */
#define NO_TIMER (3 * SECOND)

/* Whether the network has kept this copy: by its timestamp, or since its sender would not have waited so long. */
static bool kept_by_network(const struct view *v)
{
	const struct segment *s = v->s;

	if (s->opt.present & OPT_TIMESTAMPS && knows(v->X, K_TSVAL))
		return seq_lt(s->opt.ts_val, v->X->tsval);
	return !v->X->retransmitted && s->ts - v->X->last.ts > NO_TIMER;
}

/* Data of X that Y, in TIME_WAIT, had acknowledged before: from the network, and not from X's timer. */
bool rule_time_wait_old_duplicate(const struct view *v, struct draft *d)
{
	if (!live(v, EV_RETRANSMIT) || v->s->flags & FLAG_FIN || !v->s->len || !time_wait_held_by(v->c, v->y) ||
	    !v->old || v->s->ts - v->YD->last_ack_of_fin.ts <= crossing(v->X) || !kept_by_network(v))
		return false;
	d->offender = TCPLINT_BY_NETWORK;
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, v->YD->last_ack_of_fin);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->ts - time_wait_since(v->c, v->y);
	if (v->s->opt.present & OPT_TIMESTAMPS && knows(v->X, K_TSVAL) && seq_lt(v->s->opt.ts_val, v->X->tsval))
		d->evidence |= EVI_order_proven;
	return true;
}

/*
 * A sender that had missed the acknowledgments goes on repeating, its FIN too.  A RST is the matter of
 * time_wait_assassinated, or of time_wait_not_held.
 */
enum outcome settle_time_wait_old_duplicate(const struct view *v, struct candidate *k)
{
	const bool proven = k->draft.evidence & EVI_order_proven;

	if (v->s && !v->foreign && v->s->ts > k->opened &&
	    (v->events & EV_RST || (v->x == (enum side)k->sender && segment_length(v->s) && !proven)))
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? REFUTED : WAIT;
}

/* ---- assassination ---- */

/*
 * RFC 1337, Figure 1: an old segment of X, the ACK of Y in TIME_WAIT, and the RST that X answers with.  TIME_WAIT
 * sends no ACK unprovoked, whether the old segment passed the tap or came from beyond it.
 */
static bool answers_time_wait(const struct view *v)
{
	const struct mark acked = v->YD->last_ack_of_fin;
	const struct latest *t = &v->YD->latest;

	return !has(v, FLAG_ACK) && v->Y->last.frame > v->X->last.frame && t->at.frame == v->Y->last.frame &&
	       t->ack == v->s->seq && t->end == t->seq && t->seq == v->Y->fend &&
	       (v->Y->last.frame != acked.frame || v->XD->fin_copies);
}

/* It is too late for an answer to anything: X, or somebody in its name, ends TIME_WAIT out of the blue. */
static bool out_of_the_blue(const struct view *v)
{
	return !v->XD->last_rst.frame && v->s->ts - v->Y->last.ts > crossing(v->X) &&
	       v->s->ts - v->X->last.ts > crossing(v->X);
}

bool rule_time_wait_assassinated(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!live(v, EV_RST) || !time_wait_held_by(c, v->y) || v->s->seq != v->X->fend)
		return false;
	const bool answer = answers_time_wait(v);

	if (!answer && !out_of_the_blue(v))
		return false;
	if (c->foreign_syn.frame && c->foreign_side == v->x)
		return false; /* its own new SYN was refused, and this clears the way for it (RFC 9293, 3.5.1) */
	const int64_t t = v->s->ts - time_wait_since(c, v->y);

	if (t >= two_msl(v))
		return false;
	if (!answer)
		d->severity = TCPLINT_NOTICE;
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	if (v->X->last.frame > v->XD->first_fin.frame)
		draft_frame(d, v->X->last);
	draft_frame(d, v->Y->last);
	draft_frame(d, mark_of(v->s));
	d->number[0] = t;
	return true;
}

/* An incarnation that opens now has no TIME_WAIT to protect it. */
enum outcome settle_time_wait_assassinated(const struct view *v, struct candidate *k)
{
	if (v->s && v->foreign && v->events & EV_SYNACK) {
		k->draft.severity = TCPLINT_ERROR;
		return REFUTED;
	}
	return v->releasing || v->now >= k->deadline ? REFUTED : WAIT;
}
