/* Records as bytes: what is there, in which order, and what is not. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "report_line.h"
#include "report_sample.h"

static void finding(void **unused)
{
	static const char head[] =
		"{\"type\":\"finding\",\"ts\":\"1970-01-01T00:00:01.500040320Z\","
		"\"rel\":0.50004032,\"rule\":\"synack_ack_mismatch\",\"verdict\":\"violation\","
		"\"severity\":\"error\",\"confidence\":0.85,\"phase\":\"handshake\","
		"\"offender\":\"server\"," CONN
		",\"state\":{\"client\":\"SYN_SENT\",\"server\":\"SYN_RECEIVED\"},"
		"\"expected\":{\"ack\":1001,\"ack_relative\":1},\"actual\":{\"ack\":1009,"
		"\"ack_relative\":9},\"frames\":[1,12],\"clause\":[{\"rfc\":9293,\"section\":\"";
	static const char tail[] =
		"\"message\":\"A \\\"sentence\\\".\",\"alternatives\":[\"capture_loss\"],"
		"\"evidence\":[\"peer_objected\",\"no_loss_near\"],\"count\":1}";
	struct tcplint_finding f = a_finding();
	struct paper p;
	struct report *r = open_report(&p, NULL);

	(void)unused;
	report_start(r, 1000 * MS);
	assert_true(report_json.finding(r, &f));
	assert_memory_equal(p.line, head, sizeof(head) - 1);
	assert_string_equal(p.line + strlen(p.line) - (sizeof(tail) - 1), tail);

	f.ts = 0;
	f.has_state = false;
	f.value[0].has_expected = f.value[0].relative = false;
	f.frame_count = 0;
	f.count = 3;
	f.first_ts = MS;
	f.last_ts = 2 * MS;
	f.related_count = 1;
	f.related[0] = f.rule;
	f.would_be = (int)f.rule;
	assert_true(report_json.finding(r, &f));
	assert_null(strstr(p.line, "\"ts\""));
	assert_null(strstr(p.line, "\"rel\""));
	assert_null(strstr(p.line, "\"state\""));
	assert_null(strstr(p.line, "\"expected\""));
	assert_null(strstr(p.line, "\"frames\""));
	assert_non_null(strstr(p.line, "\"actual\":{\"ack\":1009},"));
	assert_non_null(strstr(p.line, "\"related\":[\"synack_ack_mismatch\"],"
				       "\"would_be\":\"synack_ack_mismatch\",\"count\":3,"
				       "\"first_ts\":\"1970-01-01T00:00:00.001000000Z\","
				       "\"last_ts\":\"1970-01-01T00:00:00.002000000Z\"}"));
	report_destroy(r);
}

static void frames_of_several_inputs(void **unused)
{
	const struct report_options o = { .locate = locate, .several_inputs = true };
	const struct tcplint_finding f = a_finding();
	struct paper p;
	struct report *r = open_report(&p, &o);

	(void)unused;
	assert_true(report_json.finding(r, &f));
	assert_non_null(
		strstr(p.line, "\"frames\":[1,2],\"files\":[\"a.pcap\",\"b\xef\xbf\xbd.pcap\"],"));
	report_destroy(r);
}

/* Numbers of other tags than the usual: VLANs, flags, tunnels. */
static void odd_connections(void **unused)
{
	struct tcplint_conn_id tagged = conn;
	struct tcplint_finding f = a_finding();
	struct paper p;
	struct report *r = open_report(&p, NULL);

	(void)unused;
	tagged.vlan = 10U << 12 | 20;
	tagged.tunnel = 4294967295U;
	f.conn = &tagged;
	f.value[0].field = TCPLINT_FIELD_FLAGS;
	f.value[0].expected = 0x12;
	f.value[0].actual = 0x3;
	assert_true(report_json.finding(r, &f));
	assert_non_null(
		strstr(p.line, "\"vlan\":[10,20],\"tunnel\":4294967295,\"incarnation\":0}"));
	assert_non_null(
		strstr(p.line,
		       "\"expected\":{\"flags\":\"SYN,ACK\"},\"actual\":{\"flags\":\"SYN,FIN\"},"));
	tagged.vlan = 30;
	assert_true(report_json.finding(r, &f));
	assert_non_null(strstr(p.line, "\"vlan\":[30],"));
	report_destroy(r);
}

