/*
 * Teardown: what breaks the rules about FIN.
 *
 * Most of these set two segments of one sender against each other.  What
 * makes them safe is that positions are exact: a FIN and the bytes before it stand where they
 * stand in whatever order they were captured.  Where the order matters it must be proven, by an
 * acknowledgment number or a timestamp that is newer than the FIN's.
 */
#include "predicates.h"
#include "vantage.h"

/* rules.md 1.2: what lies further from the numbers that a connection used is of another one. */
#define NEAR 0x10000

/* Both ends sent and received a FIN, or there was a RST: what lies elsewhere belongs to another connection. */
static bool is_over(const struct conn *c)
{
	bool both = true;

	for (enum side i = CLIENT; i <= SERVER; i++) {
		if (fact_is(&c->end[i], RESET))
			return true;
		both = both && fact_is(&c->end[i], FIN_SENT) && fact_is(&c->end[i], FIN_RCVD);
	}
	return both;
}

/* Of this incarnation beyond doubt, as far as its numbers tell. */
static bool belongs(const struct view *v)
{
	const struct segment *s = v->s;

	if (!v->drives || s->len_unknown || v->c->self_connect || s->flags & (FLAG_SYN | FLAG_RST))
		return false;
	if (knows(v->X, K_ISN) && (seq_lt(s->seq, v->X->isn) || (knows(v->X, K_FIN) && seq_lt(v->X->fend, v->X->isn))))
		return false;
	if (!knows(v->Y, K_SEEN)) /* one direction: its numbers are not known */
		return true;
	return !(v->events & EV_ACK_UNSEEN) && !(knows(v->Y, K_ISN) && seq_lt(s->ack, v->Y->isn));
}

/* Another host behind the same address, or somebody who forges (rules.md 1.7): half as sure. */
static void doubt_sender(const struct view *v, struct draft *d)
{
	if (!knows(v->X, K_SEEN) || !other_distance(v))
		return;
	d->scale = 0.5F;
	d->alternatives |= ALT_injection;
}

static bool newer_timestamp(const struct view *v, uint32_t than)
{
	return v->s->opt.present & OPT_TIMESTAMPS && knows(v->X, K_TSVAL) && than && seq_gt(v->s->opt.ts_val, than);
}

static bool older_timestamp(const struct view *v)
{
	return v->s->opt.present & OPT_TIMESTAMPS && knows(v->X, K_TSVAL) && seq_lt(v->s->opt.ts_val, v->X->tsval);
}

/* ---- a FIN that its sender did not send ---- */

/*
 * The recorded FIN of X came from another distance than all else of X, or had no timestamp, or a later one than this
 * segment, which stands behind it.
 */
static bool fin_of_another(const struct view *v)
{
	if (far_apart(v->XD->first_fin_ttl, v->X->ttl) && !far_apart(v->s->ttl, v->X->ttl))
		return true;
	return v->c->timestamps && v->s->opt.present & OPT_TIMESTAMPS && !v->XD->fin_copies &&
	       (!v->XD->fin_tsval || seq_gt(v->XD->fin_tsval, v->s->opt.ts_val));
}

/* Something of X that lies behind its recorded FIN: data, or another FIN. */
static bool goes_on_after_fin(const struct view *v)
{
	const struct segment *s = v->s;

	return s && !v->foreign && knows(v->X, K_FIN) && !s->bad_header && s->checksum != CHECKSUM_BAD &&
	       !s->len_unknown && (s->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) == FLAG_ACK && segment_length(s) &&
	       seq_gt(v->end, v->X->fend) && !v->c->self_connect && !(v->events & EV_RESET) &&
	       one_space(v->Y, v->end, v->X->fend);
}

bool rule_fin_forged(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_CLOSING) || !goes_on_after_fin(v) || !fin_of_another(v))
		return false;
	d->offender = TCPLINT_BY_UNKNOWN;
	draft_value_seq(d, TCPLINT_FIELD_FIN, v->x, v->X->fend - 1, v->X->fend - 1);
	d->value[0].has_expected = false;
	draft_frame(d, v->XD->first_fin);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->XD->first_fin_ttl;
	d->number[1] = v->X->ttl;
	d->number[2] = v->XD->fin_tsval;
	return true;
}

