/*
 * Reading untrusted bytes: a cursor that cannot overrun, with a sticky fault.
 *
 * It knows two ends.  Beyond `captured` but inside `wire` it is the snapshot
 * that is too short (CURSOR_TRUNCATED); beyond `wire` the packet promises bytes
 * that it does not have (CURSOR_MALFORMED).  After the first fault every read
 * answers 0 or null, so that a parser reads all its fields and asks once.
 *
 * Always: at <= captured <= wire.
 */
#ifndef TCPLINT_CURSOR_H
#define TCPLINT_CURSOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compiler.h"

enum cursor_fault { CURSOR_OK, CURSOR_TRUNCATED, CURSOR_MALFORMED };

struct cursor {
	const uint8_t *base;
	uint32_t at; /* the next byte, counted from `base` as are the two ends */
	uint32_t captured;
	uint32_t wire;
	enum cursor_fault fault;
};

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static inline uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Bytes that follow on the wire, and how many of them were captured. */
static inline uint32_t cursor_left(const struct cursor *c)
{
	return c->wire - c->at;
}

static inline uint32_t cursor_captured(const struct cursor *c)
{
	return c->captured - c->at;
}

/* There are no n bytes to take.  From now on there is nothing to peek at either. */
static inline void cursor_fail(struct cursor *c, uint32_t n)
{
	c->fault = n > cursor_left(c) ? CURSOR_MALFORMED : CURSOR_TRUNCATED;
	c->captured = c->at;
	if (c->fault == CURSOR_MALFORMED)
		c->wire = c->at;
}

/* The next n bytes, or null once anything has gone wrong. */
static inline const uint8_t *cursor_take(struct cursor *c, uint32_t n)
{
	if (UNLIKELY(c->fault != CURSOR_OK))
		return NULL;
	if (LIKELY(n <= cursor_captured(c))) {
		c->at += n;
		return c->base + c->at - n;
	}
	cursor_fail(c, n);
	return NULL;
}

/* The byte at `offset` from here without moving; 0 and no fault when it was not captured. */
static inline uint8_t cursor_peek(const struct cursor *c, uint32_t offset)
{
	return offset < cursor_captured(c) ? c->base[c->at + offset] : 0;
}

static inline void cursor_skip(struct cursor *c, uint32_t n)
{
	(void)cursor_take(c, n);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);

	return p ? *p : 0;
}

static inline uint16_t cursor_be16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);

	return p ? be16(p) : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);

	return p ? be32(p) : 0;
}

/*
 * A header said that n bytes follow: what comes after them is padding.  n may
 * also reach beyond the old end, when the header is to be believed more.
 */
static inline void cursor_set_left(struct cursor *c, uint32_t n)
{
	c->wire = c->at + n;
	if (c->captured > c->wire)
		c->captured = c->wire;
}

#endif