static void connection(void **unused)
{
	struct tcplint_connection c = a_connection();
	struct paper p;
	struct report *r = open_report(&p, NULL);

	(void)unused;
	report_start(r, 1000 * MS);
	assert_true(report_json.connection(r, &c));
	assert_string_equal(p.line, "{\"type\":\"connection\",\"ts\":\"1970-01-01T00:00:01."
				    "250000000Z\",\"rel\":0.25," CONN
				    ",\"start\":\"1970-01-01T00:00:01.000000000Z\","
				    "\"duration\":0.25,\"origin\":\"syn\",\"end\":\"fin\","
				    "\"handshake\":{\"verdict\":\"conformant\","
				    "\"kind\":\"three_way\",\"syn_count\":1,\"synack_count\":1,"
				    "\"rtt\":{\"syn_synack\":0.04032}},"
				    "\"teardown\":{\"verdict\":\"incomplete\","
				    "\"kind\":\"half_closed\"},\"client\":{\"isn\":4294967295,"
				    "\"isn_inferred\":false,\"mss\":1460,"
				    "\"sack_permitted\":false,\"timestamps\":false,"
				    "\"fast_open\":false,\"ecn\":false,\"ttl\":64,"
				    "\"segments\":9007199254740992,\"payload_bytes\":0,"
				    "\"retransmitted_segments\":0,\"syn\":0,\"synack\":0,"
				    "\"fin\":0,\"rst\":0,\"state\":\"ESTABLISHED\","
				    "\"state_certain\":true,"
				    "\"states\":[{\"state\":\"SYN_SENT\",\"t\":0.0,\"for\":0.04},"
				    "{\"state\":\"ESTABLISHED\",\"t\":0.04}]},"
				    "\"server\":{\"segments\":0,\"payload_bytes\":0,"
				    "\"retransmitted_segments\":0,\"syn\":0,\"synack\":0,"
				    "\"fin\":0,\"rst\":0},\"quality\":{\"capture_loss\":0,"
				    "\"duplicates\":0,\"reordered\":0,\"one_sided\":false,"
				    "\"truncated\":false},\"conn_state\":\"SF\","
				    "\"history\":\"ShADadFf\",\"findings\":[]}");
	report_destroy(r);
}

static void connection_with_everything(void **unused)
{
	const struct tcplint_finding f = a_finding();
	const struct tcplint_finding *const findings[] = { &f };
	struct tcplint_connection c = a_connection();
	struct paper p;
	struct report *r = open_report(&p, NULL);

	(void)unused;
	c.self_connect = true;
	c.teardown.active_closer = TCPLINT_SERVER;
	c.teardown.has_half_close = true;
	c.endpoint[TCPLINT_CLIENT].fin_retries = (struct tcplint_retries){
		.count = 2,
		.timer = 2,
		.interval_count = 2,
		.interval = { 200 * MS, 400 * MS },
		.total = 600 * MS,
		.backoff = TCPLINT_BACKOFF_EXPONENTIAL,
	};
	c.vantage.estimate = TCPLINT_NEAR_SERVER;
	c.vantage.has_hops[TCPLINT_CLIENT] = true;
	c.vantage.hops[TCPLINT_CLIENT] = 7;
	c.vantage.rtt[TCPLINT_CLIENT] = 20 * MS;
	c.vantage.rtt[TCPLINT_SERVER] = -1;
	c.time_wait.holder = 2;
	c.time_wait.lower = 1;
	c.time_wait.upper = c.time_wait.reuse_after = -1;
	c.not_evaluated_count = 3;
	c.not_evaluated[0].reason = c.not_evaluated[2].reason = "one_sided";
	c.not_evaluated[1].reason = "truncated";
	c.not_evaluated[0].rule = c.not_evaluated[1].rule = c.not_evaluated[2].rule = f.rule;
	c.finding_count = 1;
	c.findings = findings;
	assert_true(report_json.connection(r, &c));
	assert_non_null(strstr(p.line, "\"self_connect\":true,"));
	assert_non_null(strstr(p.line, "\"active_closer\":\"server\",\"half_close_bytes\":0}"));
	assert_non_null(strstr(p.line,
			       "\"time_wait\":{\"holder\":\"both\","
			       "\"start\":\"1970-01-01T00:00:00.000000000Z\",\"lower\":1e-9}"));
	assert_non_null(strstr(p.line, "\"retries\":{\"fin\":{\"count\":2,\"timer\":2,\"intervals\":[0.2,0.4],"
				       "\"total\":0.6,\"backoff\":\"exponential\"}},"));
	assert_non_null(strstr(p.line, "\"vantage\":{\"estimate\":\"near_server\",\"client_hops\":7,\"client_rtt\":0.02}"));
	assert_non_null(strstr(p.line, "\"not_evaluated\":{\"one_sided\":[\"synack_ack_mismatch\","
				       "\"synack_ack_mismatch\"],"
				       "\"truncated\":[\"synack_ack_mismatch\"]}"));
	assert_non_null(strstr(
		p.line, "\"findings\":[{\"ts\":\"1970-01-01T00:00:01.500040320Z\",\"rule\":"));
	report_destroy(r);
}