/* The peer did not take the FIN, and goes on with its sender; else a change of the path may explain it. */
enum outcome settle_fin_forged(const struct view *v, struct candidate *k)
{
	if (v->s && v->x != (enum side)k->sender && v->drives && has(v, FLAG_ACK) &&
	    !(v->s->flags & (FLAG_SYN | FLAG_RST)) && seq_ge(v->s->ack, k->end)) {
		draft_frame(&k->draft, mark_of(v->s));
		return REFUTED;
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	k->draft.scale = 0.5F;
	k->draft.alternatives |= ALT_middlebox;
	return PLAIN;
}

/* ---- where the FIN stands ---- */

/*
 * Once both FINs are exchanged, a FIN elsewhere may be of a connection whose SYNs were not captured, unless it
 * acknowledges exactly what this one's peer sent.
 */
static bool of_finished(const struct view *v)
{
	return is_over(v->c) && (v->events & EV_RESET || !knows(v->Y, K_FIN) || v->s->ack != v->Y->fend);
}

bool rule_fin_seq_moved(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_FIN) || !knows(v->X, K_FIN) || !belongs(v) || v->end == v->X->fend || of_finished(v) ||
	    !one_space(v->Y, v->end, v->X->fend) || (goes_on_after_fin(v) && fin_of_another(v)))
		return false;
	/* the peer had the earlier FIN for a round trip and did not take it: forged */
	const bool acked = fact_is(v->X, FIN_ACKED) || v->XD->fin_acked_by.frame;

	if (!acked && v->Y->last.ts - v->XD->first_fin.ts > crossing(v->Y)) {
		d->verdict = TCPLINT_ATTACK_SUSPECT;
		d->alternatives |= ALT_injection;
		d->evidence |= EVI_never_acked;
	}
	doubt_sender(v, d);
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_FIN, v->x, v->X->fend - 1, v->end - 1);
	draft_frame(d, v->XD->first_fin);
	draft_frame(d, mark_of(v->s));
	return true;
}

/*
 * The first segment beyond the FIN, which adjoins it: behind a gap may be a connection whose SYNs were not captured.
 * A sender that puts a byte where the FIN stands did not send that FIN, or does not count it.
 */
bool rule_data_after_fin(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_CLOSING) || !knows(v->X, K_FIN) || !v->s->len || !belongs(v) ||
	    !seq_gt(v->s->seq + v->s->len, v->X->fend) || seq_gt(v->s->seq, v->X->fend))
		return false;
	if (goes_on_after_fin(v) && fin_of_another(v)) /* fin_forged says it */
		return false;
	if ((is_over(v->c) && seq_lt(v->s->seq, v->X->fend - 1)) || !one_space(v->Y, v->s->seq, v->X->fend))
		return false;
	if (seq_lt(v->s->seq, v->X->fend) && !fact_is(v->X, FIN_ACKED)) {
		d->verdict = TCPLINT_ATTACK_SUSPECT;
		d->alternatives |= ALT_injection;
	}
	doubt_sender(v, d);
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, v->X->fend - 1, v->s->seq);
	draft_frame(d, v->XD->first_fin);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->len;
	return true;
}

/* Compared with bytes, not with smax: an ACK behind a FIN that was not captured stands beyond it. */
bool rule_fin_below_sent_data(const struct view *v, struct draft *d)
{
	const struct endpoint *X = v->X;

	if (!(v->events & EV_FIN) || knows(X, K_FIN) || !knows(X, K_DMAX) || !belongs(v) ||
	    !seq_lt(v->end - 1, X->dmax))
		return false;
	/* the data of a SYN that was refused or replaced is of no account */
	if (!seq_in(X->isn + 1 + v->XD->syn_len, X->dmax, X->smax) || X->dmax == X->isn + 1 + v->XD->syn_len)
		return false;
	if (older_timestamp(v) || is_over(v->c) || v->XD->last_data.ts > v->s->ts || !one_space(v->Y, X->dmax, v->end))
		return false;
	doubt_sender(v, d);
	if (v->s->ts - v->XD->last_data.ts <= REORDER_WINDOW && !newer_timestamp(v, X->tsval)) {
		d->scale = 0.5F;
		d->alternatives |= ALT_reordering;
	}
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_FIN, v->x, X->dmax, v->end - 1);
	draft_frame(d, v->XD->last_data);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* Bytes before the FIN that were not seen. */
