/* The placeholders, one by one, in templates of the test's own: for that it includes message.c itself. */
#include "unit.h"

#include <string.h>

#include "../../src/message.c"

static struct tcplint_finding finding = {
	.offender = TCPLINT_BY_SERVER,
	.has_state = true,
	.state = { TCPLINT_ESTABLISHED, TCPLINT_CLOSE_WAIT },
	.value_count = 1,
	.value = { { .has_expected = true,
		     .expected = 1001,
		     .expected_relative = 1,
		     .actual = 1009 } },
};

static struct draft draft;

static void check(const char *says, const char *expected)
{
	char out[256];

	expand_all(out, sizeof(out), says, &finding, &draft);
	assert_string_equal(out, expected);
}

static void parties(void **unused)
{
	(void)unused;
	finding.offender = TCPLINT_BY_SERVER;
	check("{Offender}, {offender}; {Peer}, {peer}",
	      "The server, the server; The client, the client");
	finding.offender = TCPLINT_BY_CLIENT;
	check("{offender} {peer}", "the client the server");
	finding.offender = TCPLINT_BY_NETWORK;
	check("{Offender} {peer}", "The network the peer");
	finding.offender = TCPLINT_BY_CAPTURE;
	check("{Offender}", "The capture");
	finding.offender = TCPLINT_BY_UNKNOWN;
	check("{Offender}", "An unknown sender");
	finding.offender = TCPLINT_BY_SERVER;
}

static void values(void **unused)
{
	struct tcplint_value *v = &finding.value[0];

	(void)unused;
	check("{expected}", "1001");
	check("{actual}", "unknown");
	v->has_actual = v->relative = true;
	v->actual_relative = 4294967295U;
	check("{expected} {actual}", "1 4294967295");
	v->relative = false;
	v->field = TCPLINT_FIELD_FLAGS;
	v->actual = 0x12;
	check("{actual}", "SYN,ACK");
	v->field = TCPLINT_FIELD_CHECKSUM;
	check("{actual}", "0x0012");
	finding.value_count = 0;
	check("{actual}", "unknown");
	finding.value_count = 1;
}

static void numbers(void **unused)
{
	(void)unused;
	draft.number[0] = -7;
	draft.number[1] = INT64_C(0xabcdef);
	draft.number[2] = 0x11;
	check("{0} {1:x} {2:flags}", "-7 abcdef FIN,ACK");
	draft.number[0] = INT64_MIN;
	check("{0}", "-9223372036854775808");
}

static void durations(void **unused)
{
	static const struct {
		int64_t ns;
		const char *text;
	} table[] = {
		{ 0, "0 s" },
		{ 1, "0.000000001 s" },
		{ 1499, "0.000001 s" },
		{ 40320000, "0.04032 s" },
		{ 999999499, "0.999999 s" },
		{ 999999600, "1 s" },
		{ INT64_C(1024400000), "1.024 s" },
		{ INT64_C(30000000000), "30 s" },
		{ INT64_C(-1500000000), "-1.5 s" },
		{ INT64_MIN, "-9223372036.855 s" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		draft.number[0] = table[i].ns;
		check("{0:s}", table[i].text);
	}
}

static void states(void **unused)
{
	(void)unused;
	check("{state.client} {state.server} {state.offender}",
	      "ESTABLISHED CLOSE_WAIT CLOSE_WAIT");
	finding.offender = TCPLINT_BY_NETWORK;
	check("in {state.offender}", "in an unknown state");
	finding.offender = TCPLINT_BY_SERVER;
	finding.has_state = false;
	check("in {state.client}", "in an unknown state");
	finding.has_state = true;
}

static void what_is_no_placeholder_stays(void **unused)
{
	(void)unused;
	check("{} {nobody} {3} {0 {", "{} {nobody} {3} {0 {");
	check("{a word that is longer than any placeholder} }",
	      "{a word that is longer than any placeholder} }");
	check("", "");
}

static void too_little_room(void **unused)
{
	char out[8];

	(void)unused;
	expand_all(out, sizeof(out), "{Offender} sent it", &finding, &draft);
	assert_string_equal(out, "The ser");
	expand_all(out, 1, "text", &finding, &draft);
	assert_string_equal(out, "");
	expand_all(out, 0, "text", &finding, NULL);
	expand_all(out, sizeof(out), "{0}", &finding, NULL);
	assert_string_equal(out, "{0}");
}

/* In the catalogue itself every brace is a placeholder that is known. */
static void the_catalogue_is_understood(void **unused)
{
	char out[1024];

	(void)unused;
	for (unsigned r = 0; r < RULE_COUNT; r++) {
		message_write(out, sizeof(out), r, &finding, &draft);
		assert_true(strlen(out) > 10);
		assert_null(strpbrk(out, "{}"));
	}
	message_write(out, sizeof(out), RULE_COUNT, &finding, &draft);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parties),         cmocka_unit_test(values),
		cmocka_unit_test(numbers),         cmocka_unit_test(durations),
		cmocka_unit_test(states),          cmocka_unit_test(what_is_no_placeholder_stays),
		cmocka_unit_test(too_little_room), cmocka_unit_test(the_catalogue_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
