/* From a quiet connection to a struct conn: the segments that were kept take the long way, at their own times. */
#include <assert.h>
#include <string.h>

#include "hosts.h"
#include "lifetime.h"
#include "quiet_private.h"
#include "resolve.h"
#include "tracker.h"

/*
 * The segments of a connection, made one after the other in the same places: what they all have is written once, and
 * the rest field by field, since what was just stored in pieces waits before it can be copied whole.
 */
struct segments {
	const struct quiet *q;
	struct segment of[2]; /* by enum side */
};

static void begin_segments(struct segments *t, const struct quiet *q)
{
	t->q = q;
	for (enum side x = CLIENT; x <= SERVER; x++) {
		const bool from_second = (x == CLIENT) == q->swapped;
		const struct tcplint_address *from = &q->end[from_second], *to = &q->end[!from_second];
		struct segment *s = &t->of[x];

		*s = (struct segment){
			.src.port = from->port,
			.dst.port = to->port,
			.vlan = q->vlan,
			.tunnel = q->tunnel,
			.ipv6 = !is_mapped(from->ip),
		};
		memcpy(s->src.ip, from->ip, sizeof(s->src.ip));
		memcpy(s->dst.ip, to->ip, sizeof(s->dst.ip));
	}
}

static struct segment *segment_of(struct segments *t, const struct kept *k)
{
	struct segment *s = &t->of[k->side];

	s->ts = k->ts;
	s->frame = t->q->id + k->frame;
	s->seq = k->seq;
	s->ack = k->ack;
	s->len = k->len;
	s->flags = k->flags;
	s->window = k->window;
	s->ip_id = k->ip_id;
	s->ttl = k->ttl;
	s->checksum = k->checksum;
	s->truncated = k->truncated;
	s->tcp_captured = k->captured;
	s->tcp_length = k->data_offset * 4U + k->len;
	s->data_offset = k->data_offset;
	s->opt.present = k->present;
	s->opt.ts_val = k->ts_val;
	s->opt.ts_ecr = k->ts_ecr;
	s->opt.mss = 0;
	s->opt.wscale = 0;
	return s;
}

/* The SYN, or with `a` its answer. */
static struct segment *syn_of(struct segments *t, const struct quiet_answer *a)
{
	const struct quiet *q = t->q;
	const struct kept_syn *k = a ? &a->synack : &q->syn;
	const enum side x = a ? SERVER : CLIENT;
	struct segment *s = segment_of(t, &(struct kept){
		.ts = q->syn_ts + (a ? a->after : 0),
		.frame = a ? a->frame : 0,
		.seq = k->seq,
		.ack = x == SERVER ? q->syn.seq + 1 : 0,
		.ts_val = k->ts_val,
		.ts_ecr = k->flags & KEPT_ECHO ? q->syn.ts_val : 0,
		.present = k->present,
		.flags = k->flags & KEPT_FLAGS,
		.window = k->window,
		.ip_id = k->ip_id,
		.ttl = k->ttl,
		.side = (uint8_t)x,
		.checksum = checksum_of(k),
	});

	s->opt.mss = k->mss;
	s->opt.wscale = k->wscale;
	return s;
}

static struct segment *third_of(struct segments *t, const struct kept_syn *synack, const struct kept_third *k)
{
	const struct quiet *q = t->q;

	return segment_of(t, &(struct kept){
		.ts = q->syn_ts + k->after,
		.frame = k->frame,
		.seq = q->syn.seq + 1,
		.ack = synack->seq + 1,
		.len = k->len,
		.ts_val = k->ts_val,
		.ts_ecr = q->stamped ? synack->ts_val : 0,
		.present = q->stamped ? OPT_TIMESTAMPS : 0,
		.flags = k->flags & KEPT_FLAGS,
		.window = k->window,
		.ttl = q->syn.ttl,
		.side = CLIENT,
		.checksum = k->flags >> KEPT_CHECKSUM & 3,
	});
}

