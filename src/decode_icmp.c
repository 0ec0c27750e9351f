/*
 * ICMP and ICMPv6 errors, for the segment that they quote.
 *
 * A quote ends early by design; its IP header still says how long the packet was.
 */
#include "decode_private.h"

static enum next quote(struct walk *w, const uint8_t *p, enum next next)
{
	w->quoting = true;
	w->summed = false;
	w->s->quoted = true;
	w->s->icmp_type = p[0];
	w->s->icmp_code = p[1];
	return next;
}

enum next parse_icmp(struct walk *w)
{
	enum { UNREACHABLE = 3, TIME_EXCEEDED = 11, PARAMETER_PROBLEM = 12 };
	const uint8_t *p = cursor_take(&w->c, 8);

	if (!p)
		return stop_fault(w, DECODE_not_tcp);
	if (p[0] != UNREACHABLE && p[0] != TIME_EXCEEDED && p[0] != PARAMETER_PROBLEM)
		return stop(w, DECODE_not_tcp);
	return quote(w, p, NEXT_ipv4);
}

enum next parse_icmpv6(struct walk *w)
{
	enum { UNREACHABLE = 1, PARAMETER_PROBLEM = 4 }; /* 2 and 3: too big, time exceeded */
	const uint8_t *p = cursor_take(&w->c, 8);

	if (!p)
		return stop_fault(w, DECODE_not_tcp);
	if (p[0] < UNREACHABLE || p[0] > PARAMETER_PROBLEM)
		return stop(w, DECODE_not_tcp);
	return quote(w, p, NEXT_ipv6);
}
