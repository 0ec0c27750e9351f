#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "relay.h"
#include "stretch.h"

/* Stretches that may be under way at once: one is being filled, others are worked on. */
#define STRETCHES 16
/* Who sleeps is woken for so many of them: there are enough left that nobody waits until it is awake. */
#define WORTH_WAKING (STRETCHES / 2)

struct shard {
	struct engine engine;
	struct relay relay;
	struct tcplint_counters counters;
	/* as of struct relay */
	alignas(LINE) struct shards *all;
	pthread_t thread;
	bool running;
	struct bell work; /* rings when stretches are published */
	alignas(LINE) _Atomic uint64_t evicted; /* is looked at all the time, and seldom changes */
	/* for the thread that hears */
	unsigned foreseen; /* messages that were asked for */
};

struct shards {
	unsigned n;
	struct shard *shard;
	struct stretch *stretch; /* STRETCHES of them */
	alignas(LINE) _Atomic uint64_t published;
	/* for the thread that hears */
	alignas(LINE) uint64_t heard;
	uint64_t asked; /* stretches of which all has come, and has been asked for */
};

/* ---- on the threads of the engines ---- */

struct await {
	const struct shards *all;
	uint64_t done;
};

static bool has_work(const void *what)
{
	const struct await *a = what;

	return atomic_load_explicit(&a->all->published, memory_order_acquire) > a->done;
}

/* What one engine takes of a stretch: some of the frames, or all of them. */
struct share {
	const struct stretch *of;
	const uint16_t *mine; /* null: all */
	uint32_t count;
};

static struct share share_of(const struct shard *s, const struct stretch *x)
{
	const unsigned number = (unsigned)(s - s->all->shard);

	return s->all->n == 1 ? (struct share){ .of = x, .count = x->n } :
				(struct share){ .of = x, .mine = x->mine[number], .count = x->count[number] };
}

static uint32_t share_frame(const struct share *x, uint32_t i)
{
	return x->mine ? x->mine[i] : i;
}

/* At most AHEAD of them are looked at together. */
static uint32_t share_end(const struct share *x, uint32_t from)
{
	return x->count - from < AHEAD ? x->count : from + AHEAD;
}

/* Ask for frames that come later. */
static void ask_for(const struct share *x, uint32_t from, uint32_t end)
{
	for (uint32_t i = from; i < end; i++)
		stretch_ask(x->of, share_frame(x, i));
}

/* The places of some frames; ask for what those need. */
static void look_ahead(struct ahead *a, struct engine_place *p, const struct engine *en, const struct share *x,
		       uint32_t from, uint32_t end)
{
	ahead_begin(a);
	for (uint32_t i = from; i < end; i++, p++) {
		const uint32_t frame = share_frame(x, i);
		const struct waiting *w = stretch_frame(x->of, frame);

		if (waiting_has_place(w))
			stretch_get_place(x->of, frame, p, en->flows.with_vlan);
		if (w->result == DECODE_SEGMENT)
			ahead_add(a, &en->flows, &w->segment, w->hash);
	}
	ahead_prefetch(a, &en->flows, &en->wheel, NULL);
}

static void take(struct shard *s, const struct share *x)
{
	struct engine_place place[AHEAD];
	struct ahead a;
	uint32_t end;

	ask_for(x, 0, share_end(x, 0));
	for (uint32_t from = 0; from < x->count; from = end) {
		end = share_end(x, from);
		ask_for(x, end, share_end(x, end));
		look_ahead(&a, place, &s->engine, x, from, end);
		for (uint32_t i = from; i < end; i++) {
			const uint32_t frame = share_frame(x, i);
			const int64_t now = stretch_now(x->of, frame);

			relay_frame(&s->relay, frame);
			waiting_take(stretch_frame(x->of, frame), &place[i - from], now, &s->engine, &a);
			relay_past(&s->relay);
		}
	}
}