bool rule_fin_gap(const struct view *v, struct draft *d)
{
	if (!live(v, EV_GAP) || !(v->events & EV_FIN) || knows(v->X, K_FIN) || v->c->self_connect || is_over(v->c) ||
	    !one_space(v->Y, v->s->seq, v->X->smax))
		return false;
	d->offender = TCPLINT_BY_CAPTURE;
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->seq - v->X->smax;
	return true;
}

/* They come late, or are proven to have been missed; until then it cannot be known. */
enum outcome settle_fin_gap(const struct view *v, struct candidate *k)
{
	const struct conn *c = v->c;

	k->deadline = INT64_MAX;
	if (!holes_overlap(v->holes, &c->end[k->sender], k->seq - (uint32_t)k->draft.number[0], k->seq)) {
		if (!c->loss || c->loss_ts < k->draft.ts)
			return DISMISSED;
		draft_frame(&k->draft, c->detail[k->sender].fin_acked_by);
		return SUPPORTED;
	}
	return v->releasing ? PLAIN : WAIT;
}

bool rule_fin_retransmitted(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_FIN) || !knows(v->X, K_FIN) || !belongs(v) || v->end != v->X->fend)
		return false;
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_FIN, v->x, v->end - 1);
	draft_frame(d, v->XD->first_fin);
	draft_frame(d, v->XD->last_fin);
	draft_frame(d, v->XD->fin_acked_by);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->ts - v->XD->first_fin.ts;
	d->number[1] = (int64_t)v->XD->fin_copies + 2;
	return true;
}

/* ---- a FIN before there is a connection ---- */

bool rule_fin_before_established(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_FIN) || !v->drives || v->c->self_connect || v->s->flags & (FLAG_SYN | FLAG_RST) ||
	    v->c->fast_open || knows(v->X, K_FIN))
		return false;
	if (!fact_is(v->X, SYN_SENT) || fact_is(v->X, SYN_RCVD) || fact_is(v->X, RESET) || fact_is(v->Y, SYN_SENT))
		return false;
	if (!knows(v->X, K_ISN) || v->s->seq - v->X->isn > NEAR)
		return false;
	/* the peer acknowledges more than a SYN: the capture missed its own */
	if (knows(v->Y, K_AMAX) && seq_gt(v->Y->amax, v->X->isn + 1 + v->XD->syn_len))
		return false;
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, v->XD->fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	return true;
}

static enum outcome synack_missed(struct candidate *k)
{
	k->draft.values = 0;
	k->draft.number[0] = 1; /* a SYN-ACK takes one sequence number */
	return SUPPORTED;
}

/*
 * A SYN-ACK that comes now and whose number the FIN already acknowledged had a copy that was not captured; one
 * whose number it did not know comes too late.
 */
static enum outcome judge_late_synack(const struct view *v, struct candidate *k)
{
	const uint32_t beyond = k->ack - (v->s->seq + 1);

	if (!k->ack || beyond >= UINT32_C(0x40000000))
		return REFUTED;
	if (beyond)
		return PLAIN;
	return v->s->ts - k->opened <= REORDER_WINDOW ? DISMISSED : synack_missed(k);
}

enum outcome settle_fin_before_established(const struct view *v, struct candidate *k)
{
	const struct segment *s = v->s;

