/* Times, addresses and clauses as people and programs read them.  Integer arithmetic; no locale, no time zone. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"
#include "report_private.h"

#define NS_PER_SECOND   INT64_C(1000000000)
#define SECONDS_PER_DAY INT64_C(86400)
#define WHOLE_SECONDS   20 /* characters up to the point */

struct date {
	int64_t year;
	unsigned month, day;
};

/*
 * The Gregorian calendar in eras of 400 years, 146097 days each.  Years begin in March, so that the
 * leap day is the last of its year; 719468 days lie between 0000-03-01 and 1970-01-01.
 */
static struct date date_of(int64_t days)
{
	const int64_t shifted = days + 719468;
	const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	const unsigned of_era = (unsigned)(shifted - era * 146097);
	const unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	const unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	const unsigned month = (5 * of_year + 2) / 153; /* 0 is March; five months have 153 days */

	return (struct date){
		.year = year + era * 400 + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = of_year - (153 * month + 2) / 5 + 1,
	};
}

/* Two digits at a time: there are half as many divisions. */
static const char pairs[] =
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
	"5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static void pair(char *out, uint64_t n)
{
	memcpy(out, pairs + 2 * n, 2);
}

static char *digits(char *out, uint32_t n, unsigned width)
{
	unsigned i = width;

	for (; i >= 2; n /= 100)
		pair(out + (i -= 2), n % 100);
	if (i)
		*out = (char)('0' + n % 10);
	return out + width;
}

/* 64 bits of nanoseconds reach from 1677 to 2262: the year always has four digits. */
const char *format_time(int64_t ts, char out[TIME_SIZE])
{
	int64_t seconds = ts / NS_PER_SECOND, ns = ts % NS_PER_SECOND, days;
	struct date d;
	char *at = out;

	if (ns < 0) {
		ns += NS_PER_SECOND;
		seconds--;
	}
	days = (seconds >= 0 ? seconds : seconds - (SECONDS_PER_DAY - 1)) / SECONDS_PER_DAY;
	seconds -= days * SECONDS_PER_DAY;
	d = date_of(days);
	at = digits(at, (uint32_t)d.year, 4);
	*at++ = '-';
	at = digits(at, d.month, 2);
	*at++ = '-';
	at = digits(at, d.day, 2);
	*at++ = 'T';
	at = digits(at, (uint32_t)(seconds / 3600), 2);
	*at++ = ':';
	at = digits(at, (uint32_t)(seconds / 60 % 60), 2);
	*at++ = ':';
	at = digits(at, (uint32_t)(seconds % 60), 2);
	*at++ = '.';
	at = digits(at, (uint32_t)ns, 9);
	*at++ = 'Z';
	*at = '\0';
	return out;
}

void format_time_near(struct second *latest, int64_t ts, char *out)
{
	const int64_t ns = ts % NS_PER_SECOND, number = ts / NS_PER_SECOND - (ns < 0);

	if (!latest->text[0] || latest->number != number) {
		format_time(ts, latest->text);
		latest->number = number;
	}
	memcpy(out, latest->text, WHOLE_SECONDS);
	out = digits(out + WHOLE_SECONDS, (uint32_t)(ns < 0 ? ns + NS_PER_SECOND : ns), 9);
	*out = 'Z';
}

/*
 * A double of up to 2^53 nanoseconds is exact and the division rounds once, so that 15 digits print what was
 * measured and nothing else.
 */
double format_seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_SECOND;
}

/* Of a number that is not 0: 1233 / 4096 is the logarithm of 2, nearly enough. */
static unsigned count_digits(uint64_t n)
{
	static const uint64_t power[] = {
		1,
		10,
		100,
		1000,
		10000,
		100000,
		1000000,
		10000000,
		100000000,
		1000000000,
		10000000000,
		100000000000,
		1000000000000,
		10000000000000,
		100000000000000,
		1000000000000000,
		10000000000000000,
		100000000000000000,
		1000000000000000000,
		UINT64_C(10000000000000000000),
	};
	const unsigned about = ((HIGHEST_BIT(n) + 1) * 1233) >> 12;

	return about + (n >= power[about]);
}