static void work_on(struct shard *s, const struct stretch *x)
{
	struct engine *en = &s->engine;
	const struct share share = share_of(s, x);

	relay_begin(&s->relay, x->now, x->n);
	if (x->n && stretch_frame(x, 0)->turned)
		engine_turn_back(en, x->now[0]);
	take(s, &share);
	/* what is due by the last frame; what that frame has made due waits for the next */
	if (x->n && (!share.count || share_frame(&share, share.count - 1) != x->n - 1))
		engine_tick(en, x->now[x->n - 1]);
	if (x->end == STRETCH_DRAIN || x->end == STRETCH_INTERRUPTED)
		engine_drain(en, x->end == STRETCH_INTERRUPTED);
	relay_end(&s->relay);
}

static void *run(void *user)
{
	struct shard *s = user;
	struct shards *all = s->all;
	uint64_t done = 0, evicted = 0;

	for (;; done++) {
		const struct await await = { all, done };

		bell_wait(&s->work, has_work, &await, done + WORTH_WAKING);
		const struct stretch *x = &all->stretch[done % STRETCHES];

		if (x->end == STRETCH_STOP)
			return NULL;
		work_on(s, x);
		if (UNLIKELY(s->counters.evicted != evicted)) {
			evicted = s->counters.evicted;
			atomic_store_explicit(&s->evicted, evicted, memory_order_relaxed);
		}
	}
}

/* ---- on the thread that feeds them ---- */

static struct stretch *filling(const struct shards *x)
{
	return &x->stretch[atomic_load_explicit(&x->published, memory_order_relaxed) % STRETCHES];
}

static void publish(struct shards *x, enum stretch_end end)
{
	filling(x)->end = end;
	LINES_ARE_OUT();
	const uint64_t published = atomic_fetch_add_explicit(&x->published, 1, memory_order_release) + 1;

	for (unsigned i = 0; i < x->n; i++)
		if (LIKELY(x->shard[i].running))
			bell_ring(&x->shard[i].work, published);
}

/* Whoever sleeps works on what is published, if it is only a little. */
static void wake_all(struct shards *x)
{
	for (unsigned i = 0; i < x->n; i++)
		if (x->shard[i].running)
			bell_ring(&x->shard[i].work, BELL_NOW);
}

/*
 * What one engine tells next, and those behind it when they have not been asked for yet; `ended`: as of relay_peek().
 */
static struct told *next_of(struct shard *s, const struct stage *st, const struct stretch *x, struct told_place *place,
			    uint64_t ended)
{
	const struct told *messages[STAGE_AHEAD];
	struct told *t = relay_peek(&s->relay, x->now, place, ended);

	if (!t)
		return NULL;
	if (!s->foreseen) {
		s->foreseen = relay_look(&s->relay, messages, STAGE_AHEAD);
		stage_look_ahead(st, messages, s->foreseen);
	}
	s->foreseen--;
	return t;
}

/*
 * What the engines tell of the oldest stretch, in order; `ended`: waiting for them, so many stretches are waited for at
 * once.
 */
static void hear_stretch(struct shards *x, struct stage *st, uint64_t ended)
{
	const struct stretch *of = &x->stretch[x->heard % STRETCHES];
	struct told *next[SHARDS_MAX];
	struct told_place place[SHARDS_MAX];

	for (unsigned i = 0; i < x->n; i++)
		next[i] = next_of(&x->shard[i], st, of, &place[i], ended);
	for (;;) {
		unsigned first = 0;

		for (unsigned i = 1; i < x->n; i++)
			if (relay_before(&place[i], &place[first]))
				first = i;
		if (!next[first])
			break;
		stage_hear(st, next[first], place[first].now);
		relay_next(&x->shard[first].relay);
		next[first] = next_of(&x->shard[first], st, of, &place[first], ended);
	}
	for (unsigned i = 0; i < x->n; i++)
		relay_next(&x->shard[i].relay);
	x->heard++;
}

/* What was told meanwhile is another processor's: ask for it, to hear it the next time. */
static void ask_for_news(struct shards *x)
{
	x->asked = UINT64_MAX;
	for (unsigned i = 0; i < x->n; i++) {
		const uint64_t ended = relay_ended(&x->shard[i].relay);

		x->asked = ended < x->asked ? ended : x->asked;
		relay_ask(&x->shard[i].relay);
	}
}

