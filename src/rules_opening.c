/*
 * Rules of the third step of the handshake, and of what comes before it is due.
 */
#include "predicates.h"

/* The client's first segment after the SYN-ACK: the third step, or what should have been it. */
static bool third_step(const struct view *v)
{
	return live(v, EV_OPENING) && v->x == CLIENT && v->s->flags & FLAG_ACK &&
	       !(v->s->flags & (FLAG_SYN | FLAG_RST)) && v->c->synacks && v->c->syns && !v->c->hs_ack.frame &&
	       !v->c->simultaneous && !v->c->split && !v->c->self_connect &&
	       fact_get(v->X, SYN_ACKED) != CONFIRMED && !knows(v->X, K_ISN_INFERRED);
}

/* The server's reaction that shows that it could not use the client's segment. */
static bool server_objects(const struct view *v, struct candidate *k)
{
	const struct endpoint *S = &v->c->end[SERVER];

	if (!v->s || v->x != SERVER || v->now - k->opened <= 0)
		return false;
	if (v->events & EV_RST && v->s->seq == k->ack) {
		k->draft.evidence |= EVI_peer_objected;
		draft_frame(&k->draft, k->draft.frames ? (struct mark){ 0 } : mark_of(v->s));
		return true;
	}
	if (v->events & EV_SYN_AGAIN && v->drives && v->now - k->opened > crossing(S)) {
		k->draft.evidence |= EVI_stimulus_repeated;
		return true;
	}
	return false;
}

