/*
 * Community ID: SHA-1 over seed, addresses, protocol and ports, the smaller end first, in Base64.
 *
 * The input is at most 40 bytes, so this SHA-1 takes a message of two blocks at most, at once.
 */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "community_id.h"

#define BLOCK        64
#define PROTOCOL_TCP 6

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static uint32_t load(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store(uint8_t *p, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(x >> (24 - 8 * i));
}

/* The constant and the function of the rounds, which are four times twenty: FIPS 180-4, 4.2.1 and 4.1.1. */
static inline uint32_t constant(unsigned twenty)
{
	return twenty == 0 ? 0x5a827999 : twenty == 1 ? 0x6ed9eba1 : twenty == 2 ? 0x8f1bbcdc : 0xca62c1d6;
}

static inline uint32_t mix(unsigned twenty, uint32_t b, uint32_t c, uint32_t d)
{
	if (twenty == 0)
		return d ^ (b & (c ^ d));
	if (twenty == 2)
		return (b & c) | (d & (b | c));
	return b ^ c ^ d;
}

/*
 * The word of a round, of which the latest 16 are kept.  Eighty, made beforehand, are made two at a time by gcc, which
 * then waits for each pair to be stored before it can load it with another one: most of the time.
 */
static inline uint32_t next_word(uint32_t w[16], unsigned i)
{
	if (i >= 16)
		w[i % 16] = rotate(w[(i + 13) % 16] ^ w[(i + 8) % 16] ^ w[(i + 2) % 16] ^ w[i % 16], 1);
	return w[i % 16];
}

/* A round; who calls it moves the names on instead of the five words.  What `a` has a part in comes last. */
static inline void turn(unsigned twenty, uint32_t a, uint32_t *b, uint32_t c, uint32_t d, uint32_t *e, uint32_t w)
{
	*e += w + constant(twenty);
	*e += mix(twenty, *b, c, d);
	*e += rotate(a, 5);
	*b = rotate(*b, 30);
}

static inline void turn_twenty(unsigned twenty, uint32_t v[5], uint32_t w[16])
{
	uint32_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4];

	for (unsigned i = 20 * twenty; i < 20 * twenty + 20; i += 5) {
		turn(twenty, a, &b, c, d, &e, next_word(w, i));
		turn(twenty, e, &a, b, c, &d, next_word(w, i + 1));
		turn(twenty, d, &e, a, b, &c, next_word(w, i + 2));
		turn(twenty, c, &d, e, a, &b, next_word(w, i + 3));
		turn(twenty, b, &c, d, e, &a, next_word(w, i + 4));
	}
	v[0] = a;
	v[1] = b;
	v[2] = c;
	v[3] = d;
	v[4] = e;
}

static void compress(uint32_t h[5], const uint8_t *block)
{
	uint32_t v[5], w[16];

	for (unsigned i = 0; i < 16; i++)
		w[i] = load(block + (size_t)4 * i);
	memcpy(v, h, sizeof(v));
	turn_twenty(0, v, w);
	turn_twenty(1, v, w);
	turn_twenty(2, v, w);
	turn_twenty(3, v, w);
	for (unsigned i = 0; i < 5; i++)
		h[i] += v[i];
}

void sha1(const uint8_t *data, size_t len, uint8_t digest[SHA1_SIZE])
{
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	uint8_t message[2 * BLOCK] = { 0 };
	/* The message, one bit, and its length in eight bytes at the end of a block. */
	const size_t padded = len + 9 <= BLOCK ? BLOCK : 2 * BLOCK;

	assert(len <= SHA1_MAX_INPUT);
	memcpy(message, data, len);
	message[len] = 0x80;
	store(message + padded - 4, (uint32_t)len * 8);
	for (size_t at = 0; at < padded; at += BLOCK)
		compress(h, message + at);
	for (unsigned i = 0; i < 5; i++)
		store(digest + (size_t)4 * i, h[i]);
}

void base64(const uint8_t *data, size_t len, char *out)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; len >= 3; data += 3, len -= 3, out += 4) {
		const uint32_t bits = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];

		out[0] = alphabet[bits >> 18];
		out[1] = alphabet[bits >> 12 & 63];
		out[2] = alphabet[bits >> 6 & 63];
		out[3] = alphabet[bits & 63];
	}
	if (len) {
		const uint32_t bits = (uint32_t)data[0] << 16 | (len > 1 ? (uint32_t)data[1] << 8 : 0);

		out[0] = alphabet[bits >> 18];
		out[1] = alphabet[bits >> 12 & 63];
		out[2] = len > 1 ? alphabet[bits >> 6 & 63] : '=';
		out[3] = '=';
		out += 4;
	}
	*out = '\0';
}

static bool is_ipv4(const struct tcplint_address *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->ip, mapped, sizeof(mapped));
}

static bool in_order(const struct tcplint_address *a, const struct tcplint_address *b)
{
	const int c = memcmp(a->ip, b->ip, sizeof(a->ip));

	return c ? c < 0 : a->port <= b->port;
}

static size_t put_port(uint8_t *at, uint16_t port)
{
	at[0] = (uint8_t)(port >> 8);
	at[1] = (uint8_t)port;
	return 2;
}

const char *community_id(const struct tcplint_address *a, const struct tcplint_address *b,
			 char out[COMMUNITY_ID_SIZE])
{
	const struct tcplint_address *first = in_order(a, b) ? a : b;
	const struct tcplint_address *second = first == a ? b : a;
	const size_t skip = is_ipv4(a) && is_ipv4(b) ? 12 : 0;
	uint8_t tuple[2 + 2 * 16 + 2 + 2 * 2] = { 0 }; /* begins with the seed, 0 */
	uint8_t digest[SHA1_SIZE];
	size_t used = 2;

	memcpy(tuple + used, first->ip + skip, 16 - skip);
	used += 16 - skip;
	memcpy(tuple + used, second->ip + skip, 16 - skip);
	used += 16 - skip;
	tuple[used] = PROTOCOL_TCP;
	used += 2; /* and a byte of padding */
	used += put_port(tuple + used, first->port);
	used += put_port(tuple + used, second->port);
	sha1(tuple, used, digest);
	out[0] = '1';
	out[1] = ':';
	base64(digest, sizeof(digest), out + 2);
	return out;
}
