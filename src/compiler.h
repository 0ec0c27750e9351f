/* The compiler extensions that we use, each because it buys safety or speed, and all of them here. */
#ifndef TCPLINT_COMPILER_H
#define TCPLINT_COMPILER_H

#define MUST_CHECK   __attribute__((warn_unused_result))
#define FORMAT(f, a) __attribute__((format(printf, f, a)))
#define LIKELY(x)    __builtin_expect(!!(x), 1)
#define UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define PREFETCH(p)  __builtin_prefetch(p)
/* The number of the lowest bit that is set; not for 0. */
#define LOWEST_BIT(x) ((unsigned)__builtin_ctzll(x))

#endif