static void segment(void **unused)
{
	const struct report_options o = { .emit = 1U << REPORT_SEGMENT };
	const unsigned rule = (unsigned)tcplint_rule_by_name("synack_ack_mismatch");
	const struct tcplint_segment s = {
		.conn = &conn,
		.ts = 1000 * MS,
		.frame = 2,
		.from = TCPLINT_SERVER,
		.flags = 0x12,
		.seq = 5000,
		.ack = 1001,
		.window = 65535,
		.has_relative = true,
		.ack_relative = 1,
		.before = { TCPLINT_SYN_SENT, TCPLINT_SYN_RECEIVED },
		.after = { TCPLINT_ESTABLISHED, TCPLINT_SYN_RECEIVED },
		.known_before = { true, false },
		.known_after = { true, true },
		.certain_after = { false, true },
		.arrow = { "3.10.7.3", NULL },
		.opened_count = 1,
		.opened = { rule },
	};
	struct paper p;
	struct report *r = open_report(&p, &o);

	(void)unused;
	assert_true(report_json.segment(r, &s));
	assert_string_equal(
		p.line,
		"{\"type\":\"segment\",\"ts\":\"1970-01-01T00:00:01.000000000Z\"," CONN
		",\"frame\":2,\"from\":\"server\",\"flags\":\"SYN,ACK\",\"seq\":5000,"
		"\"seq_relative\":0,\"ack\":1001,\"ack_relative\":1,\"length\":0,"
		"\"window\":65535,\"before\":{\"client\":{\"state\":\"SYN_SENT\","
		"\"certain\":false}},\"after\":{\"client\":{\"state\":\"ESTABLISHED\","
		"\"certain\":false},\"server\":{\"state\":\"SYN_RECEIVED\",\"certain\":true}},"
		"\"arrow\":{\"client\":\"3.10.7.3\"},\"opened\":[\"synack_ack_mismatch\"]}");
	report_destroy(r);
}

static void capture(void **unused)
{
	static const char *const sources[] = { "a.pcap", "-" };
	bool *disabled = calloc(tcplint_rule_count(), sizeof(*disabled));
	struct tcplint_options o = { .msl = 30000 * MS,
				     .min_severity = TCPLINT_NOTICE,
				     .min_confidence = 0.7F };
	const struct report_capture c = { sources, 2, false, "EN10MB", 262144, "tcp port 80", NULL, &o, 0 };
	struct paper p;
	struct report *r = open_report(&p, NULL);

	(void)unused;
	o.max_connections = 1000;
	o.disabled = disabled;
	o.verdicts = 1U << TCPLINT_NOTE;
	disabled[0] = true;
	assert_true(report_json.capture(r, &c));
	assert_non_null(strstr(
		p.line, ",\"schema\":1,\"source\":[\"a.pcap\",\"-\"],\"live\":false,"
			"\"linktype\":\"EN10MB\",\"snaplen\":262144,\"filter\":\"tcp port 80\","
			"\"profile\":\"rfc\",\"msl\":30.0,\"min_severity\":\"notice\","
			"\"min_confidence\":0.7,\"verdicts\":[\"note\"],\"disabled\":[\""));
	memset(disabled, 1, tcplint_rule_count());
	disabled[0] = false;
	assert_true(report_json.capture(r, &c));
	assert_null(strstr(p.line, "\"disabled\""));
	assert_non_null(strstr(p.line, "\"only\":[\""));
	report_destroy(r);
	free(disabled);
}

