/*
 * The filter in the kernel: what decode reads passes, what says nothing about TCP does not.  And the clock of a pipe.
 */
#include "unit.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture_source.h"
#include "pipe_clock.h"

#define MACS "020000000002020000000001"

/* In hexadecimal: what follows the type of an Ethernet frame, up to where a filter may look. */
#define IP4(protocol, fragment) "4500003c0000" fragment "40" protocol "00000a0000010a000002"
#define IP6(next)              "600000000014" next "4020010db800000000000000000000000120010db8000000000000000000000002"
#define PORTS(to)               "3039" to "000000000000000050020000000000000000000000000000"

struct row {
	const char *what, *bytes;
	bool plain;  /* passes */
	bool tunnels; /* passes with --tunnels */
	bool http;   /* passes with "tcp port 80" */
};

static const struct row rows[] = {
	{ "TCP to port 80", "0800" IP4("06", "0000") PORTS("0050"), true, true, true },
	{ "TCP to port 81", "0800" IP4("06", "0000") PORTS("0051"), true, true, false },
	{ "TCP over IPv6", "86dd" IP6("06") PORTS("0050"), true, true, true },
	{ "UDP", "0800" IP4("11", "0000") PORTS("0035"), false, false, false },
	{ "UDP over IPv6", "86dd" IP6("11") PORTS("0035"), false, false, false },
	{ "ARP", "08060001080006040001" PORTS("0000"), false, false, false },
	{ "LLDP", "88cc0001080006040001" PORTS("0000"), false, false, false },
	{ "spanning tree", "0026424203" PORTS("0000"), false, false, false },
	{ "the first fragment of a segment", "0800" IP4("06", "2000") PORTS("0050"), true, true, true },
	{ "a later fragment of a segment", "0800" IP4("06", "0010") PORTS("0035"), true, true, true },
	{ "a later fragment of a datagram", "0800" IP4("11", "0010") PORTS("0035"), false, true, false },
	{ "a fragment over IPv6", "86dd" IP6("2c") "0600000100000001" PORTS("0050"), true, true, true },
	{ "hop-by-hop options", "86dd" IP6("00") "0600000000000000" PORTS("0050"), true, true, false },
	{ "an authentication header", "0800" IP4("33", "0000") PORTS("0050"), true, true, false },
	{ "port unreachable", "0800" IP4("01", "0000") "0303000000000000" IP4("06", "0000") PORTS("0051"), true, true, true },
	{ "an echo", "0800" IP4("01", "0000") "0800000000000000" PORTS("0000"), false, false, false },
	{ "packet too big", "86dd" IP6("3a") "0200000000000500" IP6("06") PORTS("0051"), true, true, true },
	{ "neighbour solicitation", "86dd" IP6("3a") "8700000000000000" PORTS("0000"), false, false, false },
	{ "tagged", "81000005" "0800" IP4("06", "0000") PORTS("0050"), true, true, false },
	{ "tagged over IPv6", "81000005" "86dd" IP6("06") PORTS("0050"), true, true, false },
	{ "a tagged datagram", "81000005" "0800" IP4("11", "0000") PORTS("0035"), false, true, false },
	{ "tagged ARP", "81000005" "08060001080006040001" PORTS("0000"), false, true, false },
	{ "tagged twice", "88a80005" "81000006" "0800" IP4("06", "0000") PORTS("0050"), true, true, false },
	{ "labelled", "8847" "00010140" IP4("06", "0000") PORTS("0050"), true, true, false },
	{ "PPPoE", "8864" "11000001003e0021" IP4("06", "0000") PORTS("0050"), true, true, false },
	{ "SNAP", "0044" "aaaa03000000" "0800" IP4("06", "0000") PORTS("0050"), true, true, false },
	{ "GRE", "0800" IP4("2f", "0000") "00000800" IP4("06", "0000") PORTS("0050"), false, true, false },
	{ "6in4", "0800" IP4("29", "0000") IP6("06") PORTS("0050"), false, true, false },
	{ "VXLAN", "0800" IP4("11", "0000") "303912b500000000" "0800000000000100" MACS "0800" IP4("06", "0000") PORTS("0050"),
	  false, true, false },
	{ "GENEVE over IPv6", "86dd" IP6("11") "303917c100000000" "0000655800000100" MACS "0800" IP4("06", "0000"), false,
	  true, false },
};

