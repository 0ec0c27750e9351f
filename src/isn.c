#include "isn.h"

#define CIRCLE 4294967296.0 /* 2^32 */
#define SECOND INT64_C(1000000000)

/* From `b` to `a`, however far apart a broken clock has put them. */
static int64_t span(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

bool isn_look_at(unsigned n)
{
	static const uint8_t looks[] = { 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48, 64 };

	for (unsigned i = 0; i < sizeof(looks); i++)
		if (looks[i] == n)
			return true;
	return n == 3; /* isn_constant alone: p = 2^-64 */
}

int isn_exponent(double p)
{
	int digits = 0;

	for (; p < 1 && digits < 300; p *= 10)
		digits++;
	return digits ? digits - 1 : 0;
}

static double power(double x, unsigned n)
{
	double out = 1;

	while (n--)
		out *= x;
	return out;
}

/* At most ISN_KEPT numbers: Shell's method, without qsort()'s calls. */
static void sort(uint32_t *x, unsigned n)
{
	static const unsigned gaps[] = { 23, 10, 4, 1 };

	for (unsigned g = 0; g < sizeof(gaps) / sizeof(*gaps); g++)
		for (unsigned i = gaps[g]; i < n; i++) {
			const uint32_t v = x[i];
			unsigned j = i;

			for (; j >= gaps[g] && x[j - gaps[g]] > v; j -= gaps[g])
				x[j] = x[j - gaps[g]];
			x[j] = v;
		}
}

double isn_arc(uint32_t *x, unsigned n, uint32_t *first)
{
	uint64_t widest;
	unsigned after = 0; /* the widest gap ends here */

	sort(x, n);
	widest = (UINT64_C(1) << 32) - (x[n - 1] - x[0]);
	for (unsigned i = 1; i < n; i++)
		if (x[i] - x[i - 1] > widest) {
			widest = x[i] - x[i - 1];
			after = i;
		}
	*first = x[after];
	return (CIRCLE - (double)widest + 1) / CIRCLE;
}

/* The probability that n numbers lie in some arc of fraction w: exact up to a half, useless beyond. */
static double arc_probability(double w, unsigned n)
{
	const double p = w <= 0.5 ? n * power(w, n - 1) : 1;

	return p < 1 ? p : 1;
}

/*
 * Whether a number and those before it lie so far apart that `tests` times arc_probability() cannot be below ISN_ALPHA.
 * Random ones show that with the second or third of them.
 */
struct spread {
	int64_t least, most; /* of the distances from the first number */
	int64_t limit;       /* of their difference */
};

/* Halved until it is so far: each time, arc_probability() is that of the arc before by 2^(n - 1). */
static struct spread spread_of(unsigned n, unsigned tests)
{
	const double half = power(0.5, n - 1);
	double w = 0.5;

	for (double p = tests * arc_probability(w, n) * half; p >= ISN_ALPHA; p *= half)
		w /= 2;
	return (struct spread){ .limit = (int64_t)(w * CIRCLE) - 1 };
}

static bool too_far(struct spread *a, uint32_t distance)
{
	const int64_t d = (int32_t)distance;

	a->least = d < a->least ? d : a->least;
	a->most = d > a->most ? d : a->most;
	return a->most - a->least > a->limit;
}

static void fails(struct isn_verdict *v, enum isn_test t, double p)
{
	if (!(v->asked & 1u << t))
		return;
	if (!v->failed) {
		v->test = t;
		v->p = p;
	}
	v->failed |= 1u << t;
}

#define PRINTS 16 /* words: a bit for each value of the lowest ten */

/* Whether some number that was noted before has these lowest bits. */
static bool note(uint64_t prints[PRINTS], uint32_t isn)
{
	uint64_t *word = &prints[isn / 64 % PRINTS];
	const uint64_t bit = UINT64_C(1) << isn % 64;
	const bool before = *word & bit;

	*word |= bit;
	return before;
}

static unsigned count_distinct(const struct isn_sample *s, unsigned n, struct isn_verdict *v)
{
	uint64_t prints[PRINTS] = { 0 };
	unsigned distinct = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned j = 0;

		if (!note(prints, s[i].isn)) { /* so it goes with nearly all of them */
			distinct++;
			continue;
		}

		while (j < i && s[j].isn != s[i].isn)
			j++;
		distinct += j == i;
		if (j < i) {
			v->value = s[i].isn;
			v->a = j;
			v->b = i;
		}
	}
	return distinct;
}

static unsigned count_peers(const struct isn_sample *s, unsigned n)
{
	unsigned peers = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned j = 0;

		while (j < i && s[j].peer != s[i].peer)
			j++;
		peers += j == i;
	}
	return peers;
}

static void test_constant(const struct isn_sample *s, unsigned n, struct isn_verdict *v)
{
	if (n < 3 || v->distinct > 1)
		return;
	/* a clock that ticks slowly, and a secret function of the two addresses only, give one peer the same number */
	if (span(s[n - 1].ts, s[0].ts) < SECOND && count_peers(s, n) < 2)
		return;
	fails(v, ISN_CONSTANT, power(1 / CIRCLE, n - 1));
}

