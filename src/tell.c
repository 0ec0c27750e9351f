#include <string.h>

#include "draft.h"
#include "quiet.h"
#include "stir.h"
#include "tell.h"

/* What a translator of addresses leaves as it is (E-NAT2, rules.md 1.11). */
static uint32_t print_of(const struct segment *s)
{
	const bool stamped = s->opt.present & OPT_TIMESTAMPS;
	const uint64_t h = stir(stir(1, (uint64_t)s->opt.layout << 32 | s->opt.mss), s->window);

	return (uint32_t)(stir(h, stamped ? s->opt.ts_val : s->ip_id) >> 32);
}

static void put_conn(struct opening_id *id, const struct conn *c)
{
	id->client = *conn_address(c, CLIENT);
	id->server = *conn_address(c, SERVER);
	id->incarnation = c->incarnation;
	id->start = c->start;
}

/* As far as the opening goes. */
static void put_quiet(struct opening_id *id, const struct quiet *q)
{
	id->client = q->end[q->swapped];
	id->server = q->end[!q->swapped];
	id->incarnation = q->incarnation;
	id->start.ts = q->syn_ts;
	id->start.frame = q->id;
}

/* ---- openings ---- */

static void tell_step(struct engine *en, enum told_kind kind, struct told_opening *t, const struct segment *s)
{
	t->mark.ts = s->ts;
	t->mark.frame = s->frame;
	t->seq = s->seq;
	t->print = print_of(s);
	t->scaled = s->opt.present & (OPT_WSCALE | OPT_SACK_PERMITTED);
	t->plain = !(s->opt.present & (OPT_WSCALE | OPT_SACK_PERMITTED | OPT_UNREADABLE));
	engine_tell(en, &t->told, kind, sizeof(*t));
}

static void tell_opening(struct engine *en, enum told_kind kind, const struct conn *c, const struct segment *s)
{
	struct told_opening *t = engine_room(en);

	put_conn(&t->id, c);
	tell_step(en, kind, t, s);
}

static void tell_completed(struct engine *en, struct told_opening *t)
{
	engine_tell(en, &t->told, TOLD_COMPLETED, offsetof(struct told_opening, mark));
}

static void tell_failed(struct engine *en, struct told_opening *t, enum opening_state how, struct mark m)
{
	t->mark = m;
	t->how = (uint8_t)how;
	engine_tell(en, &t->told, TOLD_FAILED, sizeof(*t));
}

static void tell_conn_failed(struct engine *en, const struct conn *c, enum opening_state how, struct mark m)
{
	struct told_opening *t = engine_room(en);

	put_conn(&t->id, c);
	tell_failed(en, t, how, m);
}

void tell_quiet_opening(struct engine *en, enum told_kind kind, const struct quiet *q, const struct segment *s)
{
	struct told_opening *t = engine_room(en);

	put_quiet(&t->id, q);
	tell_step(en, kind, t, s);
}

void tell_quiet_completed(struct engine *en, const struct quiet *q)
{
	struct told_opening *t = engine_room(en);

	put_quiet(&t->id, q);
	tell_completed(en, t);
}

void tell_refused(struct engine *en, const struct quiet *q, const struct segment *s)
{
	struct told_opening *t = engine_room(en);

	put_quiet(&t->id, q);
	tell_failed(en, t, OPENING_REFUSED, mark_of(s));
}

/* A SYN-ACK, or the end of an opening that is awaited. */
static void follow(struct engine *en, struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;

	if (v->events & EV_SYNACK && v->x == SERVER) {
		if (c->opening == OPENING_ANSWERED) {
			tell_opening(en, TOLD_AGAIN, c, s);
		} else if (c->opening == OPENING_PENDING || v->events & EV_FIRST) {
			c->opening = OPENING_ANSWERED;
			tell_opening(en, TOLD_SYNACK, c, s);
		}
		return;
	}
	if (!c->opening || v->events & EV_SYN)
		return;
	if (s->flags & FLAG_RST) {
		c->opening = OPENING_NONE;
		tell_conn_failed(en, c, v->x == SERVER ? OPENING_REFUSED : OPENING_ABORTED, mark_of(s));
	} else if (s->flags & FLAG_ACK && (v->x == CLIENT || c->simultaneous)) {
		struct told_opening *t = engine_room(en);

		c->opening = OPENING_NONE;
		put_conn(&t->id, c);
		tell_completed(en, t);
	}
}

