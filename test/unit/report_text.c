/* What people read: times, addresses, clauses, and findings as lines of text. */
#include <stdio.h>

#include "report_sample.h"

static void times(void **unused)
{
	static const struct {
		int64_t ts;
		const char *text;
	} table[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z" },
		{ INT64_C(951825600000000001), "2000-02-29T12:00:00.000000001Z" },
		{ INT64_C(4107542399999999999), "2100-02-28T23:59:59.999999999Z" },
		{ INT64_C(4107542400000000000), "2100-03-01T00:00:00.000000000Z" },
		{ INT64_C(1735689599999999999), "2024-12-31T23:59:59.999999999Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
		{ INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
	};
	char out[TIME_SIZE];
	struct second latest = { .number = 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(format_time(table[i].ts, out), table[i].text);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		format_time_near(&latest, table[i].ts, out);
		assert_memory_equal(out, table[i].text, TIME_SIZE - 1);
		/* which is the latest one now */
		format_time_near(&latest, table[i].ts, out);
		assert_memory_equal(out, table[i].text, TIME_SIZE - 1);
	}
	format_time_near(&latest, INT64_C(1735689599000000001), out);
	format_time_near(&latest, INT64_C(1735689599999999999), out);
	assert_memory_equal(out, "2024-12-31T23:59:59.999999999Z", TIME_SIZE - 1);
	format_time_near(&latest, INT64_C(1735689600000000000), out);
	assert_memory_equal(out, "2025-01-01T00:00:00.000000000Z", TIME_SIZE - 1);
}

static void addresses(void **unused)
{
	const struct tcplint_address v6 = { { 0x20, 1, 0x0d, 0xb8, [15] = 1 }, 443 };
	char ip[ADDRESS_SIZE], end[ENDPOINT_SIZE];

	(void)unused;
	assert_string_equal(format_address(conn.client.ip, ip), "10.0.0.1");
	assert_string_equal(format_address(v6.ip, ip), "2001:db8::1");
	assert_string_equal(format_endpoint(&conn.server, end), "10.0.0.2:80");
	assert_string_equal(format_endpoint(&v6, end), "[2001:db8::1]:443");
}

static void clauses(void **unused)
{
	const char *list = " 9293/3.10.7.3/MUST-8 9293/3.4 1122 7413/4.1.2/MUST-2/x";
	struct clause c;

	(void)unused;
	assert_true(next_clause(&list, &c));
	assert_int_equal(c.rfc, 9293);
	assert_string_equal(c.section, "3.10.7.3");
	assert_string_equal(c.tag, "MUST-8");
	assert_true(next_clause(&list, &c));
	assert_string_equal(c.section, "3.4");
	assert_string_equal(c.tag, "");
	assert_true(next_clause(&list, &c));
	assert_int_equal(c.rfc, 1122);
	assert_string_equal(c.section, "");
	assert_true(next_clause(&list, &c));
	assert_string_equal(c.tag, "MUST-2/x");
	assert_false(next_clause(&list, &c));
}

/* Malformed UTF-8 becomes U+FFFD byte by byte, what is well formed stays. */
static void foreign_names(void **unused)
{
	static const char *const table[][2] = {
		{ "plain", "plain" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf4\x90\x80\x80!", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!" },
		{ "\xc3", "\xef\xbf\xbd" },
	};

	struct paper p;
	struct report *r = open_report(&p, NULL);

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char line[100];

		snprintf(line, sizeof(line), "{\"type\":\"x\",\"name\":\"%s\"}", table[i][1]);
		record_begin(r, "x");
		put_foreign(r, "name", table[i][0]);
		assert_true(record_end(r));
		assert_string_equal(p.line, line);
	}
	report_destroy(r);
}

static void text(void **unused)
{
	const struct report_options o = { .locate = locate, .all = true };
	const struct tcplint_finding f = a_finding();
	const struct tcplint_connection c = a_connection();
	const struct tcplint_counters counters = {
		.frames = 1, .segments = 2, .connections = 1, .findings = 1
	};
	const struct report_totals t = { .counters = &counters };
	static const char start[] =
		"b\xff.pcap:2: error: A \"sentence\". [synack_ack_mismatch] RFC 9293 ";
	struct paper p;
	struct report *r = open_report(&p, &o);

	(void)unused;
	assert_true(report_text.finding(r, &f));
	assert_memory_equal(p.line, start, sizeof(start) - 1);
	assert_non_null(strstr(p.line, " (10.0.0.1:1024 > 10.0.0.2:80)"));
	assert_true(report_text.connection(r, &c));
	assert_string_equal(
		p.line,
		"1970-01-01T00:00:01.000000000Z 10.0.0.1:1024 > 10.0.0.2:80: handshake conformant "
		"(three_way), teardown incomplete (half_closed), end fin; client ESTABLISHED, 0 "
		"bytes; "
		"server unknown, 0 bytes; 0.25 s");
	assert_true(report_text.summary(r, &t));
	assert_string_equal(p.line, "1 frame, 2 segments, 1 connection: 1 finding (1 error)");
	report_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),   cmocka_unit_test(addresses),
		cmocka_unit_test(clauses), cmocka_unit_test(foreign_names),
		cmocka_unit_test(text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
