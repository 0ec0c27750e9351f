/*
 * RSTs: whether they fit what they answer, whom they can have reached, and what came after.
 *
 * A RST either answers a segment, and then takes its numbers from that one, or aborts a
 * connection, and then stands where its sender's next byte would (RFC 9293, 3.5.2 and 3.10.5).
 * A third party that forges one has to guess.
 */
#include "predicates.h"

/* An answer comes within this much of what it answers, and a half of the time that another might have taken. */
#define ANSWER_MAX  RESOLVE_TIMEOUT
#define ANSWER_NEAR (50 * MILLISECOND)

/* RFC 9293, 3.8.6.3, and E-CHACK of rules.md 1.11. */
#define CHALLENGE_MAX (500 * MILLISECOND)

static bool is_rst(const struct view *v)
{
	return live(v, EV_RST) && !v->foreign && !v->c->self_connect && !v->c->superseded;
}

/* X has no connection, beyond doubt: all that it sent were RSTs, or it has sent one before. */
static bool has_none(const struct view *v)
{
	return v->X->segments == v->XD->rst ||
	       (v->X->state == TCPLINT_CLOSED && v->X->certain && knows(v->X, K_RST_SENT));
}

/* ---- answers ---- */

/* The segment of Y that this RST answers, when no other can be meant. */
static const struct latest *answered(const struct view *v)
{
	const struct latest *t = &v->YD->latest;
	const int64_t took = v->s->ts - t->at.ts;

	if (!t->at.frame || took < 0 || took > ANSWER_MAX || t->at.frame != v->Y->last.frame)
		return NULL;
	/* sooner than X can answer: an earlier one is meant, and the two crossed */
	if (took < v->X->turn / 2)
		return NULL;
	return t->before && v->s->ts - t->before <= 2 * took + ANSWER_NEAR ? NULL : t;
}

/* Where a connection that X gives up could stand, its last data perhaps lost before the tap. */
static bool may_abort(const struct view *v)
{
	const struct endpoint *X = v->X, *Y = v->Y;

	if (!knows(Y, K_AMAX))
		return false;
	if (v->s->seq == Y->amax || (knows(X, K_SMAX) && seq_in(Y->amax, v->s->seq, seq_max(Y->amax, X->smax))))
		return true;
	return knows(Y, K_REDGE) && seq_in(Y->amax, v->s->seq, seq_max(Y->amax, Y->redge));
}

/* It fits a segment without ACK: sequence number 0, and everything of the segment acknowledged. */
static bool fits_bare(const struct view *v, const struct latest *t)
{
	if (!has(v, FLAG_ACK))
		return false;
	if (v->s->ack == t->end || (t->flags & FLAG_SYN && seq_in(t->seq + 1, v->s->ack, t->end)))
		return true;
	return v->x == SERVER && acks_a_syn(v->c, v->s->ack);
}

static void wrong_value(const struct view *v, const struct latest *t, struct draft *d)
{
	if (t->flags & FLAG_ACK) {
		draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, t->ack, v->s->seq);
	} else if (has(v, FLAG_ACK)) {
		draft_value_seq(d, TCPLINT_FIELD_ACK, v->y, t->end, v->s->ack);
	} else {
		draft_plain(d, TCPLINT_FIELD_FLAGS, v->s->flags);
		d->value[0].has_expected = true;
		d->value[0].expected = FLAG_RST | FLAG_ACK;
	}
}

bool rule_rst_reply_fields_wrong(const struct view *v, struct draft *d)
{
	const struct latest *t;

	if (!is_rst(v) || !has_none(v) || !(t = answered(v)))
		return false;
	if (t->flags & FLAG_ACK ? t->ack == v->s->seq : fits_bare(v, t) && !v->s->seq)
		return false;
	/* an earlier segment of Y that came late, or twice, had another number */
	if (t->flags & FLAG_ACK && knows(v->X, K_ISN) && seq_in(v->X->isn + 1, v->s->seq, t->ack))
		return false;
	/* X acknowledged what Y was not seen to send: the capture missed what this answers (E-LOSS) */
	if (knows(v->X, K_AMAX) && knows(v->Y, K_SMAX) && seq_gt(v->X->amax, v->Y->smax))
		return false;
	if (may_abort(v))
		return false;
	/* the right answer, and a sequence number that is not asked for */
	if (!(t->flags & FLAG_ACK) && fits_bare(v, t)) {
		draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, 0, v->s->seq);
		d->value[0].space = KEEP;
		d->verdict = TCPLINT_NOTE;
		d->severity = TCPLINT_INFO;
	} else {
		wrong_value(v, t, d);
	}
	draft_offender(d, v->x);
	draft_frame(d, t->at);
	draft_frame(d, mark_of(v->s));
	d->alternatives = ALT_middlebox;
	/* for the settling: what it answered */
	d->number[0] = t->seq;
	d->number[1] = t->flags & FLAG_ACK ? (int64_t)t->ack : -1;
	return true;
}

