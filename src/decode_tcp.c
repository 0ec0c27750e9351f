/* The TCP header and its checksum. */
#include "checksum.h"
#include "decode_private.h"

enum {
	FIXED = 20,  /* the header without options */
	ENOUGH = 14, /* up to the flags: what a connection can be followed with */
	QUOTED = 8,  /* what an ICMP error must quote: ports and sequence number */
};

/* The fixed fields, as far as they were captured: at least QUOTED bytes. */
static inline void keep_fields(struct segment *s, const uint8_t *p, uint32_t captured)
{
	s->src.port = be16(p);
	s->dst.port = be16(p + 2);
	s->seq = be32(p + 4);
	if (captured >= ENOUGH) {
		s->ack = be32(p + 8);
		s->data_offset = p[12] >> 4;
		s->flags = be16(p + 12) & 0xfff;
	}
	if (captured >= 16)
		s->window = be16(p + 14);
	if (captured >= 18)
		s->tcp_checksum = be16(p + 16);
	if (captured >= FIXED)
		s->urgent = be16(p + 18);
}

uint8_t judge_checksum(struct segment *s, const uint8_t *p, uint32_t length, uint64_t sum, uint64_t addresses)
{
	const uint64_t unmeasured = addresses + checksum_number(6), pseudo = unmeasured + checksum_number(length);
	uint16_t field;

	if (LIKELY(checksum_fold(sum + pseudo) == 0xffff))
		return CHECKSUM_OK;
	memcpy(&field, p + 16, sizeof(field));
	if (!field || field == checksum_fold(pseudo) || field == checksum_fold(unmeasured))
		return CHECKSUM_OFFLOAD;
	/* without the field itself, complemented: what the sender should have written */
	const uint16_t right = (uint16_t)~checksum_fold(sum + pseudo + (uint16_t)~field);
	uint8_t wire[2];

	memcpy(wire, &right, sizeof(wire));
	s->tcp_sum = be16(wire);
	return CHECKSUM_BAD;
}

/*
 * RFC 9293, 3.1.  Mapped IPv4 addresses add 0xffff each to the pseudo-header, which
 * is nothing in one's complement arithmetic.
 */
static uint8_t verify_checksum(const struct walk *w, const uint8_t *p, uint32_t length)
{
	const uint64_t addresses = checksum_address(w->s->src.ip) + checksum_address(w->s->dst.ip);
	uint64_t sum;

	if (cursor_captured(&w->c) == length)
		sum = checksum_add(p, length);
	else if (w->summed && w->sum_end == w->c.wire && !(w->c.at & 1))
		sum = w->sum + checksum_minus(checksum_add(w->c.base, w->c.at));
	else
		return CHECKSUM_UNKNOWN;
	return judge_checksum(w->s, p, length, sum, addresses);
}

/* The quote may end anywhere after the sequence number. */
static enum next finish_quote(struct walk *w, const uint8_t *p, uint32_t length, uint32_t captured)
{
	struct segment *s = w->s;
	const uint32_t header = s->data_offset * 4U;

	s->truncated = captured < length;
	s->len_unknown = captured < ENOUGH || header < FIXED || header > length;
	if (!s->len_unknown) {
		s->len = length - header;
		parse_tcp_options(s, p + FIXED, header - FIXED,
				  captured > FIXED ? captured - FIXED : 0);
	}
	return stop(w, DECODE_QUOTE);
}

enum next parse_tcp(struct walk *w)
{
	struct segment *s = w->s;
	const uint32_t length = cursor_left(&w->c), captured = cursor_captured(&w->c);
	const uint8_t *p = w->c.base + w->c.at;

	if (UNLIKELY(length < FIXED && !w->quoting))
		return stop(w, DECODE_malformed_tcp);
	if (UNLIKELY(captured < (w->quoting ? QUOTED : ENOUGH)))
		return stop(w, DECODE_truncated);
	keep_fields(s, p, captured);
	s->tcp_length = length;
	s->tcp_captured = captured;
	if (UNLIKELY(w->quoting))
		return finish_quote(w, p, length, captured);

	const uint32_t header = s->data_offset * 4U;

	s->truncated = captured < (w->d->options.headers_only ? header : length) && !(w->summed && captured >= header);
	if (UNLIKELY(header < FIXED || header > length)) {
		if (captured < FIXED)
			return stop(w, DECODE_truncated);
		s->bad_header = true;
	} else {
		s->len = length - header;
		if (header > FIXED)
			parse_tcp_options(s, p + FIXED, header - FIXED,
					  captured > FIXED ? captured - FIXED : 0);
	}
	if (w->d->options.verify_checksums && captured >= FIXED)
		s->checksum = verify_checksum(w, p, length);
	return stop(w, DECODE_SEGMENT);
}
