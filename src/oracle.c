#include "oracle.h"
#include "seq.h"

enum newer oracle_reopening(const struct reopening *r)
{
	if (r->cut)
		return PERHAPS_NEWER;
	if (r->has_timestamps && !r->had_timestamps)
		return NEWLY_TIMESTAMPED;
	if (r->has_timestamps && r->tsval != r->tsval_last)
		return seq_gt(r->tsval, r->tsval_last) ? NEWER_TIMESTAMP : NOT_NEWER;
	return seq_gt(r->seq, r->fin) ? NEWER_SEQUENCE : NOT_NEWER;
}