/*
 * A segment that the RST fits shows what it answered, once the capture missed a copy of that one.  An end that
 * goes on to accept the connection did not send it (E-MBRST, rules.md 1.11); one that does it again did.
 */
enum outcome settle_rst_reply_fields_wrong(const struct view *v, struct candidate *k)
{
	if (v->s && !v->foreign && v->x == (enum side)k->sender && v->drives) {
		if (v->events & EV_SYNACK)
			return DISMISSED;
		if (k->note && has(v, FLAG_RST))
			return REFUTED;
	} else if (v->s && !v->foreign && !has(v, FLAG_RST) && v->drives) {
		const bool ack = has(v, FLAG_ACK);

		if (ack && k->draft.number[1] < 0) /* it answers what the capture missed: there is a connection */
			return DISMISSED;
		if (ack ? v->s->ack == k->seq : v->end == k->ack)
			return DISMISSED;
		/*
		 * it did not take the RST for an answer, and sends the segment again; a copy of it that another tap
		 * took is none
		 */
		if (v->now - k->opened > NETWORK_LATE && segment_length(v->s) &&
		    v->s->seq == (uint32_t)k->draft.number[0] &&
		    (ack ? v->s->ack == k->draft.number[1] : k->draft.number[1] < 0)) {
			k->draft.evidence |= EVI_stimulus_repeated;
			k->note = 1;
		}
	}
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

/* ---- a RST in answer to a RST ---- */

/* The latest that Y sent is a RST, X had no connection before that, and this fits as its answer. */
static bool answers_rst(const struct view *v)
{
	const struct mark t = v->YD->last_rst;
	const struct latest *heard = &v->YD->latest;

	if (!is_rst(v) || !t.frame || t.frame != v->Y->last.frame || v->s->ts - t.ts > ANSWER_MAX ||
	    t.frame < v->X->last.frame)
		return false;
	if (v->X->segments != v->XD->rst && !(v->XD->last_rst.frame && v->XD->last_rst.frame < t.frame))
		return false;
	if (v->YD->rst_has_ack ? v->s->seq != v->YD->rst_ack : !has(v, FLAG_ACK) || v->s->ack != v->YD->rst_seq)
		return false;
	/* explained by what came before the RST */
	return !heard->at.frame || v->s->ts - heard->at.ts > 2 * (v->s->ts - t.ts) + ANSWER_NEAR ||
	       (heard->ack != v->s->seq && heard->end != v->s->ack);
}

bool rule_rst_to_rst(const struct view *v, struct draft *d)
{
	if (!answers_rst(v))
		return false;
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, v->YD->last_rst);
	draft_frame(d, mark_of(v->s));
	d->number[0] = 1;
	return true;
}

/* One may be an abort that crossed the peer's; two that each fit the latest RST are answers. */
enum outcome settle_rst_to_rst(const struct view *v, struct candidate *k)
{
	/* the connection has seen the segment by now, so its sender's last is this one */
	if (v->s && v->x == (enum side)k->sender && has(v, FLAG_RST) && v->s->ts > k->opened) {
		const struct mark t = v->YD->last_rst;
		const bool fits = v->YD->rst_has_ack ? v->s->seq == v->YD->rst_ack :
						       has(v, FLAG_ACK) && v->s->ack == v->YD->rst_seq;

		if (fits && t.frame == v->Y->last.frame && t.frame > k->draft.frame[k->draft.frames - 1]) {
			draft_frame(&k->draft, t);
			draft_frame(&k->draft, mark_of(v->s));
			k->draft.number[0] = 2;
			return REFUTED;
		}
	}
	return v->releasing || v->now >= k->deadline ? DISMISSED : WAIT;
}

