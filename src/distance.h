/*
 * Structs of 32-bit numbers, by how far each number is from what is expected of it: in 0, 1, 2 or 4 bytes.
 *
 * A byte before four numbers says how long each is.  There are two ways, one with registers that shuffle bytes; both make
 * the same bytes.
 */
#ifndef TCPLINT_DISTANCE_H
#define TCPLINT_DISTANCE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that are touched beyond those that are used, written and read. */
#define DISTANCE_SLACK 16
/* Of a type whose size is a multiple of 4, at most. */
#define DISTANCE_MOST(type) (sizeof(type) + (sizeof(type) + 15) / 16)

/* `from`, of `size` bytes, which are a multiple of 4, and what is expected of it; answers where it ends. */
uint8_t *distance_put(uint8_t *at, const void *from, const void *expected, size_t size);
/* And back: answers where it ended. */
const uint8_t *distance_get(const uint8_t *at, void *to, const void *expected, size_t size);

/* The same without such registers, for its test. */
uint8_t *distance_put_narrow(uint8_t *at, const void *from, const void *expected, size_t size);
const uint8_t *distance_get_narrow(const uint8_t *at, void *to, const void *expected, size_t size);

#endif
