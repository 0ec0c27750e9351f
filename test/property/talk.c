#include <string.h>

#include "packet.h"
#include "talk.h"

#define DLT_RAW_IP  12
#define SECOND      INT64_C(1000000000)
#define MILLISECOND INT64_C(1000000)

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

enum talk_step { STEP_SYN, STEP_SYNACK, STEP_THIRD, STEP_DATA, STEP_FIN, STEP_ACK, STEP_OTHER_FIN, STEP_LAST, STEPS };

static uint32_t draw(struct talk *t, uint32_t below)
{
	t->state ^= t->state << 13;
	t->state ^= t->state >> 7;
	t->state ^= t->state << 17;
	return (uint32_t)(t->state >> 32) % below;
}

/* What a segment says; `side` of the connection, 0 is the client. */
struct said {
	unsigned side, flags;
	uint32_t seq, ack, len, stamp, echo;
	bool stamped;
	uint8_t ttl;
	uint16_t window;
};

static uint32_t put_options(uint8_t *p, const struct dialogue *d, const struct said *s)
{
	uint32_t n = 0;

	if (s->flags & SYN) {
		put32(p, d->cut ? 0x0204ffd7 : 0x020405b4);
		n = 4;
	}
	if (s->flags & SYN && d->scaled) {
		put32(p + n, 0x01030307);
		n += 4;
	}
	if (s->stamped) {
		put32(p + n, 0x0101080a);
		put32(p + n + 4, s->stamp);
		put32(p + n + 8, s->echo);
		n += 12;
	}
	return n;
}

static uint32_t put_segment(struct talk *t, const struct dialogue *d, const struct said *s)
{
	const bool from_second = s->side != d->turned;
	uint8_t *p = t->bytes;

	memset(p, 0, TALK_BYTES);
	const uint32_t options = put_options(p + 40, d, s), length = 20 + options + s->len;

	p[0] = 0x45;
	put16(p + 2, 20 + length);
	put16(p + 4, draw(t, 65536));
	p[8] = s->ttl;
	p[9] = 6;
	p[12] = p[16] = 10;
	p[15] = from_second ? 2 : 1;
	p[19] = from_second ? 1 : 2;
	put16(p + 20, from_second ? 80 : d->port);
	put16(p + 22, from_second ? d->port : 80);
	put32(p + 24, s->seq);
	put32(p + 28, s->ack);
	p[32] = (uint8_t)(0x50 + (options << 2));
	p[33] = (uint8_t)s->flags;
	put16(p + 34, s->window);
	put16(p + 36, tcp_checksum(p, length, TALK_BYTES));
	return 20 + length;
}

/* ---- the numbers of a new connection ---- */

/* Beyond what was used, as a clock makes them; or below, within, at its edges, or anywhere. */
static uint32_t choose_number(struct talk *t, const struct talk_end *e)
{
	switch (e->used ? draw(t, 16) : 15) {
	case 0:
		return e->isn;
	case 1:
		return e->next - 1 - draw(t, 3);
	case 2:
		return e->isn + draw(t, e->next - e->isn + 1);
	case 3:
		return e->next - draw(t, 0x20000);
	case 4:
		return e->next + 0x7fffff00u + draw(t, 0x200);
	case 5:
	case 15:
		return draw(t, UINT32_MAX);
	default:
		return e->next + 1 + draw(t, 0x40000);
	}
}

static void renew(struct talk *t, struct talk_end *e)
{
	const unsigned how = draw(t, 24);

	e->isn = e->next = choose_number(t, e);
	e->used = true;
	if (how == 0)
		e->clock = draw(t, UINT32_MAX);
	if (how == 1)
		e->clock = e->shown;
	if (how == 2)
		e->clock = e->shown - draw(t, 100000);
	if (how == 3 || !e->ttl)
		e->ttl = (uint8_t)(50 + draw(t, 14));
	e->shown = e->clock;
}

static void begin(struct talk *t, struct dialogue *d)
{
	if (draw(t, 8) == 0)
		d->port++;
	if (draw(t, 10) == 0) { /* who was asked asks now */
		const struct talk_end e = d->end[0];

		d->turned = !d->turned;
		d->end[0] = d->end[1];
		d->end[1] = e;
	}
	if (!d->end[0].used || draw(t, 12) == 0)
		d->stamped = draw(t, 4);
	d->scaled = draw(t, 2);
	d->closer = draw(t, 2);
	renew(t, &d->end[0]);
}

/* ---- what is said ---- */

static struct said plain(const struct dialogue *d, unsigned side, unsigned flags, uint32_t len)
{
	const struct talk_end *X = &d->end[side], *Y = &d->end[!side];

	return (struct said){
		.side = side,
		.flags = flags,
		.seq = X->next,
		.ack = flags & ACK ? X->heard : 0,
		.len = len,
		.stamp = X->clock,
		.echo = flags & ACK ? Y->shown : 0,
		.stamped = d->stamped && !(flags & RST),
		.ttl = X->ttl,
		.window = 65000,
	};
}

/* What comes next without fault, and what that does to the dialogue; unless its clocks are `wild`. */
static struct said go_on(struct talk *t, struct dialogue *d, bool wild)
{
	static const uint8_t flags[STEPS] = { SYN, SYN | ACK, ACK, ACK | PSH, FIN | ACK, ACK, FIN | ACK, ACK };
	unsigned side = d->closer, len = 0;
	const unsigned step = d->step;