static void begin_stretch(struct shards *x, struct stage *st)
{
	const uint64_t published = atomic_load_explicit(&x->published, memory_order_relaxed);

	while (published - x->heard >= STRETCHES || x->heard < x->asked)
		hear_stretch(x, st, published - STRETCHES + WORTH_WAKING);
	ask_for_news(x);
	stretch_clear(filling(x));
}

static void hand_out(struct shards *x, struct stage *st, enum stretch_end end)
{
	publish(x, end);
	begin_stretch(x, st);
}

static void assign(struct stretch *at, unsigned shards, uint64_t hash)
{
	const unsigned owner = (unsigned)((hash & UINT32_MAX) * shards >> 32);

	at->mine[owner][at->count[owner]++] = (uint16_t)at->n;
}

void shards_add(struct shards *x, struct stage *st, struct waiting *w, const struct engine_place *p, int64_t now)
{
	if (UNLIKELY(w->turned) && filling(x)->n)
		hand_out(x, st, STRETCH_GOES_ON);
	struct stretch *at = filling(x);

	if (x->n > 1 && waiting_has_place(w))
		assign(at, x->n, p->hash);
	stretch_add(at, w, p, now);
	if (at->n == STRETCH)
		hand_out(x, st, STRETCH_GOES_ON);
}

void shards_tick(struct shards *x, struct stage *st, int64_t now)
{
	struct waiting nothing = { .result = DECODE_COUNT };

	shards_add(x, st, &nothing, NULL, now);
	shards_flush(x, st);
}

static void hear_all(struct shards *x, struct stage *st)
{
	const uint64_t published = atomic_load_explicit(&x->published, memory_order_relaxed);

	wake_all(x);
	while (published != x->heard)
		hear_stretch(x, st, published);
}

void shards_flush(struct shards *x, struct stage *st)
{
	if (filling(x)->n)
		hand_out(x, st, STRETCH_GOES_ON);
	hear_all(x, st);
}

void shards_drain(struct shards *x, struct stage *st, bool interrupted)
{
	hand_out(x, st, interrupted ? STRETCH_INTERRUPTED : STRETCH_DRAIN);
	hear_all(x, st);
}

/* ---- totals ---- */

uint64_t shards_evicted(const struct shards *x)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < x->n; i++)
		n += atomic_load_explicit(&x->shard[i].evicted, memory_order_relaxed);
	return n;
}

static void add(uint64_t *to, const uint64_t *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] += from[i];
}

void shards_count(const struct shards *x, struct tcplint_counters *sum)
{
	for (unsigned i = 0; i < x->n; i++) {
		const struct engine *en = &x->shard[i].engine;
		const struct tcplint_counters *c = &x->shard[i].counters;

		sum->segments += c->segments;
		sum->icmp_errors += c->icmp_errors;
		sum->connections += c->connections;
		sum->evicted += c->evicted;
		sum->pool_exhausted += en->exhausted + en->holes.exhausted;
		sum->findings_below_threshold += c->findings_below_threshold;
		add(sum->handshake, c->handshake, TCPLINT_JUDGEMENT_COUNT);
		add(sum->teardown, c->teardown, TCPLINT_JUDGEMENT_COUNT);
		add(sum->end, c->end, TCPLINT_END_COUNT);
		add(sum->origin, c->origin, TCPLINT_ORIGIN_COUNT);
		sum->checksum_bad += c->checksum_bad;
		sum->checksum_offload += c->checksum_offload;
		sum->truncated += c->truncated;
		sum->duplicates += c->duplicates;
		sum->reordered += c->reordered;
		sum->capture_loss += c->capture_loss;
	}
}

uint64_t shards_hits(const struct shards *x, unsigned rule)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < x->n; i++)
		n += x->shard[i].engine.hits[rule];
	return n;
}

uint64_t shards_memory(const struct shards *x)
{
	return x->n * (engine_memory(&x->shard[0].engine) + RELAY_MEMORY) + STRETCHES * sizeof(struct stretch);
}