static void test_increment(const struct isn_sample *s, unsigned n, struct isn_verdict *v)
{
	uint32_t d[ISN_KEPT], first;
	struct spread spread = spread_of(n - 1, 1);

	for (unsigned i = 1; i < n; i++) {
		d[i - 1] = s[i].isn - s[i - 1].isn;
		if (too_far(&spread, d[i - 1] - d[0]))
			return;
	}
	const double p = arc_probability(isn_arc(d, n - 1, &first), n - 1);

	if (p >= ISN_ALPHA)
		return;
	if (!v->failed) {
		v->low = first;
		v->high = first;
		for (unsigned i = 0; i + 1 < n; i++)
			if (d[i] - first > v->high - first)
				v->high = d[i];
		v->predicted = true;
		v->expected = s[n - 2].isn + first;
	}
	fails(v, ISN_FIXED_INCREMENT, p);
}

struct elapsed {
	uint64_t seconds, ns;
};

static struct elapsed elapsed(int64_t ns)
{
	return (struct elapsed){ (uint64_t)(ns / SECOND), (uint64_t)(ns % SECOND) };
}

/* What a clock of `rate` ticks a second counts in that time, modulo 2^32. */
static uint32_t ticks(uint32_t rate, struct elapsed t)
{
	return (uint32_t)(t.seconds * rate + t.ns * rate / (uint64_t)SECOND);
}

static const uint32_t rates[] = { 0, 64000, 125000, 128000, 250000, 256000, 1000000, 1048576, 15625000 };

#define RATES (sizeof(rates) / sizeof(*rates))

static void test_rates(const struct isn_sample *s, unsigned n, struct isn_verdict *v)
{
	double best = 1;
	unsigned which = 0;
	uint32_t begin = 0;
	const struct spread none = spread_of(n, RATES);
	struct elapsed at[ISN_KEPT];
	unsigned known = 1; /* of those: the first few are enough for most numbers */

	for (unsigned k = 0; k < RATES; k++) {
		uint32_t y[ISN_KEPT], first;
		struct spread spread = none;
		unsigned i = 1;

		y[0] = s[0].isn;
		for (; i < n; i++) {
			if (i == known)
				at[known++] = elapsed(span(s[i].ts, s[0].ts));
			y[i] = s[i].isn - ticks(rates[k], at[i]);
			if (too_far(&spread, y[i] - y[0]))
				break;
		}
		if (i < n)
			continue;
		const double w = isn_arc(y, n, &first);

		if (w < best) {
			best = w;
			which = k;
			begin = first;
		}
	}
	const double p = RATES * arc_probability(best, n);

	if (p >= ISN_ALPHA)
		return;
	if (!v->failed) {
		v->rate = rates[which];
		v->predicted = true;
		v->expected = begin + ticks(rates[which], elapsed(span(s[n - 1].ts, s[0].ts)));
	}
	fails(v, ISN_CLOCK, p);
}

/* At least k hits of m, each with probability 2^-7. */
static double binomial_tail(unsigned m, unsigned k)
{
	const double q = 1.0 / 128;
	double term = power(1 - q, m), out = 0;

	for (unsigned i = 0; i <= m; i++) {
		if (i >= k)
			out += term;
		term = term * (m - i) / (i + 1) * q / (1 - q);
	}
	return out;
}

static int64_t us_between(const struct isn_sample *a)
{
	return span(a[1].ts, a[0].ts) / 1000;
}

/* The number after a[1], from the two and the times before and after it; false when the times do not say. */
static bool predict(const struct isn_sample *a, int64_t before, int64_t after, uint32_t *out)
{
	const int64_t hour = INT64_C(3600000000);
	const int32_t delta = (int32_t)(a[1].isn - a[0].isn);

	if (before <= 0 || after < 0 || before > hour || after > hour)
		return false;
	*out = a[1].isn + (uint32_t)(uint64_t)(delta * after / before);
	return true;
}

#define HITS_MIN 3

static void test_prediction(const struct isn_sample *s, unsigned n, struct isn_verdict *v)
{
	const uint32_t reach = 1u << 24;
	unsigned tried = 0, hit = 0;
	uint32_t guess = 0;
	int64_t before, after = us_between(s);

	for (unsigned i = 0; i + 2 < n; i++) {
		if (hit + (n - 2 - i) < HITS_MIN) /* so it goes with random numbers */
			return;
		before = after;
		after = us_between(s + i + 1);
		if (!predict(s + i, before, after, &guess))
			continue;
		tried++;
		hit += s[i + 2].isn - guess + reach < 2 * reach;
	}
	if (hit < HITS_MIN)
		return;
	const double p = binomial_tail(tried, hit);

	if (p >= ISN_ALPHA)
		return;
	if (!v->failed) {
		const int64_t us = span(s[n - 1].ts, s[0].ts) / 1000;
		const int64_t grown = (int32_t)(s[n - 1].isn - s[0].isn);

		v->rate = us > 0 ? grown * 1000000 / us : 0;
		v->predicted = predict(s + n - 3, us_between(s + n - 3), us_between(s + n - 2), &v->expected);
	}
	fails(v, ISN_CLOCK, p);
}

