#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <tcplint/frame.h>

#include "decode.h"
#include "evidence.h"
#include "history.h"
#include "segment.h"
#include "siphash.h"

enum {
	FLOWS = 131072,      /* connections whose frames are kept, at most */
	SPANS = 4194304,     /* connections noted in the first pass, at most */
	FIRST_SPANS = 1024,
};

/* A connection with findings, in two passes. */
struct span {
	struct history_key key;
	uint32_t next; /* of the bucket, less one; 0: none */
	uint64_t from, to;
};

struct evidence {
	struct evidence_options o;
	struct decoder *decoder;
	struct history *history;
	struct span *span;
	uint32_t spans, room;
	uint32_t *bucket; /* of `room` */
	struct siphash_key key;
	uint64_t forgotten;
};

struct evidence *evidence_create(const struct evidence_options *o, struct error *e)
{
	const struct decode_options decoding = { .tunnels = o->tunnels };
	struct evidence *ev = calloc(1, sizeof(*ev));

	if (!ev) {
		fail(e, "no memory for packets");
		return NULL;
	}
	ev->o = *o;
	ev->decoder = decoder_create(&decoding, e);
	ev->history = ev->decoder ? history_create(o->max_connections < FLOWS ? o->max_connections : FLOWS, e) : NULL;
	if (ev->history && getrandom(&ev->key, sizeof(ev->key), 0) == sizeof(ev->key))
		return ev;
	if (ev->history)
		fail(e, "no random key for packets: %s", strerror(errno));
	evidence_destroy(ev);
	return NULL;
}

void evidence_destroy(struct evidence *ev)
{
	if (!ev)
		return;
	decoder_destroy(ev->decoder);
	history_destroy(ev->history);
	free(ev->span);
	free(ev->bucket);
	free(ev);
}

/* ---- keys ---- */

static struct history_key key_of_segment(const struct evidence *ev, const struct segment *s)
{
	struct history_key key = { .port = { s->src.port, s->dst.port } };

	memcpy(key.ip[0], s->src.ip, sizeof(key.ip[0]));
	memcpy(key.ip[1], s->dst.ip, sizeof(key.ip[1]));
	if (ev->o.vlan_in_key) {
		key.vlan = s->vlan;
		key.tunnel = s->tunnel;
	}
	history_sort(&key);
	return key;
}

static struct history_key key_of_conn(const struct evidence *ev, const struct tcplint_conn_id *c)
{
	struct history_key key = { .port = { c->client.port, c->server.port } };

	memcpy(key.ip[0], c->client.ip, sizeof(key.ip[0]));
	memcpy(key.ip[1], c->server.ip, sizeof(key.ip[1]));
	if (ev->o.vlan_in_key) {
		key.vlan = c->vlan;
		key.tunnel = c->tunnel;
	}
	history_sort(&key);
	return key;
}

/* ---- spans ---- */

static uint32_t *bucket_of(const struct evidence *ev, const struct history_key *key)
{
	uint64_t words[6] = { 0 };

	memcpy(words, key, sizeof(*key));
	return &ev->bucket[siphash_words(&ev->key, words, 6) & (ev->room - 1)];
}

static bool grow(struct evidence *ev)
{
	const uint32_t room = ev->room ? 2 * ev->room : FIRST_SPANS;
	struct span *span = room <= SPANS ? realloc(ev->span, room * sizeof(*span)) : NULL;
	uint32_t *bucket = span ? calloc(room, sizeof(*bucket)) : NULL;

	ev->span = span ? span : ev->span;
	if (!bucket)
		return false;
	free(ev->bucket);
	ev->bucket = bucket;
	ev->room = room;
	for (uint32_t i = 0; i < ev->spans; i++) {
		uint32_t *at = bucket_of(ev, &ev->span[i].key);

		ev->span[i].next = *at;
		*at = i + 1;
	}
	return true;
}

static struct span *find_span(const struct evidence *ev, const struct history_key *key, uint64_t id)
{
	for (uint32_t n = ev->room ? *bucket_of(ev, key) : 0; n; n = ev->span[n - 1].next)
		if (ev->span[n - 1].from == id && !memcmp(&ev->span[n - 1].key, key, sizeof(*key)))
			return &ev->span[n - 1];
	return NULL;
}

