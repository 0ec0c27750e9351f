/*
 * IEEE 802.11 data frames and the radio headers in front of them.
 *
 * Of an aggregate (A-MSDU) the first frame is read: one frame makes one segment.
 * 802.11 is little-endian.
 */
#include "decode_private.h"

enum {
	TYPE_DATA = 2,
	SUBTYPE_NULL = 0x4, /* no body */
	SUBTYPE_QOS = 0x8,
	TO_DS = 0x01,
	FROM_DS = 0x02,
	MORE_FRAGMENTS = 0x04,
	PROTECTED = 0x40,
	ORDER = 0x80,
	QOS_AMSDU = 0x80,
	HEADER_BYTES = 24, /* with three addresses */
};

/* Table 9-30 of the standard: which of the addresses is the source. */
static const uint8_t *source_address(const uint8_t *p, unsigned ds)
{
	switch (ds) {
	case FROM_DS:
		return p + 16;
	case TO_DS | FROM_DS:
		return p + 24;
	default:
		return p + 10;
	}
}

enum next parse_wlan(struct walk *w)
{
	const unsigned control = cursor_peek(&w->c, 0), flags = cursor_peek(&w->c, 1),
		       subtype = control >> 4;
	uint32_t length = HEADER_BYTES;

	if (cursor_captured(&w->c) >= 2 &&
	    ((control >> 2 & 3) != TYPE_DATA || control & 3 || subtype & SUBTYPE_NULL))
		return stop(w, DECODE_not_ip);
	if ((flags & (TO_DS | FROM_DS)) == (TO_DS | FROM_DS))
		length += 6;

	const uint32_t qos_at = length;

	if (subtype & SUBTYPE_QOS)
		length += flags & ORDER ? 6 : 2;

	const uint8_t *p = cursor_take(&w->c, w->padded ? (length + 3) & ~UINT32_C(3) : length);

	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	note_mac(w, source_address(p, flags & (TO_DS | FROM_DS)));
	if (flags & PROTECTED)
		return stop(w, DECODE_encrypted);
	if (flags & MORE_FRAGMENTS || p[22] & 0x0f) /* 802.11's own fragments: hardly ever used */
		return stop(w, DECODE_not_ip);
	if (subtype & SUBTYPE_QOS && p[qos_at] & QOS_AMSDU)
		cursor_skip(&w->c, 14);
	return NEXT_llc;
}

/* Where the flags byte is: after the chain of presence words, and the timestamp if there is one. */
static uint32_t radiotap_flags_at(const struct cursor *c, uint32_t length)
{
	uint32_t at = 8;

	while (at + 4 <= length && cursor_peek(c, at - 1) & 0x80)
		at += 4;
	if (cursor_peek(c, 4) & 0x01)
		at = ((at + 7) & ~UINT32_C(7)) + 8;
	return at;
}

enum next parse_radiotap(struct walk *w)
{
	enum { HAS_FLAGS = 0x02, FLAG_PADDED = 0x20 };
	const uint32_t length = cursor_peek(&w->c, 2) | (uint32_t)cursor_peek(&w->c, 3) << 8;
	const bool has_flags = cursor_peek(&w->c, 4) & HAS_FLAGS;

	if (cursor_captured(&w->c) >= 8 && length < 8)
		return stop(w, DECODE_malformed_link);
	if (has_flags) {
		const uint32_t at = radiotap_flags_at(&w->c, length);

		w->padded = at < length && cursor_peek(&w->c, at) & FLAG_PADDED;
	}
	cursor_skip(&w->c, length < 8 ? 8 : length);
	return NEXT_wlan;
}

/* The one big-endian header here: a magic number, then its length. */
enum next parse_avs(struct walk *w)
{
	const uint8_t *p = cursor_take(&w->c, 8);

	if (!p)
		return stop_fault(w, DECODE_malformed_link);
	if (be32(p) >> 12 != 0x80211 || be32(p + 4) < 8)
		return stop(w, DECODE_malformed_link);
	cursor_skip(&w->c, be32(p + 4) - 8);
	return NEXT_wlan;
}

/* A fixed header; some drivers put AVS under the same link type. */
enum next parse_prism(struct walk *w)
{
	enum { PRISM_BYTES = 144 };

	if (cursor_peek(&w->c, 0) == 0x80 && cursor_peek(&w->c, 1) == 0x21)
		return NEXT_avs;
	cursor_skip(&w->c, PRISM_BYTES);
	return NEXT_wlan;
}
