/*
 * What Zeek would note of data in order (zeek_long_way()): letters, and of what the snapshot cut gaps.  Whole data
 * beyond cut data is a block that waits for its acknowledgment; there is one at a time.  Private to quiet.c.
 */
#ifndef TCPLINT_QUIET_ZEEK_H
#define TCPLINT_QUIET_ZEEK_H

#include <assert.h>

#include "quiet_private.h"

static inline void letter(struct quiet_part *p, enum side x, char c)
{
	assert(p->letter_count < QUIET_LETTERS);
	p->letters[p->letter_count++] = x == CLIENT ? c : (char)(c + 'a' - 'A');
}

/* The 1st, the 10th, the 100th, ... */
static inline void note_gap(struct quiet_part *p, enum side x)
{
	uint32_t n = ++p->gaps[x];

	while (n >= 10 && n % 10 == 0)
		n /= 10;
	if (n == 1)
		letter(p, x, 'G');
}

static inline bool has_block(const struct quiet_closing *k, enum side x)
{
	return k->above_len && k->above_side == x;
}

/* X has everything up to `to`, for its peer acknowledged that: what was not seen will not come. */
static inline void give_up(struct quiet_part *p, struct quiet_closing *k, enum side x, uint32_t to)
{
	struct quiet_side *X = &p->side[x];

	if (has_block(k, x) && seq_lt(k->above, to)) {
		note_gap(p, x);
		X->delivered = k->above + k->above_len;
		k->above_len = 0;
	}
	if (seq_lt(X->delivered, to)) {
		note_gap(p, x);
		X->delivered = to;
	}
	if (has_block(k, x) && k->above == X->delivered) {
		X->delivered += k->above_len;
		k->above_len = 0;
	}
}

/* Whole data of X at `rel`, beyond a gap. */
static inline bool fits_above(const struct quiet_part *p, const struct quiet_closing *k, enum side x, uint32_t rel,
			      uint32_t len)
{
	const bool acked = p->side[other(x)].amax - p->isn[x] > 1;

	if (!acked && rel + len - p->side[x].delivered > ZEEK_ABOVE_HOLE_MAX)
		return false;
	return k->above_len + len <= UINT16_MAX &&
	       (!k->above_len || (k->above_side == x && k->above + k->above_len == rel));
}

static inline void keep_above(struct quiet_closing *k, enum side x, uint32_t rel, uint32_t len)
{
	if (!k->above_len)
		k->above = rel;
	k->above_side = (uint8_t)x;
	k->above_len = (uint16_t)(k->above_len + len);
}

/* A segment of X = p->side[x], whose peer is Y. */
static inline void show_zeek(const struct flow_table *t, struct quiet_part *p, enum side x, struct quiet_side *X,
			     const struct quiet_side *Y, const struct segment *s)
{
	const uint8_t kind = s->len ? ZEEK_SEEN_DATA : ZEEK_SEEN_ACK;
	const uint32_t rel = s->seq - p->isn[x], acked = s->ack - p->isn[other(x)];

	if (UNLIKELY(!(X->marks & kind))) {
		letter(p, x, s->len ? 'D' : 'A');
		X->marks |= kind;
	}
	if (s->ack != X->amax && seq_lt(Y->delivered, acked))
		give_up(p, flow_closing(t, p), other(x), acked);
	if (!s->len || s->truncated)
		return;
	assert(X->delivered == rel || p->closing);
	if (X->delivered == rel)
		X->delivered += s->len;
	else
		keep_above(flow_closing(t, p), x, rel, s->len);
}

/* No number wraps or is far, and there is room for three letters. */
static inline bool zeek_simple(const struct flow_table *t, const struct quiet_part *p, enum side x,
			       const struct quiet_side *X, const struct quiet_side *Y, const struct segment *s)
{
	const uint32_t isn = p->isn[x], rel = s->seq - isn;

	if (p->letter_count + 3 > QUIET_LETTERS || s->seq + s->len < s->seq || (rel + s->len) >> 31)
		return false;
	if (!s->len || s->truncated)
		return true;
	return rel + s->len - (Y->amax - isn) <= ZEEK_UNACKED_MAX &&
	       (X->delivered == rel || fits_above(p, flow_closing(t, p), x, rel, s->len));
}

#endif