static void summary(void **unused)
{
	static const char *const names[] = { "not_ip" };
	static const uint64_t drops[] = { 7 };
	const struct tcplint_finding f = a_finding();
	uint64_t *hits = calloc(tcplint_rule_count(), sizeof(*hits));
	struct tcplint_counters counters = {
		.frames = 3, .first_ts = 1000 * MS, .last_ts = 1750 * MS, .findings = 1
	};
	struct report_totals t = { .counters = &counters, .rule_hits = hits };
	struct paper p;
	struct report *r = open_report(&p, NULL);

	(void)unused;
	report_start(r, 1000 * MS);
	assert_true(report_json.finding(r, &f));
	hits[f.rule] = 5;
	t.drop_count = 1;
	t.drop_names = names;
	t.drops = drops;
	t.error = "a.pcap: truncated";
	assert_true(report_json.summary(r, &t));
	assert_non_null(strstr(
		p.line,
		"{\"type\":\"summary\",\"ts\":\"1970-01-01T00:00:01.750000000Z\",\"rel\":0.75,"
		"\"complete\":false,\"error\":\"a.pcap: truncated\",\"interrupted\":false,"
		"\"first_ts\":\"1970-01-01T00:00:01.000000000Z\",\"last_ts\":"));
	assert_non_null(strstr(p.line, "\"source\":{\"read\":0,\"filtered_out\":0},"));
	assert_non_null(strstr(p.line, "\"drops\":{\"not_ip\":7},"));
	assert_non_null(strstr(
		p.line, "\"by_rule\":{\"synack_ack_mismatch\":{\"fired\":5,\"reported\":1}}}"));
	t.kernel_drops_known = t.interface_drops_known = true;
	t.error = NULL;
	counters.frames = 0;
	assert_true(report_json.stats(r, &t));
	assert_non_null(strstr(p.line,
			       "{\"type\":\"stats\",\"source\":{\"read\":0,\"filtered_out\":0,"
			       "\"kernel_drops\":0,\"interface_drops\":0},"));
	assert_null(strstr(p.line, "coverage"));
	report_destroy(r);
	free(hits);
}

static void only_what_is_wanted(void **unused)
{
	const struct report_options o = { .emit = 1U << REPORT_SUMMARY };
	const struct tcplint_finding f = a_finding();
	struct paper p;
	struct report *r = open_report(&p, &o);

	(void)unused;
	assert_true(report_json.finding(r, &f));
	assert_true(report_text.finding(r, &f));
	assert_int_equal(p.lines, 0);
	assert_int_equal(report_type_by_name("segment"), REPORT_SEGMENT);
	assert_int_equal(report_type_by_name("segments"), -1);
	report_destroy(r);
}

static void the_first_failure_sticks(void **unused)
{
	const struct tcplint_finding f = a_finding();
	struct paper p;
	struct report *r = open_report(&p, NULL);

	(void)unused;
	p.refuse_from = 2;
	assert_true(report_json.finding(r, &f));
	assert_false(report_json.finding(r, &f));
	p.refuse_from = 0;
	assert_false(report_json.finding(r, &f));
	assert_false(report_text.finding(r, &f));
	assert_int_equal(p.lines, 1);
	assert_null(report_error(r));
	report_destroy(r);
}

/* The line outgrows the buffer that the report begins with. */
static void a_long_line(void **unused)
{
	struct tcplint_finding f = a_finding();
	char message[9000];
	struct paper p;
	struct report *r = open_report(&p, NULL);

	(void)unused;
	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	f.message = message;
	assert_true(report_json.finding(r, &f));
	assert_non_null(strstr(p.line, message));
	assert_int_equal(p.line[strlen(p.line) - 1], '}');
	assert_true(report_text.finding(r, &f));
	assert_non_null(strstr(p.line, message));
	report_destroy(r);
}

