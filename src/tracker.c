#include "time_wait.h"
#include "tracker_private.h"

void fact_set(struct conn *c, enum side x, enum fact f, enum belief b, struct mark when)
{
	struct endpoint *e = &c->end[x];
	const enum belief was = fact_get(e, f);

	if (was >= b)
		return;
	if (b == TENTATIVE && f != RESET && fact_is(e, RESET) && knows(e, K_RST_SENT))
		return; /* it came to an endpoint that was no more */
	e->facts = (uint16_t)((e->facts & ~(3u << (2 * f))) | (unsigned)b << (2 * f));
	if (was != NO) {
		tracker_confirm(c, x);
		return;
	}
	c->detail[x].fact[f] = when;
	tracker_add(c, x, f);
}

void fact_clear(struct conn *c, enum side x, enum fact f)
{
	c->end[x].facts &= (uint16_t)~(3u << (2 * f));
	if (f == RESET)
		c->end[x].known &= (uint16_t)~K_RST_SENT;
	tracker_restate(c, x);
}

/* A tentative fact that the endpoint's own segment contradicts was wrong. */
void fact_refute(struct conn *c, enum side x, enum fact f)
{
	if (fact_get(&c->end[x], f) == TENTATIVE)
		fact_clear(c, x, f);
}

static void count(struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;
	struct endpoint *X = &c->end[v->x];
	struct endpoint_detail *YD = &c->detail[v->y];

	if (!knows(X, K_SEEN))
		X->ttl = s->ttl;
	X->known |= K_SEEN;
	if (s->checksum == CHECKSUM_OK || s->checksum == CHECKSUM_OFFLOAD)
		X->known |= K_GOOD_CHECKSUM;
	c->truncated = c->truncated || s->truncated;
	c->oversized[v->x] = c->oversized[v->x] || view_oversized(c, s, v->y);
	c->options_cut = c->options_cut || s->opt.present & OPT_CUT;
	YD->fin_copies_unanswered = 0;
	YD->data_copies_unanswered = 0;
	YD->syn_copies_unanswered = 0;
	YD->probes = 0;
}

/* Segments that an offloading card has yet to cut, or put together: the peer's limit cannot be judged here. */
#define WIRE_MOST 1500

static void note_size(struct endpoint *X, const struct segment *s)
{
	if (oversized(X, s) && (s->checksum != CHECKSUM_OK || segment_tcp_length(s) + (s->ipv6 ? 40 : 20) > WIRE_MOST))
		X->limit = 0;
}

static void note_stamp(struct endpoint *X, struct endpoint_detail *D, const struct view *v)
{
	const struct segment *s = v->s;

	if (!(s->opt.present & OPT_TIMESTAMPS) || (knows(X, K_TSVAL) && !seq_gt(s->opt.ts_val, X->tsval)))
		return;
	if (!knows(X, K_TSVAL))
		X->ts_first = s->opt.ts_val;
	X->tsval = s->opt.ts_val;
	X->known |= K_TSVAL;
	if (v->events & (EV_RETRANSMIT | EV_KEEPALIVE))
		D->ts_again = s->opt.ts_val;
}

static void advance(struct conn *c, struct holes *h, const struct view *v)
{
	const struct segment *s = v->s;
	struct endpoint *X = &c->end[v->x];
	struct endpoint_detail *D = &c->detail[v->x];
	const uint32_t from = s->flags & FLAG_SYN ? s->seq + 1 : s->seq;

	if (!knows(X, K_SMAX)) {
		X->smax = v->end;
		X->known |= K_SMAX;
		if (!knows(X, K_ISN)) {
			X->isn = s->seq - 1;
			X->known |= K_ISN | K_ISN_INFERRED;
		}
	}
	const uint32_t filled = X->holes && segment_length(s) ? holes_fill(h, X, s->seq, v->end) : 0;

	if (filled && s->ts - X->last.ts < REORDER_WINDOW)
		c->reordered++;
	if (v->events & EV_RETRANSMIT && !filled && segment_length(s)) {
		X->retransmitted++;
		D->data_copies_unanswered += s->len > 0;
	}
	if (s->flags & FLAG_SYN)
		D->syn_copies_unanswered++;
	if (seq_gt(s->seq, X->smax) && !(s->flags & FLAG_SYN)) {
		holes_add(h, X, X->smax, s->seq, mark_of(s));
		if (knows(&c->end[v->y], K_AMAX))
			holes_ack(h, X, c->end[v->y].amax, mark_of(s));
	}
	X->smax = seq_max(X->smax, v->end);
	if (s->len && fact_get(X, FIN_RCVD) == CONFIRMED && seq_gt(from + s->len, knows(X, K_DMAX) ? X->dmax : from))
		D->bytes_after_peer_fin += from + s->len - (knows(X, K_DMAX) ? seq_max(X->dmax, from) : from);
	if (s->len) {
		X->dmax = knows(X, K_DMAX) ? seq_max(X->dmax, from + s->len) : from + s->len;
		X->known |= K_DMAX;
		D->last_data = mark_of(s);
	}
	note_stamp(X, D, v);
	note_size(X, s);
	if (v->events & EV_KEEPALIVE && D->probes < UINT8_MAX)
		D->probes++;
}

