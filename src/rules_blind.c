/*
 * Who cannot see a connection has to guess its numbers, and guesses often (RFC 5961): RSTs, SYNs or data with
 * several numbers within a few seconds, and the challenge ACKs that they cost.
 *
 * What was guessed so far is kept in the candidate of the rule: GUESSES numbers, when and in which frame each
 * was seen last, and how often one of them came again.
 */
#include "predicates.h"

#define GUESS_WINDOW (10 * SECOND)
#define GUESSES      3 /* kept; one more decides */

static uint32_t *guess_at(struct candidate *k, unsigned i)
{
	return i ? &k->number[i - 1] : &k->seq;
}

static void set_guess(struct candidate *k, unsigned i, uint32_t guess, struct mark m)
{
	*guess_at(k, i) = guess;
	k->draft.number[i] = m.ts;
	k->draft.frame[i] = m.frame;
}

/* Forget those that are too old. */
static void expire(struct candidate *k, int64_t now)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < k->draft.frames; i++) {
		const struct mark m = { k->draft.number[i], k->draft.frame[i] };

		if (now - m.ts <= GUESS_WINDOW)
			set_guess(k, kept++, *guess_at(k, i), m);
	}
	k->draft.frames = (uint8_t)kept;
}

/* They are enough, `count` in all: the frames in their order, and the numbers for the sentence. */
static void conclude(struct candidate *k, struct mark m, uint32_t guess, unsigned count)
{
	struct draft *d = &k->draft;
	const unsigned n = d->frames;
	int64_t first = m.ts;

	for (unsigned i = 0; i < n; i++) {
		if (d->number[i] < first)
			first = d->number[i];
		for (unsigned j = i; j && d->frame[j] < d->frame[j - 1]; j--) {
			const uint64_t frame = d->frame[j];

			d->frame[j] = d->frame[j - 1];
			d->frame[j - 1] = frame;
		}
	}
	draft_frame(d, m);
	d->value[0].actual = guess;
	d->number[0] = count;
	d->number[1] = m.ts - first;
}

/*
 * A guess of the candidate's sender; `follows` is where it would go on from one before.  True: so many different
 * ones, and four in all, came within the window; `others` is how many there are with those that are no guesses.
 */
static bool note_guess(struct candidate *k, struct mark m, uint32_t guess, uint32_t follows, unsigned different,
		       unsigned others)
{
	unsigned i = 0;

	expire(k, m.ts);
	while (i < k->draft.frames && *guess_at(k, i) != guess && *guess_at(k, i) != follows)
		i++;
	if (i == GUESSES) {
		conclude(k, m, guess, GUESSES + k->note + 1u);
		return true;
	}
	if (i < k->draft.frames)
		k->note = (uint8_t)(k->note + (k->note < UINT8_MAX));
	else
		k->draft.frames++;
	set_guess(k, i, guess, m);
	const unsigned count = k->draft.frames + k->note;

	if (k->draft.frames < different || (count > others ? count : others) <= GUESSES)
		return false;
	conclude(k, m, guess, count > others ? count : others);
	return true;
}

static enum outcome settle_guesses(const struct view *v, struct candidate *k, bool is_one, uint32_t guess,
				   uint32_t follows, unsigned different, unsigned others)
{
	const unsigned newest = k->draft.frames - 1u;

	if (is_one && v->x == (enum side)k->sender) {
		k->deadline = v->now + GUESS_WINDOW;
		if (k->draft.frames && k->draft.frame[newest] == v->s->frame && k->opened == v->now)
			k->seq = guess; /* the one that opened it */
		else if (note_guess(k, mark_of(v->s), guess, follows, different, others))
			return REFUTED;
	}
	return v->releasing || v->now >= k->deadline ? DISMISSED : WAIT;
}

/* The first guess; what is only in the draft is what set_guess() would put there. */
static bool first_guess(const struct view *v, struct draft *d)
{
	draft_offender(d, v->x);
	draft_actual(d, TCPLINT_FIELD_SEQ, v->x, v->s->seq);
	draft_frame(d, mark_of(v->s));
	d->number[0] = v->s->ts;
	d->cap = 0.9F;
	return true;
}

/* ---- RSTs ---- */

/* No answer to anything that Y sent: its number is none that Y can have acknowledged. */
static bool guessed_rst(const struct view *v)
{
	if (!live(v, EV_RST) || v->foreign || v->c->self_connect || v->c->superseded || v->c->older || v->XD->pasts ||
	    !knows(v->X, K_ISN) || !knows(v->Y, K_AMAX) || !knows(v->Y, K_SEEN) || (has(v, FLAG_ACK) && !v->s->seq))
		return false;
	const uint32_t most = knows(v->X, K_SMAX) ? seq_max(v->Y->amax, v->X->smax) : v->Y->amax;

	return !seq_in(oldest_number(v->X, most), v->s->seq, most);
}

bool rule_rst_sweep(const struct view *v, struct draft *d)
{
	return guessed_rst(v) && first_guess(v, d);
}

enum outcome settle_rst_sweep(const struct view *v, struct candidate *k)
{
	const bool is_one = guessed_rst(v);
	const uint32_t seq = is_one ? v->s->seq : 0;

