/*
 * What an endpoint's own output proves and refutes of what the tap saw on its way to it
 * (rules.md 1.3, T2).
 */
#include "tracker_private.h"

/* The peer's SYN was never captured, yet X acknowledges something: its number is known to that extent. */
static void infer_peer(struct conn *c, const struct view *v)
{
	struct endpoint *Y = &c->end[v->y];

	if (knows(Y, K_ISN) || v->s->flags & FLAG_SYN || c->origin == TCPLINT_ORIGIN_MIDSTREAM ||
	    c->origin == TCPLINT_ORIGIN_STRAY)
		return;
	/* X's first ACK in the opening: the peer's SYN and perhaps data came before it */
	Y->isn = v->s->ack - 1;
	Y->known |= K_ISN | K_ISN_INFERRED;
	if (!knows(Y, K_SMAX)) {
		Y->smax = v->s->ack;
		Y->known |= K_SMAX;
	}
	fact_set(c, v->y, SYN_RCVD, CONFIRMED, mark_of(v->s));
	fact_set(c, v->y, SYN_SENT, CONFIRMED, mark_of(v->s));
}

/* Once Y acknowledges this segment it has also processed the acknowledgment of its SYN that the segment carries. */
void tracker_note_cover(struct endpoint *Y, const struct segment *s, uint32_t end)
{
	if (!segment_length(s) || s->flags & FLAG_SYN)
		return;
	if (knows(Y, K_ISN) && !knows(Y, K_HS_ACK) && seq_gt(s->ack, Y->isn)) {
		Y->hs_cover = end;
		Y->known |= K_HS_ACK;
	}
}

/*
 * X acknowledges the peer's FIN.  It received it when it passed the tap, not when it answered; and with what
 * number it answered first tells whether a FIN of its own had left before (tracker_send_fin()).
 */
static void prove_fin(struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;
	struct endpoint_detail *D = &c->detail[v->x];
	const struct endpoint_detail *peer = &c->detail[v->y];
	/* RFC 7323, 4.3: it echoes the copy that it received first */
	const bool echoes =
		peer->fin_copies && s->opt.present & OPT_TIMESTAMPS && peer->fin_tsval != peer->first_fin_tsval;
	const bool first = echoes && s->opt.ts_ecr == peer->first_fin_tsval;
	const struct mark fin = first ? peer->first_fin : peer->last_fin, m = mark_of(s);
	const bool sack = c->detail[CLIENT].syn_opt & c->detail[SERVER].syn_opt & OPT_SACK_PERMITTED;
	/* RFC 2883: the answer to a copy of what it had says so */
	const bool again = s->opt.present & OPT_SACK && s->opt.sack_count && seq_lt(s->opt.sack[0].left, s->ack);

	if (!D->fin_reply.frame && !(s->flags & (FLAG_FIN | FLAG_RST)) && !again &&
	    (sack || !c->detail[v->y].fin_copies)) {
		D->fin_reply_seq = v->end;
		D->fin_reply = m;
	}
	/*
	 * One that does not say so has the latest copy only: what came before was lost beyond the tap.  TIME_WAIT does
	 * not say so either, but then two segments were lost where one explains as much.
	 */
	const bool latest = !first && sack && peer->fin_copies && !again && (echoes || m.ts - fin.ts > v->X->turn / 2);

	if ((first || latest) && fact_get(v->X, FIN_RCVD) == TENTATIVE)
		fact_clear(c, v->x, FIN_RCVD);
	fact_set(c, v->x, FIN_RCVD, CONFIRMED, v->X->turn && m.ts - fin.ts >= v->X->turn ? fin : m);
}

/* It holds data that came before what is missing (RFC 2018, 3); D-SACK blocks lie below the acknowledgment. */
static bool holds_data(const struct segment *s)
{
	return s->opt.present & OPT_SACK && s->opt.sack_count && seq_gt(s->opt.sack[0].left, s->ack);
}

/* One of its blocks ends with the FIN of Y: that is there, and something before it is not. */
static bool holds_fin(const struct segment *s, const struct endpoint *Y)
{
	if (!(s->opt.present & OPT_SACK))
		return false;
	for (unsigned i = 0; i < s->opt.sack_count; i++)
		if (s->opt.sack[i].right == Y->fend && seq_gt(s->opt.sack[i].left, s->ack))
			return true;
	return false;
}