static void offer_window(struct conn *c, struct holes *h, const struct view *v)
{
	const struct segment *s = v->s;
	struct endpoint *X = &c->end[v->x], *Y = &c->end[v->y];
	const unsigned shift = s->flags & FLAG_SYN || X->wscale == SCALE_UNKNOWN ? 0 : X->wscale;
	const uint32_t window = (uint32_t)s->window << shift;

	if (!(s->flags & FLAG_ACK))
		return;
	if (!knows(X, K_AMAX) || seq_gt(s->ack, X->amax)) {
		X->amax = s->ack;
		X->known |= K_AMAX;
		if (Y->holes)
			holes_ack(h, Y, s->ack, mark_of(s));
	}
	if (!window && (X->window || !knows(X, K_REDGE)))
		c->detail[v->x].zero_since = mark_of(s);
	X->window = window;
	if (window > X->maxwnd)
		X->maxwnd = window;
	X->redge = knows(X, K_REDGE) ? seq_max(X->redge, s->ack + window) : s->ack + window;
	X->known |= K_REDGE;
}

/* Mid-stream: whoever sends ACKs without SYN is synchronized at least (rules.md 1.6). */
static void pick_up(struct conn *c, const struct view *v)
{
	const struct mark m = mark_of(v->s);
	const enum side x = v->x, y = v->y;

	if ((v->s->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) != FLAG_ACK)
		return;
	for (enum fact f = SYN_SENT; f <= SYN_ACKED; f++) {
		fact_set(c, x, f, CONFIRMED, m);
		fact_set(c, y, f, TENTATIVE, m);
	}
	if (!knows(&c->end[y], K_SMAX)) {
		c->end[y].isn = v->s->ack - 1;
		c->end[y].smax = v->s->ack;
		c->end[y].known |= K_ISN | K_ISN_INFERRED | K_SMAX;
	}
}

static void move(struct conn *c, struct holes *h, struct asides *k, struct view *v)
{
	const struct segment *s = v->s;

	if (c->origin == TCPLINT_ORIGIN_MIDSTREAM)
		pick_up(c, v);
	tracker_contradict(c, v);
	tracker_prove(c, v);
	if (s->flags & FLAG_RST) {
		tracker_send_rst(c, v);
		if (!v->ignored)
			tracker_get_rst(c, v);
		return;
	}
	if (s->flags & FLAG_SYN)
		tracker_send_syn(c, k, v);
	if (s->flags & FLAG_FIN && !(s->flags & FLAG_SYN))
		tracker_send_fin(c, k, v);
	advance(c, h, v);
	tracker_note_cover(&c->end[v->y], s, v->end);
	if (s->flags & FLAG_SYN)
		tracker_get_syn(c, v);
	else if (s->flags & FLAG_ACK)
		tracker_get_ack(c, v);
	offer_window(c, h, v);
	tracker_get_fin(c, h, v);
}

static void keep_damaged(struct conn *c, struct asides *k, const struct view *v)
{
	const struct segment *s = v->s;

	if (s->checksum != CHECKSUM_BAD || s->bad_header || v->foreign || !segment_length(s) || s->flags & FLAG_RST)
		return;
	c->damaged[v->x] = true;
	aside_of(k, c)->end[v->x].damaged = (struct damaged){
		.seq = s->seq,
		.len = s->len,
		.ack = s->ack,
		.flags = s->flags,
		.window = s->window,
		.mark = mark_of(s),
	};
}

