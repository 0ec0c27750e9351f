/*
 * Somebody waits for what another thread does: rarely, so that ringing costs nothing while nobody waits.
 *
 * What is waited for is an atomic that the other thread stores before it rings.
 */
#ifndef TCPLINT_BELL_H
#define TCPLINT_BELL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct bell {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	atomic_bool waiting;
};

void bell_init(struct bell *b);
void bell_finish(struct bell *b);
void bell_ring(struct bell *b);
/* Until `come` answers true for `what`. */
void bell_wait(struct bell *b, bool (*come)(const void *what), const void *what);

#endif