/* Every kind of member looks as jansson would print it. */
static void members(void **unused)
{
	struct paper p;
	struct report *r = open_report(&p, NULL);

	(void)unused;
	record_begin(r, "x");
	put_text(r, "text", "a\"\\/\b\n\x01\x7f \xc3\xa9");
	put_text(r, "none", NULL);
	open_array(r, "list");
	close_array(r);
	open_array(r, "of");
	open_object(r, NULL);
	close_object(r);
	put_integer(r, NULL, -5);
	put_number(r, NULL, UINT64_MAX);
	put_real(r, NULL, 1e-300);
	close_array(r);
	put_span(r, "ago", INT64_MAX, INT64_MIN);
	put_span(r, "long", 0, INT64_C(1000000000000001));
	put_span(r, "span", INT64_MIN, INT64_MIN + 12000);
	assert_true(record_end(r));
	assert_string_equal(p.line, "{\"type\":\"x\",\"text\":\"a\\\"\\\\/\\b\\n\\u0001\x7f \xc3\xa9\",\"list\":[],"
				    "\"of\":[{},-5,9007199254740992,1e-300],\"ago\":-18446744073.7096,"
				    "\"long\":1000000.0,\"span\":1.2e-5}");
	report_destroy(r);
}

static void same_number(uint64_t n)
{
	char text[NUMBER_SIZE], expected[NUMBER_SIZE];

	snprintf(expected, sizeof(expected), "%" PRIu64, n);
	*format_number(text, n) = '\0';
	assert_string_equal(text, expected);
}

static void numbers(void **unused)
{
	(void)unused;
	for (unsigned bit = 0; bit < 64; bit++)
		for (uint64_t i = 0; i < 3; i++)
			same_number((UINT64_C(1) << bit) - 1 + i);
	for (uint64_t n = 1, places = 0; places < 20; n *= 10, places++)
		for (uint64_t i = 0; i < 3; i++)
			same_number(n - 1 + i);
	same_number(UINT64_MAX);
}

static void same_decimal(int64_t n, unsigned places, double unit)
{
	json_t *value = json_real((double)n / unit);
	char *expected = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	char text[NUMBER_SIZE];

	*format_decimal(text, n, places) = '\0';
	assert_string_equal(text, expected);
	free(expected);
	json_decref(value);
}

static void decimals(void **unused)
{
	uint64_t random = 1;

	(void)unused;
	for (int64_t n = 1; n <= (int64_t)DECIMAL_MAX; n *= 10)
		for (int64_t i = -1; i <= 1; i++) {
			same_decimal(n + i, 9, 1e9);
			same_decimal(-n - i, 9, 1e9);
		}
	same_decimal((int64_t)DECIMAL_MAX, 9, 1e9);
	for (int64_t n = 0; n <= 1000; n++)
		same_decimal(n, 3, 1e3);
	for (unsigned i = 0; i < 20000; i++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		same_decimal((int64_t)((random >> 14) % DECIMAL_MAX >> i % 50), 9, 1e9);
	}
}

/* Memory that ends after so many allocations; negative: it does not. */
static int left = -1;

static void *scarce(size_t size)
{
	if (!left)
		return NULL;
	left -= left > 0;
	return malloc(size);
}

/* Wherever memory ends, the record is refused whole, the reason is given, and nothing leaks (so says the sanitizer). */
static void no_memory(void **unused)
{
	const struct tcplint_finding f = a_finding();
	const struct tcplint_finding *const findings[] = { &f };
	struct tcplint_connection c = a_connection();
	bool done = false;

	(void)unused;
	c.findings = findings;
	c.finding_count = 1;
	c.not_evaluated_count = 1;
	c.not_evaluated[0].reason = "one_sided";
	json_set_alloc_funcs(scarce, free);
	for (int room = 0; !done; room++) {
		struct paper p;
		struct report *r = open_report(&p, NULL);

		left = room;
		done = report_json.connection(r, &c);
		left = -1;
		assert_int_equal(p.lines, done);
		assert_true(done == !report_error(r));
		report_destroy(r);
	}
	json_set_alloc_funcs(malloc, free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finding),
		cmocka_unit_test(frames_of_several_inputs),
		cmocka_unit_test(odd_connections),
		cmocka_unit_test(connection),
		cmocka_unit_test(connection_with_everything),
		cmocka_unit_test(segment),
		cmocka_unit_test(capture),
		cmocka_unit_test(summary),
		cmocka_unit_test(only_what_is_wanted),
		cmocka_unit_test(the_first_failure_sticks),
		cmocka_unit_test(a_long_line),
		cmocka_unit_test(members),
		cmocka_unit_test(numbers),
		cmocka_unit_test(decimals),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