/* ---- what the numbers have in common ---- */

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		const uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The chance that m differences have a common divisor of g or more is at most the sum of k^-m over k >= g. */
static void test_divisor(const struct isn_sample *s, unsigned n, struct isn_verdict *v)
{
	const unsigned m = n - 1;
	uint32_t g = 0;

	for (unsigned i = 1; i < n && g != 1; i++)
		g = common_divisor(s[i].isn > s[0].isn ? s[i].isn - s[0].isn : s[0].isn - s[i].isn, g);
	if (g < 2)
		return;
	const double p = power(1.0 / g, m) + power(1.0 / g, m - 1) / (m - 1);

	if (p >= ISN_ALPHA)
		return;
	v->divisor = g;
	fails(v, ISN_COMMON_DIVISOR, p);
}

/* With fewer numbers not even a bit that is always the same is unlikely enough. */
#define BITS_MIN   26
#define BITS_ALPHA (1e-6 / 4) /* looked at with 32, 48 and 64 numbers, and at the end */
#define COOKIE_TIME (600 * SECOND)

/* At most `k` of n, or at least n - k, where both are as likely. */
static double fair_tails(unsigned n, unsigned k)
{
	double term = power(0.5, n), out = 0;

	for (unsigned i = 0; i <= k && 2 * i < n; i++) {
		out += term;
		term = term * (n - i) / (i + 1);
	}
	return 2 * out;
}

static void test_bits(const struct isn_sample *s, unsigned n, struct isn_verdict *v)
{
	unsigned ones[32] = { 0 }, which = 0, least = n;

	for (unsigned i = 0; i < n; i++)
		for (unsigned bit = 0; bit < 32; bit++)
			ones[bit] += (s[i].isn & UINT32_C(1) << bit) != 0;
	for (unsigned bit = 0; bit < 32; bit++) {
		const unsigned rare = ones[bit] < n - ones[bit] ? ones[bit] : n - ones[bit];

		if (rare < least) {
			least = rare;
			which = bit;
		}
	}
	const double p = 32 * fair_tails(n, least);

	if (p >= BITS_ALPHA)
		return;
	v->bit = (uint8_t)which;
	v->ones = (uint8_t)ones[which];
	fails(v, ISN_BIT_BIAS, p);
}

/* RFC 9293, 3.4.3.  One in 2^32 is zero by chance. */
static void test_zero(const struct isn_sample *s, unsigned n, bool last, struct isn_verdict *v)
{
	unsigned zeros = 0, a = 0, b = 0;

	for (unsigned i = 0; i < n; i++)
		if (!s[i].isn) {
			a = zeros++ ? a : i;
			b = i;
		}
	if (!zeros || (zeros < 2 && !last))
		return;
	v->zeros = (uint8_t)zeros;
	v->zero[0] = (uint8_t)a;
	v->zero[1] = (uint8_t)b;
	fails(v, ISN_ZERO, zeros > 1 ? (double)n * (n - 1) / 2 / (CIRCLE * CIRCLE) : n / CIRCLE);
}

static void test_repeated(unsigned n, struct isn_verdict *v)
{
	const unsigned c = n - v->distinct;
	const double lambda = (double)n * (n - 1) / (2 * CIRCLE);
	double p = 1;

	for (unsigned i = 1; i <= c; i++)
		p *= lambda / i;
	if (c && p < 1e-6) /* one look only: when the first repetition is settled */
		fails(v, ISN_REPEATED, p);
}

struct isn_verdict isn_judge(const struct isn_sample *s, unsigned n, bool settle, bool last, bool passive,
			     unsigned asked)
{
	struct isn_verdict v = { .n = n, .asked = asked };
	bool forward = true;

	if (n < 1 || n > ISN_KEPT)
		return v;
	v.distinct = count_distinct(s, n, &v);
	for (unsigned i = 1; i < n; i++)
		forward = forward && s[i].ts >= s[i - 1].ts;
	test_constant(s, n, &v);
	if (n >= 4 && asked & 1u << ISN_FIXED_INCREMENT)
		test_increment(s, n, &v);
	if (n >= 4 && forward && asked & 1u << ISN_CLOCK) {
		test_rates(s, n, &v);
		if (!(v.failed & 1u << ISN_CLOCK))
			test_prediction(s, n, &v);
	}
	if (n >= 5 && v.distinct > 1 && asked & 1u << ISN_COMMON_DIVISOR)
		test_divisor(s, n, &v);
	if (n >= BITS_MIN && asked & 1u << ISN_BIT_BIAS && !(passive && span(s[n - 1].ts, s[0].ts) < COOKIE_TIME))
		test_bits(s, n, &v);
	if (settle) {
		test_zero(s, n, last, &v);
		test_repeated(n, &v);
	}
	return v;
}