void tracker_replay(struct conn *c, struct holes *h, struct asides *k, const struct segment *s, enum side x)
{
	const enum side y = other(x);

	if (!c->damaged[y] || c->self_connect || !(s->flags & FLAG_ACK) || s->checksum == CHECKSUM_BAD)
		return;
	const struct damaged *d = &c->aside->end[y].damaged;
	const struct segment old = {
		.ts = d->mark.ts,
		.frame = d->mark.frame,
		.seq = d->seq,
		.len = d->len,
		.ack = d->ack,
		.flags = d->flags,
		.window = d->window,
		.checksum = CHECKSUM_OK,
		.opt.present = OPT_CUT, /* they were not kept */
	};
	struct view v = { .now = s->ts };

	if (seq_lt(s->ack, segment_end(&old)))
		return;
	c->damaged[y] = false;
	tracker_classify(&v, c, &old, y, false);
	if (v.drives && seq_gt(v.end, c->end[y].smax))
		move(c, h, k, &v);
}

static void note_latest(struct endpoint_detail *D, const struct view *v)
{
	const struct segment *s = v->s;
	/* tracker_go_on() does not come here: what X sent last is known from X */
	const struct mark last = v->X->last.frame == D->last_rst.frame ? D->latest.at : v->X->last;

	if (s->flags & FLAG_RST || s->bad_header || s->checksum == CHECKSUM_BAD)
		return;
	D->latest = (struct latest){
		.at = mark_of(s),
		.before = last.ts,
		.seq = s->seq,
		.ack = s->ack,
		.end = v->end,
		.flags = s->flags,
	};
}

void tracker_apply(struct conn *c, struct holes *h, struct asides *k, struct view *v)
{
	struct endpoint *X = &c->end[v->x];
	struct endpoint_detail *D = &c->detail[v->x];
	const struct segment *s = v->s;

	X->segments++;
	D->syn += (s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
	D->synack += (s->flags & (FLAG_SYN | FLAG_ACK)) == (FLAG_SYN | FLAG_ACK);
	D->fin += !!(s->flags & FLAG_FIN);
	D->rst += !!(s->flags & FLAG_RST);
	if (v->events & EV_DUPLICATE)
		return;
	X->payload_bytes += s->len;
	note_ip_id(X, s->ip_id, !s->ipv6);
	count(c, v);
	if (v->drives && v->events & EV_CLOSING)
		time_wait_note(c, v);
	if (v->drives)
		move(c, h, k, v);
	else
		keep_damaged(c, k, v);
	note_latest(D, v);
	X->last = mark_of(s);
	c->last = mark_of(s);
}

static void settle_side(struct conn *c, enum side x)
{
	const struct endpoint_detail *YD = &c->detail[other(x)];
	const struct endpoint *X = &c->end[x];

	/* the peer repeated its FIN and X, which must answer it, said nothing */
	if (fact_get(X, FIN_RCVD) == TENTATIVE && (YD->fin_copies_unanswered > 1 || YD->data_copies_unanswered > 1))
		fact_clear(c, x, FIN_RCVD);
	/*
	 * a passive end that answers neither repeated data nor a repeated FIN, and has not closed, never left
	 * SYN_RECEIVED
	 */
	if (fact_get(X, SYN_ACKED) == TENTATIVE && !knows(X, K_ACTIVE) && !fact_is(X, FIN_SENT) &&
	    (YD->data_copies_unanswered > 1 || YD->fin_copies_unanswered > 1))
		fact_clear(c, x, SYN_ACKED);
	/* an active end that leaves a repeated SYN-ACK unanswered never received one */
	if (fact_get(X, SYN_ACKED) == TENTATIVE && knows(X, K_ACTIVE) && YD->syn_copies_unanswered > 1) {
		fact_refute(c, x, SYN_RCVD);
		fact_clear(c, x, SYN_ACKED);
	}
}

void tracker_settle(struct conn *c)
{
	settle_side(c, CLIENT);
	if (!c->self_connect)
		settle_side(c, SERVER);
}
