/*
 * Rules of the first two steps of the handshake: what SYNs and SYN-ACKs say.
 */
#include "predicates.h"

static const struct attempt *synack_with_isn(const struct conn *c, uint32_t isn)
{
	for (unsigned i = 0; i < c->synacks; i++)
		if (c->synack[i].isn == isn)
			return &c->synack[i];
	return NULL;
}

bool rule_syn_carries_data(const struct view *v, struct draft *d)
{
	if (!live(v, EV_SYN) || !v->s->len || v->s->opt.present & (OPT_FAST_OPEN | OPT_CUT))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_LENGTH, v->s->len);
	d->number[0] = v->s->len;
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_synack_carries_data(const struct view *v, struct draft *d)
{
	if (!live(v, EV_SYNACK) || !v->s->len || !v->YD->has_syn || v->YD->syn_cut ||
	    v->YD->syn_opt & OPT_FAST_OPEN || v->YD->syn_len)
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_LENGTH, v->s->len);
	d->number[0] = v->s->len;
	draft_frame(d, newest_syn(v->c));
	draft_frame(d, mark_of(v->s));
	return true;
}

/* A SYN-ACK of the server that the client, still in SYN_SENT, cannot accept. */
static bool unacceptable_synack(const struct view *v)
{
	return live(v, EV_SYNACK) && v->x == SERVER && v->c->syns && !v->c->simultaneous && !v->c->split &&
	       !acks_a_syn(v->c, v->s->ack) && fact_get(v->Y, SYN_ACKED) != CONFIRMED;
}