/* The client speaks only once its SYN is acknowledged; a server may send FIN, or data with Fast Open, before. */
static void prove_opening(struct conn *c, const struct view *v, bool acks_cover)
{
	const struct segment *s = v->s;
	const struct endpoint *X = v->X, *Y = v->Y;
	const bool data = s->len && !c->fast_open;

	if (!fact_is(X, SYN_SENT) || !fact_is(X, SYN_RCVD))
		return;
	/* of a server whose SYN-ACK nobody was seen to acknowledge, another SYN-ACK may still say that it is wrong */
	if (data && !acks_cover && !knows(X, K_ACTIVE) && !c->hs_ack.frame && knows(Y, K_SEEN) && !c->simultaneous)
		fact_set(c, v->x, SYN_ACKED, TENTATIVE, mark_of(s));
	else if (acks_cover || data || holds_data(s) ||
		 (knows(X, K_ACTIVE) && knows(Y, K_ISN) && seq_gt(s->ack, Y->isn) &&
		  (!c->simultaneous || fact_is(X, SYN_ACKED))))
		fact_set(c, v->x, SYN_ACKED, CONFIRMED, mark_of(s));
}

void tracker_prove(struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;
	const enum side x = v->x;
	struct endpoint *X = &c->end[x];
	const struct endpoint *Y = &c->end[v->y];
	const struct mark m = mark_of(s);

	if (!(s->flags & FLAG_ACK) || (knows(Y, K_SMAX) && knows(Y, K_ISN) && seq_lt(s->ack, Y->isn + 1)))
		return;
	if (knows(Y, K_SMAX) && s->ack - Y->smax < UINT32_C(0x80000000) && s->ack - Y->smax > (1u << 30))
		return; /* of another age */
	if (!knows(Y, K_ISN) && !(s->flags & FLAG_RST))
		infer_peer(c, v);
	if (knows(Y, K_ISN) && seq_gt(s->ack, Y->isn) && fact_is(Y, SYN_SENT) && !(s->flags & FLAG_RST))
		fact_set(c, x, SYN_RCVD, CONFIRMED, m);
	if (knows(Y, K_FIN) && s->ack == Y->fend)
		prove_fin(c, v);
	const bool acks_cover = knows(X, K_HS_ACK) && seq_ge(s->ack, X->hs_cover);

	/* a RST with ACK in its own sequence space speaks from a TCB: RCV.NXT is what it received */
	if (s->flags & FLAG_RST && s->seq && knows(X, K_ISN) && s->seq != X->isn && acks_cover &&
	    fact_is(X, SYN_SENT) && fact_is(X, SYN_RCVD) && !fact_is(X, RESET))
		fact_set(c, x, SYN_ACKED, CONFIRMED, m);
	if (s->flags & (FLAG_SYN | FLAG_RST))
		return;

	prove_opening(c, v, acks_cover);
	if (knows(X, K_FIN_COVER) && seq_ge(s->ack, X->fin_cover))
		fact_set(c, x, FIN_ACKED, CONFIRMED, m);
}

/* What a RST says of the endpoint that sends it: nothing, when it comes from CLOSED. */
static void contradict_by_rst(struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;
	const enum side x = v->x;
	const struct endpoint *X = v->X, *Y = v->Y;
	const bool reply = !(s->flags & FLAG_ACK);

	/* it answers as CLOSED does, and what it was before is known */
	if (fact_is(X, RESET))
		return;
	const struct latest *t = &v->YD->latest;
	const bool answers_later = t->ack == s->seq && t->at.frame > v->XD->fact[FIN_ACKED].frame &&
				   s->ts - t->at.ts >= X->turn;

	/*
	 * its number is the ACK field of what it answers (3.10.7.1): that did not acknowledge the FIN, and nothing
	 * before it
	 */
	if (reply && knows(X, K_FIN) && seq_lt(s->seq, X->fend) && !answers_later)
		fact_refute(c, x, FIN_ACKED);
	/* a bare RST answers an ACK-bearing segment of a connection that X does not have */
	if (reply || !knows(Y, K_FIN) || seq_lt(s->ack, Y->fend))
		fact_refute(c, x, FIN_RCVD);
	if (reply && !knows(X, K_DMAX) && !fact_is(X, FIN_SENT)) {
		fact_refute(c, x, SYN_ACKED);
		if (knows(X, K_ACTIVE))
			fact_refute(c, x, SYN_RCVD);
	}
}

