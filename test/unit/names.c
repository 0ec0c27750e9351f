/* Every value of every enumeration has a name, the names differ, and flags are written as people say them. */
#include "unit.h"

#include <string.h>

#include "names.h"

#define CHECK_TABLE(count, name)                                                                   \
	do {                                                                                       \
		for (unsigned i = 0; i < (count); i++) {                                           \
			assert_string_not_equal(name(i), "?");                                     \
			for (unsigned j = 0; j < i; j++)                                           \
				assert_string_not_equal(name(i), name(j));                         \
		}                                                                                  \
		assert_string_equal(name(count), "?");                                             \
	} while (0)

static void every_value_has_a_name(void **unused)
{
	(void)unused;
	CHECK_TABLE(TCPLINT_STATE_COUNT, tcplint_state_name);
	CHECK_TABLE(TCPLINT_VERDICT_COUNT, tcplint_verdict_name);
	CHECK_TABLE(TCPLINT_ERROR + 1U, tcplint_severity_name);
	CHECK_TABLE(TCPLINT_PHASE_COUNT, tcplint_phase_name);
	CHECK_TABLE(TCPLINT_OFFENDER_COUNT, tcplint_offender_name);
	CHECK_TABLE(TCPLINT_JUDGEMENT_COUNT, name_of_judgement);
	CHECK_TABLE(TCPLINT_HANDSHAKE_KIND_COUNT, name_of_handshake);
	CHECK_TABLE(TCPLINT_TEARDOWN_KIND_COUNT, name_of_teardown);
	CHECK_TABLE(TCPLINT_ORIGIN_COUNT, name_of_origin);
	CHECK_TABLE(TCPLINT_END_COUNT, name_of_end);
	CHECK_TABLE(TCPLINT_FIELD_COUNT, name_of_field);
	CHECK_TABLE(TCPLINT_PROFILE_LENIENT + 1U, name_of_profile);
}

#undef CHECK_TABLE

static void sides(void **unused)
{
	(void)unused;
	assert_string_equal(name_of_side(TCPLINT_CLIENT), "client");
	assert_string_equal(name_of_side(TCPLINT_SERVER), "server");
	assert_string_equal(name_of_side(2), "both");
	assert_null(name_of_side(-1));
	assert_null(name_of_side(3));
}

static void names_are_found(void **unused)
{
	(void)unused;
	assert_int_equal(verdict_by_name("attack_suspect"), TCPLINT_ATTACK_SUSPECT);
	assert_int_equal(verdict_by_name("violatio"), -1);
	assert_int_equal(severity_by_name("error"), TCPLINT_ERROR);
	assert_int_equal(severity_by_name(""), -1);
}

static void flags(void **unused)
{
	char out[NAMES_FLAGS_SIZE];

	(void)unused;
	assert_string_equal(name_of_flags(0, out), "none");
	assert_string_equal(name_of_flags(0x002, out), "SYN");
	assert_string_equal(name_of_flags(0x012, out), "SYN,ACK");
	assert_string_equal(name_of_flags(0x011, out), "FIN,ACK");
	assert_string_equal(name_of_flags(0x003, out), "SYN,FIN");
	assert_string_equal(name_of_flags(0x200, out), "RSV");
	assert_string_equal(name_of_flags(0xffff, out), "SYN,FIN,RST,PSH,ACK,URG,ECE,CWR,AE,RSV");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_has_a_name),
		cmocka_unit_test(sides),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
