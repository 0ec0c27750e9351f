/*
 * From facts to states: the arrows of arrows.def, folded over what an endpoint is known to have
 * done and heard, in the order in which it happened.
 */
#include <assert.h>
#include <string.h>

#include "tracker.h"

enum event_kind { EVENT_SYN, EVENT_SYNACK, EVENT_ACK, EVENT_FIN, EVENT_FINACK, EVENT_RST, EVENT_RST_P, EVENT_COUNT };

enum half { HALF_sends, HALF_gets };

#define NO_ARROW 0

/* The target plus one, so that an empty cell is zero. */
static const uint8_t arrows[2][EVENT_COUNT][TCPLINT_STATE_COUNT] = {
#define ARROW(from, half, event, to, clause) \
	[HALF_##half][EVENT_##event][TCPLINT_##from] = TCPLINT_##to + 1,
#include "arrows.def"
#undef ARROW
};

static const char *const clauses[TCPLINT_STATE_COUNT][2][EVENT_COUNT] = {
#define ARROW(from, half, event, to, clause) [TCPLINT_##from][HALF_##half][EVENT_##event] = clause,
#include "arrows.def"
#undef ARROW
};

const char *arrow_clause(enum tcplint_state from, enum tcplint_state to)
{
	for (unsigned half = 0; half < 2; half++)
		for (unsigned e = 0; e < EVENT_COUNT; e++)
			if (arrows[half][e][from] == to + 1)
				return clauses[from][half][e];
	return NULL;
}

/* The facts of an endpoint in the order in which they happened to it. */
struct history {
	unsigned n;
	uint8_t fact[FACT_COUNT]; /* enum fact */
};

/* The order of RFC 9293, 3.10.7.4, and what is heard before what is said: active ends, passive ones. */
static const uint8_t usual[2][FACT_COUNT] = {
	{ SYN_SENT, SYN_RCVD, SYN_ACKED, FIN_SENT, FIN_ACKED, FIN_RCVD, RESET },
	{ SYN_RCVD, SYN_SENT, SYN_ACKED, FIN_SENT, FIN_ACKED, FIN_RCVD, RESET },
};

/* Whether it came before one that it usually comes after.  Nothing else is out of the usual order. */
static bool overtakes(const struct conn *c, enum side x, enum fact f, enum fact before)
{
	const struct mark *at = c->detail[x].fact;

	/* a FIN may leave in SYN_RECEIVED, before its SYN is acknowledged */
	if (f == FIN_SENT)
		return before == SYN_ACKED && at[f].frame < at[before].frame;
	if (f != FIN_RCVD)
		return false;
	/* the first FIN's ACK field tells the order of the two FINs, whatever the tap saw first */
	if (before == FIN_SENT)
		return knows(&c->end[x], K_FIN_AFTER_FIN);
	/* whose FIN acknowledged ours from the first copy on cannot have been heard before that ACK */
	return before == FIN_ACKED && !knows(&c->end[other(x)], K_FIN_AFTER_FIN) && at[f].frame < at[before].frame;
}

/* What came on its way to the endpoint after the RST that ended it met no connection. */
static bool too_late(const struct conn *c, enum side x, enum fact f)
{
	const struct mark *at = c->detail[x].fact;

	return f != RESET && fact_get(&c->end[x], f) == TENTATIVE && at[f].frame > at[RESET].frame;
}

/* What the order depends on besides frames. */
static uint8_t order_of(const struct conn *c, enum side x)
{
	const struct endpoint *e = &c->end[x], *peer = &c->end[other(x)];

	return (uint8_t)(knows(e, K_ACTIVE) | knows(e, K_FIN_AFTER_FIN) << 1 | knows(peer, K_FIN_AFTER_FIN) << 2);
}

/* All of it, or with FIN_SENT as the first what comes after the opening. */
static struct history history_of(const struct conn *c, enum side x, enum fact first)
{
	const struct endpoint *e = &c->end[x];
	const uint8_t *order = usual[!knows(e, K_ACTIVE)];
	const bool over = fact_is(e, RESET);
	struct history h;

	h.n = 0;
	for (unsigned k = first; k < FACT_COUNT; k++) {
		const enum fact f = (enum fact)order[k];

		if (!fact_is(e, f) || (over && too_late(c, x, f)))
			continue;
		unsigned i = h.n++;

		for (; i && overtakes(c, x, f, (enum fact)h.fact[i - 1]); i--)
			h.fact[i] = h.fact[i - 1];
		h.fact[i] = (uint8_t)f;
	}
	return h;
}

struct step {
	enum half half;
	enum event_kind event;
};

/* What the i-th fact of the history was as an event; `*used` facts make it up. */
static struct step step_of(const struct conn *c, enum side x, const struct history *h, unsigned i, unsigned *used)
{
	const struct endpoint *e = &c->end[x];
	const struct mark *mark = c->detail[x].fact;

	*used = 1;
	switch ((enum fact)h->fact[i]) {
	case SYN_SENT:
		return (struct step){ HALF_sends, i && h->fact[i - 1] == SYN_RCVD ? EVENT_SYNACK : EVENT_SYN };
	case SYN_RCVD:
		if (i + 1 < h->n && h->fact[i + 1] == SYN_ACKED &&
		    mark[SYN_RCVD].frame == mark[SYN_ACKED].frame) {
			*used = 2;
			return (struct step){ HALF_gets, EVENT_SYNACK };
		}
		return (struct step){ HALF_gets, EVENT_SYN };
	case SYN_ACKED:
		return (struct step){ HALF_gets, EVENT_ACK };
	case FIN_SENT:
		return (struct step){ HALF_sends, EVENT_FIN };
	case FIN_ACKED:
		return (struct step){ HALF_gets, EVENT_FINACK };
	case FIN_RCVD:
		return (struct step){ HALF_gets, EVENT_FIN };
	case RESET:
	case FACT_COUNT:
		break;
	}
	if (knows(e, K_RST_SENT))
		return (struct step){ HALF_sends, EVENT_RST };
	return (struct step){ HALF_gets, knows(e, K_ACTIVE) ? EVENT_RST : EVENT_RST_P };
}

/* RST_P has an arrow of its own only where it matters (RFC 9293, MUST-11). */
static enum tcplint_state follow(enum tcplint_state from, struct step step)
{
	uint8_t to = arrows[step.half][step.event][from];

	if (to == NO_ARROW && step.event == EVENT_RST_P)
		to = arrows[step.half][EVENT_RST][from];
	return to == NO_ARROW ? from : (enum tcplint_state)(to - 1);
}

static enum tcplint_state start_state(const struct endpoint *e)
{
	return knows(e, K_ACTIVE) ? TCPLINT_CLOSED : TCPLINT_LISTEN;
}

/* One bit of each fact of the opening, and of every fact. */
#define OPENING_BITS (1u << 2 * SYN_SENT | 1u << 2 * SYN_RCVD | 1u << 2 * SYN_ACKED)
#define EVERY_BIT    0x1555u

/* Whichever way it took through the opening, it is ESTABLISHED then. */
static bool opened(const struct endpoint *e, const struct mark *at)
{
	const bool fin_first = fact_is(e, FIN_SENT) && at[FIN_SENT].frame < at[SYN_ACKED].frame;

	return ((e->facts | e->facts >> 1) & OPENING_BITS) == OPENING_BITS && !fact_is(e, RESET) && !fin_first;
}

static bool all_confirmed(const struct endpoint *e, const struct history *h)
{
	if (!fact_is(e, RESET))
		return e->facts && !(e->facts & TENTATIVE * EVERY_BIT);
	/* its own RST is certain, whatever it had heard before */
	bool confirmed = h->n;

	for (unsigned i = 0; i < h->n; i++)
		confirmed = confirmed && fact_get(e, (enum fact)h->fact[i]) == CONFIRMED;
	return confirmed || knows(e, K_RST_SENT);
}

static enum tcplint_state fold(const struct conn *c, enum side x, bool past_opening, bool *certain)
{
	const struct endpoint *e = &c->end[x];
	const struct history h = history_of(c, x, past_opening ? FIN_SENT : SYN_SENT);
	enum tcplint_state state = past_opening ? TCPLINT_ESTABLISHED : start_state(e);

	for (unsigned i = 0, used; i < h.n; i += used)
		state = follow(state, step_of(c, x, &h, i, &used));
	*certain = all_confirmed(e, &h) && state != TCPLINT_LISTEN;
	return state;
}

#ifndef NDEBUG
/* Whether the ways that are shorter come to the same. */
static bool stands_as_folded(const struct conn *c, enum side x)
{
	bool certain;

	return c->end[x].state == fold(c, x, false, &certain) && c->end[x].certain == certain;
}
#endif

void tracker_restate(struct conn *c, enum side x)
{
	struct endpoint *e = &c->end[x];
	bool certain;

	e->state = (uint8_t)fold(c, x, opened(e, c->detail[x].fact), &certain);
	e->certain = certain;
	e->order = order_of(c, x);
	assert(stands_as_folded(c, x));
}

/*
 * What the last of the facts is, behind which `f` stands, once the endpoint was ESTABLISHED; FACT_COUNT: there is none.
 */
static enum fact fact_before(const struct endpoint *e, enum fact f)
{
	if (f == FIN_RCVD && fact_is(e, FIN_ACKED))
		return FIN_ACKED;
	return f != FIN_SENT && fact_is(e, FIN_SENT) ? FIN_SENT : FACT_COUNT;
}

/* `f` comes after all other facts of a closing, in which nothing was ordered anew: the state is one step further. */
static bool is_next(const struct conn *c, enum side x, enum fact f)
{
	const struct endpoint *e = &c->end[x];
	const unsigned later = f == FIN_SENT    ? 1u << 2 * FIN_ACKED | 1u << 2 * FIN_RCVD
			       : f == FIN_ACKED ? 1u << 2 * FIN_RCVD
						: 0;

	if (f < FIN_SENT || f == RESET || (e->facts | e->facts >> 1) & later || e->order != order_of(c, x) ||
	    !opened(e, c->detail[x].fact))
		return false;
	const enum fact before = fact_before(e, f);

	return before == FACT_COUNT || !overtakes(c, x, f, before);
}

void tracker_add(struct conn *c, enum side x, enum fact f)
{
	static const struct step closing[] = {
		[FIN_SENT] = { HALF_sends, EVENT_FIN },
		[FIN_ACKED] = { HALF_gets, EVENT_FINACK },
		[FIN_RCVD] = { HALF_gets, EVENT_FIN },
	};
	struct endpoint *e = &c->end[x];

	if (!is_next(c, x, f)) {
		tracker_restate(c, x);
		return;
	}
	e->state = (uint8_t)follow((enum tcplint_state)e->state, closing[f]);
	e->certain = !(e->facts & TENTATIVE * EVERY_BIT) && e->state != TCPLINT_LISTEN;
	assert(stands_as_folded(c, x));
}

void tracker_confirm(struct conn *c, enum side x)
{
	struct endpoint *e = &c->end[x];

	if (fact_is(e, RESET) || e->order != order_of(c, x)) {
		tracker_restate(c, x);
		return;
	}
	e->certain = !(e->facts & TENTATIVE * EVERY_BIT) && e->state != TCPLINT_LISTEN;
	assert(stands_as_folded(c, x));
}

bool tracker_known(const struct conn *c, enum side x)
{
	if (c->self_connect)
		return x == CLIENT;
	return c->end[x].facts || c->detail[x].pasts || knows(&c->end[other(x)], K_SEEN);
}

static void note_state(const struct conn *c, struct tcplint_state_time *path, unsigned *n, unsigned max,
		       enum tcplint_state state, int64_t ts)
{
	if (*n && path[*n - 1].state == state)
		return;
	if (!*n && (state == TCPLINT_LISTEN || state == TCPLINT_CLOSED))
		return;
	if (*n < max)
		path[(*n)++] = (struct tcplint_state_time){ .state = state, .t = ts - c->start.ts };
}

unsigned tracker_path(const struct conn *c, enum side x, struct tcplint_state_time *path, unsigned max)
{
	const struct endpoint *e = &c->end[x];
	const struct endpoint_detail *d = &c->detail[x];
	const struct history h = history_of(c, x, SYN_SENT);
	enum tcplint_state state = start_state(e);
	unsigned n = 0;
	int64_t latest = INT64_MIN;

	for (unsigned i = 0; i < d->pasts; i++) {
		const struct past *past = &c->aside->end[x].past[i];

		note_state(c, path, &n, max, past->state, past->ts);
	}
	for (unsigned i = 0, used; i < h.n; i += used) {
		const int64_t ts = d->fact[h.fact[i]].ts;

		state = follow(state, step_of(c, x, &h, i, &used));
		if (ts > latest)
			latest = ts;
		note_state(c, path, &n, max, state, latest);
	}
	return n;
}