void tell_segment(struct engine *en, struct conn *c, const struct view *v)
{
	if (!v->drives || c->self_connect || v->events & EV_ODD_FLAGS)
		return;
	if (v->events & EV_SYN && v->events & EV_FIRST) {
		c->opening = OPENING_PENDING;
		tell_opening(en, TOLD_SYN, c, v->s);
	} else {
		follow(en, c, v);
	}
}

void tell_unreachable(struct engine *en, struct conn *c)
{
	if (c->opening != OPENING_PENDING)
		return;
	c->opening = OPENING_NONE;
	tell_conn_failed(en, c, OPENING_REFUSED, (struct mark){ en->now, 0 });
}

/* ---- what hosts are watched for ---- */

static void tell_sighting(struct engine *en, enum told_kind kind, const struct told_sighting *sighting)
{
	struct told_sighting *t = engine_room(en);

	*t = *sighting;
	engine_tell(en, &t->told, kind, sizeof(*t));
}

static struct told_sighting sighting_of(const struct conn *c, enum side from, struct mark m)
{
	return (struct told_sighting){ .mark = m, .from = *conn_address(c, from), .to = *conn_address(c, other(from)) };
}

void tell_probe(struct engine *en, const struct view *v)
{
	struct told_sighting t = sighting_of(v->c, v->x, mark_of(v->s));
	struct draft unused = { 0 };

	if (rule_flags_xmas(v, &unused))
		t.probe = PROBE_XMAS;
	else if (rule_flags_null(v, &unused))
		t.probe = PROBE_NULL;
	else if (rule_flags_fin_no_ack(v, &unused))
		t.probe = PROBE_FIN;
	else
		return;
	tell_sighting(en, TOLD_PROBE, &t);
}

/* An ACK or FIN without a connection, which a closed port answers with a RST. */
static void on_answer(struct engine *en, const struct conn *c, const struct view *v)
{
	const struct endpoint *C = &c->end[CLIENT], *S = &c->end[SERVER];
	const struct latest *probe = &c->detail[CLIENT].latest;

	if (v->x != SERVER || c->origin != TCPLINT_ORIGIN_MIDSTREAM || c->older ||
	    S->segments != c->detail[SERVER].rst || c->detail[SERVER].rst != 1 || C->payload_bytes ||
	    c->detail[CLIENT].rst || C->segments > 3 || (probe->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) != FLAG_ACK ||
	    v->s->seq != probe->ack)
		return;
	struct told_sighting t = sighting_of(c, CLIENT, probe->at);

	tell_sighting(en, TOLD_ACK, &t);
}

static bool first_end(const struct conn *c)
{
	return c->detail[CLIENT].fin + c->detail[SERVER].fin + c->detail[CLIENT].rst + c->detail[SERVER].rst == 1;
}

/* Opened for nothing. */
static void on_empty(struct engine *en, const struct conn *c, const struct view *v)
{
	if (!first_end(c) || c->origin != TCPLINT_ORIGIN_SYN || !c->hs_ack.frame || c->end[CLIENT].payload_bytes ||
	    c->end[SERVER].payload_bytes || v->s->ts - c->start.ts > SECOND)
		return;
	struct told_sighting t = sighting_of(c, CLIENT, mark_of(v->s));

	tell_sighting(en, TOLD_EMPTY, &t);
}

/* An answer to what was perhaps never asked. */
static void on_unasked(struct engine *en, const struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;

	if (c->older)
		return;
	struct told_sighting t = sighting_of(c, v->x, mark_of(s));

	/* a SYN-ACK, or a RST that refuses a SYN: no connection was there */
	t.strong = s->flags & FLAG_SYN || (s->flags & FLAG_ACK && !s->seq);
	tell_sighting(en, TOLD_UNASKED, &t);
}

