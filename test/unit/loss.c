/* When the capture is known to have missed something: thousands of proofs of one loss must not drive out another. */
#undef NDEBUG
#include <assert.h>

#include "stage.h"

static struct stage st;

static void a_second_on_either_side(void)
{
	st = (struct stage){ .losses = 0 };
	assert(!stage_loss_near(&st, 0));
	stage_missed(&st, 100 * SECOND, 200 * SECOND);
	assert(stage_loss_near(&st, 99 * SECOND) && stage_loss_near(&st, 150 * SECOND) && stage_loss_near(&st, 201 * SECOND));
	assert(!stage_loss_near(&st, 99 * SECOND - 1) && !stage_loss_near(&st, 201 * SECOND + 1));
}

static void many_are_one(void)
{
	st = (struct stage){ .losses = 0 };
	stage_missed(&st, 0, 0);
	for (int64_t i = 0; i < 10000; i++)
		stage_missed(&st, 100 * SECOND + i * MILLISECOND, 100 * SECOND + i * MILLISECOND);
	assert(st.losses == 2);
	assert(stage_loss_near(&st, 0) && stage_loss_near(&st, 105 * SECOND) && !stage_loss_near(&st, 50 * SECOND));
	stage_missed(&st, 97 * SECOND, 98 * SECOND); /* and before the others */
	assert(st.losses == 2 && stage_loss_near(&st, 99 * SECOND) && !stage_loss_near(&st, 95 * SECOND));
}

static void the_oldest_is_forgotten(void)
{
	st = (struct stage){ .losses = 0 };
	for (int64_t i = 0; i <= LOSS_MEMORY; i++)
		stage_missed(&st, i * 10 * SECOND, i * 10 * SECOND);
	assert(!stage_loss_near(&st, 0) && stage_loss_near(&st, 10 * SECOND) && stage_loss_near(&st, LOSS_MEMORY * 10 * SECOND));
}

int main(void)
{
	a_second_on_either_side();
	many_are_one();
	the_oldest_is_forgotten();
	return 0;
}
