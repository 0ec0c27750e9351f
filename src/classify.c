/* What a segment means for its connection, before anything is changed. */
#include "tracker_private.h"

static bool odd_flags(const struct segment *s)
{
	const unsigned f = s->flags & (FLAG_FIN | FLAG_SYN | FLAG_RST | FLAG_ACK);

	switch (f) {
	case FLAG_SYN:
	case FLAG_SYN | FLAG_ACK:
	case FLAG_RST:
	case FLAG_RST | FLAG_ACK:
	case FLAG_ACK:
	case FLAG_FIN | FLAG_ACK:
		return false;
	default:
		return true;
	}
}

/* RFC 9293, 3.9.2.3: addresses that a connection cannot be opened from, or to. */
static bool bad_addresses(const struct segment *s)
{
	return address_is_many(&s->dst) || address_is_many(&s->src) || address_is_none(&s->src) ||
	       address_is_none(&s->dst);
}

static bool odd_fields(const struct segment *s)
{
	if ((s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN && !s->ipv6 &&
	    (is_ipv4(s->seq, s->dst.ip) || is_ipv4(s->seq, s->src.ip)))
		return true;
	if (s->flags & FLAG_SYN && (!s->window || (!(s->flags & FLAG_ACK) && s->ack) || s->tos & TOS_ECN ||
				      bad_addresses(s)))
		return true;
	if (!s->src.port || !s->dst.port)
		return true;
	return s->flags & FLAG_RESERVED ||
	       (s->flags & FLAG_URG && (!s->urgent || s->flags & (FLAG_SYN | FLAG_RST)));
}

/* E-KA, rules.md 1.11: RFC 9293, 3.8.4. */
static bool is_keepalive(const struct view *v)
{
	const struct segment *s = v->s;

	return s->len <= 1 && (s->flags & ~(unsigned)(FLAG_PSH | FLAG_ECE | FLAG_CWR | FLAG_AE)) == FLAG_ACK &&
	       knows(v->X, K_SMAX) && s->seq == v->X->smax - 1 && knows(v->Y, K_AMAX) &&
	       seq_ge(v->Y->amax, v->X->smax) && v->X->last.ts && s->ts - v->X->last.ts >= KEEPALIVE_IDLE &&
	       s->ts - v->Y->last.ts >= KEEPALIVE_IDLE;
}

static uint32_t flag_events(const struct segment *s)
{
	uint32_t ev = 0;

	if (s->flags & FLAG_SYN)
		ev |= s->flags & FLAG_ACK ? EV_SYNACK : EV_SYN;
	if (s->flags & FLAG_FIN)
		ev |= EV_FIN;
	if (s->flags & FLAG_RST)
		ev |= EV_RST;
	if (s->len)
		ev |= EV_DATA;
	if (is_pure_ack(s))
		ev |= EV_PURE_ACK;
	if (odd_flags(s))
		ev |= EV_ODD_FLAGS;
	if (odd_fields(s))
		ev |= EV_ODD_FIELDS;
	if (s->bad_header)
		ev |= EV_BAD_HEADER;
	if (s->checksum == CHECKSUM_BAD)
		ev |= EV_BAD_CHECKSUM;
	if (s->checksum == CHECKSUM_OFFLOAD)
		ev |= EV_OFFLOAD;
	if (s->truncated)
		ev |= EV_TAP;
	return ev;
}

/* Options where they may not stand, and values that are a rule's business. */
static bool odd_options(const struct segment *s)
{
	const struct tcp_options *o = &s->opt;

	if (o->present & OPT_FAST_OPEN_BOTH || (o->present & OPT_USER_TIMEOUT && !o->user_timeout) ||
	    (o->present & OPT_AUTHENTICATION) == OPT_AUTHENTICATION)
		return true;
	if (!(s->flags & FLAG_SYN))
		return o->present & (OPT_MSS | OPT_WSCALE | OPT_SACK_PERMITTED | OPT_FAST_OPEN);
	return (s->flags & FLAG_ACK && !(o->present & (OPT_MSS | OPT_UNREADABLE))) ||
	       (o->present & OPT_WSCALE && o->wscale > MOST_WSCALE) || (o->present & OPT_MSS && o->mss < TINY_MSS) ||
	       (o->present & OPT_FAST_OPEN && !legal_cookie(o->cookie_len)) ||
	       (o->present & OPT_TIMESTAMPS && o->ts_ecr && !(s->flags & FLAG_ACK));
}

/* A SYN-ACK that brings what no SYN of the client asked for, or that echoes what none said. */
static bool synack_disagrees(const struct view *v)
{
	const struct segment *s = v->s;
	const struct endpoint_detail *YD = v->YD;

	if (v->x != SERVER || !YD->has_syn)
		return false;
	if ((is_ecn_setup_synack(s->flags) && !YD->asked_ecn) || reflects_ecn(YD, s->flags))
		return true;
	return !(YD->syn_any & OPT_UNREADABLE) &&
	       (s->opt.present & ~YD->syn_any & OPT_ASKED_FOR || echoes_no_syn(YD, s));
}

/* What an end's SYNs announced or asked for, and its segment lacks, or the other way round. */
static bool strays(const struct view *v)
{
	const struct segment *s = v->s;
	const struct endpoint_detail *XD = v->XD;
	const uint32_t present = s->opt.present;

	if (!XD->has_syn)
		return false;
	if (present & OPT_EXPERIMENT && s->opt.exids & ~XD->syn_exids && !(XD->syn_any & OPT_UNREADABLE))
		return true;
	if (v->c->authenticated && !(present & OPT_UNREADABLE) &&
	    XD->syn_any & ~XD->syn_lacked & OPT_AUTHENTICATION & ~present)
		return true;
	return lost_join(v);
}

/* What the SYNs did not agree on, as far as they were seen and their options whole. */
static bool disagreed(const struct view *v)
{
	const struct segment *s = v->s;

	if (v->c->before.timestamps && view_old_stamp(v))
		return true;
	if (s->flags & (FLAG_SYN | FLAG_RST))
		return (s->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) == (FLAG_SYN | FLAG_ACK) && synack_disagrees(v);
	if (v->c->timestamps && !(s->opt.present & (OPT_TIMESTAMPS | OPT_UNREADABLE)))
		return true;
	if (oversized(v->X, s) || (v->c->no_timestamps && s->opt.present & OPT_TIMESTAMPS) ||
	    (v->c->no_ecn && s->tos & TOS_ECN && s->len) || strays(v))
		return true;
	return s->opt.present & OPT_SACK && v->YD->has_syn && !(v->YD->syn_any & (OPT_SACK_PERMITTED | OPT_UNREADABLE));
}

/* The attempt that a SYN of the client or a SYN-ACK of the server is a copy of. */
static const struct attempt *copied(const struct view *v)
{
	const struct conn *c = v->c;
	const bool ack = v->s->flags & FLAG_ACK;
	const struct attempt *list = ack ? c->synack : c->syn;

	if (v->x != (ack ? SERVER : CLIENT) || c->simultaneous || c->self_connect || v->foreign)
		return NULL;
	for (unsigned i = 0; i < (ack ? c->synacks : c->syns); i++)
		if (list[i].isn == v->s->seq && (!ack || list[i].ack == v->s->ack))
			return &list[i];
	return NULL;
}

static bool refused_since(const struct conn *c, int64_t since)
{
	return c->icmp_refused && c->aside->icmp_refused.ts > since;
}

/*
 * How long the sender's retransmission timer ran.  0 when something else may have caused this copy: a
 * segment of the peer (in the connection before this one too), an ICMP error, the network, a clock that was set.
 */
static int64_t timer_interval(const struct view *v, int64_t since, uint32_t stamp)
{
	const struct segment *s = v->s;

	if (v->c->older || v->Y->last.ts > since || refused_since(v->c, since) || s->ts - since <= DUP_WINDOW)
		return 0;
	/* more SYNs were seen than answers: this may be the answer to one of them */
	if (has(v, FLAG_SYN | FLAG_ACK) && v->XD->synack < v->YD->syn)
		return 0;
	if (s->ip_id && !s->ipv6 && s->ip_id == v->XD->copy_ip_id)
		return 0;
	if (s->opt.present & OPT_TIMESTAMPS && v->XD->syn_any & OPT_TIMESTAMPS && s->opt.ts_val == stamp)
		return 0;
	return s->ts - since;
}

/* The same FIN again. */
static bool is_fin_copy(const struct view *v)
{
	return (v->s->flags & (FLAG_FIN | FLAG_SYN | FLAG_RST)) == FLAG_FIN && knows(v->X, K_FIN) &&
	       v->end == v->X->fend && !v->foreign;
}

static uint32_t option_events(struct view *v)
{
	const struct segment *s = v->s;
	uint32_t ev = 0;

	if (s->opt.present & (OPT_BAD_LIST | OPT_BAD_LENGTH | OPT_DUPLICATE | OPT_AFTER_EOL))
		ev |= EV_BAD_OPTIONS;
	if ((s->opt.present & ~(uint32_t)OPT_TIMESTAMPS || s->flags & FLAG_SYN) && odd_options(s))
		ev |= EV_ODD_OPTIONS;
	if (!v->foreign && opens_without_mss(v))
		ev |= EV_ODD_OPTIONS;
	if (!v->foreign && disagreed(v))
		ev |= EV_DISAGREED;
	if (s->flags & FLAG_SYN)
		v->again = copied(v);
	if (v->again) {
		ev |= EV_SYN_AGAIN;
		v->rto = timer_interval(v, v->again->last.ts, v->XD->syn_tsval);
	} else if (is_fin_copy(v)) {
		v->rto = timer_interval(v, v->XD->last_fin.ts, v->XD->fin_tsval);
	}
	return ev;
}

static uint32_t sequence_events(const struct view *v)
{
	const struct segment *s = v->s;
	uint32_t ev = 0;

	if (!(s->flags & FLAG_RST) && knows(v->X, K_SMAX)) {
		if (seq_gt(s->seq, v->X->smax))
			ev |= EV_GAP;
		if (segment_length(s) && seq_lt(s->seq, v->X->smax))
			ev |= EV_RETRANSMIT;
	}
	if (s->flags & FLAG_ACK) {
		if (knows(v->Y, K_SMAX) && seq_gt(s->ack, v->Y->smax))
			ev |= EV_ACK_UNSEEN;
		if (!knows(v->X, K_AMAX) || seq_gt(s->ack, v->X->amax))
			ev |= EV_ACK_NEW;
	}
	if (is_pure_ack(s) && !(ev & EV_ACK_NEW))
		ev |= EV_DUP_ACK;
	if (is_keepalive(v))
		ev = (ev & ~(uint32_t)EV_RETRANSMIT) | EV_KEEPALIVE;
	return ev;
}

static uint32_t phase_events(const struct conn *c, const struct segment *s)
{
	const struct endpoint *a = &c->end[CLIENT], *b = &c->end[SERVER];
	uint32_t ev = 0;

	if (fact_get(a, SYN_ACKED) != CONFIRMED || fact_get(b, SYN_ACKED) != CONFIRMED)
		ev |= EV_OPENING;
	if (fact_is(a, FIN_SENT) || fact_is(b, FIN_SENT) || (s->flags & FLAG_FIN))
		ev |= EV_CLOSING;
	if (fact_is(a, RESET) || fact_is(b, RESET))
		ev |= EV_RESET;
	return ev;
}

/*
 * A SYN that opens nothing: one number after the sender's own SYN (hs_third_has_syn), or with
 * another number on a connection that is synchronized and not finished (RFC 9293, 3.10.7.4 step 4).
 */
static bool misplaced_syn(const struct view *v)
{
	const struct segment *s = v->s;

	if (!knows(v->X, K_ISN) || knows(v->X, K_ISN_INFERRED) || s->seq == v->X->isn || end_over(v->X))
		return false;
	if (s->seq == v->X->isn + 1 && fact_is(v->Y, SYN_SENT))
		return true;
	return fact_get(v->X, SYN_ACKED) == CONFIRMED && fact_is(v->Y, SYN_ACKED);
}

/*
 * Whether the segment may move the endpoints, and why not.  A sender whose every
 * checksum so far was bad is a rewriting artefact (anonymised addresses): it drives.
 */
static const char *why_ignored(const struct view *v)
{
	const struct segment *s = v->s;

	if (s->bad_header)
		return "bad_header";
	if (s->checksum == CHECKSUM_BAD && knows(v->X, K_GOOD_CHECKSUM))
		return "bad_checksum";
	if ((s->flags & (FLAG_SYN | FLAG_RST)) == (FLAG_SYN | FLAG_RST))
		return "odd_flags";
	if (!(s->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)))
		return "odd_flags";
	if (v->foreign)
		return "other_incarnation";
	if (s->flags & FLAG_SYN && misplaced_syn(v))
		return "misplaced_syn";
	if (v->beyond && !(s->flags & FLAG_SYN))
		return "beyond_window";
	/* RFC 7323, 5.3: an older timestamp on what would be new */
	if (!(s->flags & (FLAG_RST | FLAG_SYN)) && s->opt.present & OPT_TIMESTAMPS && knows(v->X, K_TSVAL) &&
	    segment_length(s) && v->X->tsval - s->opt.ts_val < UINT32_C(0x40000000) &&
	    v->X->tsval - s->opt.ts_val > 1000 && seq_gt(v->end, v->X->smax))
		return "old_timestamp";
	return NULL;
}

