/*
 * Closed connections in a third of the room: most of what a capture of short connections needs memory for waits for the
 * end of TIME_WAIT, and hardly any of it is ever looked at again.
 *
 * Every number is kept as its distance from what is expected of it, by what was unpacked before it, in as few bytes as
 * that takes: none when it is as expected.  So nothing is lost.  A connection whose numbers are too far from that stays
 * as it is.  An expectation that is wrong costs room and nothing else.
 */
#include <assert.h>
#include <string.h>

#include "distance.h"
#include "quiet_private.h"

#define PACKED_MOST                                                                                \
	(1 + DISTANCE_MOST(struct quiet_answer) + QUIET_CLOSING * DISTANCE_MOST(struct kept) +     \
	 DISTANCE_MOST(struct quiet_part) + DISTANCE_MOST(struct quiet_closing))

#define PACKING_NOTED (1U << 16) /* closed connections, after which half of what was counted is forgotten */
#define PACKED_AHEAD 4 /* places are mostly new, and taken one after the other */

/* ---- what is expected ---- */

/* What comes before all others: how many segments close it, who began, whether the snapshot cut any. */
struct head {
	unsigned count;
	enum side closer;
	bool cut;
};

static uint8_t head_byte(const struct quiet_closing *k)
{
	return (uint8_t)(k->count | k->closer << 3 | !!k->cut_count << 4);
}

static struct head head_of(uint8_t byte)
{
	return (struct head){ byte & 7, (enum side)(byte >> 3 & 1), byte >> 4 & 1 };
}

static struct quiet_answer expected_answer(const struct quiet *q)
{
	const struct kept_syn *syn = &q->syn;

	return (struct quiet_answer){
		.synack = {
			.present = syn->present,
			.mss = syn->mss,
			.flags = (uint16_t)(syn->flags | FLAG_ACK | (q->stamped ? KEPT_ECHO : 0)),
			.wscale = syn->wscale,
			.ttl = syn->ttl,
		},
		.frame = 1,
		.direction = q->direction,
	};
}

/* By side: what the connection has come to, as far as its closing was unpacked. */
struct course {
	const struct quiet *q;
	const struct kept_syn *syn[2];
	struct head head;
	uint32_t next[2], tsval[2], edge[2], frame;
	uint16_t window[2], ip_id[2];
	uint8_t scale[2], direction[2];
	const struct kept *first[2]; /* segments of each side, */
	const struct kept *begun;    /* and of both, behind which are the others */
};

static void begin(struct course *c, const struct quiet *q, const struct quiet_answer *a,
		  uint8_t head)
{
	const struct kept_syn *syn = &q->syn, *synack = &a->synack;

	*c = (struct course){
		.q = q,
		.syn = { syn, synack },
		.head = head_of(head),
		.next = { syn->seq + 1, synack->seq + 1 },
		.tsval = { syn->ts_val, synack->ts_val },
		.window = { syn->window, synack->window },
		.ip_id = { syn->ip_id, synack->ip_id },
		.scale = { scale_of(syn, synack), scale_of(synack, syn) },
		.direction = { q->direction, a->direction },
	};
}

/* FIN, FIN and ACK, or the first FIN with an ACK of its own; of the latest it is known when it came. */
static struct kept expected_segment(const struct course *c, unsigned i)
{
	const bool last = i == c->head.count - 1, fin = !last && (!i || i == c->head.count - 2);
	const enum side x = !i || last ? c->head.closer : other(c->head.closer), y = other(x);
	const bool stamped = c->q->stamped;

	return (struct kept){
		.ts = c->q->last_ts,
		.frame = c->frame + 1,
		.seq = c->next[x],
		.ack = c->next[y],
		.ts_val = stamped ? c->tsval[x] : 0,
		.ts_ecr = stamped ? c->tsval[y] : 0,
		.present = stamped ? OPT_TIMESTAMPS : 0,
		.flags = FLAG_ACK | (fin ? FLAG_FIN : 0),
		.ip_id = c->ip_id[x],
		.window = c->window[x],
		.data_offset = stamped ? 8 : 5,
		.ttl = c->syn[x]->ttl,
		.side = (uint8_t)x,
		.checksum = checksum_of(c->syn[x]),
	};
}

static void follow(struct course *c, const struct kept *k)
{
	const enum side x = (enum side)k->side, y = other(x);

	c->next[x] = k->seq + k->len + !!(k->flags & FLAG_FIN);
	c->edge[x] = k->ack + ((uint32_t)k->window << c->scale[x]);
	c->window[x] = k->window;
	c->ip_id[x] = (uint16_t)(k->ip_id + !!k->ip_id);
	c->frame = k->frame;
	if (k->present & OPT_TIMESTAMPS)
		c->tsval[x] = k->ts_val;
	if (!c->begun) { /* which also says how far the other one was */
		c->begun = k;
		c->next[y] = k->ack;
		if (k->present & OPT_TIMESTAMPS)
			c->tsval[y] = k->ts_ecr;
	}
	if (!c->first[x])
		c->first[x] = k;
}

