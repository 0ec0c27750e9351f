/* A connection that is over: what its findings make of its verdicts, and its record. */
#ifndef TCPLINT_RELEASED_H
#define TCPLINT_RELEASED_H

#include "stage.h"

/* Count it, hand it to the sink if it is wanted, and forget what was found of it. */
void released(struct stage *st, const struct told_released *t);

#endif
