/* SHA-1 against FIPS 180-4's examples, Base64 against RFC 4648's, the whole against what other programs publish. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "community_id.h"

static void check_sha1(const char *message, const char *expected)
{
	uint8_t digest[SHA1_SIZE];
	char hex[2 * SHA1_SIZE + 1];

	sha1((const uint8_t *)message, strlen(message), digest);
	for (size_t i = 0; i < SHA1_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned)digest[i]);
	assert_string_equal(hex, expected);
}

static void sha1_as_published(void **unused)
{
	(void)unused;
	check_sha1("", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	check_sha1("abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
	check_sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		   "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	check_sha1("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnop"
		   "qklmnopqrlmnopqrs"
		   "mnopqrstnopqrstu",
		   "a49b2446a02c645bf419f995b67091253a04a259");
}

/* 55 bytes are the most that fit in one block, 119 in two. */
static void sha1_at_the_edges(void **unused)
{
	char a[SHA1_MAX_INPUT + 1];

	(void)unused;
	memset(a, 'a', sizeof(a));
	a[55] = '\0';
	check_sha1(a, "c1c8bbdc22796e28c0e15163d20899b65621d65a");
	a[55] = 'a';
	a[56] = '\0';
	check_sha1(a, "c2db330f6083854c99d4b5bfb6e8f29f201be699");
	a[56] = 'a';
	a[64] = '\0';
	check_sha1(a, "0098ba824b5c16427bd7a1122a5a442a25ec644d");
	a[64] = 'a';
	a[119] = '\0';
	check_sha1(a, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56");
}

static void base64_as_published(void **unused)
{
	static const char *const table[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfd", "//79" },
	};
	char out[16];

	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		base64((const uint8_t *)table[i][0], strlen(table[i][0]), out);
		assert_string_equal(out, table[i][1]);
	}
}

static struct tcplint_address address(const char *ip, uint16_t port)
{
	struct tcplint_address a = { .port = port };
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "%s%s", strchr(ip, ':') ? "" : "::ffff:", ip);
	assert_int_equal(inet_pton(AF_INET6, mapped, a.ip), 1);
	return a;
}

static void check(const char *ip1, uint16_t port1, const char *ip2, uint16_t port2,
		  const char *expected)
{
	const struct tcplint_address a = address(ip1, port1), b = address(ip2, port2);
	char id[COMMUNITY_ID_SIZE];

	assert_string_equal(community_id(&a, &b, id), expected);
	assert_string_equal(community_id(&b, &a, id), expected);
}

static void ids_as_published(void **unused)
{
	(void)unused;
	check("128.232.110.120", 34855, "66.35.250.204", 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
	check("1.2.3.4", 1122, "5.6.7.8", 3344, "1:wCb3OG7yAFWelaUydu0D+125CLM=");
	check("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943, "2607:f8b0:400c:c03::1a", 25,
	      "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=");
	check("172.5.5.113", 49417, "14.17.32.211", 80, "1:CtpkM8732ncl+urC+3Y3WY9cQPk=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha1_as_published),
		cmocka_unit_test(sha1_at_the_edges),
		cmocka_unit_test(base64_as_published),
		cmocka_unit_test(ids_as_published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
