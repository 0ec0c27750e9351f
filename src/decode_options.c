/*
 * The option list of a TCP header.
 *
 * Every kind that we know has a row: its bit, the lengths that its RFC allows, and
 * how its value is kept.  An option of an illegal length is reported and not kept.
 */
#include "decode_private.h"
#include "load.h"

enum kind {
	KIND_EOL = 0,
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WSCALE = 3,
	KIND_SACK_PERMITTED = 4,
	KIND_SACK = 5,
	KIND_TIMESTAMPS = 8,
	KIND_CC = 11, /* T/TCP (RFC 1644): CC, CC.NEW, CC.ECHO */
	KIND_CC_ECHO = 13,
	KIND_MD5 = 19,
	KIND_USER_TIMEOUT = 28,
	KIND_AO = 29,
	KIND_MPTCP = 30,
	KIND_FAST_OPEN = 34,
	KIND_EXPERIMENT_1 = 253,
	KIND_EXPERIMENT_2 = 254,
};

enum {
	MAX_BYTES = 40,
	EXID_FAST_OPEN = 0xf989, /* RFC 7413, appendix A */
};

/* The list as it is being read. */
struct list {
	struct tcp_options *o;
	uint16_t flags;                /* of the segment: MPTCP's lengths depend on them */
	uint64_t seen[4];              /* kinds, one bit each */
	uint32_t exids[MAX_BYTES / 4]; /* kind << 16 | experiment */
	unsigned exid_count;
};

static inline uint32_t add_kind(uint32_t layout, uint8_t kind)
{
	return mix32(layout, kind + 1U);
}

static void complain(struct tcp_options *o, uint32_t what, uint8_t kind, uint8_t length)
{
	if (what == OPT_BAD_LIST || !(o->present & OPT_BAD_LENGTH)) {
		o->bad_kind = kind;
		o->bad_len = length;
	}
	o->present |= what;
}

/* RFC 8684, 3.1 and 3.2; version 0 is RFC 6824. */
static bool mptcp_length_legal(uint16_t flags, const uint8_t *p, uint8_t length)
{
	enum { CAPABLE = 0, JOIN = 1 };
	const unsigned subtype = p[2] >> 4, version = p[2] & 0xf;
	const bool syn = flags & FLAG_SYN, ack = flags & FLAG_ACK;

	if (subtype == JOIN)
		return length == (!syn ? 24 : ack ? 16 : 12);
	if (subtype != CAPABLE || version > 1)
		return true;
	if (syn)
		return length == (version == 1 && !ack ? 4 : 12);
	return length == 20 || (version == 1 && (length == 22 || length == 24));
}

/* The lengths of spec/rules.md, opt_length_illegal; kinds that we do not know may have any. */
static bool length_legal(const struct list *l, const uint8_t *p, uint8_t length)
{
	switch (p[0]) {
	case KIND_MSS:
	case KIND_USER_TIMEOUT:
		return length == 4;
	case KIND_WSCALE:
		return length == 3;
	case KIND_SACK_PERMITTED:
		return length == 2;
	case KIND_SACK:
		return length == 10 || length == 18 || length == 26 || length == 34;
	case KIND_TIMESTAMPS:
		return length == 10;
	case KIND_MD5:
		return length == 18;
	case KIND_AO:
	case KIND_EXPERIMENT_1:
	case KIND_EXPERIMENT_2:
		return length >= 4;
	case KIND_MPTCP:
		return length >= 3 && mptcp_length_legal(l->flags, p, length);
	case KIND_FAST_OPEN:
		return length == 2 || (length >= 6 && length <= 18 && !(length & 1));
	default:
		return true;
	}
}

static void keep_sack(struct tcp_options *o, const uint8_t *p, uint8_t length)
{
	o->sack_count = (uint8_t)((length - 2) / 8);
	p += 2;
	for (unsigned i = 0; i < o->sack_count; i++, p += 8) {
		o->sack[i].left = be32(p);
		o->sack[i].right = be32(p + 4);
	}
}

/* The other form of Fast Open stood before: the experimental one has a bit besides. */
static uint32_t fast_open_both(const struct tcp_options *o, uint32_t other)
{
	return (o->present & (OPT_FAST_OPEN | OPT_FAST_OPEN_EXP)) == (OPT_FAST_OPEN | other) ? OPT_FAST_OPEN_BOTH : 0;
}

