#include "ports.h"

#define NEAR  8
#define RANGE 28232 /* ports of the smallest range that systems draw from: 32768 to 60999 */
#define ALPHA (1e-6 / 4) /* looked at three times at most */

static double power(double x, unsigned n)
{
	double out = 1;

	while (n--)
		out *= x;
	return out;
}

/* At least k of m, each with the chance NEAR / RANGE. */
static double tail(unsigned m, unsigned k)
{
	const double q = (double)NEAR / RANGE;
	double term = power(1 - q, m), out = 0;

	for (unsigned i = 0; i <= m; i++) {
		if (i >= k)
			out += term;
		term = term * (m - i) / (i + 1) * q / (1 - q);
	}
	return out;
}

static bool seen_before(const struct port_sample *s, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (s[j].peer == s[i].peer)
			return true;
	return false;
}

bool ports_judge(const struct port_sample *s, unsigned n, struct port_verdict *out)
{
	*out = (struct port_verdict){ .p = 1 };
	for (unsigned i = 1; i < n; i++) {
		const unsigned step = (uint16_t)(s[i].port - s[i - 1].port);

		if (seen_before(s, i))
			continue;
		out->pairs++;
		if (step >= 1 && step <= NEAR) {
			out->close++;
			out->last = i;
		}
	}
	if (out->pairs < PORTS_MIN)
		return false;
	out->p = tail(out->pairs, out->close);
	return out->p < ALPHA;
}
