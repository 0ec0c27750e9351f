/*
 * conn_state and history: each definition of conn.log, and each letter, as a conversation.
 *
 * One segment is `>` or `<` (from the client, from the server), flags, `SEQ:LEN`, and the acknowledgment;
 * `w` before the flags: a zero window; `!`: a bad checksum; `~`: the payload was not captured; `N*`: N times over.
 * Numbers count from the sender's initial number, acknowledgments from the peer's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zeek.h"

#define SHAKE "> S 0:0 0, < SA 0:0 1, > A 1:0 1, "

static const struct conversation {
	const char *what;
	uint16_t client, server; /* ports */
	const char *segments, *conn_state, *history;
} conversations[] = {
	/* The definitions. */
	{ "attempt without a reply", 0, 0, "> S 0:0 0", "S0", "S" },
	{ "repeated attempt", 0, 0, "3* > S 0:0 0", "S0", "S" },
	{ "established", 0, 0, SHAKE, "S1", "ShA" },
	{ "normal end", 0, 0,
	  SHAKE "> A 1:10 1, < A 1:0 11, < A 1:20 11, > FA 11:0 21, < FA 21:0 12, > A 12:0 22",
	  "SF", "ShADadFf" },
	{ "rejected", 0, 0, "> S 0:0 0, < RA 0:0 1", "REJ", "Sr" },
	{ "rejected, then reset by both", 0, 0, "> S 0:0 0, < RA 0:0 1, > R 1:0 0", "REJ", "SrR" },
	{ "only the originator closes", 0, 0, SHAKE "> FA 1:0 1, < A 1:0 2", "S2", "ShAFa" },
	{ "only the responder closes", 0, 0, SHAKE "< FA 1:0 1, > A 1:0 2", "S3", "ShAf" },
	{ "the originator resets", 0, 0, SHAKE "> A 1:10 1, > RA 11:0 1", "RSTO", "ShADR" },
	{ "the responder resets", 0, 0, SHAKE "> A 1:10 1, < RA 1:0 11", "RSTR", "ShADr" },
	{ "a SYN and a reset of one's own", 0, 0, "> S 0:0 0, > R 1:0 0", "RSTOS0", "SR" },
	{ "the same, though an ACK came back", 0, 0, "> S 0:0 0, < A 0:0 1, > R 1:0 0", "RSTOS0",
	  "SaR" },
	{ "the same, but a FIN before the reset", 0, 0,
	  "> S 0:0 0, < A 0:0 1, > FA 1:0 1, > R 2:0 0", "OTH", "SaFR" },
	{ "a SYN, an ACK and a reset of one's own", 0, 0, "> S 0:0 0, > A 1:0 1, > R 1:0 0", "OTH",
	  "SAR" },
	{ "a SYN-ACK and a reset, no SYN", 0, 80, "< SA 0:0 1, < R 1:0 0", "RSTRH", "^hr" },
	{ "a SYN-ACK and a reset, who is the server?", 0, 0, "< SA 0:0 1, < R 1:0 0", "OTH", "HR" },
	{ "a SYN and a FIN, no reply", 0, 0, "> S 0:0 0, > FA 1:0 1", "SH", "SF" },
	{ "a SYN-ACK and a FIN, no SYN", 0, 80, "< SA 0:0 1, < FA 1:0 1", "SHR", "^hf" },
	{ "no SYN", 0, 0, "> A 1:10 1, < A 1:10 11", "OTH", "Dd" },
	{ "no SYN, both close", 0, 0, "> FA 1:0 1, < FA 1:0 2, > A 2:0 2", "SF", "FfA" },
	{ "a lone SYN-ACK", 0, 0, "< SA 0:0 1", "OTH", "H" },
	{ "a lone reset", 0, 0, "> R 1:0 0", "OTH", "R" },

	/* Ends that are not what they seem. */
	{ "a reset after both FINs", 0, 0, SHAKE "> FA 1:0 1, < FA 1:0 2, < R 2:0 0", "SF",
	  "ShAFfr" },
	{ "FIN and reset, answered by a FIN", 0, 0, SHAKE "> FA 1:0 1, > RA 2:0 1, < FA 1:0 2",
	  "SF", "ShAFRf" },
	{ "a reset after one FIN", 0, 0, SHAKE "< FA 1:0 1, > RA 1:0 2", "RSTO", "ShAfR" },
	{ "a SYN after a stray reset", 0, 0, "> R 7:0 0, > S 0:0 0, < SA 0:0 1", "RSTO", "RSh" },

	/* Who is the originator. */
	{ "the server's port gives it away", 0, 80, "< A 1:10 1, > A 1:10 11", "OTH", "^dD" },
	{ "both ports are servers': the lower one is", 8080, 80, "< A 1:10 1", "OTH", "^d" },
	{ "both ports are servers': the higher one is not", 80, 8080, "< A 1:10 1", "OTH", "D" },
	{ "a missed SYN, known port", 0, 443, "< SA 0:0 1, > A 1:0 1, > A 1:10 1", "S1", "^hAD" },
	{ "a missed SYN, unknown port", 0, 0, "< SA 0:0 1, > A 1:0 1, > A 1:10 1", "S1", "^hAD" },
	{ "a missed SYN, data", 0, 0, "w< SA 0:0 1, < SA 0:0 1, < A 1:10 1", "OTH", "^hwd" },
	{ "a SYN-ACK that overtook its SYN", 0, 0, "< SA 0:0 1, > S 0:0 0, > A 1:0 1", "S1",
	  "Hs^A" },
	{ "an ACK before the SYN-ACK", 0, 0, "> S 0:0 0, < A 0:0 1, < SA 0:0 1, > A 1:0 1", "S1",
	  "SahA" },

	/* Letters. */
	{ "simultaneous open", 0, 0, "> S 0:0 0, < S 0:0 0, > SA 0:0 1, < SA 0:0 1", "S1", "Ss" },
	{ "another SYN", 0, 0, "> S 0:0 0, > S 5:0 0, > S 0:0 0", "S0", "S" },
	{ "FIN again, FIN elsewhere", 0, 0, SHAKE "2* > FA 1:0 1, > FA 1:5 1", "S2", "ShAFF" },
	{ "RST again, RST elsewhere", 0, 0, SHAKE "2* > R 1:0 0, 2* > R 2:0 0", "RSTO", "ShARR" },
	{ "FIN and RST in one", 0, 0, SHAKE "2* > FRA 1:0 1", "RSTO", "ShAI" },
	{ "SYN and FIN in one", 0, 0, "> SF 0:0 0, < SR 0:0 1", "RSTR", "Qq" },
	{ "copies of data", 0, 0, SHAKE "> A 1:5 1, 9* > A 1:5 1", "S1", "ShADT" },
	{ "ten copies of data", 0, 0, SHAKE "> A 1:5 1, 99* > A 1:5 1", "S1", "ShADTT" },
	{ "a hundred copies of data", 0, 0, SHAKE "> A 1:5 1, 100* > A 1:5 1", "S1", "ShADTTT" },
	{ "data out of order", 0, 0, SHAKE "> A 6:5 1, > A 1:5 1, < A 1:0 11", "S1", "ShADTa" },
	{ "a keep-alive is no copy", 0, 0, SHAKE "> A 1:5 1, < A 1:0 6, > A 5:0 1", "S1", "ShADa" },
	{ "a zero window", 0, 0, SHAKE "w< A 1:0 1, < A 1:0 1", "S1", "ShAaw" },
	{ "ten zero windows", 0, 0, SHAKE "10*w< A 1:0 1", "S1", "ShAaww" },
	{ "a zero window after the peer's FIN", 0, 0, SHAKE "> FA 1:0 1, w< A 1:0 2", "S2",
	  "ShAFa" },
	{ "a zero window on a reset", 0, 0, SHAKE "w> R 1:0 0", "RSTO", "ShAR" },
	{ "a bad checksum", 0, 0, SHAKE "!> A 1:5 1, !< FA 1:0 1, < A 1:0 1", "S1", "ShACca" },
	{ "nothing but bad checksums", 0, 0, "!> S 0:0 0, !< SA 0:0 1, !> A 1:0 1", "S1", "ShA" },
	{ "bad checksums after a good one", 0, 0, "> S 0:0 0, 10* !> S 0:0 0", "S0", "SCC" },

	/* Gaps. */
	{ "acknowledged, not seen", 0, 0, SHAKE "> A 11:5 1, < A 1:0 16", "S1", "ShADaG" },
	{ "acknowledged, none of it seen", 0, 0, SHAKE "> A 1:0 9", "S1", "ShAg" },
	{ "not acknowledged", 0, 0, SHAKE "> A 11:5 1, < A 1:0 1", "S1", "ShADa" },
	{ "filled in time", 0, 0, SHAKE "> A 11:5 1, > A 1:4 1, > A 5:6 1, < A 1:0 16", "S1",
	  "ShADTa" },
	{ "several holes", 0, 0, SHAKE "> A 3:1 1, > A 5:1 1, > A 7:1 1, > A 9:1 1, < A 1:0 10",
	  "S1", "ShADaG" },
	{ "a payload that was not captured", 0, 0, SHAKE "~> A 1:10 1, < A 1:0 11", "S1",
	  "ShADaG" },
	{ "only the FIN is acknowledged", 0, 0, SHAKE "> FA 1:0 1, < A 1:0 2", "S2", "ShAFa" },
	{ "a gap before the FIN", 0, 0, SHAKE "> FA 9:0 1, < A 1:0 10", "S2", "ShAFaG" },
	{ "a gap in a reset", 0, 0, SHAKE "< RA 1:0 9", "RSTR", "ShAr" },
	{ "no SYN: gaps are not believed", 0, 0, "> A 1:5 1, > A 9:5 1, < A 1:0 14", "OTH", "Da" },
	{ "a hole that nobody acknowledges", 0, 0,
	  SHAKE "> A 9:9000 1, > A 9009:9000 1, < A 1:0 18009", "S1", "ShADa" },
};

