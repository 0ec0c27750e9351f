#include <stdio.h>
#include <string.h>

#include "frames.h"
#include "simulated.h"

#define DLT_RAW_IP 12

static uint64_t state = 88172645463325252;

void seed(uint64_t s)
{
	state = s * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * UINT64_C(2685821657736338717);
}

uint32_t below(uint32_t n)
{
	return (uint32_t)((draw() >> 32) % n);
}

static void on_finding(void *user, const struct tcplint_finding *f)
{
	struct heard *h = user;

	assert(!f->conn == !!f->host);
	for (const char *m = f->message; *m; m++)
		h->digest = (h->digest ^ (uint8_t)*m) * UINT64_C(0x100000001b3);
	if (f->conn) {
		h->about_connections++;
		h->of_connections[f->rule]++;
		return;
	}
	assert(f->message[0] && !strchr(f->message, '{') && f->ts && f->frame_count);
	for (unsigned i = 1; i < f->frame_count; i++)
		assert(f->frame[i] > f->frame[i - 1]);
	h->fired[f->rule]++;
	h->verdict[f->rule] = f->verdict;
	h->severity[f->rule] = f->severity;
	h->confidence = f->confidence;
	snprintf(h->message, sizeof(h->message), "%s", f->message);
}

static void on_host(void *user, const struct tcplint_host *t)
{
	struct heard *h = user;

	assert(t->finding_count);
	h->hosts++;
	h->aggregated += t->aggregated;
	for (unsigned i = 0; i < t->finding_count && t->findings[i]->related_count; i++)
		snprintf(h->related, sizeof(h->related), "%s", tcplint_rule(t->findings[i]->related[0])->name);
}

unsigned fired(const struct heard *h, const char *rule)
{
	const int r = tcplint_rule_by_name(rule);

	assert(r >= 0);
	return h->fired[r];
}

struct tcplint *open_with(struct heard *h, const uint8_t *key, enum tcplint_severity least)
{
	const struct tcplint_sink sink = { .user = h, .finding = on_finding, .host = on_host };
	struct tcplint_options o;
	struct tcplint *t;

	memset(h, 0, sizeof(*h));
	tcplint_options_init(&o);
	o.max_connections = 20000;
	o.min_severity = least;
	if (key)
		memcpy(o.hash_key, key, sizeof(o.hash_key));
	t = tcplint_new(&o, &sink, NULL, 0);
	assert(t);
	return t;
}

void finish(struct tcplint *t)
{
	tcplint_finish(t, false);
	tcplint_free(t);
}

static struct built frame;
static uint16_t ip_id;
static int options;

void offer_options(int on)
{
	options = on;
}

static unsigned carried;

void carry(unsigned bytes)
{
	carried = bytes;
}

void same_id(void)
{
	ip_id--;
}

static void address(uint8_t out[16], uint32_t ip)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(ip >> (24 - 8 * i));
}

void say(struct tcplint *t, int64_t ts, struct end from, struct end to, uint16_t flags, uint32_t seq,
		uint32_t ack)
{
	static const uint8_t scale_and_sack[] = { 2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 1, 1 };
	const uint32_t length = options && flags & SYN ? sizeof(scale_and_sack) : 0;
	struct ip_fields ip = { .protocol = 6, .id = ++ip_id };

	address(ip.src, from.ip);
	address(ip.dst, to.ip);
	static const uint8_t data[100];

	built_start(&frame, data, carried);
	built_tcp(&frame, &(struct tcp_fields){ .sport = from.port, .dport = to.port, .flags = flags, .seq = seq,
						.ack = ack, .window = 65535, .options = scale_and_sack, .options_length = length });
	built_ipv4(&frame, &ip);
	const struct tcplint_frame *f = built_frame(&frame, DLT_RAW_IP);

	tcplint_feed(t, ts, DLT_RAW_IP, f->data, f->captured, f->wire);
}

void handshake(struct tcplint *t, int64_t ts, struct end c, struct end s, uint32_t isn, uint32_t peer_isn)
{
	say(t, ts, c, s, SYN, isn, 0);
	say(t, ts + 1000000, s, c, SYN | ACK, peer_isn, isn + 1);
	say(t, ts + 2000000, c, s, ACK, isn + 1, peer_isn + 1);
}
