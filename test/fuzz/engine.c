/*
 * The whole library on an arbitrary sequence of frames.
 *
 * Input: one byte of options, then frames of: time step (one byte, quadratic in
 * milliseconds), length (one byte), so many bytes of raw IP.  The checksums of a
 * fuzzer's segments are wrong, and a sender whose checksums are all wrong is believed
 * (rules.md, checksum_bad), so states do move.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <tcplint/tcplint.h>

#define DLT_RAW_IP 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_finding(void *user, const struct tcplint_finding *f)
{
	(void)user;
	if (f->confidence < 0 || f->confidence > 1 || !f->message[0] || f->rule >= tcplint_rule_count())
		abort();
}

static void on_connection(void *user, const struct tcplint_connection *c)
{
	(void)user;
	if (c->endpoint[0].state_count > TCPLINT_MAX_STATES || !c->conn->id)
		abort();
}

static void on_segment(void *user, const struct tcplint_segment *s)
{
	(void)user;
	if (s->after[0] >= TCPLINT_STATE_COUNT || s->after[1] >= TCPLINT_STATE_COUNT)
		abort();
}

static void feed(struct tcplint *t, const uint8_t *data, size_t size)
{
	int64_t now = INT64_C(1700000000000000000);

	for (size_t at = 0; size - at >= 2;) {
		const uint8_t step = data[at];
		size_t len = data[at + 1];

		at += 2;
		if (len > size - at)
			len = size - at;
		now += (int64_t)step * step * 1000000;
		tcplint_feed(t, now, DLT_RAW_IP, data + at, (uint32_t)len, (uint32_t)len);
		at += len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tcplint_sink sink = { .finding = on_finding, .connection = on_connection, .segment = on_segment };
	struct tcplint_options o;
	char error[256];

	if (!size)
		return 0;
	tcplint_options_init(&o);
	o.min_severity = TCPLINT_INFO;
	o.min_confidence = 0;
	o.all = true;
	o.segments = data[0] & 1;
	o.tunnels = data[0] & 2;
	o.max_connections = data[0] & 4 ? 2 : 1000;
	o.hash_key[0] = 1;
	struct tcplint *t = tcplint_new(&o, &sink, error, sizeof(error));

	if (!t)
		abort();
	feed(t, data + 1, size - 1);
	tcplint_finish(t, data[0] & 8);
	tcplint_free(t);
	return 0;
}