static struct segment make(const struct conversation *c, int from, const char *flags,
			   const uint32_t isn[2])
{
	static const struct {
		char letter;
		uint16_t flag;
	} names[] = { { 'S', FLAG_SYN }, { 'A', FLAG_ACK }, { 'F', FLAG_FIN }, { 'R', FLAG_RST } };
	struct segment s = { .window = 1000, .seq = isn[from], .checksum = CHECKSUM_OK };
	uint16_t client = c->client ? c->client : 40000, server = c->server ? c->server : 5000;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strchr(flags, names[i].letter))
			s.flags |= names[i].flag;
	if (s.flags & FLAG_ACK)
		s.ack = isn[!from];
	s.src.port = from ? server : client;
	s.dst.port = from ? client : server;
	return s;
}

/* Takes one segment of the text, and what remains of the text is returned. */
static const char *take(struct zeek *quick, struct zeek *slow, const struct conversation *c,
			const char *at, const uint32_t isn[2])
{
	char mark = ' ', direction, flags[8];
	unsigned seq, len, ack, times = 1;
	struct segment s;
	int used = 0, from;

	at += strspn(at, " ");
	if (sscanf(at, "%u*%n", &times, &used) == 1 && used)
		at += used;
	at += strspn(at, " ");
	if (*at != '<' && *at != '>')
		mark = *at++;
	assert_int_equal(
		sscanf(at, "%c %7s %u:%u %u%n", &direction, flags, &seq, &len, &ack, &used), 5);
	from = direction == '<';
	s = make(c, from, flags, isn);
	s.seq += seq;
	s.len = len;
	s.ack += s.flags & FLAG_ACK ? ack : 0;
	s.window = mark == 'w' ? 0 : s.window;
	s.checksum = mark == '!' ? CHECKSUM_BAD : CHECKSUM_OK;
	s.truncated = mark == '~';
	while (times--) {
		zeek_segment(quick, from, &s);
		zeek_long_way(slow, from, &s);
	}
	at += used;
	return at + strspn(at, ", ");
}

