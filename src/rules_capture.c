/* Capture and measurement: what the tap did, not the endpoints. */
#include "predicates.h"
#include "twins.h"

static bool by_capture(struct draft *d, struct mark m)
{
	d->offender = TCPLINT_BY_CAPTURE;
	draft_frame(d, m);
	return true;
}

bool rule_capture_loss(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_LOSS))
		return false;
	d->number[0] = v->lost_to - v->lost_from;
	d->evidence |= EVI_loss_proven;
	draft_frame(d, v->lost_seen);
	return by_capture(d, v->lost_acked);
}

/* How long ago the connection's first copy of the segment at hand came; the newest entry is that segment. */
static int64_t age_of_original(const struct conn *c)
{
	const unsigned newest = (c->recent_next + RECENT_MAX - 1u) % RECENT_MAX;
	const struct recent *r = &c->recent;

	for (unsigned i = 1; i < RECENT_MAX; i++) {
		const unsigned older = (newest + RECENT_MAX - i) % RECENT_MAX;

		if (r->print[older] == r->print[newest])
			return (int64_t)(r->us[newest] - r->us[older]) * 1000;
	}
	return -1;
}

bool rule_capture_duplicate(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_DUPLICATE))
		return false;
	const int64_t age = age_of_original(v->c), since_last = v->s->ts - v->X->last.ts;

	/* the sender's latest segment is the original, unless others came in between */
	if (v->X->last.frame && (age < 0 || (since_last - age <= 1000 && age - since_last <= 1000))) {
		draft_frame(d, v->X->last);
		d->number[0] = since_last;
	} else {
		d->number[0] = age < 0 ? 0 : age;
	}
	return by_capture(d, mark_of(v->s));
}

bool rule_midstream_start(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_FIRST) || !v->drives || v->c->origin != TCPLINT_ORIGIN_MIDSTREAM)
		return false;
	draft_plain(d, TCPLINT_FIELD_FLAGS, v->s->flags);
	d->number[0] = v->s->flags;
	return by_capture(d, mark_of(v->s));
}

/* A client whose SYNs nobody answers is syn_unanswered, and odd probes are no connection. */
bool rule_one_sided_flow(const struct view *v, struct draft *d)
{
	const struct conn *c = v->c;

	if (!v->releasing || c->self_connect || c->origin == TCPLINT_ORIGIN_STRAY ||
	    knows(&c->end[CLIENT], K_SEEN) == knows(&c->end[SERVER], K_SEEN))
		return false;
	const enum side x = knows(&c->end[CLIENT], K_SEEN) ? CLIENT : SERVER;
	const uint32_t sent = c->end[x].segments, copies = c->duplicates;

	if (sent < copies + 3 || c->detail[x].syn + copies >= sent)
		return false;
	d->offender = TCPLINT_BY_CAPTURE;
	d->number[0] = sent - copies;
	return true;
}

bool rule_truncated_capture(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_TAP) || !v->s->truncated)
		return false;
	d->number[0] = v->s->tcp_captured;
	d->number[1] = v->s->tcp_length;
	return by_capture(d, mark_of(v->s));
}

bool rule_checksum_offload(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_OFFLOAD))
		return false;
	draft_offender(d, v->x);
	draft_plain(d, TCPLINT_FIELD_CHECKSUM, v->s->tcp_checksum);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->tcp_checksum;
	return true;
}

/* ---- clocks and orders ---- */

bool rule_capture_time_regression(const struct view *v, struct draft *d)
{
	if (!(v->events & EV_TAP) || !v->clock_back)
		return false;
	d->number[0] = v->clock_back;
	return by_capture(d, mark_of(v->s));
}

/* A response, and what it answers was not captured yet. */
bool rule_capture_reorder(const struct view *v, struct draft *d)
{
	const bool synack = v->events & EV_FIRST && live(v, EV_SYNACK) && v->x == SERVER;

	if (v->c->self_connect || (!synack && (!live(v, EV_ACK_UNSEEN) || v->s->flags & (FLAG_SYN | FLAG_RST) ||
					       v->s->ack - v->Y->smax > 0x100000)))
		return false;
	return by_capture(d, mark_of(v->s));
}

enum outcome settle_capture_reorder(const struct view *v, struct candidate *k)
{
	const struct segment *s = v->s;

	k->deadline = k->opened + REORDER_WINDOW;
	if (s && !v->foreign && v->x != (enum side)k->sender && v->drives && segment_length(s) && !has(v, FLAG_RST) &&
	    s->ts - k->opened < REORDER_WINDOW && seq_lt(s->seq, k->ack) && seq_ge(v->end, k->ack)) {
		draft_frame(&k->draft, mark_of(s));
		k->draft.number[0] = s->ts - k->opened;
		return REFUTED;
	}
	return v->releasing || v->now >= k->deadline ? DISMISSED : WAIT;
}
