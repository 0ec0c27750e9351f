/* Baselines: what each form of an entry covers, and which line of a bad file is named. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ignore.h"

static struct ignore_list *read_text(const char *text, struct error *e)
{
	char path[] = "/tmp/tcplint-ignore-XXXXXX";
	const int fd = mkstemp(path);
	struct ignore_list *l;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	l = ignore_read(path, e);
	if (!l) { /* the name of the file is another each time */
		char *at = strstr(e->text, path);

		assert_non_null(at);
		memmove(at, at + strlen(path), strlen(at + strlen(path)) + 1);
	}
	unlink(path);
	return l;
}

static struct tcplint_address address(const char *ip, uint16_t port)
{
	struct tcplint_address a = { .port = port };
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "%s%s", strchr(ip, ':') ? "" : "::ffff:", ip);
	assert_int_equal(inet_pton(AF_INET6, mapped, a.ip), 1);
	return a;
}

/* Whether `text` covers a finding of `rule` between CLIENT:1024 and SERVER:80. */
static bool covers(const char *text, const char *rule, const char *client, const char *server)
{
	const struct tcplint_conn_id conn = { .client = address(client, 1024),
					      .server = address(server, 80) };
	const struct tcplint_finding f = { .rule = (unsigned)tcplint_rule_by_name(rule),
					   .conn = &conn };
	struct error e;
	struct ignore_list *l = read_text(text, &e);
	bool answer;

	assert_non_null(l);
	answer = ignore_covers(l, &f);
	ignore_destroy(l);
	return answer;
}

#define V4 "flags_null", "10.1.2.3", "192.0.2.1"
#define V6 "flags_null", "2001:db8::1", "2001:db8:1::2"

static void rules(void **unused)
{
	(void)unused;
	assert_false(covers("", V4));
	assert_false(covers("# flags_null\n\n \t\n", V4));
	assert_true(covers("flags_null", V4));
	assert_true(covers("  flags_null # seen\r\n", V4));
	assert_true(covers("*\n", V4));
	assert_false(covers("flags_syn_fin\n", V4));
	assert_true(covers("flags_syn_fin\nflags_null\n", V4));
}

static void addresses(void **unused)
{
	(void)unused;
	assert_true(covers("* 10.1.2.3", V4));
	assert_true(covers("* 192.0.2.1", V4));
	assert_false(covers("* 192.0.2.2", V4));
	assert_true(covers("* 10.0.0.0/8", V4));
	assert_true(covers("* 10.1.2.0/30", V4));
	assert_false(covers("* 10.1.2.4/30", V4));
	assert_true(covers("* 0.0.0.0/0", V4));
	assert_true(covers("* ::/1", V6));
	assert_false(covers("* 8000::/1", V6));
	assert_false(covers("* 0.0.0.0/0", V6));
	assert_true(covers("* 2001:db8::1", V6));
	assert_true(covers("* 2001:db8:1::/48", V6));
	assert_false(covers("* 2001:db8:2::/48", V6));
	assert_true(covers("* 2001:db8:2::/46", V6));
}

static void ports(void **unused)
{
	(void)unused;
	assert_true(covers("* 192.0.2.1:80", V4));
	assert_false(covers("* 192.0.2.1:1024", V4)); /* address and port of one endpoint */
	assert_true(covers("* 10.0.0.0/8:1024", V4));
	assert_true(covers("* *:80", V4));
	assert_false(covers("* *:81", V4));
	assert_true(covers("* [2001:db8::1]:1024", V6));
	assert_true(covers("* [2001:db8::]/32:80", V6));
	assert_true(covers("* [2001:db8::/32]:80", V6));
	assert_true(covers("* [2001:db8::1]", V6));
	assert_false(covers("* [2001:db8::1]:80", V6));
}

static void check_bad(const char *text, const char *sentence)
{
	struct error e;

	assert_null(read_text(text, &e));
	assert_string_equal(e.text, sentence);
}

static void mistakes(void **unused)
{
	struct error e;

	(void)unused;
	check_bad("*\nno_such\n", ":2: there is no rule \"no_such\"");
	check_bad("* 10.0.0.256\n", ":1: \"10.0.0.256\" is not an address");
	check_bad("* host.example\n", ":1: \"host.example\" is not an address");
	check_bad("* 10.0.0.0/33\n", ":1: \"33\" is not a prefix length of 10.0.0.0");
	check_bad("* 10.0.0.0/\n", ":1: \"\" is not a prefix length of 10.0.0.0");
	check_bad("* */8\n", ":1: \"8\" is not a prefix length of *");
	check_bad("* ::/129\n", ":1: \"129\" is not a prefix length of ::");
	check_bad("* 10.0.0.1:65536\n", ":1: \"65536\" is not a port");
	check_bad("* 10.0.0.1:-1\n", ":1: \"-1\" is not a port");
	check_bad("* [::1\n", ":1: \"[::1\" has no closing bracket");
	check_bad("* [::1]80\n", ":1: \"80\" follows the bracket");
	check_bad("* 10.0.0.1 80\n", ":1: \"80\" is one word too many");
	assert_null(ignore_read("/nonexistent/baseline", &e));
	assert_string_equal(e.text, "/nonexistent/baseline: No such file or directory");
	assert_null(ignore_read("/", &e));
	assert_string_equal(e.text, "/: Is a directory");
}

/* A finding about a host is on no connection: only a rule's name covers it. */
static void no_connection(void **unused)
{
	const struct tcplint_finding f = { .rule = 0 };
	struct error e;
	struct ignore_list *l = read_text("* 0.0.0.0/0\n* *:80\n", &e);

	(void)unused;
	assert_non_null(l);
	assert_false(ignore_covers(l, &f));
	ignore_destroy(l);
	ignore_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),         cmocka_unit_test(addresses),
		cmocka_unit_test(ports),         cmocka_unit_test(mistakes),
		cmocka_unit_test(no_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
