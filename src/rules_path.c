/*
 * Capture and measurement: what stands between the ends and the tap, and what the network says about it.
 */
#include "predicates.h"
#include "twins.h"

bool rule_offload_segment(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_TAP) || !v->s || v->s->bad_header || v->c->oversized[v->x] ||
	    !view_oversized(v->c, v->s, v->y))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_LENGTH, v->s->len);
	d->number[0] = v->s->len;
	d->number[1] = v->YD->mss;
	draft_frame(d, mark_of(v->s));
	return true;
}

bool rule_nat_double_capture(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_TAP) || !v->twin)
		return false;
	d->offender = TCPLINT_BY_CAPTURE;
	draft_plain(d, TCPLINT_FIELD_ISN, v->s->seq);
	draft_frame(d, v->twin->mark);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->ts - v->twin->mark.ts;
	d->number[1] = v->twin->client.port;
	d->number[2] = v->twin->server.port;
	return true;
}

/* ---- what is changed on the way ---- */

/* The packet that came before, by its identification, from another distance: captured on both sides of a router. */
static bool other_side_of_router(const struct view *v)
{
	const struct segment *s = v->s;

	return v->events & EV_SYN_AGAIN && v->again && s->ip_id && !s->ipv6 && s->ip_id == v->XD->copy_ip_id &&
	       s->ttl != v->X->ttl && s->ts - v->again->last.ts < SECOND && v->XD->has_syn && !v->XD->syn_cut &&
	       !(s->opt.present & OPT_UNREADABLE) && s->checksum != CHECKSUM_BAD;
}

static bool rewritten_options(const struct view *v, struct draft *d)
{
	const struct tcp_options *o = &v->s->opt;
	const struct endpoint_detail *D = v->XD;

	if (!other_side_of_router(v))
		return false;
	if (o->mss != D->mss)
		draft_wrong(d, TCPLINT_FIELD_MSS, D->mss, o->mss);
	else if (o->present != D->syn_opt)
		draft_wrong(d, TCPLINT_FIELD_OPTION, D->syn_opt, o->present);
	else if (o->present & OPT_WSCALE && o->wscale != D->wscale)
		draft_wrong(d, TCPLINT_FIELD_WSCALE, D->wscale, o->wscale);
	else
		return false;
	draft_frame(d, v->again->last);
	return true;
}

/* A SYN-ACK to a SYN with another number: perhaps of the same connection, beyond a device that shifts all numbers. */
static bool shifted_answer(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!live(v, EV_SYNACK) || v->x != SERVER || c->syns != 1 || c->simultaneous || c->split || c->self_connect ||
	    acks_a_syn(c, v->s->ack) || fact_get(v->Y, SYN_ACKED) == CONFIRMED)
		return false;
	draft_value_seq(d, TCPLINT_FIELD_ACK, CLIENT, c->syn[0].isn + 1, v->s->ack);
	draft_frame(d, c->syn[0].last);
	return true;
}

bool rule_middlebox_rewrite(const struct view *v, struct draft *d)
{
	if (!v->s || v->foreign || !(v->events & (EV_SYN_AGAIN | EV_SYNACK)) || v->events & EV_ODD_FLAGS ||
	    (!rewritten_options(v, d) && !shifted_answer(v, d)))
		return false;
	d->offender = TCPLINT_BY_NETWORK;
	draft_frame(d, mark_of(v->s));
	return true;
}

/* The client opens with its own numbers, and what the server acknowledges of its data is shifted by as much again. */
enum outcome settle_middlebox_rewrite(const struct view *v, struct candidate *k)
{
	const struct endpoint *C = &v->c->end[CLIENT];
	const uint32_t expected = k->draft.value[0].expected, shift = k->draft.value[0].actual - expected;

	if (k->draft.value[0].field != TCPLINT_FIELD_ACK)
		return REFUTED;
	if (v->s && !v->foreign && v->x == SERVER && has(v, FLAG_ACK) && !(v->s->flags & (FLAG_SYN | FLAG_RST)) &&
	    knows(C, K_DMAX) && seq_gt(v->s->ack - shift, expected) && seq_le(v->s->ack - shift, C->smax)) {
		draft_frame(&k->draft, mark_of(v->s));
		return REFUTED;
	}
	if (v->s && !v->foreign && v->x == CLIENT && (has(v, FLAG_RST) || v->s->seq == k->ack))
		return DISMISSED;
	return v->releasing || v->now >= k->deadline ? DISMISSED : WAIT;
}

/* ---- ICMP ---- */

/* What a bystander would have to guess, RFC 5927, 4.1; segments that the capture missed are allowed for. */
static bool quotes_nothing(const struct view *v)
{
	const struct conn *c = v->c;

	return c->origin == TCPLINT_ORIGIN_SYN && !c->older && !v->XD->pasts && !(v->s->flags & FLAG_RST) &&
	       v->s->seq && !knows(v->X, K_ISN_INFERRED) && !seq_in(v->X->isn, v->s->seq, v->X->smax + 0x10000) &&
	       !(v->x == CLIENT && c->syns > 1);
}

bool rule_icmp_error_for_flow(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_ICMP) || !v->s || !knows(v->X, K_SMAX))
		return false;
	d->offender = TCPLINT_BY_NETWORK;
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->icmp_type;
	d->number[1] = v->s->icmp_code;
	if (quotes_nothing(v)) {
		d->verdict = TCPLINT_ATTACK_SUSPECT;
		d->scale = 0.5F;
		d->alternatives = ALT_injection | ALT_middlebox;
	}
	return true;
}