static unsigned frame_of(const char *hex, u_char *out)
{
	char text[512];
	unsigned n = 0, byte;

	snprintf(text, sizeof(text), MACS "%s", hex);
	for (const char *p = text; sscanf(p, "%2x", &byte) == 1; p += 2)
		out[n++] = (u_char)byte;
	return n;
}

static void compile(struct bpf_program *program, int linktype, bool tunnels, const char *user)
{
	char *text = filter_for_kernel(linktype, tunnels, user);
	pcap_t *p = pcap_open_dead(linktype, 256);

	assert_non_null(text);
	if (pcap_compile(p, program, text, 1, PCAP_NETMASK_UNKNOWN) != 0)
		print_error("%s\n", pcap_geterr(p));
	assert_true(program->bf_len > 0);
	assert_true(program->bf_len < 4096); /* the kernel takes no more */
	pcap_close(p);
	free(text);
}

static void check(const char *what, const char *which, const struct bpf_program *program, const u_char *bytes, unsigned n,
		  bool wanted)
{
	const struct pcap_pkthdr h = { .caplen = n, .len = n };
	const bool passes = pcap_offline_filter(program, &h, bytes) != 0;

	if (passes != wanted)
		print_error("%s: %s %s\n", which, what, passes ? "passes" : "does not pass");
	assert_int_equal(passes, wanted);
}

static void what_is_read_passes(void **state)
{
	struct bpf_program plain = { 0 }, tunnels = { 0 }, http = { 0 };
	u_char bytes[256];

	(void)state;
	compile(&plain, DLT_EN10MB, false, NULL);
	compile(&tunnels, DLT_EN10MB, true, NULL);
	compile(&http, DLT_EN10MB, false, "tcp port 80");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const unsigned n = frame_of(rows[i].bytes, bytes);

		check(rows[i].what, "plain", &plain, bytes, n, rows[i].plain);
		check(rows[i].what, "with tunnels", &tunnels, bytes, n, rows[i].tunnels);
		check(rows[i].what, "tcp port 80", &http, bytes, n, rows[i].http);
	}
	pcap_freecode(&plain);
	pcap_freecode(&tunnels);
	pcap_freecode(&http);
}

static void every_link_has_one(void **state)
{
	static const int links[] = { DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW, DLT_NULL, DLT_PPP,
				     DLT_IEEE802_11_RADIO, DLT_IEEE802_11 };

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		for (int k = 0; k < 4; k++) {
			struct bpf_program program = { 0 };

			compile(&program, links[i], k & 1, k & 2 ? "host 192.0.2.1 or tcp port 80" : NULL);
			pcap_freecode(&program);
		}
}

static void pipes_have_a_clock(void **state)
{
	const int64_t second = INT64_C(1000000000);
	struct pipe_clock c = { .begun = false };

	(void)state;
	assert_true(pipe_clock_now(&c, 100 * second) == INT64_MIN);
	pipe_clock_frame(&c, 95 * second, 100 * second);
	pipe_clock_frame(&c, 100 * second, 101 * second);
	assert_true(pipe_clock_now(&c, 110 * second) == 105 * second); /* one may still come that was 5 s on its way */
	pipe_clock_frame(&c, 20 * second, 111 * second);
	assert_true(pipe_clock_now(&c, 120 * second) == INT64_MIN);
	pipe_clock_frame(&c, 121 * second, 121 * second);
	assert_true(pipe_clock_now(&c, 122 * second) == INT64_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_passes),
		cmocka_unit_test(every_link_has_one),
		cmocka_unit_test(pipes_have_a_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