static void play(struct engine *en, struct conn *c, const struct segment *s, enum side x, bool first)
{
	struct view v = { .limits = &en->limits, .holes = &en->holes, .now = s->ts };
	struct batch b;

	batch_begin(&b);
	zeek_segment(&c->zeek, (int)x, s);
	tracker_classify(&v, c, s, x, first);
	resolve_run_some(en, c, &v, en->quiet.asked, &b);
	tracker_apply(c, &en->holes, &en->flows.asides, &v);
	resolve_report(en, c, &v, &b);
}

/* ---- what the segments in between add up to ---- */

static void carry_side(struct conn *c, const struct quiet *q, const struct quiet_side *X, enum side x)
{
	struct endpoint *e = &c->end[x];
	struct endpoint_detail *d = &c->detail[x];
	const bool more = X->segments > e->segments;

	e->smax = X->smax;
	e->amax = X->amax;
	e->redge = X->redge;
	e->maxwnd = X->maxwnd;
	e->window = X->window;
	e->tsval = X->tsval;
	e->segments = X->segments;
	e->payload_bytes = X->smax - e->isn - 1;
	e->known |= K_AMAX | K_REDGE | (X->marks & SIDE_GOOD ? K_GOOD_CHECKSUM : 0);
	if (X->marks & SIDE_DATA) {
		e->dmax = X->smax;
		e->known |= K_DMAX;
		d->last_data = (struct mark){ X->data_ts, q->id + X->data_frame };
	}
	if (X->marks & SIDE_COVER) {
		e->hs_cover = X->cover;
		e->known |= K_HS_ACK;
	}
	e->last = (struct mark){ X->last_ts, q->id + X->last_frame };
	if (c->last.frame < e->last.frame)
		c->last = e->last;
	if (more)
		d->latest = (struct latest){
			.at = e->last,
			.before = X->last_ts - X->last_gap,
			.seq = X->smax - X->last_len,
			.ack = X->amax,
			.end = X->smax,
			.flags = X->last_flags,
		};
}

static void carry_zeek(struct zeek *z, const struct quiet_part *p, const struct quiet_closing *k)
{
	for (enum side x = CLIENT; x <= SERVER; x++) {
		struct zeek_end *e = &z->end[x];

		e->last = p->side[x].smax;
		e->ack = p->side[other(x)].amax;
		e->trimmed = e->ack - e->start;
		e->delivered = p->side[x].delivered;
		e->gaps = p->gaps[x];
		e->trusted = p->side[x].marks & SIDE_GOOD;
		z->seen[x] |= p->side[x].marks & (ZEEK_SEEN_ACK | ZEEK_SEEN_DATA);
	}
	if (k && k->above_len) {
		z->end[k->above_side].above[0] = (struct zeek_block){ k->above, k->above + k->above_len };
		z->end[k->above_side].blocks = 1;
	}
	for (unsigned i = 0; i < p->letter_count && z->length < ZEEK_HISTORY_MAX; i++)
		z->history[z->length++] = p->letters[i];
}

/* The first of the segments that the snapshot cut fires its rule, the others are counted with it. */
static void carry_cut(struct engine *en, struct conn *c, const struct quiet *q, const struct quiet_closing *p)
{
	const struct segment s = {
		.ts = p->cut_first,
		.frame = q->id + p->cut_frame,
		.tcp_captured = p->cut_captured,
		.tcp_length = p->cut_length,
		.truncated = true,
	};
	struct view v = lifetime_view(en, c, s.ts);
	struct batch b;

	batch_begin(&b);
	c->truncated = true;
	v.s = &s;
	v.events = EV_TAP;
	resolve_run(en, c, &v, ON_SEGMENT, &b);
	for (unsigned i = 0; i < b.n; i++) {
		b.fired[i].copies = p->cut_count - 1;
		b.fired[i].last_ts = p->cut_last;
	}
	resolve_report(en, c, &v, &b);
}

static void carry(struct conn *c, const struct quiet *q, const struct quiet_part *p, const struct quiet_closing *k)
{
	carry_zeek(&c->zeek, p, k);
	carry_side(c, q, &p->side[CLIENT], CLIENT);
	carry_side(c, q, &p->side[SERVER], SERVER);
	if (q->stage != QUIET_OPEN)
		fact_set(c, SERVER, SYN_ACKED, CONFIRMED, c->last);
}

