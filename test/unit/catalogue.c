/* The catalogue as its readers see it, and what every row of rules.def owes them. */
#include "unit.h"

#include <string.h>

#include "catalogue.h"
#include "report_private.h"
#include "rules.h"

struct paper {
	char text[32768];
	size_t used, longest, lines;
	size_t refuse_from;
};

static bool write_paper(void *user, const char *line, size_t len)
{
	struct paper *p = user;

	p->lines++;
	if (p->refuse_from && p->lines >= p->refuse_from)
		return false;
	assert_true(p->used + len + 2 < sizeof(p->text));
	memcpy(p->text + p->used, line, len);
	memcpy(p->text + p->used + len, "\n", 2);
	p->used += len + 1;
	if (len > p->longest)
		p->longest = len;
	return true;
}

static struct paper paper;

static void blank(void)
{
	memset(&paper, 0, sizeof(paper));
}

static void a_page(void **unused)
{
	(void)unused;
	blank();
	assert_true(catalogue_explain(RULE_synack_ack_mismatch, write_paper, &paper));
	assert_memory_equal(paper.text, "synack_ack_mismatch: ", 21);
	assert_non_null(strstr(paper.text, "\nphase       handshake\n"));
	assert_non_null(strstr(paper.text, "\nverdict     violation\n"));
	assert_non_null(strstr(paper.text, "\nevidence    X: segments of both directions\n"));
	assert_non_null(strstr(paper.text, "\nconfidence  up to 0.85\n"));
	assert_non_null(strstr(paper.text, "\nclauses     RFC 9293, 3."));
	assert_non_null(strstr(paper.text, "\n\nFires:\n    > S 0:0(0)\n    < S. "));
	assert_non_null(strstr(paper.text, "\n\nDoes not fire:\n    > "));
}

static void severities_of_two_profiles(void **unused)
{
	(void)unused;
	blank();
	assert_true(catalogue_explain(RULE_syn_carries_data, write_paper, &paper));
	assert_non_null(
		strstr(paper.text, "\nseverity    info (warning with --profile textbook)\n"));
}

static void every_page_is_narrow(void **unused)
{
	(void)unused;
	for (unsigned r = 0; r < RULE_COUNT; r++) {
		blank();
		assert_true(catalogue_explain(r, write_paper, &paper));
		assert_true(paper.longest <= 100); /* examples are not wrapped */
		assert_null(strstr(paper.text, " ?\n"));
	}
}

static void a_full_disk(void **unused)
{
	(void)unused;
	blank();
	paper.refuse_from = 3;
	assert_false(catalogue_explain(0, write_paper, &paper));
	assert_int_equal(paper.lines, 3);
}

static void records(void **unused)
{
	const struct report_options o = { .write = write_paper, .write_user = &paper };
	struct error e;
	struct report *r = report_create(&o, &e);

	(void)unused;
	blank();
	assert_non_null(r);
	assert_true(report_rule(r, RULE_syn_carries_data));
	assert_non_null(
		strstr(paper.text,
		       "{\"type\":\"rule\",\"rule\":\"syn_carries_data\",\"tier\":1,"
		       "\"phase\":\"handshake\",\"verdict\":\"note\",\"severity\":\"info\","
		       "\"textbook_severity\":\"warning\",\"evidence\":\"F\",\"confidence\":0.99,"
		       "\"clause\":[{\"rfc\":9293,"));
	blank();
	paper.refuse_from = 3;
	assert_false(catalogue_list(r));
	assert_int_equal(paper.lines, 3);
	report_destroy(r);
}

/* Every row can be found by its name, cites what can be read, and says something in every column. */
static void rows(void **unused)
{
	(void)unused;
	for (unsigned r = 0; r < RULE_COUNT; r++) {
		const struct tcplint_rule *rule = tcplint_rule(r);
		const char *list = rule->clauses;
		struct clause c;

		assert_int_equal(tcplint_rule_by_name(rule->name), r);
		while (next_clause(&list, &c)) {
			assert_in_range(c.rfc, 768, 9999);
			assert_true(*c.section);
		}
		assert_true(*rule->summary && *rule->why && *rule->fires && *rule->near_miss &&
			    *rule_rows[r].says);
		assert_non_null(strchr("FPXATG", rule->evidence));
		assert_in_range(rule->tier, 1, 2);
		assert_true(!rule_rows[r].when == (rule_rows[r].on != ON_SEGMENT));
	}
	assert_null(tcplint_rule(RULE_COUNT));
	assert_int_equal(tcplint_rule_by_name(""), -1);
}

static void near_names(void **unused)
{
	(void)unused;
	assert_string_equal(catalogue_nearest("synack_ack_mismach"), "synack_ack_mismatch");
	assert_string_equal(catalogue_nearest("flag_syn_fin"), "flags_syn_fin");
	assert_null(catalogue_nearest("something_else_altogether"));
	assert_null(catalogue_nearest(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page),
		cmocka_unit_test(severities_of_two_profiles),
		cmocka_unit_test(every_page_is_narrow),
		cmocka_unit_test(a_full_disk),
		cmocka_unit_test(records),
		cmocka_unit_test(rows),
		cmocka_unit_test(near_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
