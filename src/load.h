/* Numbers in the byte order of the machine from wherever they stand. */
#ifndef TCPLINT_LOAD_H
#define TCPLINT_LOAD_H

#include <stdint.h>
#include <string.h>

static inline uint64_t load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t load32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint16_t load16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

#endif
