/*
 * Several rings of one interface (packet(7), PACKET_FANOUT): the kernel deals the frames out by the hash of their flow,
 * both directions alike, fragments by their addresses alone.  It could put fragments together first, but then
 * those that never become whole would be seen by nobody, and fill its memory.
 *
 * A frame of one ring is handed over once no earlier one can come from another: that has one as well, or was
 * found empty so much later that the kernel would have shown it.  So the frames come in the order of their times, and
 * the capture's clock does not seem to go back.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "capture_source.h"

/* A block is handed over when it is full, or when a timer of TICK_MS has found it unchanged: twice that at most. */
#define SHOWN_AFTER  (INT64_C(2500000) * TICK_MS)
#define SHOWN_AT_ONCE INT64_C(5000000) /* --immediate-mode */

static struct live *ring(struct live *l, unsigned i)
{
	return i ? &l->more[i - 1] : l;
}

/* The kernel chooses a number for the group of the first one, and the others join it. */
static bool join(struct live *l, uint32_t *group, struct error *e)
{
	const bool first = !*group;
	const uint32_t how = PACKET_FANOUT_HASH;
	uint32_t request = first ? (how | PACKET_FANOUT_FLAG_UNIQUEID) << 16 : *group;
	socklen_t size = sizeof(request);
	const int fd = pcap_fileno(l->source.pcap);

	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &request, sizeof(request)) != 0 ||
	    getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &request, &size) != 0)
		return fail(e, "%s: cannot share its frames between several rings: %s", l->name, strerror(errno));
	*group = (request & 0xffff) | how << 16;
	l->joined = capture_clock();
	return true;
}

bool rings_open(struct live *l, const struct capture_options *o, struct error *e)
{
	uint32_t group = 0;

	if (o->rings < 2)
		return true;
	l->more = calloc(o->rings - 1, sizeof(*l->more));
	if (!l->more)
		return fail(e, "out of memory");
	if (!join(l, &group, e))
		return false;
	for (; l->more_count < o->rings - 1; l->more_count++) {
		struct live *next = &l->more[l->more_count];

		*next = (struct live){ .o = o, .name = l->name, .fd = -1, .net.fd = -1, .counters = &l->of_more };
		if (!live_open_ring(next, e) || !join(next, &group, e)) {
			live_close(next);
			return false;
		}
	}
	return true;
}

void rings_close(struct live *l)
{
	for (unsigned i = 0; i < l->more_count; i++)
		live_close(&l->more[i]);
	free(l->more);
	l->more = NULL;
	l->more_count = 0;
}

/* Up to when every frame of an empty ring has been seen, on the clock that stamps them. */
static int64_t complete_until(const struct live *l, const struct live *r)
{
	return r->empty + l->stamps_ahead - (r->o->immediate ? SHOWN_AT_ONCE : SHOWN_AFTER);
}

/* A further ring that had not joined yet was given what the others were given. */
static bool doubled(const struct live *l, const struct live *r)
{
	return r != l && r->ts < r->joined;
}

/* The next frame of a ring, if it has one by now; false: it can be read no more. */
static bool look_into(struct live *l, struct live *r)
{
	const int64_t now = capture_clock();
	int answer = 1;

	if (r->pending)
		return true;
	do {
		answer = pcap_next_ex(r->source.pcap, &r->header, &r->data);
		if (answer == 1)
			r->ts = source_time(&r->header->ts, r->unit);
	} while (answer == 1 && doubled(l, r));
	if (answer == 1) /* a card's clock may count otherwise, and ours may be set */
		l->stamps_ahead = r->ts > now ? r->ts - now : 0;
	if (answer == 0)
		r->empty = now;
	r->pending = answer == 1;
	return answer >= 0;
}

/* The ring with the earliest frame; null: all are empty. */
static struct live *earliest(struct live *l)
{
	struct live *best = NULL;

	for (unsigned i = 0; i <= l->more_count; i++)
		if (ring(l, i)->pending && (!best || ring(l, i)->ts < best->ts))
			best = ring(l, i);
	return best;
}

/* Whether an empty ring may still come with an earlier one. */
static bool may_overtake(struct live *l, int64_t ts)
{
	for (unsigned i = 0; i <= l->more_count; i++)
		if (!ring(l, i)->pending && complete_until(l, ring(l, i)) < ts)
			return true;
	return false;
}

int rings_next(struct live *l, struct pcap_pkthdr **header, const u_char **data)
{
	struct live *r = earliest(l);
	bool good = true;

	if (!r || may_overtake(l, r->ts)) {
		for (unsigned i = 0; i <= l->more_count; i++)
			good = look_into(l, ring(l, i)) && good;
		r = earliest(l);
	}
	if (!r)
		return good ? 0 : -1;
	if (good && may_overtake(l, r->ts)) /* when one has failed, nothing is waited for */
		return 0;
	*header = r->header;
	*data = r->data;
	r->pending = false;
	return 1;
}

bool rings_wait(struct live *l, bool *broken)
{
	struct pollfd p[RINGS_MAX];
	const struct live *r = earliest(l);
	nfds_t n = 0;

	for (unsigned i = 0; i <= l->more_count; i++)
		if (!ring(l, i)->pending)
			p[n++] = (struct pollfd){ .fd = ring(l, i)->fd, .events = POLLIN };
	/* what waits becomes due without anything happening */
	const int answer = poll(p, n, r ? TICK_MS / 4 : TICK_MS);

	*broken = answer < 0 && errno != EINTR;
	return answer > 0 || (r && answer == 0);
}

uint64_t rings_count(struct live *l)
{
	uint64_t sum = 0, more;

	for (unsigned i = 0; i < l->more_count; i++)
		if (interface_kernel_drops(&l->more[i].net, &more))
			sum += more;
	return sum;
}