	/* one that happens to stand where an answer would is part of a sweep too */
	return settle_guesses(v, k, is_one, seq, seq, 3, v->XD->rst);
}

/* ---- SYNs ---- */

static bool guessed_syn(const struct view *v)
{
	struct draft unused = { 0 };

	return v->events & EV_SYN && v->events & (EV_GAP | EV_RETRANSMIT) && rule_syn_in_synchronized(v, &unused);
}

bool rule_blind_syn_sweep(const struct view *v, struct draft *d)
{
	return guessed_syn(v) && first_guess(v, d);
}

enum outcome settle_blind_syn_sweep(const struct view *v, struct candidate *k)
{
	const bool is_one = guessed_syn(v);
	const uint32_t seq = is_one ? v->s->seq : 0;

	return settle_guesses(v, k, is_one, seq, seq, GUESSES + 1, 0);
}

/* ---- data ---- */

/* Two captures of one path may disagree about the order by so much. */
#define SPRAY_MIN (10 * MILLISECOND)

static bool guessed_data(const struct view *v)
{
	return v->guessed && intact(v, EV_GAP | EV_RETRANSMIT | EV_ACK_UNSEEN);
}

/*
 * What was beyond the window is within it now: the capture has the ACK that opened the window after the data.
 * Bit i of `end`: the i-th was a guess of where the window is.
 */
static void forget_allowed(const struct view *v, struct candidate *k)
{
	const struct endpoint *X = &v->c->end[k->sender], *Y = &v->c->end[other((enum side)k->sender)];
	const uint32_t beyond = k->end;
	unsigned kept = 0;

	k->end = 0;
	for (unsigned i = 0; i < k->draft.frames; i++) {
		const struct mark m = { k->draft.number[i], k->draft.frame[i] };
		const uint32_t guess = *guess_at(k, i);

		if (v->now - m.ts > GUESS_WINDOW ||
		    (beyond >> i & 1 && seq_gt(guess, X->isn) && seq_le(guess, Y->redge)))
			continue;
		k->end |= (beyond >> i & 1) << kept;
		set_guess(k, kept++, guess, m);
	}
	k->draft.frames = (uint8_t)kept;
}

/* So many are kept that one more decides, and that ACK may be still to come. */
static bool too_soon(const struct candidate *k, int64_t now)
{
	for (unsigned i = 0; i < k->draft.frames; i++)
		if (now - k->draft.number[i] > SPRAY_MIN)
			return false;
	return k->draft.frames == GUESSES;
}

bool rule_blind_injection(const struct view *v, struct draft *d)
{
	return guessed_data(v) && first_guess(v, d);
}

/* A stream goes on where it stopped, and is one guess: whoever knows its numbers does not spray. */
enum outcome settle_blind_injection(const struct view *v, struct candidate *k)
{
	bool is_one = guessed_data(v);

	if (is_one && k->opened == v->now && v->s->frame == k->draft.frame[0])
		k->end = 0; /* the one that opened it */
	forget_allowed(v, k);
	if (is_one && too_soon(k, v->now))
		is_one = false;
	const enum outcome o =
		settle_guesses(v, k, is_one, is_one ? v->end : 0, is_one ? v->s->seq : 0, GUESSES + 1, 0);

	for (unsigned i = 0; o == WAIT && is_one && i < k->draft.frames; i++)
		if (k->draft.frame[i] == v->s->frame)
			k->end = (k->end & ~(1u << i)) | (unsigned)v->beyond << i;
	return o;
}

/* ---- challenge ACKs ---- */

/* RFC 5961, 7: "in any 5 second window, no more than 10 challenge ACKs". */
#define CHALLENGE_WINDOW 5
#define CHALLENGE_LIMIT  10

bool rule_challenge_ack_flood(const struct view *v, struct draft *d)
{
	return rule_challenge_ack(v, d);
}

/*
 * Those of each of the last five seconds, the latest in the lowest six bits of number[0]; number[1] is which second
 * that is.  Whole seconds, of which the latest has just begun: never more than came within five seconds.
 */
static unsigned count_challenge(struct candidate *k, int64_t ts)
{
	const uint32_t second = ts > k->opened ? (uint32_t)((ts - k->opened) / SECOND) : 0;
	const uint32_t gone = second - k->number[1];
	uint32_t counts = gone < CHALLENGE_WINDOW ? k->number[0] << 6 * gone & 0x3fffffff : 0;
	unsigned sum = 0;

	counts += (counts & 63) < 63;
	k->number[0] = counts;
	k->number[1] = second;
	for (; counts; counts >>= 6)
		sum += counts & 63;
	return sum;
}

enum outcome settle_challenge_ack_flood(const struct view *v, struct candidate *k)
{
	struct draft unused = { 0 };

	if (v->s && v->x == (enum side)k->sender && rule_challenge_ack(v, &unused)) {
		const unsigned n = count_challenge(k, v->s->ts);

		k->deadline = v->now + CHALLENGE_WINDOW * SECOND;
		if (n > CHALLENGE_LIMIT) {
			draft_frame(&k->draft, mark_of(v->s));
			k->draft.number[0] = n;
			return REFUTED;
		}
	}
	return v->releasing || v->now >= k->deadline ? DISMISSED : WAIT;
}