bool rule_synack_ack_mismatch(const struct view *v, struct draft *d)
{
	if (!unacceptable_synack(v))
		return false;
	const struct attempt *syn = &v->c->syn[v->c->syns - 1];

	draft_offender(d, SERVER);
	draft_value_seq(d, TCPLINT_FIELD_ACK, CLIENT, syn->isn + 1, v->s->ack);
	d->number[0] = syn->len;
	d->number[1] = 1;
	draft_frame(d, syn->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_synack_ack_mismatch(const struct view *v, struct candidate *k)
{
	const struct conn *c = v->c;
	const struct attempt *again = synack_with_isn(c, k->seq);

	for (unsigned i = 0; i < c->syns; i++)
		if (k->ack == c->syn[i].isn || k->ack == c->syn[i].isn + c->syn[i].len + 2)
			return REFUTED; /* the +1 of the SYN is missing, or was added twice */
	if (again && again->ack == k->ack && c->syns && again->first.ts < c->syn[c->syns - 1].last.ts &&
	    again->last.ts > c->syn[c->syns - 1].last.ts) { /* the SYN came again, and so did the answer */
		k->draft.number[1] = again->copies;
		k->draft.evidence |= EVI_stimulus_repeated;
		return REFUTED;
	}
	if (live(v, EV_SYNACK) && v->x == SERVER && acks_a_syn(c, v->s->ack)) {
		if (v->s->seq != k->seq || !knows(&c->end[CLIENT], K_REFUSED) || c->detail[CLIENT].rst_seq != k->ack)
			return DISMISSED; /* an old duplicate of a SYN had been answered before */
		k->draft.alternatives |= ALT_middlebox;
		return PLAIN; /* the same attempt, and now it acknowledges the SYN that came */
	}
	if (live(v, EV_ANY) && v->x == CLIENT && !(v->s->flags & (FLAG_SYN | FLAG_RST)) && v->s->seq == k->ack) {
		k->draft.number[0] = 1;
		return SUPPORTED;
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	k->draft.verdict = TCPLINT_ATTACK_SUSPECT;
	k->draft.offender = TCPLINT_BY_UNKNOWN;
	k->draft.alternatives |= ALT_old_duplicate | ALT_injection;
	k->draft.cap = 0.5F;
	return PLAIN;
}

bool rule_synack_without_syn(const struct view *v, struct draft *d)
{
	if (!live(v, EV_SYNACK) || v->x != SERVER || v->c->origin != TCPLINT_ORIGIN_SYNACK || v->YD->syn ||
	    v->XD->synack)
		return false;
	d->offender = TCPLINT_BY_CAPTURE;
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_synack_without_syn(const struct view *v, struct candidate *k)
{
	if (v->c->detail[CLIENT].syn)
		return DISMISSED;
	if (live(v, EV_ANY) && v->x == CLIENT && v->s->ts > k->opened) {
		const bool refused = v->s->flags & FLAG_RST;

		k->draft.number[0] = v->s->ts - k->opened;
		draft_frame(&k->draft, mark_of(v->s));
		/* the capture may have begun between the two */
		return refused || k->opened - v->limits->capture_start > RESOLVE_TIMEOUT ? REFUTED : DISMISSED;
	}
	return v->releasing || v->now >= k->deadline ? DISMISSED : WAIT;
}

bool rule_syn_isn_changed(const struct view *v, struct draft *d)
{
	if (!live(v, EV_SYN) || v->x != CLIENT || !v->c->syns || fact_is(v->X, RESET) || fact_is(v->Y, RESET) ||
	    v->c->icmp_refused || knows(v->X, K_ISN_INFERRED) || fact_get(v->X, SYN_ACKED) == CONFIRMED)
		return false;
	const struct attempt *before = &v->c->syn[v->c->syns - 1];

	for (unsigned i = 0; i < v->c->syns; i++)
		if (v->c->syn[i].isn == v->s->seq)
			return false;
	draft_offender(d, CLIENT);
	draft_plain(d, TCPLINT_FIELD_ISN, v->s->seq);
	d->value[0].has_expected = true;
	d->value[0].expected = before->isn;
	d->number[0] = v->s->ts - before->last.ts;
	draft_frame(d, before->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_syn_isn_changed(const struct view *v, struct candidate *k)
{
	/* old_duplicate_syn takes precedence, and is known once the client has refused or accepted an answer */
	const bool over = v->releasing || v->now >= k->deadline ||
			  fact_get(&v->c->end[CLIENT], SYN_ACKED) == CONFIRMED || fact_is(&v->c->end[CLIENT], RESET);

	return over ? REFUTED : WAIT;
}

bool rule_synack_isn_changed(const struct view *v, struct draft *d)
{
	if (!live(v, EV_SYNACK) || v->x != SERVER || !v->c->synacks || !v->c->syns ||
	    synack_with_isn(v->c, v->s->seq) || fact_is(v->X, RESET) || fact_is(v->X, FIN_SENT))
		return false;
	const struct attempt *before = &v->c->synack[v->c->synacks - 1];

	/* E-COOKIE: each copy of the SYN is answered afresh; another SYN gets another answer */
	if (before->ack != v->s->ack || newest_syn(v->c).ts >= before->last.ts)
		return false;
	draft_offender(d, SERVER);
	draft_plain(d, TCPLINT_FIELD_ISN, v->s->seq);
	d->value[0].has_expected = true;
	d->value[0].expected = before->isn;
	d->number[0] = v->s->ts - before->last.ts;
	draft_frame(d, before->last);
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_synack_isn_changed(const struct view *v, struct candidate *k)
{
	const struct endpoint *S = &v->c->end[SERVER];

	if (live(v, EV_RST) && v->x == SERVER && v->c->hs_ack.frame && knows(S, K_RST_SENT)) {
		k->draft.severity = TCPLINT_WARNING; /* two servers: the one that was not acknowledged objects */
		return REFUTED;
	}
	return v->releasing || v->now >= k->deadline ? REFUTED : WAIT;
}

bool rule_synack_retransmit_after_ack(const struct view *v, struct draft *d)
{
	if (!live(v, EV_SYNACK) || v->x != SERVER || !v->c->hs_ack.frame || !knows(v->X, K_ISN) ||
	    v->s->seq != v->X->isn || v->s->ts - v->c->hs_ack.ts <= REORDER_WINDOW || fact_is(v->X, RESET))
		return false;
	d->offender = TCPLINT_BY_NETWORK;
	d->number[0] = v->s->ts - v->c->hs_ack.ts;
	draft_frame(d, v->c->synack[0].first);
	draft_frame(d, v->c->hs_ack);
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_simultaneous_open(const struct view *v, struct draft *d)
{
	if (!live(v, EV_SYN) || v->c->self_connect || v->c->simultaneous || knows(v->X, K_SEEN) ||
	    !knows(v->Y, K_ACTIVE) || fact_is(v->Y, SYN_RCVD) || !fact_is(v->Y, SYN_SENT))
		return false;
	d->offender = TCPLINT_BY_UNKNOWN;
	d->number[0] = v->s->ts - v->YD->fact[SYN_SENT].ts;
	draft_frame(d, v->YD->fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_simopen_synack_seq_wrong(const struct view *v, struct draft *d)
{
	if (!live(v, EV_SYNACK) && !(v->s && v->ignored && v->events & EV_SYNACK && !v->foreign))
		return false;
	if (!v->c->simultaneous || v->c->self_connect || v->events & (EV_DUPLICATE | EV_BAD_CHECKSUM) ||
	    knows(v->X, K_ISN_INFERRED) || knows(v->Y, K_ISN_INFERRED) || fact_is(v->X, FIN_SENT))
		return false;
	const bool seq_wrong = v->s->seq != v->X->isn;
	const bool ack_wrong = !seq_in(v->Y->isn + 1, v->s->ack, v->Y->isn + 1 + v->YD->syn_len);

	/* a number of another age belongs to another attempt, which X answered as a server */
	if ((!seq_wrong && !ack_wrong) || v->s->seq - v->X->isn + 0x10000 > 0x20000)
		return false;
	draft_offender(d, v->x);
	if (seq_wrong)
		draft_value_seq(d, TCPLINT_FIELD_SEQ, v->x, v->X->isn, v->s->seq);
	else
		draft_value_seq(d, TCPLINT_FIELD_ACK, v->y, v->Y->isn + 1, v->s->ack);
	draft_frame(d, v->XD->fact[SYN_SENT]);
	draft_frame(d, v->YD->fact[SYN_SENT]);
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_bad_synack_not_reset(const struct view *v, struct draft *d)
{
	if (!unacceptable_synack(v))
		return false;
	draft_offender(d, CLIENT);
	draft_value_seq(d, TCPLINT_FIELD_ACK, CLIENT, v->c->syn[v->c->syns - 1].isn + 1, v->s->ack);
	d->number[0] = 1;
	d->cap = 0.6F;
	d->alternatives = ALT_network_loss;
	draft_frame(d, newest_syn(v->c));
	draft_frame(d, mark_of(v->s));
	return true;
}

enum outcome settle_bad_synack_not_reset(const struct view *v, struct candidate *k)
{
	const struct endpoint *C = &v->c->end[CLIENT];
	const struct attempt *again = synack_with_isn(v->c, k->seq);

	if (v->s && v->x == CLIENT && v->events & EV_RST && v->s->seq == k->ack)
		return DISMISSED;
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	if (v->now < k->opened + SECOND || C->last.ts <= k->opened)
		return DISMISSED; /* too short a time, or nothing shows that the client is alive */
	if (again)
		k->draft.number[0] = again->copies;
	return PLAIN;
}

bool rule_old_duplicate_syn(const struct view *v, struct draft *d)
{
	if (!live(v, EV_SYNACK) || v->x != SERVER || !knows(v->Y, K_REFUSED) || !acks_a_syn(v->c, v->s->ack) ||
	    v->s->ack == v->YD->rst_seq || fact_get(v->Y, SYN_ACKED) == CONFIRMED)
		return false;
	/*
	 * after an old duplicate was refused, the answer to the next SYN has a number of its own, not one from before
	 */
	for (unsigned i = 0; i < v->c->synacks; i++)
		if (v->c->synack[i].isn == v->s->seq &&
		    (v->c->synack[i].ack == v->YD->rst_seq || v->c->synack[i].first.frame < v->YD->last_rst.frame))
			return false;
	d->offender = TCPLINT_BY_NETWORK;
	draft_value_seq(d, TCPLINT_FIELD_ACK, CLIENT, v->s->ack, v->YD->rst_seq);
	for (unsigned i = 0; i < v->c->synacks; i++)
		if (v->c->synack[i].ack == v->YD->rst_seq)
			draft_frame(d, v->c->synack[i].last);
	draft_frame(d, v->YD->last_rst);
	draft_frame(d, newest_syn(v->c));
	draft_frame(d, mark_of(v->s));
	return true;
}
