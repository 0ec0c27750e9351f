/* What every unit test includes first: cmocka wants these four before it, in this order. */
#ifndef TCPLINT_TEST_UNIT_H
#define TCPLINT_TEST_UNIT_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#undef fail /* error.h has a function of that name */

#endif
