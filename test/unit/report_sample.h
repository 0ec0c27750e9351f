/* A finding and a connection to report, and the paper that takes the lines. */
#ifndef TCPLINT_TEST_REPORT_SAMPLE_H
#define TCPLINT_TEST_REPORT_SAMPLE_H

#include <string.h>

#include "report_private.h"
#include "unit.h"

#define MS INT64_C(1000000)

/* The last line, and how often one was written. */
struct paper {
	char line[16384];
	unsigned lines, refuse_from;
};

static inline bool write_paper(void *user, const char *line, size_t len)
{
	struct paper *p = user;

	if (p->refuse_from && p->lines + 1 >= p->refuse_from)
		return false;
	assert_true(len < sizeof(p->line));
	assert_null(memchr(line, '\n', len));
	memcpy(p->line, line, len);
	p->line[len] = '\0';
	p->lines++;
	return true;
}

/* Two inputs of ten frames each. */
static inline void locate(void *user, uint64_t ordinal, const char **file, uint64_t *number)
{
	(void)user;
	*file = ordinal <= 10 ? "a.pcap" : "b\xff.pcap";
	*number = ordinal <= 10 ? ordinal : ordinal - 10;
}

static inline struct report *open_report(struct paper *p, const struct report_options *more)
{
	struct report_options o = more ? *more : (struct report_options){ 0 };
	struct error e;
	struct report *r;

	memset(p, 0, sizeof(*p));
	o.write = write_paper;
	o.write_user = p;
	r = report_create(&o, &e);
	assert_non_null(r);
	return r;
}

static const struct tcplint_conn_id conn = {
	.id = 1,
	.client = { { [10] = 0xff, 0xff, 10, 0, 0, 1 }, 1024 },
	.server = { { [10] = 0xff, 0xff, 10, 0, 0, 2 }, 80 },
};

#define CONN                                                                                       \
	"\"conn\":{\"id\":1,\"community_id\":\"1:lmvx6fTfgLyMTWGoOUawR7dDvGU=\","                  \
	"\"client\":{\"ip\":\"10.0.0.1\",\"port\":1024},\"server\":{\"ip\":\"10.0.0.2\","          \
	"\"port\":80},\"incarnation\":0}"

static inline struct tcplint_finding a_finding(void)
{
	return (struct tcplint_finding){
		.rule = (unsigned)tcplint_rule_by_name("synack_ack_mismatch"),
		.verdict = TCPLINT_VIOLATION,
		.severity = TCPLINT_ERROR,
		.offender = TCPLINT_BY_SERVER,
		.confidence = 0.85F,
		.conn = &conn,
		.has_state = true,
		.state = { TCPLINT_SYN_SENT, TCPLINT_SYN_RECEIVED },
		.value_count = 1,
		.value = { { .field = TCPLINT_FIELD_ACK,
			     .has_expected = true,
			     .has_actual = true,
			     .expected = 1001,
			     .actual = 1009,
			     .relative = true,
			     .expected_relative = 1,
			     .actual_relative = 9 } },
		.frame_count = 2,
		.frame = { 1, 12 },
		.ts = 1500 * MS + 40320,
		.count = 1,
		.message = "A \"sentence\".",
		.alternatives = { "capture_loss" },
		.evidence = { "peer_objected", "no_loss_near" },
		.would_be = -1,
	};
}

static inline struct tcplint_connection a_connection(void)
{
	struct tcplint_connection c = {
		.conn = &conn,
		.start = 1000 * MS,
		.duration = 250 * MS,
		.end = TCPLINT_END_FIN,
		.handshake = { TCPLINT_CONFORMANT, TCPLINT_HANDSHAKE_THREE_WAY, 1, 1,
			       40 * MS + 320000, -1, -1 },
		.teardown = { TCPLINT_INCOMPLETE, TCPLINT_TEARDOWN_HALF_CLOSED, -1, false, 0, -1 },
		.time_wait = { .holder = -1 },
		.conn_state = "SF",
		.history = "ShADadFf",
	};
	struct tcplint_endpoint *e = &c.endpoint[TCPLINT_CLIENT];

	e->has_isn = e->has_syn = e->has_mss = e->has_ttl = e->has_state = e->state_certain = true;
	e->isn = 4294967295U;
	e->mss = 1460;
	e->ttl = 64;
	e->segments = UINT64_MAX;
	e->state = TCPLINT_ESTABLISHED;
	e->state_count = 2;
	e->states[0] = (struct tcplint_state_time){ TCPLINT_SYN_SENT, 0 };
	e->states[1] = (struct tcplint_state_time){ TCPLINT_ESTABLISHED, 40 * MS };
	return c;
}

#endif
