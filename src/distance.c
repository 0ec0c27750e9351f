#include <string.h>

#include "compiler.h"
#include "distance.h"
#include "load.h"

#define BYTES(kind) (1u << (kind) >> 1) /* 0, 1, 2 or 4 */

/* Small on both sides of 0. */
static uint32_t fold(uint32_t distance)
{
	return distance << 1 ^ (distance >> 31 ? UINT32_MAX : 0);
}

static uint32_t unfold(uint32_t v)
{
	return v >> 1 ^ (v & 1 ? UINT32_MAX : 0);
}

uint8_t *distance_put_narrow(uint8_t *at, const void *from, const void *expected, size_t size)
{
	const uint8_t *f = from, *e = expected;

	for (size_t i = 0; i < size; i += 16) {
		uint8_t *kinds = at++;
		unsigned all = 0;

		for (unsigned j = 0; j < 4 && i + 4 * j < size; j++) {
			const uint32_t v = fold(load32(f + i + 4 * j) - load32(e + i + 4 * j));
			const unsigned kind =
				(unsigned)(v > 0) + (v > UINT8_MAX) + (v > UINT16_MAX);

			at[0] = (uint8_t)v;
			at[1] = (uint8_t)(v >> 8);
			at[2] = (uint8_t)(v >> 16);
			at[3] = (uint8_t)(v >> 24);
			at += BYTES(kind);
			all |= kind << 2 * j;
		}
		*kinds = (uint8_t)all;
	}
	return at;
}

const uint8_t *distance_get_narrow(const uint8_t *at, void *to, const void *expected, size_t size)
{
	static const uint32_t mask[] = { 0, UINT8_MAX, UINT16_MAX, UINT32_MAX };
	const uint8_t *e = expected;
	uint8_t *t = to;

	for (size_t i = 0; i < size; i += 16) {
		unsigned all = *at++;

		for (unsigned j = 0; j < 4 && i + 4 * j < size; j++, all >>= 2) {
			const uint32_t v =
				mask[all & 3] & (at[0] | (uint32_t)at[1] << 8 |
						 (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
			const uint32_t n = load32(e + i + 4 * j) + unfold(v);

			memcpy(t + i + 4 * j, &n, sizeof(n));
			at += BYTES(all & 3);
		}
	}
	return at;
}

#if HAS_SHUFFLE

/* ---- four at once ---- */

#define NONE 0x80 /* of a shuffle: 0 */

/* Of four numbers of the kinds `c`: where the second, third and fourth begin, and where the last ends. */
#define SECOND(c) BYTES((c) & 3)
#define THIRD(c)  (SECOND(c) + BYTES((c) >> 2 & 3))
#define FOURTH(c) (THIRD(c) + BYTES((c) >> 4 & 3))
#define END(c)    (FOURTH(c) + BYTES((c) >> 6 & 3))

/* Which byte of the four is the `i`th that is kept; which of those that are kept is byte `b` of a number. */
#define KEPT(c, i)                                                                                 \
	((i) < SECOND(c)   ? (i)                                                                   \
	 : (i) < THIRD(c)  ? 4 + (i) - SECOND(c)                                                     \
	 : (i) < FOURTH(c) ? 8 + (i) - THIRD(c)                                                      \
	 : (i) < END(c)    ? 12 + (i) - FOURTH(c)                                                    \
			   : NONE)
#define BYTE(begin, end, b) ((begin) + (b) < (end) ? (begin) + (b) : NONE)
#define NUMBER(begin, end)                                                                         \
	BYTE(begin, end, 0), BYTE(begin, end, 1), BYTE(begin, end, 2), BYTE(begin, end, 3)

#define OUT(c)                                                                                     \
	{                                                                                          \
		KEPT(c, 0), KEPT(c, 1), KEPT(c, 2), KEPT(c, 3), KEPT(c, 4), KEPT(c, 5),            \
			KEPT(c, 6), KEPT(c, 7), KEPT(c, 8), KEPT(c, 9), KEPT(c, 10), KEPT(c, 11),  \
			KEPT(c, 12), KEPT(c, 13), KEPT(c, 14), KEPT(c, 15)                         \
	}
#define BACK(c)                                                                                    \
	{                                                                                          \
		NUMBER(0, SECOND(c)), NUMBER(SECOND(c), THIRD(c)), NUMBER(THIRD(c), FOURTH(c)),    \
			NUMBER(FOURTH(c), END(c))                                                  \
	}

#define TIMES_4(of, c) of(c), of((c) + 1), of((c) + 2), of((c) + 3)
#define TIMES_16(of, c)                                                                            \
	TIMES_4(of, c), TIMES_4(of, (c) + 4), TIMES_4(of, (c) + 8), TIMES_4(of, (c) + 12)
#define TIMES_64(of, c)                                                                            \
	TIMES_16(of, c), TIMES_16(of, (c) + 16), TIMES_16(of, (c) + 32), TIMES_16(of, (c) + 48)
#define TIMES_256(of) TIMES_64(of, 0), TIMES_64(of, 64), TIMES_64(of, 128), TIMES_64(of, 192)

static const uint8_t out[256][16] = { TIMES_256(OUT) }, back[256][16] = { TIMES_256(BACK) };
static const uint8_t end[256] = { TIMES_256(END) };

SHUFFLES static uint8_t *put_wide(uint8_t *at, const void *from, const void *expected, size_t size)
{
	const uint8_t *f = from, *e = expected;
	size_t i = 0;

	for (; i + 16 <= size; i += 16) {
		const quad distance = quad_at(f + i) - quad_at(e + i);
		const quad v = distance << 1 ^ quad_signs(distance);
		const unsigned kinds = quad_lengths(v);

		*at++ = (uint8_t)kinds;
		quad_store(at, quad_shuffle(v, out[kinds]));
		at += end[kinds];
	}
	return distance_put_narrow(at, f + i, e + i, size - i);
}

SHUFFLES static const uint8_t *get_wide(const uint8_t *at, void *to, const void *expected,
					size_t size)
{
	const uint8_t *e = expected;
	uint8_t *t = to;
	size_t i = 0;

	for (; i + 16 <= size; i += 16) {
		const unsigned kinds = *at++;
		const quad v = quad_shuffle(quad_at(at), back[kinds]);

		quad_store(t + i, quad_at(e + i) + (v >> 1 ^ -(v & 1)));
		at += end[kinds];
	}
	return distance_get_narrow(at, t + i, e + i, size - i);
}

uint8_t *distance_put(uint8_t *at, const void *from, const void *expected, size_t size)
{
	return CAN_SHUFFLE ? put_wide(at, from, expected, size)
			   : distance_put_narrow(at, from, expected, size);
}

const uint8_t *distance_get(const uint8_t *at, void *to, const void *expected, size_t size)
{
	return CAN_SHUFFLE ? get_wide(at, to, expected, size)
			   : distance_get_narrow(at, to, expected, size);
}

#else

uint8_t *distance_put(uint8_t *at, const void *from, const void *expected, size_t size)
{
	return distance_put_narrow(at, from, expected, size);
}

const uint8_t *distance_get(const uint8_t *at, void *to, const void *expected, size_t size)
{
	return distance_get_narrow(at, to, expected, size);
}

#endif