static uint32_t keep_experiment(struct list *l, const uint8_t *p, uint8_t length)
{
	const uint32_t exid = (uint32_t)p[0] << 16 | be16(p + 2);

	for (unsigned i = 0; i < l->exid_count; i++) {
		if (l->exids[i] == exid)
			l->o->present |= OPT_DUPLICATE;
	}
	l->exids[l->exid_count++] = exid;
	if (be16(p + 2) != EXID_FAST_OPEN) {
		l->o->exid = be16(p + 2);
		l->o->exids |= exid_bit(l->o->exid);
		return OPT_EXPERIMENT;
	}
	l->o->cookie_len = (uint8_t)(length - 4);
	return OPT_FAST_OPEN | OPT_FAST_OPEN_EXP | fast_open_both(l->o, 0);
}

static uint32_t mptcp_bit(const uint8_t *p)
{
	switch (p[2] >> 4) {
	case 0:
		return OPT_MP_CAPABLE;
	case 1:
		return OPT_MP_JOIN;
	default:
		return OPT_MPTCP_OTHER;
	}
}

/* Keep the value of a legal option.  Of duplicates the last one counts, as in most stacks.  Its bits. */
static uint32_t keep_option(struct list *l, const uint8_t *p, uint8_t length)
{
	struct tcp_options *o = l->o;

	switch (p[0]) {
	case KIND_MSS:
		o->mss = be16(p + 2);
		return OPT_MSS;
	case KIND_WSCALE:
		o->wscale = p[2];
		return OPT_WSCALE;
	case KIND_SACK_PERMITTED:
		return OPT_SACK_PERMITTED;
	case KIND_SACK:
		keep_sack(o, p, length);
		return OPT_SACK;
	case KIND_TIMESTAMPS:
		o->ts_val = be32(p + 2);
		o->ts_ecr = be32(p + 6);
		return OPT_TIMESTAMPS;
	case KIND_MD5:
		return OPT_MD5;
	case KIND_AO:
		return OPT_AO;
	case KIND_USER_TIMEOUT:
		o->user_timeout = be16(p + 2);
		return OPT_USER_TIMEOUT;
	case KIND_MPTCP:
		return mptcp_bit(p);
	case KIND_FAST_OPEN:
		o->cookie_len = (uint8_t)(length - 2);
		return OPT_FAST_OPEN | fast_open_both(o, OPT_FAST_OPEN_EXP);
	case KIND_EXPERIMENT_1:
	case KIND_EXPERIMENT_2:
		return keep_experiment(l, p, length);
	default:
		return p[0] >= KIND_CC && p[0] <= KIND_CC_ECHO ? OPT_TTCP : OPT_OTHER;
	}
}

/* Twice the same kind; MPTCP may carry several, and experiments are told apart by their identifiers. */
static void note_duplicate(struct list *l, uint8_t kind)
{
	uint64_t *word = &l->seen[kind / 64];
	const uint64_t bit = UINT64_C(1) << kind % 64;

	if (kind == KIND_MPTCP || kind >= KIND_EXPERIMENT_1)
		return;
	if (*word & bit)
		l->o->present |= OPT_DUPLICATE;
	*word |= bit;
}

static void check_padding(struct tcp_options *o, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (p[i])
			o->present |= OPT_AFTER_EOL;
	}
}

/* One option that is not EOL or NOP: its length, or 0 where the list cannot be read any further. */
static uint32_t read_option(struct list *l, const uint8_t *p, uint32_t left, uint32_t captured)
{
	if (captured < 2) {
		if (left < 2)
			complain(l->o, OPT_BAD_LIST, p[0], 0);
		return 0;
	}
	if (p[1] < 2 || p[1] > left) {
		complain(l->o, OPT_BAD_LIST, p[0], p[1]);
		return 0;
	}
	if (p[1] > captured)
		return 0;
	note_duplicate(l, p[0]);
	if (length_legal(l, p, p[1]))
		l->o->present |= keep_option(l, p, p[1]);
	else
		complain(l->o, OPT_BAD_LENGTH, p[0], p[1]);
	return p[1];
}