/* Something that X can only have sent after its RST; a late segment from before it shows nothing new. */
static bool newer_than_rst(const struct view *v, int64_t since)
{
	const struct segment *s = v->s;

	if (since > NETWORK_LATE)
		return true;
	if (s->opt.present & OPT_TIMESTAMPS && knows(v->X, K_TSVAL))
		return seq_gt(s->opt.ts_val, v->X->tsval);
	return v->events & (EV_ACK_NEW | EV_FIN) || seq_gt(v->end, v->X->smax);
}

/* The network delivered one FIN twice: sent again it would have another timestamp, and after an RTO. */
static bool copied_fin(const struct endpoint_detail *D, const struct segment *s)
{
	return s->opt.present & OPT_TIMESTAMPS && s->opt.ts_val == D->fin_tsval &&
	       s->ts - D->last_fin.ts < NETWORK_LATE;
}

/* X sends its FIN again: what acknowledged it before the copy was sent did not arrive, unless the two crossed. */
static void contradict_by_fin(struct conn *c, enum side x, int64_t now)
{
	const struct mark latest = c->detail[x].fin_acked_last;

	if (fact_get(&c->end[x], FIN_ACKED) != TENTATIVE)
		return;
	fact_clear(c, x, FIN_ACKED);
	if (now - latest.ts <= crossing(&c->end[x]))
		fact_set(c, x, FIN_ACKED, TENTATIVE, latest);
}

/*
 * It answers the segment that completed the peer's FIN at the tap, and not the FIN: what was between them was lost
 * beyond the tap.  Its acknowledgment moves over that segment, or a D-SACK block says that it had it (RFC 2883).
 */
static bool answers_without_fin(const struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;
	const struct latest *t = &v->YD->latest;
	const struct sack_block *b = s->opt.sack;

	if (!t->at.frame || t->at.frame != c->detail[v->x].fact[FIN_RCVD].frame || !knows(v->X, K_AMAX))
		return false;
	if (seq_lt(v->X->amax, t->end) && seq_ge(s->ack, t->end))
		return true;
	return s->opt.present & OPT_SACK && s->opt.sack_count && seq_lt(b->left, s->ack) && seq_le(b->left, t->seq) &&
	       seq_ge(b->right, t->end);
}

/* What X would not have sent, had it received what the tap saw on its way to it. */
void tracker_contradict(struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;
	const enum side x = v->x;
	struct endpoint *X = &c->end[x];
	const struct endpoint *Y = &c->end[v->y];
	const struct mark *at = c->detail[x].fact;

	if (s->flags & FLAG_SYN) {
		if (!knows(X, K_ISN) || s->seq != X->isn)
			return;
		if (!(s->flags & FLAG_ACK)) {
			fact_refute(c, x, SYN_RCVD);
			fact_refute(c, x, SYN_ACKED);
		} else if (s->ts - at[SYN_ACKED].ts > crossing(X)) {
			fact_refute(c, x, SYN_ACKED);
			fact_refute(c, x, FIN_RCVD); /* which is processed behind the ACK of its SYN */
		}
		return;
	}
	if (s->flags & FLAG_RST) {
		contradict_by_rst(c, v);
		return;
	}
	if (s->flags & FLAG_ACK && knows(Y, K_FIN) && seq_lt(s->ack, Y->fend) &&
	    (s->ts - at[FIN_RCVD].ts > crossing(X) || holds_fin(s, Y) || answers_without_fin(c, v)))
		fact_refute(c, x, FIN_RCVD);
	if (s->flags & FLAG_FIN && knows(X, K_FIN) && v->end == X->fend && !copied_fin(&c->detail[x], s) &&
	    s->ts - at[FIN_ACKED].ts > crossing(X))
		contradict_by_fin(c, x, s->ts);
	const int64_t since = s->ts - at[RESET].ts;

	if (knows(X, K_RST_SENT) && fact_is(X, RESET)) {
		/* the RST was not its own, or it refused something foreign */
		if (since > REORDER_WINDOW && newer_than_rst(v, since))
			fact_clear(c, x, RESET);
	} else if (since > crossing(X)) {
		fact_refute(c, x, RESET);
	}
}