	if (step == STEP_SYN)
		begin(t, d);
	if (step == STEP_SYNACK)
		renew(t, &d->end[1]);
	if (step < STEP_DATA)
		side = step == STEP_SYNACK;
	else if (step == STEP_DATA)
		side = draw(t, 2);
	else if (step == STEP_ACK || step == STEP_OTHER_FIN)
		side = !d->closer;
	if (step == STEP_DATA)
		len = draw(t, 3) ? 1 + draw(t, d->cut && draw(t, 2) ? 9000 : 20) : 0;
	if (step != STEP_DATA || draw(t, 3))
		d->end[side].heard = d->end[!side].next;
	else if ((int32_t)(d->end[!side].before - d->end[side].heard) > 0)
		d->end[side].heard = d->end[!side].before;
	const struct said s = plain(d, side, flags[step], len);

	if (wild && draw(t, 4) == 0) /* a clock that runs far ahead */
		d->end[side].clock += 0x7fff0000;
	d->end[side].before = s.seq;
	d->end[side].next += len + !!(s.flags & (SYN | FIN));
	d->end[side].shown = s.stamp;
	if (step != STEP_DATA || draw(t, d->cut ? 50 : 4) == 0)
		d->step = (step + 1 + (step == STEP_FIN && draw(t, 2))) % STEPS;
	return s;
}

/* The connection ends at once: by who may reset it, with the numbers that are due or nearly so. */
static struct said reset(struct talk *t, struct dialogue *d)
{
	const unsigned side = draw(t, 2);

	d->end[0].heard = d->end[1].next;
	d->end[1].heard = d->end[0].next;
	struct said s = plain(d, side, draw(t, 2) ? RST : RST | ACK, 0);

	if (d->step == STEP_SYNACK && draw(t, 4)) { /* nobody listens */
		s = plain(d, 1, RST | ACK, 0);
		s.seq = 0;
	}
	if (draw(t, 8) == 0)
		s.seq += draw(t, 2) ? 1 : 0xffffffffu;
	if (draw(t, 12) == 0)
		s.ack += 7;
	if (draw(t, 12) == 0)
		s.ttl = (uint8_t)(s.ttl + 3);
	if (draw(t, 12))
		d->step = STEP_SYN;
	return s;
}

/* Something of the connection once more, or from nowhere. */
static struct said stray(struct talk *t, const struct dialogue *d)
{
	static const uint8_t flags[] = { SYN, SYN | ACK, ACK, ACK | PSH, FIN | ACK, ACK, RST, RST | ACK, FIN };
	struct said s = plain(d, draw(t, 2), flags[draw(t, 9)], draw(t, 4) ? 0 : 1 + draw(t, 20));
	const unsigned how = draw(t, 5);

	if (how == 0)
		s.seq = d->end[s.side].isn;
	if (how == 1)
		s.seq -= s.len + 1;
	if (how == 2)
		s.ack -= draw(t, 3);
	if (how == 3)
		s.seq = draw(t, UINT32_MAX);
	return s;
}

static void spoil(struct talk *t, struct said *s)
{
	switch (draw(t, 8)) {
	case 0:
		s->ttl = (uint8_t)(s->ttl - 9);
		break;
	case 1:
		s->stamp -= 2000;
		break;
	case 2:
		s->echo += 1000000;
		break;
	case 3:
		s->stamped = !s->stamped;
		break;
	case 4:
		s->window = (uint16_t)(draw(t, 2) * 20);
		break;
	case 5:
		s->seq += draw(t, 3) - 1;
		break;
	case 6:
		s->ack += draw(t, 3) - 1;
		break;
	default:
		s->flags = draw(t, 64);
		break;
	}
}

/* Mostly soon, sometimes a while or longer than TIME_WAIT, and seldom back. */
static int64_t pause(struct talk *t)
{
	const uint32_t kind = draw(t, 1000);

	if (kind < 900)
		return draw(t, 20000) * (MILLISECOND / 1000);
	if (kind < 985)
		return draw(t, 2000) * MILLISECOND;
	if (kind < 999)
		return draw(t, 40000) * MILLISECOND;
	return draw(t, 2) ? draw(t, 300) * SECOND : -(int64_t)draw(t, 20) * MILLISECOND;
}

void talk_begin(struct talk *t, uint64_t seed)
{
	*t = (struct talk){ .state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .now = 1700000000 * SECOND };
	for (unsigned i = 0; i < TALKS; i++) {
		t->dialogue[i].port = (uint16_t)(1000 * (i + 1));
		t->dialogue[i].cut = i == 1;
		for (unsigned x = 0; x < 2; x++)
			t->dialogue[i].end[x].clock = draw(t, 4) ? draw(t, UINT32_MAX) : UINT32_MAX - draw(t, 20000);
	}
}

void talk_next(struct talk *t, struct tcplint_frame *f)
{
	const unsigned i = draw(t, TALKS), kind = draw(t, 120);
	struct dialogue *d = &t->dialogue[i];
	const int64_t later = pause(t);
	struct said s;

	t->now += later;
	for (unsigned k = 0; k < TALKS && later > 0; k++)
		for (unsigned x = 0; x < 2; x++)
			t->dialogue[k].end[x].clock += (uint32_t)(later / MILLISECOND);
	if ((kind < 2 && d->step != STEP_SYN) || (kind < 12 && (d->step == STEP_SYNACK || d->step == STEP_DATA)))
		s = reset(t, d);
	else if (kind == 2)
		s = stray(t, d);
	else
		s = go_on(t, d, i == 0);
	if (kind == 3)
		spoil(t, &s);
	const uint32_t length = put_segment(t, d, &s), most = length - s.len + 10;

	*f = (struct tcplint_frame){
		.ts = t->now,
		.number = ++t->number,
		.captured = length > most ? most : length,
		.wire = length,
		.linktype = DLT_RAW_IP,
		.data = t->bytes,
	};
}