/* ---- where a RST stands in the window ---- */

/* Y is open, and the numbers that it would accept are known. */
static bool window_known(const struct view *v)
{
	const struct conn *c = v->c;

	return is_rst(v) && !(v->events & EV_RESET) && fact_is(v->Y, SYN_ACKED) && knows(v->Y, K_SEEN) &&
	       knows(v->X, K_SEEN) && knows(v->Y, K_AMAX) && knows(v->Y, K_REDGE) && v->Y->wscale != SCALE_UNKNOWN &&
	       knows(v->X, K_SMAX) && c->origin != TCPLINT_ORIGIN_MIDSTREAM && c->origin != TCPLINT_ORIGIN_STRAY &&
	       !knows(v->X, K_ISN_INFERRED) && !c->older;
}

/* The right edge, as far as Y may have offered it and X may have used it. */
static uint32_t edge(const struct view *v)
{
	return seq_max(seq_max(v->Y->redge, v->Y->amax + 1), v->X->smax);
}

/* From the first number on it may answer an ACK that was delayed; with number 0 it may answer a SYN. */
static bool out_of_window(const struct view *v)
{
	if (!window_known(v) || v->XD->pasts || !seq_in(v->X->isn, v->Y->amax, edge(v)))
		return false;
	return !seq_in(v->X->isn, v->s->seq, edge(v)) &&
	       !(has(v, FLAG_ACK) && !v->s->seq && acks_a_syn(v->c, v->s->ack));
}

bool rule_rst_out_of_window(const struct view *v, struct draft *d)
{
	if (!out_of_window(v))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, v->Y->amax, v->s->seq);
	draft_frame(d, v->Y->last);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->Y->redge - v->Y->amax;
	d->alternatives = ALT_middlebox | ALT_injection;
	return true;
}

/* Beyond all that X was seen to send: not what Y expects next, whatever was lost between the tap and Y. */
bool rule_rst_in_window_inexact(const struct view *v, struct draft *d)
{
	if (!window_known(v) || !seq_gt(v->s->seq, v->X->smax) || !seq_lt(v->s->seq, edge(v)))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, v->Y->amax, v->s->seq);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->Y->redge - v->Y->amax;
	d->alternatives = ALT_injection;
	return true;
}

/*
 * Only a challenge ACK tells.  When Y falls silent, the RST was an abort, and the capture missed the data
 * before it; when Y goes on, it may have been lost behind the tap.
 */
enum outcome settle_rst_in_window_inexact(const struct view *v, struct candidate *k)
{
	const struct endpoint *Y = &v->c->end[other((enum side)k->sender)];

	if (v->s && !v->foreign && v->drives && v->x != (enum side)k->sender && !has(v, FLAG_RST)) {
		if (!is_pure_ack(v->s) || v->s->seq != Y->smax || v->s->ack != k->draft.value[0].expected ||
		    v->s->ts - k->opened > CHALLENGE_MAX + crossing(Y))
			return DISMISSED;
		draft_frame(&k->draft, mark_of(v->s));
		k->draft.evidence |= EVI_peer_objected;
		return REFUTED;
	}
	return v->releasing || v->now >= k->deadline ? DISMISSED : WAIT;
}

/* ---- challenge ACKs ---- */

/* What X refuses with this ACK; no mark when there is nothing of the kind. */
static struct mark challenged(const struct view *v)
{
	const struct latest *t = &v->YD->latest;
	const struct mark syn = v->c->foreign_syn, none = { 0 };

	if (syn.frame && v->c->foreign_side == v->y && syn.frame > v->previous && syn.frame > v->Y->last.frame)
		return syn;
	if (v->Y->last.frame <= v->previous)
		return none;
	/* one that is exact ends the connection: the ACK was on its way, or is a copy */
	if (v->YD->last_rst.frame == v->Y->last.frame)
		return fact_is(v->X, RESET) ? none : v->YD->last_rst;
	if (t->at.frame != v->Y->last.frame)
		return none;
	const bool syn_again = (t->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
	const bool beyond = !(t->flags & FLAG_SYN) && t->flags & FLAG_ACK && seq_gt(t->ack, v->X->smax);

	return syn_again || beyond ? t->at : none;
}

bool rule_challenge_ack(const struct view *v, struct draft *d)
{
	if (!live(v, EV_DUP_ACK) || v->events & EV_KEEPALIVE || !knows(v->X, K_SMAX) || v->s->seq != v->X->smax ||
	    !knows(v->X, K_AMAX) || v->s->ack != v->X->amax || !fact_is(v->X, SYN_ACKED) || v->c->self_connect)
		return false;
	const struct mark t = challenged(v);

	if (!t.frame || v->s->ts - t.ts > CHALLENGE_MAX + crossing(v->X))
		return false;
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_ACK, v->y, v->s->ack);
	draft_frame(d, t);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->ts - t.ts;
	return true;
}

