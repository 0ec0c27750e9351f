/* The arrows of the sender: what a segment proves by having been sent (rules.md 1.3, T1). */
#include "tracker_private.h"

static struct attempt *find_attempt(struct attempt *list, unsigned n, uint32_t isn)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].isn == isn)
			return &list[i];
	return NULL;
}

/*
 * A copy of what was sent at `before`.  When nothing of the peer's came in between its sender's timer caused it;
 * a SYN comes again whatever but a RST came, for it did not arrive.
 */
static void note_retry(struct retries *r, const struct view *v, int64_t before)
{
	const int64_t us = (v->s->ts - before) / 1000;
	const uint32_t least = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;

	if (r->count < RETRY_INTERVALS)
		r->us[r->count] = least;
	r->total_us = least > UINT32_MAX - r->total_us ? UINT32_MAX : r->total_us + least;
	r->count = (uint8_t)(r->count < UINT8_MAX ? r->count + 1 : UINT8_MAX);
	const bool bare_syn = (v->s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;

	if ((bare_syn ? v->YD->last_rst.ts : v->Y->last.ts) <= before && v->s->ts - before > DUP_WINDOW &&
	    r->timer < UINT8_MAX)
		r->timer++;
}

/* The place of another one: the oldest makes room. */
static struct attempt *new_attempt(struct attempt *list, uint8_t *n)
{
	if (*n == ATTEMPTS) {
		for (unsigned i = 1; i < ATTEMPTS; i++)
			list[i - 1] = list[i];
		(*n)--;
	}
	return &list[(*n)++];
}

/* The only one stands in the connection; beside others it is put aside. */
static struct attempt *another_syn(struct conn *c, struct asides *k)
{
	if (c->syn == &c->first_syn && c->syns) {
		c->syn = aside_of(k, c)->syn;
		c->syn[0] = c->first_syn;
	}
	return new_attempt(c->syn, &c->syns);
}

static struct attempt *another_synack(struct conn *c, struct asides *k)
{
	if (c->synack == &c->first_synack && c->synacks) {
		c->synack = aside_of(k, c)->synack;
		c->synack[0] = c->first_synack;
	}
	return new_attempt(c->synack, &c->synacks);
}

/* A SYN of the client or a SYN-ACK of the server. */
static void note_attempt(struct conn *c, struct asides *k, const struct view *v)
{
	const struct segment *s = v->s;
	const bool ack = s->flags & FLAG_ACK;
	struct attempt *a = ack ? find_attempt(c->synack, c->synacks, s->seq) : find_attempt(c->syn, c->syns, s->seq);

	if (a) {
		note_retry(&aside_of(k, c)->end[v->x].opening, v, a->last.ts);
	} else {
		if (c->aside)
			c->aside->end[v->x].opening = (struct retries){ 0 };
		a = ack ? another_synack(c, k) : another_syn(c, k);
		*a = (struct attempt){ .isn = s->seq, .first = mark_of(s) };
	}
	a->ack = s->ack;
	if (s->len > a->len)
		a->len = s->len;
	a->copies++;
	a->dead = false;
	a->last = mark_of(s);
}

static void learn_syn(struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;
	struct endpoint *X = &c->end[v->x];
	struct endpoint_detail *D = &c->detail[v->x];
	const bool other_isn = knows(X, K_ISN) && X->isn != s->seq;

	if (!knows(X, K_ISN) || knows(X, K_ISN_INFERRED) || other_isn) {
		X->isn = s->seq;
		X->known = (uint16_t)((X->known & ~K_ISN_INFERRED) | K_ISN | K_SMAX);
		if (!knows(X, K_DMAX) || other_isn)
			X->smax = v->end;
		if (other_isn) /* another attempt has a clock of its own; a copy of a SYN must not turn it back */
			X->known &= (uint16_t)~K_TSVAL;
	}
	if (s->len > D->syn_len)
		D->syn_len = s->len;
	D->syn_any |= s->opt.present;
	D->syn_lacked |= ~s->opt.present;
	D->syn_flags_any |= s->flags;
	if (s->opt.present & OPT_EXPERIMENT)
		D->syn_exids |= s->opt.exids;
	D->syn_ect = D->syn_ect || s->tos & TOS_ECN;
	D->asked_ecn = D->asked_ecn || (s->flags & (FLAG_ECE | FLAG_CWR)) == (FLAG_ECE | FLAG_CWR);
	if (!D->has_syn || s->flags & FLAG_ACK || other_isn) {
		D->has_syn = true;
		D->syn_opt = s->opt.present;
		D->syn_flags = s->flags;
		D->syn_cut = s->opt.present & OPT_CUT;
		D->mss = s->opt.mss;
		D->wscale = s->opt.wscale;
	}
	/* a SYN of its own after it has acknowledged the peer's: the two halves of a SYN-ACK (3.4.1) */
	if (!(s->flags & FLAG_ACK) && fact_get(X, SYN_RCVD) == CONFIRMED && !knows(X, K_ACTIVE))
		c->split = true;
	else if (!(s->flags & FLAG_ACK))
		X->known |= K_ACTIVE;
	if (s->opt.present & OPT_FAST_OPEN || (s->len && !(s->flags & FLAG_ACK)))
		c->fast_open = c->fast_open || s->len || s->opt.present & OPT_FAST_OPEN;
}

/* How regularly its SYN, SYN-ACK or FIN comes again: a run of intervals that are equal within a tenth. */
static void learn_interval(struct endpoint_detail *D, const struct view *v)
{
	const uint32_t us = v->rto / 1000 < UINT32_MAX ? (uint32_t)(v->rto / 1000) : UINT32_MAX;

	if (!us) {
		D->copy_interval = D->copy_run = 0;
	} else if (D->copy_interval && same_interval(D->copy_interval, us)) {
		D->copy_run = D->copy_run < UINT16_MAX ? (uint16_t)(D->copy_run + 1) : UINT16_MAX;
	} else {
		D->copy_interval = us;
		D->copy_run = 1;
	}
	D->copy_ip_id = v->s->ip_id;
}

static void learn_stamp(struct endpoint_detail *D, const struct view *v)
{
	if (v->s->opt.present & OPT_TIMESTAMPS) {
		if (!(D->syn_any & OPT_TIMESTAMPS))
			D->syn_first_tsval = v->s->opt.ts_val;
		D->syn_tsval = v->s->opt.ts_val;
	}
}

/* RFC 7323, 2.2: windows are scaled when both SYNs carried the option. */
static void learn_scale(struct conn *c)
{
	const struct endpoint_detail *d = c->detail;

	if (!d[CLIENT].has_syn || !d[SERVER].has_syn || d[CLIENT].syn_cut || d[SERVER].syn_cut)
		return;
	const bool both = d[CLIENT].syn_opt & d[SERVER].syn_opt & OPT_WSCALE;

	for (enum side i = CLIENT; i <= SERVER; i++)
		c->end[i].wscale = (uint8_t)(!both ? 0 : d[i].wscale > 14 ? 14 : d[i].wscale);
}

/* What both ends' SYNs came to, for the segments that follow.  A list that cannot be read lacks nothing. */
static void learn_agreement(struct conn *c)
{
	const struct endpoint_detail *C = &c->detail[CLIENT], *S = &c->detail[SERVER];
	const uint32_t both = C->syn_any & S->syn_any, any = C->syn_any | S->syn_any;
	const bool seen = C->has_syn && S->has_syn && !c->self_connect;

	c->timestamps = both & ~C->syn_lacked & ~S->syn_lacked & OPT_TIMESTAMPS;
	c->no_timestamps = seen && !(both & OPT_TIMESTAMPS) && !(any & OPT_UNREADABLE);
	c->no_ecn = seen && !c->simultaneous && !C->syn_ect && !S->syn_ect &&
		    !(C->asked_ecn && S->syn_flags_any & (FLAG_ECE | FLAG_CWR | FLAG_AE));
	c->authenticated = any & OPT_AUTHENTICATION;
}

/* RFC 9293, 3.7.1: what Y may send in one segment.  Of several SYNs the most generous counts. */
static void learn_limit(struct endpoint *Y, const struct segment *s, bool first)
{
	const uint32_t o = s->opt.present;
	const uint16_t mss = o & OPT_MSS ? s->opt.mss : o & OPT_UNREADABLE ? UINT16_MAX : s->ipv6 ? 1220 : 536;

	if (first || (Y->limit && mss > Y->limit))
		Y->limit = mss;
}

static void keep_past(struct conn *c, struct asides *k, enum side x)
{
	struct endpoint_detail *d = &c->detail[x];
	struct past *past = aside_of(k, c)->end[x].past;
	struct tcplint_state_time path[TCPLINT_MAX_STATES];
	const unsigned n = tracker_path(c, x, path, TCPLINT_MAX_STATES);

	d->pasts = 0;
	for (unsigned i = n > PAST_MAX ? n - PAST_MAX : 0; i < n; i++)
		past[d->pasts++] = (struct past){ .state = (uint8_t)path[i].state, .ts = path[i].t + c->start.ts };
}

/* X begins again within the same record: a stale SYN reached a finished server (rules.md 1.2, 7b). */
static void start_over(struct conn *c, struct asides *k, enum side x)
{
	keep_past(c, k, x);
	c->end[x].facts = 0;
	c->end[x].known &= (uint16_t)~(K_FIN | K_DMAX | K_HS_ACK | K_FIN_COVER | K_RST_SENT | K_FIN_AFTER_FIN | K_AMAX);
}

/*
 * The client's RST refused the answer to an old duplicate, and this is the SYN that it really sent
 * (RFC 9293, 3.5 Figure 8, seen from where the duplicate came first).
 */
static bool refused_first_attempt(const struct conn *c, enum side x, const struct segment *s)
{
	return x == CLIENT && !(s->flags & FLAG_ACK) && knows(&c->end[x], K_RST_SENT) && c->syns;
}

static void reopen(struct conn *c, enum side x)
{
	c->syn[c->syns - 1].dead = true;
	fact_clear(c, x, RESET);
	fact_clear(c, x, SYN_RCVD);
	fact_clear(c, x, SYN_ACKED);
	c->end[x].known |= K_REFUSED;
}

void tracker_send_syn(struct conn *c, struct asides *k, const struct view *v)
{
	const struct segment *s = v->s;
	const enum side x = v->x;
	struct endpoint *X = &c->end[x], *Y = &c->end[v->y];
	const struct mark m = mark_of(s);

	if (knows(X, K_ISN) && s->seq != X->isn && refused_first_attempt(c, x, s))
		reopen(c, x);
	else if (knows(X, K_ISN) && s->seq != X->isn && end_over(X))
		start_over(c, k, x);
	else if (fact_is(X, RESET) && s->seq == X->isn && !(s->flags & FLAG_ACK))
		fact_clear(c, x, RESET); /* a repeated SYN: the RST did not reach it, a new attempt has a new ISN */
	learn_interval(&c->detail[x], v);
	learn_stamp(&c->detail[x], v);
	learn_limit(Y, s, !c->detail[x].has_syn);
	learn_syn(c, v);
	if (s->flags & FLAG_ACK) {
		if (x == SERVER || c->simultaneous)
			note_attempt(c, k, v);
		fact_set(c, x, SYN_RCVD, CONFIRMED, m);
		const struct attempt *a = c->syns ? &c->syn[c->syns - 1] : NULL;

		if (a && x == SERVER && (!X->turn || s->ts - a->last.ts < X->turn))
			X->turn = s->ts - a->last.ts;
	} else {
		if (x == CLIENT)
			note_attempt(c, k, v);
		if (knows(Y, K_ACTIVE) && fact_is(Y, SYN_SENT) && !fact_is(X, SYN_SENT))
			c->simultaneous = true;
	}
	fact_set(c, x, SYN_SENT, CONFIRMED, m);
	learn_scale(c);
	learn_agreement(c);
}

void tracker_send_fin(struct conn *c, struct asides *k, const struct view *v)
{
	const struct segment *s = v->s;
	const enum side x = v->x;
	struct endpoint *X = &c->end[x], *Y = &c->end[v->y];
	struct endpoint_detail *D = &c->detail[x];

	if (knows(X, K_FIN) && v->end == X->fend)
		note_retry(&aside_of(k, c)->end[x].closing, v, D->last_fin.ts);
	learn_interval(D, v);
	D->last_fin = mark_of(s);
	D->fin_ack = s->ack;
	D->fin_tsval = s->opt.ts_val;
	D->fin_copies_unanswered++;
	if (knows(X, K_FIN)) {
		if (v->end == X->fend)
			D->fin_copies++;
		return;
	}
	D->first_fin = mark_of(s);
	D->first_fin_ack = s->ack;
	D->first_fin_ttl = s->ttl;
	D->first_fin_tsval = s->opt.ts_val;
	X->fend = v->end;
	X->known |= K_FIN;
	/* it acknowledged the peer's FIN with a number beyond its own: an earlier copy of this FIN was missed */
	const bool copy = D->fin_reply.frame && D->fin_reply_seq == X->fend;

	if (knows(Y, K_FIN) && seq_ge(s->ack, Y->fend) && !copy)
		X->known |= K_FIN_AFTER_FIN;
	fact_set(c, x, FIN_SENT, CONFIRMED, copy ? D->fin_reply : mark_of(s));
}

/* RFC 9293, 3.10.7.3 step 1: a RST that refuses a foreign acknowledgment does not end the attempt. */
static bool refuses_foreign(const struct conn *c, const struct view *v)
{
	const struct endpoint *X = v->X;

	if (fact_get(X, SYN_ACKED) == CONFIRMED || !knows(X, K_ISN))
		return false;
	if (!knows(X, K_ACTIVE)) /* SYN_RECEIVED, 3.10.7.4 step 5 */
		return !fact_is(X, SYN_ACKED) && fact_is(X, SYN_SENT) && !(v->s->flags & FLAG_ACK) &&
		       !seq_in(X->isn + 1, v->s->seq, X->smax);
	for (unsigned i = 0; i < c->syns && v->x == CLIENT; i++)
		if (seq_in(c->syn[i].isn + 1, v->s->seq, c->syn[i].isn + 1 + c->syn[i].len))
			return c->syns > 1;
	return seq_in(X->isn + 1, v->s->seq, X->isn + 1 + v->XD->syn_len) ? false : !(v->s->flags & FLAG_ACK);
}

/* Whether X can have sent this RST: in its own sequence space, or an answer to what the peer sent. */
static bool plausible_rst(const struct view *v)
{
	const struct segment *s = v->s;

	if (!knows(v->X, K_SMAX))
		return true;
	if (s->flags & FLAG_ACK && !s->seq)
		return true;
	if (knows(v->Y, K_AMAX) && s->seq == v->Y->amax)
		return true;
	return s->seq - (v->X->isn - 0x10000) <= v->X->smax - v->X->isn + 0x20000;
}

/* What a late copy of an earlier segment is measured against (prove.c). */
static void learn_from_rst(struct endpoint *X, const struct view *v)
{
	const struct segment *s = v->s;

	if (s->flags & FLAG_ACK && s->seq && !(v->events & EV_ACK_UNSEEN) &&
	    (!knows(X, K_AMAX) || seq_gt(s->ack, X->amax))) {
		X->amax = s->ack;
		X->known |= K_AMAX;
	}
	if (s->opt.present & OPT_TIMESTAMPS && (!knows(X, K_TSVAL) || seq_gt(s->opt.ts_val, X->tsval))) {
		if (!knows(X, K_TSVAL))
			X->ts_first = s->opt.ts_val;
		X->tsval = s->opt.ts_val;
		X->known |= K_TSVAL;
	}
}

void tracker_send_rst(struct conn *c, struct view *v)
{
	struct endpoint *X = &c->end[v->x];

	c->detail[v->x].last_rst = mark_of(v->s);
	c->detail[v->x].rst_seq = v->s->seq;
	c->detail[v->x].rst_ack = v->s->ack;
	c->detail[v->x].rst_has_ack = v->s->flags & FLAG_ACK;
	if (!plausible_rst(v)) {
		v->ignored = "implausible_rst";
		return;
	}
	if (refuses_foreign(c, v)) {
		for (unsigned i = 0; i < c->syns; i++)
			if (v->x == CLIENT && v->s->seq - (c->syn[i].isn + 1) <= c->syn[i].len)
				c->syn[i].dead = true;
		X->known |= K_REFUSED;
		return;
	}
	if (!fact_is(X, RESET))
		X->known |= K_RST_SENT;
	fact_set(c, v->x, RESET, CONFIRMED, mark_of(v->s));
	learn_from_rst(X, v);
}