static void play_all(struct engine *en, struct conn *c, struct segments *t, const struct quiet_answer *a,
		     const struct quiet_part *p, const struct quiet_closing *k)
{
	const struct quiet *q = t->q;

	play(en, c, syn_of(t, NULL), CLIENT, true);
	if (a)
		play(en, c, syn_of(t, a), SERVER, false);
	if (p) {
		play(en, c, third_of(t, &a->synack, &p->third), CLIENT, false);
		carry(c, q, p, k);
	}
	if (k && k->cut_count)
		carry_cut(en, c, q, k);
	for (unsigned i = 0; k && i < k->count; i++)
		play(en, c, segment_of(t, &k->segment[i]), (enum side)k->segment[i].side, false);
}

void quiet_recent(struct recent *r, const struct quiet *q, const struct quiet_answer *a)
{
	*r = (struct recent){ 0 };
	r->print[0] = q->print;
	r->us[0] = (uint32_t)(q->syn_ts / 1000);
	r->ttl[0] = q->syn.ttl;
	r->direction[0] = q->direction;
	if (!a)
		return;
	r->print[1] = a->print;
	r->us[1] = (uint32_t)((q->syn_ts + a->after) / 1000);
	r->ttl[1] = a->synack.ttl;
	r->direction[1] = a->direction;
}

/* What engine.c remembers of the incarnation before. */
static void carry_before(struct conn *c, const struct quiet *q, const struct before *b)
{
	c->incarnation = q->incarnation;
	c->pending = q->stage == QUIET_SYN || q->stage == QUIET_REFUSED;
	c->before = *b;
	c->before.older = 0;
}

/* It has seen the SYN of the newer one. */
static void show_newer(struct engine *en, struct conn *c, const struct quiet *newer)
{
	struct segments t;

	begin_segments(&t, newer);
	const struct segment *syn = syn_of(&t, NULL);

	engine_show(en, c, syn, !newer->swapped, syn->ts);
}

static struct conn *replay(struct engine *en, uint32_t number)
{
	static const uint8_t opening[] = { [QUIET_SYN] = OPENING_PENDING, [QUIET_SYNACK] = OPENING_ANSWERED };

	quiet_unpack(en, flow_quiet(&en->flows, number));
	const struct quiet *q = flow_quiet(&en->flows, number);
	const bool open = q->stage >= QUIET_OPEN;
	const struct quiet_answer *answer = q->more ? flow_answer(&en->flows, q) : NULL;
	const struct quiet_part *part = open ? flow_part(&en->flows, q) : NULL;
	const struct quiet_closing *closing = part && part->closing ? flow_closing(&en->flows, part) : NULL;
	struct segments t;

	wheel_disarm(&en->wheel, number);
	const uint32_t loud = flow_make_loud(&en->flows, number);
	struct conn *c = flow_conn(&en->flows, loud);

	begin_segments(&t, q);
	engine_begin(c, syn_of(&t, NULL), q->swapped);
	if (q->before)
		carry_before(c, q, flow_before(&en->flows, q));
	en->replaying = true;
	play_all(en, c, &t, answer, part, closing);
	if (q->behind)
		show_newer(en, c, flow_quiet(&en->flows, c->newer));
	en->replaying = false;
	c->opening = q->stage <= QUIET_SYNACK ? opening[q->stage] : OPENING_NONE;
	c->counted = q->counted ? RULE_handshake_incomplete + 1 : 0;
	if (open)
		c->recent = part->recent;
	else
		quiet_recent(&c->recent, q, answer);
	c->recent_next = q->recent_next;
	c->deadline = q->deadline;
	wheel_arm(&en->wheel, loud, (uint32_t)q->id, q->deadline);
	flow_give_quiet(&en->flows, number);
	return c;
}

struct conn *quiet_replay(struct engine *en, uint32_t number)
{
	const uint32_t older = flow_older(&en->flows, flow_quiet(&en->flows, number));

	if (flow_is_quiet(older)) /* nothing is behind that one */
		replay(en, older);
	return replay(en, number);
}