/* All that windows are judged by is known of this end. */
static bool measured(const struct endpoint *e)
{
	const unsigned needs = K_ISN | K_SMAX | K_AMAX | K_REDGE;

	return (e->known & (needs | K_ISN_INFERRED)) == needs && e->wscale != SCALE_UNKNOWN && fact_is(e, SYN_ACKED);
}

/*
 * Data beyond the window or before the connection's first number, or an acknowledgment of what Y cannot have
 * sent, or of long ago (RFC 5961, 5.2).  Not where segments of another numbering may be about, or many are missing.
 */
static bool guessed(const struct view *v)
{
	const struct segment *s = v->s;
	const struct conn *c = v->c;
	const struct endpoint *X = v->X, *Y = v->Y;

	if (!s->len || (s->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) != FLAG_ACK || !measured(X) || !measured(Y) ||
	    c->older || c->self_connect || c->syns > 1 || c->synacks > 1 || c->loss || c->origin != TCPLINT_ORIGIN_SYN)
		return false;
	if (v->beyond || seq_lt(s->seq, oldest_number(X, X->smax)))
		return true;
	/* a late copy: X sent all of this, and acknowledged as much */
	if (seq_gt(s->seq, X->isn) && seq_le(v->end, X->smax) && seq_gt(s->ack, Y->isn) && seq_le(s->ack, X->amax))
		return false;
	return seq_gt(s->ack, seq_max(X->redge + (1u << X->wscale) + 1, Y->smax)) ||
	       seq_lt(s->ack, seq_max(oldest_number(Y, Y->smax), X->amax - X->maxwnd));
}