/* The connection goes on: it was there, and its other direction or its beginning is not in the capture. */
static void on_asked(struct engine *en, const struct conn *c, const struct view *v)
{
	const enum side x = c->origin == TCPLINT_ORIGIN_SYNACK ? SERVER : CLIENT;
	const struct endpoint *e = c->end;
	const struct endpoint_detail *d = c->detail;
	const uint32_t known = d[0].synack + d[1].synack + d[0].rst + d[1].rst;

	if (e[0].segments + e[1].segments - known != 1 || v->s->flags & (FLAG_SYN | FLAG_RST))
		return;
	struct told_sighting t = sighting_of(c, x, mark_of(v->s));

	t.frame = c->start.frame;
	tell_sighting(en, TOLD_ASKED, &t);
}

/* An answer to a SYN, or to another segment of somebody who has no connection here, is no sign of anything. */
static bool only_answers(const struct conn *c, enum side x)
{
	return c->end[x].segments == c->detail[x].rst && c->end[other(x)].segments;
}

static void on_reset(struct engine *en, const struct conn *c, const struct view *v)
{
	struct told_sighting t = sighting_of(c, v->x, mark_of(v->s));

	if (c->detail[v->x].rst != 1 || only_answers(c, v->x) || v->s->ts < 0)
		return;
	tell_sighting(en, TOLD_RESET, &t);
}

void tell_quiet_reset(struct engine *en, const struct quiet *q, enum side x, const struct segment *s)
{
	const bool from_first = (x == CLIENT) != q->swapped;
	struct told_sighting t = { .mark = mark_of(s), .from = q->end[!from_first], .to = q->end[from_first] };

	tell_sighting(en, TOLD_RESET, &t);
}

void tell_watched(struct engine *en, const struct conn *c, const struct view *v)
{
	const struct segment *s = v->s;

	if (!v->drives || v->foreign || c->self_connect || v->events & (EV_ODD_FLAGS | EV_DUPLICATE))
		return;
	if (v->events & EV_RST) {
		on_answer(en, c, v);
		on_reset(en, c, v);
	}
	if (v->events & (EV_RST | EV_FIN))
		on_empty(en, c, v);
	if (c->origin != TCPLINT_ORIGIN_SYNACK && c->origin != TCPLINT_ORIGIN_STRAY)
		return;
	if (v->events & EV_FIRST && s->flags & (FLAG_SYN | FLAG_RST))
		on_unasked(en, c, v);
	else
		on_asked(en, c, v);
}

/* ---- and the rest ---- */

void tell_time_wait_gone(struct engine *en, enum side holder, const struct tcplint_address *a, int64_t upper)
{
	struct told_time_wait *t = engine_room(en);

	t->lower = 0;
	t->upper = upper;
	memcpy(t->ip, a->ip, sizeof(t->ip));
	t->kind = holder == CLIENT ? HOST_CLIENT : HOST_SERVER;
	t->held = false;
	t->gone = true;
	engine_tell(en, &t->told, TOLD_TIME_WAIT, sizeof(*t));
}

void tell_time_wait(struct engine *en, const struct conn *c)
{
	const enum side holder = (enum side)c->time_wait.side;

	if (!c->time_wait.held.frame && !c->time_wait.gone.frame)
		return;
	struct told_time_wait *t = engine_room(en);

	t->lower = c->time_wait.lower;
	t->upper = c->time_wait.upper;
	memcpy(t->ip, conn_address(c, holder)->ip, sizeof(t->ip));
	t->kind = holder == CLIENT ? HOST_CLIENT : HOST_SERVER;
	t->held = c->time_wait.held.frame;
	t->gone = c->time_wait.gone.frame;
	engine_tell(en, &t->told, TOLD_TIME_WAIT, sizeof(*t));
}

void tell_common(struct engine *en, enum rule r, enum tcplint_offender by, const struct quiet *q)
{
	if (!rule_index_covered(en->rules, r)) {
		quiet_count(en, r, true);
		return;
	}
	struct told_common *t = engine_room(en);

	t->rule = (uint16_t)r;
	t->by = (uint8_t)by;
	t->client = q->end[q->swapped];
	t->server = q->end[!q->swapped];
	t->start = q->syn_ts;
	engine_tell(en, &t->told, TOLD_COMMON, sizeof(*t));
}

void tell_loss(struct engine *en, int64_t ts)
{
	struct told_loss *t = engine_room(en);

	t->ts = ts;
	engine_tell(en, &t->told, TOLD_LOSS, sizeof(*t));
}