/* The same of an option that handshakes have, once and of its only length; 0: it has to be looked at more closely. */
static inline uint32_t read_usual(struct list *l, const uint8_t *p, uint32_t captured)
{
	static const uint8_t lengths[] = {
		[KIND_MSS] = 4, [KIND_WSCALE] = 3, [KIND_SACK_PERMITTED] = 2, [KIND_TIMESTAMPS] = 10
	};
	const uint8_t kind = p[0];
	struct tcp_options *o = l->o;

	if (kind >= sizeof(lengths) || !lengths[kind] || captured < lengths[kind] || p[1] != lengths[kind] ||
	    l->seen[0] >> kind & 1)
		return 0;
	l->seen[0] |= UINT64_C(1) << kind;
	if (kind == KIND_MSS) {
		o->mss = be16(p + 2);
		o->present |= OPT_MSS;
	} else if (kind == KIND_WSCALE) {
		o->wscale = p[2];
		o->present |= OPT_WSCALE;
	} else if (kind == KIND_SACK_PERMITTED) {
		o->present |= OPT_SACK_PERMITTED;
	} else {
		o->ts_val = be32(p + 2);
		o->ts_ecr = be32(p + 6);
		o->present |= OPT_TIMESTAMPS;
	}
	return lengths[kind];
}

static void read_list(struct list *l, const uint8_t *p, uint32_t n, uint32_t captured)
{
	struct tcp_options *o = l->o;
	uint32_t at = 0;

	while (at < captured) {
		const uint8_t kind = p[at];
		uint32_t length = 1;

		o->layout = add_kind(o->layout, kind);
		if (kind == KIND_EOL) {
			check_padding(o, p + at + 1, captured - at - 1);
			return;
		}
		if (kind != KIND_NOP)
			length = read_usual(l, p + at, captured - at);
		if (!length)
			length = read_option(l, p + at, n - at, captured - at);
		if (!length)
			return;
		at += length;
	}
}

void parse_tcp_options(struct segment *s, const uint8_t *p, uint32_t n, uint32_t captured)
{
	struct tcp_options *o = &s->opt;
	struct list l = { .o = o, .flags = s->flags };

	if (captured < n)
		o->present |= OPT_CUT;
	else
		captured = n;
	read_list(&l, p, n, captured);
}

/* ---- lists of a shape that was seen before: most SYNs of a stack are alike ---- */

static inline bool has_shape(const struct option_shape *h, const uint8_t *p, uint32_t n)
{
	uint64_t odd = 0;
	uint32_t i = 0;

	if (h->n != n)
		return false;
	for (; i + 8 <= n; i += 8)
		odd |= (load64(p + i) ^ load64(h->byte + i)) & load64(h->mask + i);
	if (n & 4)
		odd |= (load32(p + i) ^ load32(h->byte + i)) & load32(h->mask + i);
	return !odd;
}

static inline void take_values(struct tcp_options *o, const struct option_shape *h, const uint8_t *p)
{
	o->present = h->present;
	o->layout = h->layout;
	if (h->present & OPT_MSS)
		o->mss = be16(p + h->mss);
	if (h->present & OPT_WSCALE)
		o->wscale = p[h->wscale];
	if (h->present & OPT_TIMESTAMPS) {
		o->ts_val = be32(p + h->timestamps);
		o->ts_ecr = be32(p + h->timestamps + 4);
	}
}

/* Of a list that was read, and has nothing but options that handshakes have. */
static void learn_shape(struct option_shape *h, const struct tcp_options *o, const uint8_t *p, uint32_t n)
{
	*h = (struct option_shape){ .n = (uint8_t)n, .present = o->present, .layout = o->layout };
	memcpy(h->byte, p, n);
	memset(h->mask, 0xff, n);
	for (uint32_t at = 0, length; at < n && p[at] != KIND_EOL; at += length) {
		length = p[at] == KIND_NOP ? 1 : p[at + 1];
		if (length > 2)
			memset(h->mask + at + 2, 0, length - 2);
		if (p[at] == KIND_MSS)
			h->mss = (uint8_t)(at + 2);
		else if (p[at] == KIND_WSCALE)
			h->wscale = (uint8_t)(at + 2);
		else if (p[at] == KIND_TIMESTAMPS)
			h->timestamps = (uint8_t)(at + 2);
	}
}

void parse_usual_options(struct decoder *d, struct segment *s, const uint8_t *p, uint32_t n)
{
	for (const struct option_shape *h = d->shape; h < d->shape + OPTION_SHAPES; h++)
		if (has_shape(h, p, n)) {
			take_values(&s->opt, h, p);
			return;
		}
	parse_tcp_options(s, p, n, n);
	if (!(s->opt.present & ~(uint32_t)(OPT_MSS | OPT_WSCALE | OPT_SACK_PERMITTED | OPT_TIMESTAMPS)))
		learn_shape(&d->shape[d->next_shape++ % OPTION_SHAPES], &s->opt, p, n);
}