/* Numbers that go back, or that lie beyond what the other end allowed or sent. */
static bool odd_numbers(const struct view *v)
{
	const struct segment *s = v->s;
	const struct endpoint *X = v->X, *Y = v->Y;

	if (s->flags & (FLAG_SYN | FLAG_RST) || s->bad_header || v->foreign)
		return false;
	if (v->beyond || odd_window(X, Y, s) || odd_stamp(X, Y, s) ||
	    (s->flags & FLAG_ACK && knows(X, K_AMAX) && seq_lt(s->ack, X->amax)))
		return true;
	if (!segment_length(s) && knows(X, K_SMAX) && s->seq != X->smax)
		return true;
	return odd_sack(v) >= 0 || (s->len && knows(X, K_ISN) && seq_lt(s->seq, X->isn));
}

void tracker_classify(struct view *v, const struct conn *c, const struct segment *s, enum side x, bool first)
{
	v->c = c;
	v->s = s;
	v->x = x;
	v->y = c->self_connect ? x : other(x);
	v->X = &c->end[x];
	v->Y = &c->end[v->y];
	v->XD = &c->detail[x];
	v->YD = &c->detail[v->y];
	v->end = segment_end(s);
	v->clock_back = 0;
	v->twin = NULL;
	v->events = flag_events(s) | (c->self_connect ? EV_ODD_FIELDS : 0) | option_events(v) | sequence_events(v) |
		    phase_events(c, s) | EV_ANY;
	if (first)
		v->events |= EV_FIRST;
	if (!c->oversized[x] && view_oversized(c, s, v->y))
		v->events |= EV_TAP;
	/* rules.md 1.8; one scaled unit of slack for rounding */
	v->beyond = knows(v->Y, K_REDGE) && v->Y->wscale != SCALE_UNKNOWN && s->len &&
		    seq_gt(s->seq, v->Y->redge + (1u << v->Y->wscale) + 1) &&
		    (!knows(v->X, K_SMAX) || seq_gt(s->seq, v->X->smax));
	v->old = knows(v->Y, K_AMAX) &&
		 (segment_length(s) ? seq_le(v->end, v->Y->amax) : seq_lt(s->seq, v->Y->amax));
	v->guessed = v->events & (EV_GAP | EV_RETRANSMIT | EV_ACK_UNSEEN) && guessed(v);
	v->previous = v->X->last.frame;
	if (odd_numbers(v))
		v->events |= EV_ODD_NUMBERS;
	v->ignored = why_ignored(v);
	v->drives = !v->ignored;
	for (enum side i = CLIENT; i <= SERVER; i++) {
		v->state[i] = c->end[i].state;
		v->certain[i] = c->end[i].certain;
		v->known[i] = tracker_known(c, i);
	}
}