struct engine *shards_engine(struct shards *x, unsigned i)
{
	return &x->shard[i].engine;
}

/* ---- from beginning to end ---- */

/* Signals are for the thread that feeds the frames. */
static bool start(struct shard *s, struct error *e)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int why = pthread_create(&s->thread, NULL, run, s);

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->running = !why;
	return s->running || fail(e, "cannot start a thread: %s", strerror(why));
}

static bool open_shard(struct shards *x, unsigned i, const struct tcplint_options *o, const struct ear *ear,
		       const struct rule_index *rules, uint32_t connections, struct error *e)
{
	struct shard *s = &x->shard[i];
	struct tcplint_options own = *o;
	struct ear to = *ear;

	if (i) /* all of them find a connection's place alike */
		memcpy(own.hash_key, &x->shard[0].engine.flows.key, sizeof(own.hash_key));
	to.room = relay_room;
	to.hear = relay_hear;
	to.user = &s->relay;
	s->all = x;
	bell_init(&s->work);
	if (!engine_init(&s->engine, &own, &to, rules, &s->counters, connections, e) ||
	    !relay_init(&s->relay, &s->engine, e))
		return false;
	s->engine.shard = (uint8_t)i;
	return true;
}

static bool open_all(struct shards *x, const struct tcplint_options *o, const struct ear *ear,
		     const struct rule_index *rules, uint32_t connections, struct error *e)
{
	bool good = true;

	for (unsigned i = 0; i < x->n && good; i++)
		good = open_shard(x, i, o, ear, rules, connections, e);
	for (unsigned i = 0; i < x->n && good; i++)
		good = start(&x->shard[i], e);
	return good;
}

struct shards *shards_create(unsigned n, const struct tcplint_options *o, const struct ear *ear,
			     const struct rule_index *rules, uint32_t connections, struct error *e)
{
	struct shards *x = aligned_alloc(alignof(struct shards), sizeof(*x));

	assert(n && n <= SHARDS_MAX);
	if (x) {
		*x = (struct shards){ .n = n };
		x->shard = aligned_alloc(64, n * sizeof(*x->shard));
		x->stretch = aligned_alloc(alignof(struct stretch), STRETCHES * sizeof(*x->stretch));
	}
	if (!x || !x->shard || !x->stretch) {
		fail(e, "no memory for engines");
		shards_destroy(x);
		return NULL;
	}
	memset(x->shard, 0, n * sizeof(*x->shard));
	stretch_clear(filling(x));
	if (open_all(x, o, ear, rules, connections, e))
		return x;
	shards_destroy(x);
	return NULL;
}

/* What the engines tell of the oldest stretch is told to nobody. */
static void discard_stretch(struct shards *x)
{
	const struct stretch *of = &x->stretch[x->heard % STRETCHES];
	struct told_place place;

	for (unsigned i = 0; i < x->n; i++) {
		struct relay *r = &x->shard[i].relay;

		while (relay_peek(r, of->now, &place, 0))
			relay_next(r);
		relay_next(r);
	}
	x->heard++;
}

/*
 * What is under way is worked on first: an engine that waits for room in its ring would never hear that it should stop.
 */
static void stop_threads(struct shards *x)
{
	wake_all(x);
	while (atomic_load_explicit(&x->published, memory_order_relaxed) != x->heard)
		discard_stretch(x);
	publish(x, STRETCH_STOP);
	wake_all(x);
	for (unsigned i = 0; i < x->n; i++)
		if (x->shard[i].running)
			pthread_join(x->shard[i].thread, NULL);
}

void shards_destroy(struct shards *x)
{
	if (!x)
		return;
	if (x->shard && x->stretch)
		stop_threads(x);
	for (unsigned i = 0; x->shard && i < x->n; i++) {
		struct shard *s = &x->shard[i];

		engine_finish(&s->engine);
		relay_finish(&s->relay);
		if (s->all)
			bell_finish(&s->work);
	}
	free(x->stretch);
	free(x->shard);
	free(x);
}
