#include <errno.h>

#include "bell.h"
#include "compiler.h"

/* So often it is looked at before the thread goes to sleep. */
#define LOOKS 1000

void bell_init(struct bell *b)
{
	sem_init(&b->sleeper, 0, 0);
	atomic_init(&b->until, BELL_AWAKE);
}

void bell_finish(struct bell *b)
{
	sem_destroy(&b->sleeper);
}

void bell_ring(struct bell *b, uint64_t done)
{
	/* what was stored is seen by who looks after having said that it sleeps */
	atomic_thread_fence(memory_order_seq_cst);
	uint64_t until = atomic_load_explicit(&b->until, memory_order_relaxed);

	if (done >= until && until != BELL_AWAKE && atomic_exchange(&b->until, BELL_AWAKE) != BELL_AWAKE)
		sem_post(&b->sleeper);
}

static bool comes_soon(bool (*come)(const void *what), const void *what)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		if (come(what))
			return true;
		RELAX();
	}
	return false;
}

static void sleep_until_rung(struct bell *b)
{
	while (sem_wait(&b->sleeper) != 0 && errno == EINTR)
		;
}

void bell_wait(struct bell *b, bool (*come)(const void *what), const void *what, uint64_t enough)
{
	if (comes_soon(come, what))
		return;
	do {
		atomic_store(&b->until, enough);
		atomic_thread_fence(memory_order_seq_cst);
		/* it has come meanwhile: but whoever rings may have seen already that somebody sleeps */
		if (!come(what) || atomic_exchange(&b->until, BELL_AWAKE) == BELL_AWAKE)
			sleep_until_rung(b);
	} while (!come(what));
}
