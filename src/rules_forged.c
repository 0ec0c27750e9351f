/* RSTs that are odd in themselves, that came to where none can act, or that had no effect. */
#include "predicates.h"

static bool whole_rst(const struct view *v)
{
	return intact(v, EV_RST) && !(v->events & EV_ODD_FLAGS);
}

/* RFC 9293, 3.5.3: the text is for whoever reads a capture. */
bool rule_rst_with_data(const struct view *v, struct draft *d)
{
	if (!whole_rst(v) || !v->s->len)
		return false;
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->len;
	return true;
}

/* ---- another TTL than the sender's other segments ---- */

/* How many routers a packet may have passed: systems begin with 32, 64, 128 or 255. */
static unsigned hops(unsigned ttl)
{
	const unsigned first = ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255;

	return first - ttl;
}

static unsigned apart(unsigned a, unsigned b)
{
	return a > b ? a - b : b - a;
}

/* The TTL that is known is that of the first segment of X: a RST before this one may have been the first. */
bool rule_rst_ttl_mismatch(const struct view *v, struct draft *d)
{
	if (!whole_rst(v) || v->c->self_connect || v->XD->rst || !v->X->segments || apart(v->s->ttl, v->X->ttl) <= 2)
		return false;
	draft_offender(d, v->x);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->ttl;
	d->number[1] = v->X->ttl;
	d->alternatives = ALT_middlebox;
	/* one system that sends RSTs with another initial TTL, over the same path */
	d->cap = apart(hops(v->s->ttl), hops(v->X->ttl)) <= 2 ? 0.5F : 0.9F;
	return true;
}

/* rst_then_sender_continues says more, and takes its time. */
enum outcome settle_rst_ttl_mismatch(const struct view *v, struct candidate *k)
{
	return v->releasing || v->now >= k->deadline ? REFUTED : WAIT;
}

/* ---- no connection there ---- */

bool rule_rst_to_listen_or_closed(const struct view *v, struct draft *d)
{
	if (!whole_rst(v) || !(v->events & EV_FIRST) || v->c->older)
		return false;
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, mark_of(v->s));
	return true;
}

/* A connection that goes on was there before. */
enum outcome settle_rst_to_listen_or_closed(const struct view *v, struct candidate *k)
{
	if (v->s && !(v->s->flags & FLAG_RST))
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? REFUTED : WAIT;
}

/* ---- SYN_SENT ---- */

/* The client waits for the answer to the SYNs that were seen, and nobody but RSTs has spoken for the server. */
static bool client_waits(const struct view *v)
{
	const struct conn *c = v->c;

	return v->x == SERVER && c->origin == TCPLINT_ORIGIN_SYN && !c->older && !c->incarnation && !c->self_connect &&
	       c->syns && !c->simultaneous && fact_is(v->Y, SYN_SENT) && !fact_is(v->Y, SYN_RCVD) &&
	       !fact_is(v->Y, RESET) && v->X->segments == v->XD->rst;
}

bool rule_rst_to_synsent_unacceptable(const struct view *v, struct draft *d)
{
	if (!live(v, EV_RST) || v->foreign || !client_waits(v) ||
	    (has(v, FLAG_ACK) && (acks_a_syn(v->c, v->s->ack) || v->s->ack == v->YD->latest.end)))
		return false;
	draft_offender(d, v->x);
	if (has(v, FLAG_ACK)) {
		draft_value_seq(d, TCPLINT_FIELD_ACK, v->y, v->Y->isn + 1, v->s->ack);
	} else {
		draft_plain(d, TCPLINT_FIELD_FLAGS, v->s->flags);
		d->value[0].has_expected = true;
		d->value[0].expected = FLAG_RST | FLAG_ACK;
	}
	draft_frame(d, newest_syn(v->c));
	draft_frame(d, mark_of(v->s));
	d->alternatives = ALT_middlebox | ALT_injection;
	return true;
}

/*
 * The client did not take it, when it goes on trying or gets its answer.  A SYN that the capture sees late, or
 * the SYN-ACK of another number, shows what the RST answered.
 */
enum outcome settle_rst_to_synsent_unacceptable(const struct view *v, struct candidate *k)
{
	if (v->s && v->drives && !v->foreign && !(v->s->flags & FLAG_RST)) {
		if (v->s->flags & FLAG_SYN && v->x == CLIENT && k->draft.value[0].field == TCPLINT_FIELD_ACK &&
		    k->ack == v->end)
			return DISMISSED;
		if (v->x == CLIENT)
			k->draft.evidence |= EVI_stimulus_repeated;
		return REFUTED;
	}
	return v->releasing || v->now >= k->deadline ? PLAIN : WAIT;
}

/* ---- no effect ---- */

/* The two ways to the tap and back, as far as they were seen. */
static int64_t round_trip(const struct view *v)
{
	return v->X->turn && v->Y->turn ? v->X->turn + v->Y->turn : 200 * MILLISECOND;
}

bool rule_rst_exact_ignored(const struct view *v, struct draft *d)
{
	if (!live(v, EV_RST) || v->foreign || v->c->self_connect || v->c->superseded || v->events & EV_RESET ||
	    !fact_is(v->Y, SYN_ACKED) || !knows(v->X, K_SMAX) || !knows(v->Y, K_AMAX) || !knows(v->Y, K_SMAX) ||
	    !knows(v->X, K_SEEN) || !knows(v->Y, K_SEEN) || v->s->seq != v->Y->amax || v->s->seq != v->X->smax)
		return false;
	draft_offender(d, v->y);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, mark_of(v->s));
	d->alternatives = ALT_network_loss | ALT_injection;
	d->number[1] = 2 * round_trip(v) + 200 * MILLISECOND; /* for the settling */
	return true;
}

/* Decided at the end: rst_then_sender_continues explains it, and may take as long. */
enum outcome settle_rst_exact_ignored(const struct view *v, struct candidate *k)
{
	if (v->s && v->drives && !v->foreign && v->x != (enum side)k->sender && !k->note &&
	    !(v->s->flags & (FLAG_RST | FLAG_SYN)) && (segment_length(v->s) || v->events & EV_ACK_NEW) &&
	    v->s->ts - k->opened > k->draft.number[1]) {
		k->note = 1;
		k->draft.number[0] = v->s->ts - k->opened;
		draft_frame(&k->draft, mark_of(v->s));
	}
	if (!v->releasing && v->now < k->deadline)
		return WAIT;
	return k->note ? REFUTED : DISMISSED;
}