bool rule_hs_ack_seq_wrong(const struct view *v, struct draft *d)
{
	if (!third_step(v))
		return false;
	const struct endpoint *C = v->X;
	const uint32_t seq = v->s->seq, last = C->isn + 1 + v->XD->syn_len;
	const bool keepalive = seq == C->isn && v->s->len <= 1 && v->s->ts - C->last.ts >= KEEPALIVE_IDLE;

	if (seq_in(C->isn + 1, seq, last) || keepalive || seq - C->isn + 0x40000000 > 0x80000000)
		return false;
	/* the client's true SYN was not captured */
	for (unsigned i = 0; i < v->c->synacks; i++)
		if (v->c->synack[i].ack == seq)
			return false;
	for (unsigned i = 0; i < v->c->syns; i++)
		if (seq_in(v->c->syn[i].isn + 1, seq, v->c->syn[i].isn + 1 + v->c->syn[i].len))
			return false;
	draft_offender(d, CLIENT);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, CLIENT, C->isn + 1, seq);
	d->number[0] = v->XD->syn_len;
	draft_frame(d, v->c->syn[v->c->syns - 1].last);
	draft_frame(d, v->c->synack[v->c->synacks - 1].last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_hs_ack_seq_wrong(const struct view *v, struct candidate *k)
{
	const struct endpoint *C = &v->c->end[CLIENT], *S = &v->c->end[SERVER];

	if (seq_gt(k->seq, C->isn)) { /* a gap: what filled it? */
		const uint32_t from = C->isn + 1;

		if (!holes_overlap(v->holes, C, from, k->seq) && !v->c->loss)
			return DISMISSED;
		if (knows(S, K_AMAX) && seq_ge(S->amax, k->seq)) {
			k->draft.number[0] = k->seq - from;
			return SUPPORTED;
		}
		/* a bare RST is what any closed socket sends (3.10.7.1): of a number in a gap it says nothing */
		if (v->s && v->events & EV_RST)
			return PLAIN;
	} else if (v->s && v->x == CLIENT && v->drives && v->s->seq == C->isn + 1 &&
		   v->now - k->opened <= REORDER_WINDOW) {
		return DISMISSED;
	}
	if (server_objects(v, k))
		return REFUTED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

/*
 * A client that does not count right is near; what lies further away is of a connection that it still has (RFC 9293,
 * 3.5.1).
 */
#define NEAR 0x10000

bool rule_hs_ack_ack_wrong(const struct view *v, struct draft *d)
{
	/* what stands behind a gap was sent when more had been exchanged than was captured */
	if (!third_step(v) || !knows(v->Y, K_SMAX) || v->events & (EV_ACK_UNSEEN | EV_GAP))
		return false;
	const struct attempt *newest = &v->c->synack[v->c->synacks - 1];

	for (unsigned i = 0; i < v->c->synacks; i++)
		if (seq_gt(v->s->ack, v->c->synack[i].isn))
			return false;
	if (v->s->ack - (newest->isn + 1) + NEAR > 2 * NEAR) {
		d->cap = 0.75F;
		d->alternatives = ALT_old_duplicate;
	}
	draft_offender(d, CLIENT);
	draft_value_seq(d, TCPLINT_FIELD_ACK, SERVER, newest->isn + 1, v->s->ack);
	draft_frame(d, newest->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_hs_ack_ack_wrong(const struct view *v, struct candidate *k)
{
	if (v->s && v->x == SERVER && v->drives && v->events & EV_SYNACK && v->s->seq + 1 == k->ack)
		return DISMISSED; /* it answered a SYN-ACK that was captured late */
	if (v->s && v->x == SERVER && v->drives && v->events & EV_DATA && v->s->seq == k->ack &&
	    !(v->s->flags & FLAG_SYN)) {
		k->draft.number[0] = 1;
		return SUPPORTED; /* the server's SYN-ACK with that number was not captured */
	}
	if (server_objects(v, k))
		return REFUTED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

bool rule_hs_third_has_syn(const struct view *v, struct draft *d)
{
	if (!v->s || v->foreign || !(v->events & (EV_SYN | EV_SYNACK)) || v->events & (EV_DUPLICATE | EV_ODD_FLAGS) ||
	    v->s->checksum == CHECKSUM_BAD || v->c->self_connect || !knows(v->X, K_ISN) ||
	    knows(v->X, K_ISN_INFERRED) || v->s->seq != v->X->isn + 1 || !v->XD->has_syn)
		return false;
	if (!fact_is(v->Y, SYN_SENT) || fact_is(v->X, FIN_SENT) || fact_is(v->X, RESET) ||
	    (v->c->simultaneous && !(v->events & EV_SYN)))
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, v->X->isn + 1, v->s->seq);
	d->value[0].has_expected = false;
	d->number[0] = v->s->flags;
	draft_frame(d, v->XD->fact[SYN_SENT]);
	draft_frame(d, v->YD->fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_handshake_incomplete(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;
	const struct endpoint *C = &c->end[CLIENT], *S = &c->end[SERVER];

	if (!c->synacks || !c->syns || c->hs_ack.frame || c->simultaneous || c->split || fact_is(C, RESET) ||
	    fact_is(S, RESET) || fact_get(S, SYN_ACKED) == CONFIRMED || fact_get(C, SYN_RCVD) == CONFIRMED ||
	    v->now - c->synack[0].first.ts < SYNACK_WAIT)
		return false;
	const struct attempt *a = &c->synack[c->synacks - 1];

	d->offender = TCPLINT_BY_NETWORK;
	d->number[0] = c->detail[SERVER].synack;
	d->number[1] = v->now - c->synack[0].first.ts;
	draft_frame(d, c->syn[0].first);
	draft_frame(d, a->first);
	draft_frame(d, a->last);
	return true;
}

bool rule_syn_unanswered(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;
	const bool cut = v->ending != TCPLINT_END_TIMEOUT;

	if (!unanswered_open(v))
		return false;
	if (cut && c->detail[CLIENT].syn < 2 && v->now - c->last.ts < RESOLVE_TIMEOUT)
		return false; /* the answer may still be on its way */
	const struct attempt *a = &c->syn[c->syns - 1];

	d->offender = TCPLINT_BY_NETWORK;
	d->number[0] = c->detail[CLIENT].syn;
	d->number[1] = v->now - c->syn[0].first.ts;
	draft_frame(d, c->syn[0].first);
	draft_frame(d, a->last);
	return true;
}

/* Destination unreachable: the codes that end an open (RFC 9293, 3.9.2.2; RFC 4443, 3.1). */
static bool icmp_refuses(const struct view *v)
{
	const struct segment *s = v->s;

	return v->events & EV_ICMP && v->x == CLIENT && s->seq == v->X->isn && knows(v->X, K_ACTIVE) &&
	       s->icmp_type == (s->ipv6 ? 1 : 3) && !(s->icmp_type == 3 && s->icmp_code == 4);
}

bool rule_syn_refused(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!v->s || !(v->events & (EV_RST | EV_ICMP)) || !c->syns || fact_is(&c->end[SERVER], SYN_SENT))
		return false;
	if (icmp_refuses(v))
		d->offender = TCPLINT_BY_NETWORK;
	else if (live(v, EV_RST) && v->x == SERVER && v->s->flags & FLAG_ACK && acks_a_syn(c, v->s->ack) &&
		 !fact_is(v->Y, RESET))
		draft_offender(d, SERVER);
	else
		return false;
	d->number[0] = v->s->ts - c->syn[c->syns - 1].last.ts;
	draft_frame(d, c->syn[c->syns - 1].last);
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_handshake_aborted(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!live(v, EV_RST) || v->x != CLIENT || !c->synacks || c->hs_ack.frame || fact_is(v->X, RESET) ||
	    fact_get(v->X, SYN_ACKED) == CONFIRMED || c->simultaneous)
		return false;
	for (unsigned i = 0; i < c->synacks; i++) {
		if (c->synack[i].ack != v->s->seq || (c->syns && !acks_a_syn(c, v->s->seq)))
			continue; /* what refuses a foreign acknowledgment is no abort */
		draft_offender(d, CLIENT);
		d->number[0] = v->s->ts - c->synack[i].last.ts;
		if (c->syns)
			draft_frame(d, c->syn[c->syns - 1].last);
		draft_frame(d, c->synack[i].last);
		draft_frame(d, mark_of(v->s));
		return true;
	}
	return false;
}

enum outcome settle_handshake_aborted(const struct view *v, struct candidate *k)
{
	if (fact_get(&v->c->end[CLIENT], SYN_ACKED) == CONFIRMED)
		return DISMISSED; /* it refused an old duplicate, and then connected */
	if (v->c->origin == TCPLINT_ORIGIN_SYNACK)
		return DISMISSED; /* synack_without_syn says it */
	return v->releasing || v->now >= k->deadline ? REFUTED : WAIT;
}

bool rule_bad_synack_accepted(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;
	const struct attempt *bad = NULL;

	if (!third_step(v))
		return false;
	for (unsigned i = 0; i < c->synacks; i++) {
		if (acks_a_syn(c, c->synack[i].ack))
			return false;
		if (v->s->ack == c->synack[i].isn + 1)
			bad = &c->synack[i];
	}
	if (!bad || v->s->seq == bad->ack)
		return false; /* with that sequence number the capture missed the client's SYN */
	draft_offender(d, CLIENT);
	draft_value_seq(d, TCPLINT_FIELD_ACK, CLIENT, c->syn[c->syns - 1].isn + 1, bad->ack);
	draft_frame(d, c->syn[c->syns - 1].last);
	draft_frame(d, bad->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_bad_synack_accepted(const struct view *v, struct candidate *k)
{
	/* an acceptable SYN-ACK may have been missed, unless the server keeps sending the wrong one */
	for (unsigned i = 0; i < v->c->synacks; i++)
		if (acks_a_syn(v->c, v->c->synack[i].ack))
			return DISMISSED;
	if (server_objects(v, k))
		return REFUTED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

bool rule_old_syn_accepted(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!live(v, EV_OPENING | EV_RESET) || v->s->flags & (FLAG_SYN | FLAG_RST) || c->syns < 2 ||
	    !(v->s->flags & FLAG_ACK) || !c->synacks || v->x != CLIENT || c->hs_ack.frame)
		return false;
	const struct attempt *newest = &c->syn[c->syns - 1];

	/* the newest SYN was refused as foreign, or answered: then it is the duplicate */
	for (unsigned i = 0; i < c->synacks; i++)
		if (seq_in(newest->isn + 1, c->synack[i].ack, newest->isn + 1 + newest->len))
			return false;
	if (newest->dead || knows(v->X, K_REFUSED))
		return false;
	for (unsigned i = 0; i + 1 < c->syns; i++) {
		const struct attempt *a = &c->syn[i];

		if (!seq_in(a->isn + 1, v->s->seq, a->isn + 1 + a->len) ||
		    seq_in(newest->isn + 1, v->s->seq, newest->isn + 1))
			continue;
		draft_offender(d, CLIENT);
		draft_plain(d, TCPLINT_FIELD_ISN, a->isn);
		draft_frame(d, a->first);
		draft_frame(d, newest->first);
		draft_frame(d, mark_of(v->s));
		return true;
	}
	return false;
}

enum outcome settle_old_syn_accepted(const struct view *v, struct candidate *k)
{
	if (v->s && v->drives && v->x == SERVER && v->events & EV_SYNACK &&
	    v->s->ack != k->seq && acks_a_syn(v->c, v->s->ack))
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

bool rule_client_data_before_synack(const struct view *v, struct draft *d)
{
	if (!live(v, EV_OPENING) || v->x != CLIENT || !(v->events & EV_DATA) || v->s->flags & (FLAG_SYN | FLAG_RST) ||
	    !v->c->syns || v->c->fast_open || v->c->synacks || knows(v->Y, K_SEEN) ||
	    (knows(v->Y, K_ISN) && !knows(v->Y, K_ISN_INFERRED)) || knows(v->X, K_DMAX) ||
	    !seq_ge(v->s->seq, v->X->isn + 1) || v->c->self_connect)
		return false;
	draft_offender(d, CLIENT);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, CLIENT, 0, v->s->seq);
	d->value[0].has_expected = false;
	d->number[0] = v->s->len;
	d->number[2] = knows(v->Y, K_ISN_INFERRED); /* for the settling: it had acknowledged something before */
	draft_frame(d, v->c->syn[v->c->syns - 1].last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_client_data_before_synack(const struct view *v, struct candidate *k)
{
	if (live(v, EV_ANY) && v->x == SERVER) {
		if (v->events & EV_SYNACK) { /* who knows its number has received it */
			k->draft.alternatives |= ALT_middlebox;
			return k->ack == v->s->seq + 1 ? DISMISSED : PLAIN;
		}
		if (v->events & EV_RST) /* it may also abort a connection whose SYN-ACK was missed */
			return PLAIN;
		if (v->events & EV_DATA || seq_gt(v->s->ack, k->seq)) {
			k->draft.number[0] = 1;
			return SUPPORTED;
		}
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	/* it acknowledges more and more, or goes on: somebody answers, and only this direction was captured */
	if (!knows(&v->c->end[SERVER], K_SEEN) &&
	    (v->c->end[CLIENT].amax != k->ack ||
	     (!v->c->detail[CLIENT].data_copies_unanswered &&
	      (k->draft.number[2] || seq_gt(v->c->end[CLIENT].dmax, k->end)))))
		return DISMISSED;
	return PLAIN;
}

bool rule_server_data_before_ack(const struct view *v, struct draft *d)
{
	if (!live(v, EV_OPENING) || v->x != SERVER || !(v->events & EV_DATA) || v->s->flags & (FLAG_SYN | FLAG_RST) ||
	    !v->c->synacks || v->c->fast_open || v->c->hs_ack.frame || fact_get(v->Y, SYN_RCVD) == CONFIRMED ||
	    v->c->simultaneous || v->c->split || !v->c->syns)
		return false;
	draft_offender(d, SERVER);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, SERVER, 0, v->s->seq);
	d->value[0].has_expected = false;
	d->number[0] = v->s->len;
	draft_frame(d, v->c->synack[v->c->synacks - 1].last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_server_data_before_ack(const struct view *v, struct candidate *k)
{
	const struct endpoint *C = &v->c->end[CLIENT], *S = &v->c->end[SERVER];

	/* it acknowledges more than the client's SYN: what the client sent since, an ACK among it, was not captured */
	if (v->s && v->x == SERVER && v->s->frame == k->draft.frame[k->draft.frames - 1] &&
	    seq_gt(k->ack, C->isn + 1 + v->c->detail[CLIENT].syn_len)) {
		k->draft.number[0] = 1;
		return SUPPORTED;
	}
	if (live(v, EV_ANY) && v->x == CLIENT && v->s->flags & FLAG_ACK && !(v->s->flags & FLAG_SYN)) {
		if (v->now - k->opened <= REORDER_WINDOW && v->s->ack == S->isn + 1)
			return DISMISSED;
		if (seq_gt(v->s->ack, k->seq) && v->c->hs_ack.frame == v->s->frame) {
			k->draft.number[0] = 1;
			return SUPPORTED; /* the client goes on as if it had acknowledged: the capture missed that */
		}
	}
	if (live(v, EV_SYN_AGAIN) && v->x == SERVER && k->seq - v->s->seq - 1 < NEAR &&
	    v->now - k->opened > crossing(S)) {
		k->draft.evidence |= EVI_stimulus_repeated;
		return REFUTED;
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	return no_id_gap(v, k, 0) ? REFUTED : PLAIN;
}

/* Both ends in a synchronized state, by their own output, and neither finished. */
static bool in_use(const struct conn *c)
{
	for (enum side i = CLIENT; i <= SERVER; i++) {
		const struct endpoint *e = &c->end[i];

		if (!fact_is(e, SYN_ACKED) || fact_is(e, RESET) || e->state == TCPLINT_TIME_WAIT ||
		    e->state == TCPLINT_CLOSED || e->state == TCPLINT_LISTEN)
			return false;
	}
	return !c->superseded && !c->self_connect && knows(&c->end[CLIENT], K_SEEN) && knows(&c->end[SERVER], K_SEEN);
}

bool rule_syn_in_synchronized(const struct view *v, struct draft *d)
{
	if (!v->s || !(v->events & (EV_SYN | EV_SYNACK)) ||
	    v->events & (EV_DUPLICATE | EV_BAD_CHECKSUM | EV_ODD_FLAGS) || !in_use(v->c) || !knows(v->X, K_ISN) ||
	    v->s->seq == v->X->isn || v->s->seq == v->X->isn + 1)
		return false;
	/*
	 * a SYN-ACK of mid-stream may be a copy of one that was not captured; of a newer incarnation it answers there
	 */
	if (v->events & EV_SYNACK && (v->foreign || knows(v->X, K_ISN_INFERRED)))
		return false;
	for (unsigned i = 0; i < v->c->synacks && v->x == SERVER; i++)
		if (v->c->synack[i].isn == v->s->seq)
			return false;
	if (v->foreign && v->c->foreign_syn.frame && v->c->foreign_side == v->x && v->c->foreign_seq == v->s->seq)
		return false; /* the same SYN again */
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, 0, v->s->seq);
	d->value[0].has_expected = false;
	d->number[0] = v->s->ts - v->c->last.ts;
	draft_frame(d, v->c->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_syn_in_synchronized(const struct view *v, struct candidate *k)
{
	return v->releasing || v->now >= k->deadline ? REFUTED : WAIT;
}

bool rule_syn_sync_wrong_reply(const struct view *v, struct draft *d)
{
	if (!v->s || !v->foreign || !(v->events & EV_SYNACK) || v->s->checksum == CHECKSUM_BAD || !in_use(v->c) ||
	    !v->c->foreign_syn.frame || v->c->foreign_side != v->y || v->s->ack != v->c->foreign_seq + 1)
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_ACK, v->y, v->X->amax, v->s->ack);
	draft_frame(d, v->c->foreign_syn);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_syn_sync_wrong_reply(const struct view *v, struct candidate *k)
{
	/*
	 * only later traffic of the old incarnation proves that its end was still in it, and old data may be a
	 * duplicate
	 */
	if (v->s && !v->foreign && v->drives && v->x == k->sender && !(v->s->flags & (FLAG_RST | FLAG_SYN)) &&
	    !(v->events & EV_RETRANSMIT)) {
		draft_frame(&k->draft, (struct mark){ 0 });
		return REFUTED;
	}
	return v->releasing || v->now >= k->deadline ? DISMISSED : WAIT;
}

bool rule_half_open_discovery(const struct view *v, struct draft *d)
{
	if (!v->s || v->foreign || !v->drives || !(v->events & EV_RST) || !knows(v->Y, K_AMAX) ||
	    v->s->seq != v->Y->amax || v->s->flags & FLAG_ACK || fact_is(v->X, FIN_SENT) || fact_is(v->X, RESET) ||
	    !fact_is(v->X, SYN_ACKED) || v->c->superseded || v->YD->last_rst.frame)
		return false;
	/* RFC 9293, 3.5.1: Figure 9, a SYN before; Figure 10, data of the end that still has the connection */
	const bool after_syn = v->c->foreign_syn.frame && v->c->foreign_side == v->x &&
			       v->Y->last.ts >= v->c->foreign_syn.ts;
	const bool after_data = fact_get(v->X, SYN_ACKED) == CONFIRMED && knows(v->X, K_SEEN) &&
				v->YD->last_data.ts > v->X->last.ts && knows(v->X, K_AMAX) && knows(v->Y, K_DMAX) &&
				seq_gt(v->Y->dmax, v->X->amax) && !fact_is(v->Y, FIN_SENT);

	if (!after_syn && !after_data)
		return false;
	draft_offender(d, v->x);
	draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, 0, v->s->seq);
	d->value[0].has_expected = false;
	d->number[0] = (after_syn ? v->c->foreign_syn.ts : v->Y->last.ts) - v->X->last.ts;
	if (after_syn)
		draft_frame(d, v->c->foreign_syn);
	draft_frame(d, v->Y->last);
	draft_frame(d, mark_of(v->s));
	return true;
}