static bool converse(const struct conversation *c, uint32_t client, uint32_t server)
{
	struct zeek quick, slow;
	const uint32_t isn[2] = { client, server };

	memset(&quick, 0, sizeof(quick));
	memset(&slow, 0, sizeof(slow));
	for (const char *at = c->segments; *at;)
		at = take(&quick, &slow, c, at, isn);
	assert_memory_equal(&quick, &slow, sizeof(slow));
	if (!strcmp(zeek_conn_state(&quick), c->conn_state) &&
	    !strcmp(zeek_history(&quick), c->history))
		return true;
	print_error("%s (ISN %u, %u): %s %s, not %s %s\n", c->what, client, server,
		    zeek_conn_state(&quick), zeek_history(&quick), c->conn_state, c->history);
	return false;
}

static void test_conversations(void **state)
{
	static const uint32_t isns[] = { 100, 0x7ffffff0, 0xfffffff0 };
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(conversations) / sizeof(*conversations); i++)
		for (size_t j = 0; j < 9; j++)
			wrong += !converse(&conversations[i], isns[j / 3], isns[j % 3]);
	assert_int_equal(wrong, 0);
}

/* The history ends where its room ends, and the state does not. */
static void test_long_history(void **state)
{
	struct segment s = { .flags = FLAG_SYN, .window = 1 };
	struct zeek z;

	(void)state;
	memset(&z, 0, sizeof(z));
	zeek_segment(&z, 0, &s);
	s.flags = FLAG_RST;
	for (s.seq = 1; s.seq < 100; s.seq++)
		zeek_segment(&z, 0, &s);
	assert_int_equal(strlen(zeek_history(&z)), ZEEK_HISTORY_MAX);
	assert_string_equal(zeek_conn_state(&z), "RSTOS0");
}