static struct quiet_side expected_side(const struct course *c, enum side x)
{
	const struct kept *first = c->first[x], *begun = c->begun;
	const struct kept_syn *syn = c->syn[x], *peer = c->syn[other(x)];
	const uint32_t window = (uint32_t)first->window << c->scale[x];

	return (struct quiet_side){
		.smax = first->seq,
		.amax = x == c->head.closer ? first->ack : begun->seq,
		.redge = first->ack + window,
		.maxwnd = window,
		.window = window,
		.tsval = c->q->stamped ? first->ts_val : syn->ts_val,
		.first_tsval = syn->ts_val,
		.cover = peer->seq + 1,
		.delivered = first->seq - syn->seq,
		.last_frame = begun->frame,
		.data_frame = begun->frame,
		.last_ts = begun->ts,
		.data_ts = begun->ts,
		.mss = syn->mss,
		.last_flags = FLAG_ACK,
		.scale = c->scale[x],
		.marks = (uint8_t)(SIDE_COVER | SIDE_DATA | ZEEK_SEEN_ACK | ZEEK_SEEN_DATA |
				   (checksum_of(syn) == CHECKSUM_OK ? SIDE_GOOD : 0)),
	};
}

/* The latest are those of the closing, and what came before its first one. */
static struct recent expected_recent(const struct course *c)
{
	struct recent r;

	for (unsigned i = 0; i < RECENT_MAX; i++) {
		const unsigned back = (c->q->recent_next - 1U - i) % RECENT_MAX;
		const struct kept *s =
			&c->begun[back < c->head.count ? c->head.count - 1 - back : 0];

		r.print[i] = 0;
		r.us[i] = (uint32_t)(s->ts / 1000);
		r.ttl[i] = s->ttl;
		r.direction[i] = c->direction[s->side];
	}
	return r;
}

static struct quiet_part expected_part(const struct course *c, const struct quiet_answer *a)
{
	const struct kept_syn *syn = c->syn[CLIENT];

	return (struct quiet_part){
		.side = { expected_side(c, CLIENT), expected_side(c, SERVER) },
		.isn = { syn->seq, a->synack.seq },
		.recent = expected_recent(c),
		.third = {
			.after = a->after,
			.frame = a->frame + 1,
			.ts_val = c->q->stamped ? syn->ts_val : 0,
			.window = syn->window,
			.flags = (uint16_t)(FLAG_ACK | checksum_of(syn) << KEPT_CHECKSUM),
		},
		.heard = (uint32_t)(c->begun->ts >> 20),
	};
}

/* But for its segments.  Those that were cut lie between the third segment and the latest data. */
static struct quiet_closing expected_closing(const struct course *c, const struct quiet_part *p)
{
	const bool cut = c->head.cut;
	const int64_t of_client = p->side[CLIENT].data_ts, of_server = p->side[SERVER].data_ts;
	const int64_t latest = of_client > of_server ? of_client : of_server;

	return (struct quiet_closing){
		.cut_first = cut ? c->q->syn_ts + p->third.after : 0,
		.cut_last = cut ? latest : 0,
		.cut_frame = cut ? p->third.frame + 1 : 0,
		.count = (uint8_t)c->head.count,
		.closer = (uint8_t)c->head.closer,
		.smax = { c->next[CLIENT], c->next[SERVER] },
		.redge = { c->edge[CLIENT], c->edge[SERVER] },
		.tsval = { c->tsval[CLIENT], c->tsval[SERVER] },
	};
}

/* ---- all of it ---- */

#define CLOSING_SIZE offsetof(struct quiet_closing, segment)

_Static_assert(sizeof(struct kept) % 16 == 0, "packed together they are as they are one by one");

/*
 * What is expected is written before any of it is loaded: in pieces and then as a whole, each would wait for the stores
 * of the one before.
 */
static size_t pack(uint8_t bytes[PACKED_MOST + DISTANCE_SLACK], const struct quiet *q, const struct quiet_answer *a,
		   const struct quiet_part *p, const struct quiet_closing *k)
{
	const uint8_t head = head_byte(k);
	const struct quiet_answer answer = expected_answer(q);
	struct kept segment[QUIET_CLOSING];
	struct course c;

	begin(&c, q, a, head);
	for (unsigned i = 0; i < k->count; i++) {
		segment[i] = expected_segment(&c, i);
		follow(&c, &k->segment[i]);
	}
	const struct quiet_part part = expected_part(&c, a);
	const struct quiet_closing closing = expected_closing(&c, p);
	uint8_t *at = bytes;

	*at++ = head;
	at = distance_put(at, a, &answer, sizeof(answer));
	at = distance_put(at, k->segment, segment, k->count * sizeof(*segment));
	at = distance_put(at, p, &part, sizeof(part));
	at = distance_put(at, k, &closing, CLOSING_SIZE);
	return (size_t)(at - bytes);
}

