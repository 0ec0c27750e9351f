/*
 * Somebody waits for what another thread does: rarely, so that ringing costs nothing while nobody waits.
 *
 * What is waited for is an atomic that the other thread stores before it rings.  Going to sleep and being woken take
 * both threads as long as some hundred frames do, so who waits looks for about that long first, and may say how much
 * has to have been done before it is worth waking it.
 */
#ifndef TCPLINT_BELL_H
#define TCPLINT_BELL_H

#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct bell {
	alignas(64) _Atomic uint64_t until; /* somebody sleeps until so much is done; BELL_AWAKE: nobody does */
	sem_t sleeper;
};

#define BELL_AWAKE UINT64_MAX
#define BELL_NOW   (UINT64_MAX - 1) /* wake it, however much is done */

void bell_init(struct bell *b);
void bell_finish(struct bell *b);
/* So much is done. */
void bell_ring(struct bell *b, uint64_t done);
/*
 * Until `come` answers true for `what`; once asleep, until `enough` is done and that is so, or it is woken with
 * BELL_NOW.
 */
void bell_wait(struct bell *b, bool (*come)(const void *what), const void *what, uint64_t enough);

#endif