	if (s && v->x != k->sender && v->drives && has(v, FLAG_ACK)) {
		if (s->flags & FLAG_RST)
			return PLAIN;
		if (s->flags & FLAG_SYN) /* of another SYN: of a connection after this one */
			return acks_a_syn(v->c, s->ack) ? judge_late_synack(v, k) : PLAIN;
		/* an end that had sent no SYN would not acknowledge the FIN, nor go on where the FIN's ACK says */
		if (seq_ge(s->ack, k->end) && s->seq - k->ack + NEAR <= 2 * NEAR)
			return synack_missed(k);
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	if (!knows(&v->c->end[other((enum side)k->sender)], K_SEEN)) {
		k->draft.cap = 0.5F;
		k->draft.alternatives |= ALT_one_sided;
	}
	return PLAIN;
}

/* ---- the acknowledgment of a FIN ---- */

/* Limits of fin_ack_wrong: how sure repeated answers make, how long another is waited for. */
#define BY_REPETITION     0.6F
#define ANOTHER_FIN_COPY  (10 * SECOND)

static bool acks_all_but_fin(const struct view *v, uint32_t fend)
{
	return v->s && is_pure_ack(v->s) && v->s->ack == fend - 1;
}

/*
 * It echoes what came before the latest copy of the peer's FIN: RFC 7323, 4.3, would have had it echo that one.  Where
 * the tap is at the sender all copies have come to it, whatever it echoes.
 */
static bool answers_something_older(const struct view *v)
{
	return v->c->timestamps && v->s->opt.present & OPT_TIMESTAMPS && v->YD->fin_tsval &&
	       seq_lt(v->s->opt.ts_ecr, v->YD->fin_tsval) && !vantage_at(v->c, v->x);
}

/* Nothing was missing below the FIN of the peer when this came: it answers no data. */
static bool answers_no_data(const struct view *v)
{
	return (knows(v->X, K_AMAX) && v->X->amax == v->Y->fend - 1) ||
	       (v->YD->last_data.frame && v->YD->last_data.frame == v->YD->last_fin.frame);
}

/*
 * The FIN is counted by none of the answers to it, or by a newer answer no more.  Excused: a window that is closed, a
 * server that has not accepted the connection, and an ACK of data that was missing below the FIN.
 */
bool rule_fin_ack_wrong(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_CLOSING) || !knows(v->Y, K_FIN) || !acks_all_but_fin(v, v->Y->fend) || !belongs(v))
		return false;
	const bool acked = knows(v->X, K_AMAX) && seq_ge(v->X->amax, v->Y->fend);
	const int64_t after = v->s->ts - v->YD->last_fin.ts;

	if (acked) {
		if (v->X->amax != v->Y->fend || !newer_timestamp(v, v->X->tsval))
			return false;
		d->evidence |= EVI_order_proven;
	} else {
		if (!v->s->window || after < v->X->turn || v->XD->last_data.ts > v->YD->first_fin.ts)
			return false;
		if (answers_something_older(v) || !answers_no_data(v))
			return false;
		if (v->Y->fend == v->Y->isn + 2 && v->XD->synack > 1)
			return false;
		d->cap = BY_REPETITION;
		d->alternatives |= ALT_network_loss;
	}
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_ACK, v->y, v->Y->fend, v->s->ack);
	draft_frame(d, v->YD->last_fin);
	if (acked)
		draft_frame(d, v->YD->fin_acked_by);
	draft_frame(d, mark_of(v->s));
	d->number[0] = (int64_t)v->YD->fin_copies + 1;
	return true;
}

static void another_wrong_answer(const struct view *v, struct candidate *k, uint32_t copies)
{
	k->note = 1;
	k->number[0]++;
	k->number[1] = copies;
	k->draft.number[0] = (int64_t)copies + 1;
	k->deadline = v->now + ANOTHER_FIN_COPY;
	draft_frame(&k->draft, mark_of(v->s));
}

/* number[0]: copies of the FIN that were answered so; number[1]: the latest of them. */
enum outcome settle_fin_ack_wrong(const struct view *v, struct candidate *k)
{
	const enum side x = (enum side)k->sender, y = other(x);
	const struct endpoint *X = &v->c->end[x], *Y = &v->c->end[y];
	const struct endpoint_detail *YD = &v->c->detail[y];

	if (k->draft.evidence & EVI_order_proven)
		return REFUTED;
	if (knows(X, K_AMAX) && seq_ge(X->amax, Y->fend))
		return DISMISSED; /* it was lost before, or its answers were late */
	if (v->s && v->x == x && v->s->len)
		return DISMISSED;
	if (v->s && v->x == x && v->drives && acks_all_but_fin(v, Y->fend) && v->s->window &&
	    !answers_something_older(v) &&
	    (!k->note || (YD->fin_copies > k->number[1] && v->s->ts - YD->last_fin.ts >= X->turn)))
		another_wrong_answer(v, k, YD->fin_copies);
	if (!v->releasing && v->now < k->deadline && !fact_is(X, RESET))
		return WAIT;
	if (k->number[0] < 2)
		return DISMISSED;
	k->draft.evidence |= EVI_stimulus_repeated;
	if (vantage_at(v->c, x)) /* the copies of the FIN arrived */
		k->draft.cap = 0;
	return PLAIN;
}