/* `k` is zero. */
static void unpack(const uint8_t bytes[sizeof(struct quiet_packed) + DISTANCE_SLACK],
		   const struct quiet *q, struct quiet_answer *a, struct quiet_part *p,
		   struct quiet_closing *k)
{
	const struct quiet_answer answer = expected_answer(q);
	const uint8_t *at = bytes + 1;
	struct course c;

	at = distance_get(at, a, &answer, sizeof(answer));
	begin(&c, q, a, bytes[0]);
	for (unsigned i = 0; i < c.head.count; i++) {
		const struct kept segment = expected_segment(&c, i);

		at = distance_get(at, &k->segment[i], &segment, sizeof(segment));
		follow(&c, &k->segment[i]);
	}
	const struct quiet_part part = expected_part(&c, a);

	at = distance_get(at, p, &part, sizeof(part));
	const struct quiet_closing closing = expected_closing(&c, p);

	distance_get(at, k, &closing, CLOSING_SIZE);
}

#ifndef NDEBUG
static bool is_lossless(const uint8_t *bytes, const struct quiet *q, const struct quiet_answer *a,
			const struct quiet_part *p, const struct quiet_closing *k)
{
	struct quiet_answer answer;
	struct quiet_part part;
	struct quiet_closing closing = { 0 };

	unpack(bytes, q, &answer, &part, &closing);
	return !memcmp(&answer, a, sizeof(answer)) && !memcmp(&part, p, sizeof(part)) &&
	       !memcmp(&closing, k, sizeof(closing));
}
#endif

/*
 * Memory that a closed connection gives back, and the next one takes, costs nothing: as long as no more are answered than
 * fit in some 70 MB they are left alone.  And where ports come again within TIME_WAIT what was packed is asked for again:
 * beyond an eighth packing stops, and is tried once more when that is long ago.
 */
static bool is_worth_it(struct engine *en)
{
	struct quiet_packing *n = &en->packing;

	if (++n->closed == PACKING_NOTED) {
		n->closed = 0;
		n->packed /= 2;
		n->again /= 2;
	}
	return en->flows.answers.used > n->from && n->again <= n->packed / 8 + 64;
}

void quiet_pack(struct engine *en, struct quiet *q)
{
	if (!is_worth_it(en))
		return;
	struct quiet_answer *a = flow_answer(&en->flows, q);
	struct quiet_part *p = flow_part(&en->flows, q);
	const uint32_t closing = p->closing;
	uint8_t bytes[PACKED_MOST + DISTANCE_SLACK];

	assert(q->stage == QUIET_CLOSED && !q->packed);
	p->closing = 0; /* where it stands is no part of it */
	a->print = 0;   /* which `p` has taken over */
	const size_t size = pack(bytes, q, a, p, flow_closing_at(&en->flows, closing));

	assert(is_lossless(bytes, q, a, p, flow_closing_at(&en->flows, closing)));
	p->closing = closing;
	if (size > sizeof(struct quiet_packed))
		return;
	const uint32_t number = slab_take_as_is(&en->flows.packed);

	if (!number)
		return;
	en->packing.packed++;
	flow_give_more(&en->flows, q);
	q->more = number;
	q->packed = true;
	memcpy(flow_packed(&en->flows, q)->bytes, bytes, size);
	flow_prefetch_bytes(slab_at(&en->flows.packed, number + PACKED_AHEAD), sizeof(struct quiet_packed) + LINE);
}

void quiet_ask_again(struct engine *en, struct quiet *q)
{
	en->packing.again += q->packed;
	quiet_unpack(en, q);
}

/* Each kind has as many places as there are connections. */
void quiet_unpack(struct engine *en, struct quiet *q)
{
	uint8_t bytes[sizeof(struct quiet_packed) + DISTANCE_SLACK];

	if (!q->packed)
		return;
	memcpy(bytes, flow_packed(&en->flows, q)->bytes, sizeof(struct quiet_packed));
	flow_give_more(&en->flows, q);
	q->more = slab_take_as_is(&en->flows.answers);
	const uint32_t closing = slab_take(&en->flows.closings);

	assert(q->more && closing);
	slab_along(&en->flows.parts, q->more);
	unpack(bytes, q, flow_answer(&en->flows, q), flow_part(&en->flows, q),
	       flow_closing_at(&en->flows, closing));
	flow_part(&en->flows, q)->closing = closing;
}