/* Where they belong from the start: what is moved right after it was written has to wait until it is in the cache. */
char *format_number(char *at, uint64_t n)
{
	if (n < 10) {
		*at = (char)('0' + n);
		return at + 1;
	}
	char *end = at + count_digits(n), *first = end;

	for (; n >= 100; n /= 100)
		pair(first -= 2, n % 100);
	if (n >= 10)
		pair(at, n);
	else
		*at = (char)('0' + n);
	return end;
}

/* d.ddde-N, of billionths. */
static char *scientific(char *at, uint32_t n)
{
	unsigned exponent = 9;
	char *end;

	if (n % 1000 == 0) { /* a clock that counts microseconds */
		n /= 1000;
		exponent -= 3;
	}
	for (; n % 10 == 0; n /= 10)
		exponent--;
	end = format_number(at + 1, n);
	exponent -= (unsigned)(end - at - 2);
	at[0] = at[1];
	at[1] = '.';
	if (n < 10)
		end = at + 1;
	*end++ = 'e';
	*end++ = '-';
	return format_number(end, exponent);
}

/* %g prints what is below 10^-4 with an exponent.  There are at most nine places. */
char *format_decimal(char *at, int64_t n, unsigned places)
{
	static const uint32_t unit[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000 };
	const uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	const uint64_t whole = places == 9 ? size / 1000000000 : size / unit[places];
	const uint32_t rest = (uint32_t)(size - whole * unit[places]) * unit[9 - places];

	if (n < 0)
		*at++ = '-';
	if (!whole && rest && rest < 100000)
		return scientific(at, rest);
	at = format_number(at, whole);
	*at = '.';
	if (!rest) {
		at[1] = '0';
		return at + 2;
	}
	at = rest % 1000 ? digits(at + 1, rest, 9) : digits(at + 1, rest / 1000, 6);
	while (at[-1] == '0')
		at--;
	return at;
}

char *format_ip(char *at, const uint8_t ip[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(ip, mapped, sizeof(mapped)) != 0) {
		if (!inet_ntop(AF_INET6, ip, at, ADDRESS_SIZE))
			*at = '\0';
		return at + strlen(at);
	}
	for (unsigned i = sizeof(mapped); i < 16; i++) {
		at = format_number(at, ip[i]);
		*at++ = '.';
	}
	return at - 1;
}

const char *format_address(const uint8_t ip[16], char out[ADDRESS_SIZE])
{
	*format_ip(out, ip) = '\0';
	return out;
}

const char *format_endpoint(const struct tcplint_address *a, char out[ENDPOINT_SIZE])
{
	char ip[ADDRESS_SIZE];
	const bool v6 = strchr(format_address(a->ip, ip), ':');

	snprintf(out, ENDPOINT_SIZE, v6 ? "[%s]:%u" : "%s:%u", ip, (unsigned)a->port);
	return out;
}

/* Copy up to one of `stops`; answers where it stopped. */
static const char *word(const char *from, const char *stops, char *out, size_t size)
{
	const size_t len = strcspn(from, stops);

	snprintf(out, size, "%.*s", (int)len, from);
	return from + len;
}

bool next_clause(const char **list, struct clause *c)
{
	const char *at = *list;
	char *end;

	if (!at)
		return false;
	at += strspn(at, " ");
	if (!*at)
		return false;
	*c = (struct clause){ .rfc = (unsigned)strtoul(at, &end, 10) };
	at = end;
	if (*at == '/')
		at = word(at + 1, " /", c->section, sizeof(c->section));
	if (*at == '/')
		at = word(at + 1, " ", c->tag, sizeof(c->tag));
	*list = at + strcspn(at, " ");
	return true;
}