/*
 * The FIN of X acknowledges less than X did before.  That X had sent no FIN by then is shown by the number that its
 * acknowledgment had: else this might be a FIN that crossed the peer's, and that was delivered late.
 */
bool rule_fin_ack_regressed(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_FIN) || knows(v->X, K_FIN) || !knows(v->Y, K_FIN) || !belongs(v) || is_over(v->c) ||
	    !knows(v->X, K_AMAX) || !seq_ge(v->X->amax, v->Y->fend) || !seq_lt(v->s->ack, v->Y->fend))
		return false;
	if (!v->XD->fin_reply.frame || !seq_lt(v->XD->fin_reply_seq, v->end) || older_timestamp(v))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_ACK, v->y, v->Y->fend, v->s->ack);
	draft_frame(d, v->YD->first_fin);
	draft_frame(d, v->XD->fin_reply);
	draft_frame(d, mark_of(v->s));
	doubt_sender(v, d);
	if (v->s->ts - v->XD->fin_reply.ts <= REORDER_WINDOW) {
		d->scale = 0.5F;
		d->alternatives |= ALT_reordering;
	}
	return true;
}

/* ---- what follows a FIN ---- */

/* Nothing but an ACK, not where the number after its FIN is, and neither a probe of RFC 9293, 3.8.4. */
static bool ack_misplaced(const struct view *v)
{
	const struct segment *s = v->s;

	if (!(v->events & EV_CLOSING) || !(v->events & EV_PURE_ACK) || v->events & EV_KEEPALIVE ||
	    !knows(v->X, K_FIN) || !belongs(v) || s->seq == v->X->fend || seq_gt(s->seq, v->X->fend + 1) ||
	    !one_space(v->Y, s->seq, v->X->fend))
		return false;
	return s->seq != v->X->fend - 1 || s->ts - v->X->last.ts < KEEPALIVE_IDLE ||
	       s->ts - v->Y->last.ts < KEEPALIVE_IDLE;
}

/*
 * The sender acknowledges what told it that its FIN had arrived: its oldest unacknowledged number is the next one too.
 */
static bool knows_fin_acked(const struct view *v)
{
	return knows(v->X, K_FIN_COVER) && seq_ge(v->s->ack, v->X->fin_cover);
}

bool rule_post_fin_seq_wrong(const struct view *v, struct draft *d)
{
	if (!ack_misplaced(v) || is_over(v->c))
		return false;
	const bool newer_ack = v->events & EV_ACK_NEW && seq_gt(v->s->ack, v->XD->fin_ack);

	if (!newer_ack && !newer_timestamp(v, v->XD->fin_tsval))
		return false;
	/* some stacks use their oldest unacknowledged number */
	if (!knows_fin_acked(v) && !seq_gt(v->s->seq, v->X->fend))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, v->X->fend, v->s->seq);
	draft_frame(d, v->XD->last_fin);
	draft_frame(d, mark_of(v->s));
	d->evidence |= EVI_order_proven;
	doubt_sender(v, d);
	return true;
}

bool rule_last_ack_fields_wrong(const struct view *v, struct draft *d)
{
	if (!ack_misplaced(v) || !knows(v->Y, K_FIN) || v->s->ack != v->Y->fend)
		return false;
	/* sent after its FIN, which did not acknowledge the peer's yet */
	if (!seq_lt(v->XD->first_fin_ack, v->Y->fend) && !newer_timestamp(v, v->XD->fin_tsval))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, v->X->fend, v->s->seq);
	draft_frame(d, v->XD->last_fin);
	draft_frame(d, v->YD->last_fin);
	draft_frame(d, mark_of(v->s));
	d->evidence |= EVI_order_proven;
	doubt_sender(v, d);
	if (!knows_fin_acked(v) && !(d->scale > 0))
		d->scale = 0.75F;
	return true;
}