/* half_open_discovery takes precedence: the RST of who had lost the connection follows at once, or not at all. */
enum outcome settle_challenge_ack(const struct view *v, struct candidate *k)
{
	const bool reset = v->s && v->x != (enum side)k->sender && has(v, FLAG_RST) && v->s->seq == k->ack;

	return v->releasing || reset || v->now >= k->deadline ? REFUTED : WAIT;
}

/* ---- a sender that goes on after its RST ---- */

/* As far as the peer was seen to send, and above that the newest timestamp of the RST's sender, or 0. */
static int64_t what_was_sent(const struct view *v)
{
	const uint32_t of_peer = knows(v->Y, K_SMAX) ? v->Y->smax : v->s->ack;
	const uint32_t stamp = v->s->opt.present & OPT_TIMESTAMPS ? v->s->opt.ts_val :
			       knows(v->X, K_TSVAL)		  ? v->X->tsval :
								    0;

	return (int64_t)((uint64_t)stamp << 32 | of_peer);
}

bool rule_rst_then_sender_continues(const struct view *v, struct draft *d)
{
	if (!is_rst(v) || out_of_window(v) || !fact_is(v->X, SYN_ACKED) || fact_is(v->X, RESET) ||
	    knows(v->X, K_REFUSED) || !knows(v->X, K_SMAX) || !knows(v->Y, K_SEEN))
		return false;
	/* a SYN of its own came before: it clears the way for that (RFC 9293, 3.5.1) */
	if (v->c->foreign_syn.frame && v->c->foreign_side == v->x)
		return false;
	/* it refuses a SYN-ACK, or what it heard before it was open */
	if (fact_get(v->X, SYN_ACKED) != CONFIRMED && v->YD->latest.flags & FLAG_SYN)
		return false;
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, mark_of(v->s));
	d->alternatives = ALT_injection | ALT_middlebox;
	d->number[0] = what_was_sent(v); /* for the settling */
	d->number[1] = v->s->ttl;
	d->number[2] = v->X->ttl;
	return true;
}

/* Whether it left after the RST: what left before may come behind it, and its timestamp may show that. */
static bool left_later(const struct view *v, const struct candidate *k)
{
	const struct segment *s = v->s;
	const uint32_t before = (uint32_t)((uint64_t)k->draft.number[0] >> 32);
	const bool newer = !before || !(s->opt.present & OPT_TIMESTAMPS) || seq_gt(s->opt.ts_val, before);

	return (newer && !(v->events & EV_RETRANSMIT)) || s->ts - k->opened > NETWORK_LATE;
}

/*
 * It used numbers from the RST's on, or acknowledged what the peer sent after it.  What had been on
 * its way when the RST was sent does neither.
 */
enum outcome settle_rst_then_sender_continues(const struct view *v, struct candidate *k)
{
	if (v->s && v->foreign)
		return DISMISSED;
	if (v->s && v->drives && v->x == (enum side)k->sender && !(v->s->flags & (FLAG_RST | FLAG_SYN)) &&
	    v->s->ts - k->opened > REORDER_WINDOW) {
		const bool goes_on = segment_length(v->s) && v->s->seq - k->seq < 0x10000 && left_later(v, k);
		const bool hears = has(v, FLAG_ACK) && v->s->ack - (uint32_t)k->draft.number[0] - 1 < 0x10000 &&
				   v->YD->last_data.ts > k->opened;

		if (goes_on || hears) {
			draft_frame(&k->draft, mark_of(v->s));
			k->draft.number[0] = v->s->ts - k->opened;
			return REFUTED;
		}
	}
	return v->releasing || v->now >= k->deadline ? DISMISSED : WAIT;
}