static void note(struct evidence *ev, const struct history_key *key, uint64_t id)
{
	uint32_t *at;

	if (find_span(ev, key, id))
		return;
	if (ev->spans == ev->room && !grow(ev)) {
		ev->forgotten++;
		return;
	}
	at = bucket_of(ev, key);
	ev->span[ev->spans] = (struct span){ .key = *key, .next = *at, .from = id, .to = UINT64_MAX };
	*at = ++ev->spans;
}

static bool covered(const struct evidence *ev, const struct history_key *key, uint64_t number)
{
	for (uint32_t n = ev->room ? *bucket_of(ev, key) : 0; n; n = ev->span[n - 1].next) {
		const struct span *s = &ev->span[n - 1];

		if (s->from <= number && number <= s->to && !memcmp(&s->key, key, sizeof(*key)))
			return true;
	}
	return false;
}

/* ---- frames ---- */

static enum history_kind kind_of(const struct segment *s)
{
	if (s->quoted)
		return HISTORY_OTHER;
	if ((s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN)
		return HISTORY_OPENS;
	return s->flags & (FLAG_FIN | FLAG_RST) ? HISTORY_CLOSES : HISTORY_OTHER;
}

struct parts {
	struct evidence *ev;
	const struct history_key *key;
	bool wanted;
};

/* A fragment of the packet whose last one has come. */
static void take_fragment(void *user, const struct tcplint_frame *f)
{
	const struct parts *p = user;

	if (p->wanted)
		p->ev->o.each(p->ev->o.user, f);
	else if (!p->ev->o.two_passes)
		history_add(p->ev->history, p->key, f, HISTORY_OTHER);
}

/* Fragments have no ports until the last of them makes a segment of them; the identification stands in for these. */
static struct history_key key_of_fragments(const struct history_key *key, const struct segment *s)
{
	struct history_key pieces = *key;

	pieces.port[0] = 0;
	pieces.port[1] = s->ip_id;
	return pieces;
}

static void segment(struct evidence *ev, const struct segment *s, const struct tcplint_frame *f)
{
	const struct history_key key = key_of_segment(ev, s);
	const bool wanted = ev->o.two_passes ? covered(ev, &key, f->number) : history_mark(ev->history, &key) != 0;

	if (s->fragmented) {
		const struct history_key pieces = key_of_fragments(&key, s);

		history_take(ev->history, &pieces, take_fragment, &(struct parts){ ev, &key, wanted });
	}
	if (wanted)
		ev->o.each(ev->o.user, f);
	else if (!ev->o.two_passes)
		history_add(ev->history, &key, f, kind_of(s));
}

void evidence_frame(struct evidence *ev, const struct tcplint_frame *f)
{
	struct segment s;
	const enum decode_result r = decode_frame(ev->decoder, f, &s);
	struct history_key key;

	if (r == DECODE_SEGMENT || r == DECODE_QUOTE)
		segment(ev, &s, f);
	if (r != DECODE_fragment)
		return;
	key = key_of_segment(ev, &s);
	key = key_of_fragments(&key, &s);
	history_add(ev->history, &key, f, HISTORY_OTHER);
}

void evidence_found(struct evidence *ev, const struct tcplint_conn_id *c)
{
	const struct history_key key = key_of_conn(ev, c);

	if (ev->o.two_passes) {
		note(ev, &key, c->id);
		return;
	}
	history_take(ev->history, &key, ev->o.each, ev->o.user);
	if (history_mark(ev->history, &key) < c->id)
		history_set_mark(ev->history, &key, c->id);
}

void evidence_released(struct evidence *ev, const struct tcplint_conn_id *c, uint64_t number)
{
	const struct history_key key = key_of_conn(ev, c);
	struct span *s = find_span(ev, &key, c->id);

	if (s)
		s->to = number;
	if (!ev->o.two_passes && history_mark(ev->history, &key) == c->id)
		history_set_mark(ev->history, &key, 0);
}

uint64_t evidence_forgotten(const struct evidence *ev)
{
	return ev->forgotten + history_forgotten(ev->history);
}

uint64_t evidence_bound(const struct evidence *ev)
{
	return history_bound(ev->history);
}