/* A transfer that wraps more than once: only the numbers move, and the short way takes it. */
static void test_long_transfer(void **state)
{
	const uint32_t isn = 0xfffffff0, step = 60000;
	struct segment data = { .flags = FLAG_ACK, .window = 1, .len = step },
		       ack = { .flags = FLAG_ACK, .window = 1 };
	struct segment syn = { .flags = FLAG_SYN, .window = 1, .seq = isn };
	struct zeek z;
	unsigned slow = 0;

	(void)state;
	memset(&z, 0, sizeof(z));
	zeek_segment(&z, 0, &syn);
	syn = (struct segment){
		.flags = FLAG_SYN | FLAG_ACK, .window = 1, .seq = 7, .ack = isn + 1
	};
	zeek_segment(&z, 1, &syn);
	data.seq = isn + 1;
	data.ack = ack.seq = 8;
	for (unsigned i = 0; i < 200000; i++, data.seq += step) {
		slow += i > 2 && !zeek_short_way(&z, 0, &data);
		if (!(i > 2) || z.end[0].last == data.seq)
			zeek_segment(&z, 0, &data);
		ack.ack = data.seq + step;
		zeek_segment(&z, 1, &ack);
	}
	assert_string_equal(zeek_history(&z), "ShDa");
	assert_string_equal(zeek_conn_state(&z), "S1");
	assert_true(slow < 10);
}

static uint32_t pick(uint32_t *seed, uint32_t n)
{
	*seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
	return (*seed >> 8) % n;
}

/* Whatever comes, the short way ends where the long one does. */
static void test_ways_agree(void **state)
{
	static const uint16_t odd[] = {
		FLAG_SYN, FLAG_SYN | FLAG_ACK, FLAG_FIN | FLAG_ACK, FLAG_RST, 0, FLAG_FIN | FLAG_RST
	};
	uint32_t seed = 1;

	(void)state;
	for (int run = 0; run < 2000; run++) {
		const uint32_t isn[2] = { seed * 77, pick(&seed, 2) ? 0xffffff00 : seed };
		struct zeek quick, slow;

		memset(&quick, 0, sizeof(quick));
		memset(&slow, 0, sizeof(slow));
		for (uint32_t i = 0; i < 200; i++) {
			const int from = (int)pick(&seed, 2);
			struct segment s = { .flags = FLAG_ACK, .window = pick(&seed, 30) ? 9 : 0 };

			if (i == 0 || pick(&seed, 60) == 0)
				s.flags = odd[pick(&seed, 6)];
			if (i == 1)
				s.flags = FLAG_SYN | FLAG_ACK;
			s.seq = pick(&seed, 4) ? quick.end[from].last
					       : isn[from] + pick(&seed, 900);
			if (i < 2)
				s.seq = isn[from];
			s.ack = pick(&seed, 4) ? quick.end[!from].last
					       : isn[!from] + pick(&seed, 900);
			s.len = pick(&seed, 2) ? pick(&seed, 100) : 0;
			s.truncated = pick(&seed, 50) == 0;
			s.checksum = pick(&seed, 50) ? CHECKSUM_OK : CHECKSUM_BAD;
			zeek_segment(&quick, from, &s);
			zeek_long_way(&slow, from, &s);
			assert_memory_equal(&quick, &slow, sizeof(slow));
		}
		assert_true(strlen(zeek_conn_state(&quick)) >= 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_long_history),
		cmocka_unit_test(test_long_transfer),
		cmocka_unit_test(test_ways_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
