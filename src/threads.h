/* How many threads are worth their while. */
#ifndef TCPLINT_THREADS_H
#define TCPLINT_THREADS_H

#include "options.h"

/* What was asked for; otherwise, by the size of the input and the processors that this process may use. */
unsigned threads_that_pay(const struct options *o);

#endif
