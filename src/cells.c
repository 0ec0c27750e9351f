#include "cells.h"

/*
 * Every connection of a hostile capture may have findings, but most have none: the
 * pools grow with use up to as many cells as there may be connections.
 */
bool cells_init(struct cells *c, uint32_t connections, struct error *e)
{
	const uint32_t limit = connections < 65536 ? 65536 : connections;

	*c = (struct cells){ 0 };
	return slab_init(&c->candidates, sizeof(struct candidate_cell), limit, e) &&
	       slab_init(&c->findings, sizeof(struct finding_cell), limit, e);
}

void cells_finish(struct cells *c)
{
	slab_finish(&c->candidates);
	slab_finish(&c->findings);
}
