#include "bell.h"

/* So often it is looked at before the thread goes to sleep. */
#define LOOKS 200

void bell_init(struct bell *b)
{
	pthread_mutex_init(&b->mutex, NULL);
	pthread_cond_init(&b->cond, NULL);
	atomic_init(&b->waiting, false);
}

void bell_finish(struct bell *b)
{
	pthread_mutex_destroy(&b->mutex);
	pthread_cond_destroy(&b->cond);
}

void bell_ring(struct bell *b)
{
	/* what was stored is seen by who looks after having said that it waits */
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&b->waiting, memory_order_relaxed))
		return;
	pthread_mutex_lock(&b->mutex);
	pthread_cond_broadcast(&b->cond);
	pthread_mutex_unlock(&b->mutex);
}

void bell_wait(struct bell *b, bool (*come)(const void *what), const void *what)
{
	for (unsigned i = 0; i < LOOKS; i++)
		if (come(what))
			return;
	pthread_mutex_lock(&b->mutex);
	atomic_store(&b->waiting, true);
	atomic_thread_fence(memory_order_seq_cst);
	while (!come(what))
		pthread_cond_wait(&b->cond, &b->mutex);
	atomic_store(&b->waiting, false);
	pthread_mutex_unlock(&b->mutex);
}
