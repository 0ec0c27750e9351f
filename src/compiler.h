/* The compiler extensions that we use, each because it buys safety or speed, and all of them here. */
#ifndef TCPLINT_COMPILER_H
#define TCPLINT_COMPILER_H

#include <stdint.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define MUST_CHECK   __attribute__((warn_unused_result))
#define FORMAT(f, a) __attribute__((format(printf, f, a)))
#define LIKELY(x)    __builtin_expect(!!(x), 1)
#define UNLIKELY(x)  __builtin_expect(!!(x), 0)
/* Of what few come to: it would take the registers of the others. */
#define APART        __attribute__((noinline))
/*
 * gcc takes what does nothing but prefetch for a function without effect, and drops its calls: the empty statement is
 * an effect.
 */
#define PREFETCH(p)                    \
	do {                           \
		__builtin_prefetch(p); \
		__asm__ volatile("");  \
	} while (0)
/* Somebody looks at each access to memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif
/*
 * Copy a line of a cache, both on the boundary of one, past our cache: another processor will read it, and to get a
 * line back that it has read takes several times as long as the copy.  LINES_ARE_OUT() before that one is told.
 */
#define LINE 64
#if defined(__x86_64__) && !SANITIZED /* which would not see it */
static inline void copy_line_out(void *to, const void *from)
{
	typedef long long part __attribute__((vector_size(16), may_alias));
	part *t = (part *)to;
	const part *f = (const part *)from;

	for (unsigned i = 0; i < LINE / sizeof(part); i++)
		__asm__ volatile("movntdq %1, %0" : "=m"(t[i]) : "x"(f[i]));
}
#define LINES_ARE_OUT() __asm__ volatile("sfence" : : : "memory")
#else
static inline void copy_line_out(void *to, const void *from)
{
	__builtin_memcpy(to, from, LINE);
}
#define LINES_ARE_OUT() ((void)0)
#endif
/* In a loop that looks for what another processor stores: leave it room meanwhile. */
#if defined(__x86_64__) || defined(__i386__)
#define RELAX() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ volatile("yield")
#else
#define RELAX() ((void)0)
#endif
/* The number of the lowest bit that is set; not for 0. */
#define LOWEST_BIT(x) ((unsigned)__builtin_ctzll(x))
/* And of the highest. */
#define HIGHEST_BIT(x) (63 - (unsigned)__builtin_clzll(x))

/*
 * Of four 64-bit numbers that lie together, those whose upper half is that of `x`, or whose lower half is 0: a bit for
 * each, the lowest for the first.
 */
#if defined(__SSE2__)
static inline unsigned match_four(const uint64_t *at, uint64_t x)
{
	const __m128 a = _mm_loadu_ps((const float *)(const void *)at);
	const __m128 b = _mm_loadu_ps((const float *)(const void *)(at + 2));
	const __m128i upper = _mm_castps_si128(_mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
	const __m128i lower = _mm_castps_si128(_mm_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0)));
	const __m128i same = _mm_cmpeq_epi32(upper, _mm_set1_epi32((int)(x >> 32)));
	const __m128i none = _mm_cmpeq_epi32(lower, _mm_setzero_si128());

	return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(_mm_or_si128(same, none)));
}
#else
static inline unsigned match_four(const uint64_t *at, uint64_t x)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < 4; i++)
		bits |= (unsigned)(at[i] >> 32 == x >> 32 || !(uint32_t)at[i]) << i;
	return bits;
}
#endif

/*
 * Numbers that are added and shifted together; a function that works with them is compiled for two sizes of registers.
 */
typedef uint64_t lanes __attribute__((vector_size(32)));
#define ALWAYS_INLINE inline __attribute__((always_inline))
#if defined(__x86_64__)
#define WIDE_REGISTERS __attribute__((target("avx2")))
#define HAS_WIDE_REGISTERS __builtin_cpu_supports("avx2")
#else
#define WIDE_REGISTERS
#define HAS_WIDE_REGISTERS 0
#endif

/*
 * Four numbers of 32 bits in a register whose bytes can be shuffled, on processors that CAN_SHUFFLE, in functions that
 * are marked SHUFFLES.
 */
#if defined(__x86_64__)
#define HAS_SHUFFLE 1
#define SHUFFLES    __attribute__((target("ssse3")))
#define CAN_SHUFFLE __builtin_cpu_supports("ssse3")
typedef uint32_t quad __attribute__((vector_size(16)));

static inline quad quad_at(const void *p)
{
	return (quad)_mm_loadu_si128((const __m128i *)p);
}

static inline void quad_store(void *p, quad v)
{
	_mm_storeu_si128((__m128i *)p, (__m128i)v);
}

/* All bits of each that is negative, as a signed number. */
static inline quad quad_signs(quad v)
{
	return (quad)_mm_srai_epi32((__m128i)v, 31);
}

/* Two bits for each, the first one lowest: how many of "not 0", "more than a byte" and "more than two" are true. */
static inline unsigned quad_lengths(quad v)
{
	const quad sum = (quad)(v == 0) + (quad)(v >> 8 == 0) + (quad)(v >> 16 == 0) + 3;
	const __m128i halves = _mm_packs_epi32((__m128i)sum, (__m128i)sum);
	const unsigned bytes = (unsigned)_mm_cvtsi128_si32(_mm_packus_epi16(halves, halves));

	return (bytes | bytes >> 6 | bytes >> 12 | bytes >> 18) & 0xff;
}

/* Byte `by[i]` of `v` for the `i`th, 0 where that is 0x80. */
SHUFFLES static inline quad quad_shuffle(quad v, const uint8_t by[16])
{
	return (quad)_mm_shuffle_epi8((__m128i)v, _mm_loadu_si128((const __m128i *)(const void *)by));
}
#else
#define HAS_SHUFFLE 0
#endif

/* The upper half of a product. */
#ifdef __SIZEOF_INT128__
static inline uint64_t multiply_high(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;

	return (uint64_t)((wide)a * b >> 64);
}
#else
static inline uint64_t multiply_high(uint64_t a, uint64_t b)
{
	const uint64_t a0 = a & UINT32_MAX, a1 = a >> 32, b0 = b & UINT32_MAX, b1 = b >> 32;
	const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (middle & UINT32_MAX);

	return a1 * b1 + (middle >> 32) + (other >> 32);
}
#endif

#endif
