/*
 * The records of a plain pcap file, one after another out of one buffer.
 *
 * libpcap opens the file and knows its header; its two reads and its copy for each record are half of what a loop
 * costs that does nothing else.  So this walks the records of the usual kind: a regular file, our byte order, version
 * 2.4.  Whatever is odd, the end of the file and all damage included, is left to libpcap, from that record on: only
 * libpcap says what is wrong.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture_source.h"
#include "compiler.h"
#include "load.h"

enum {
	HEADER = 24, /* of the file */
	RECORD = 16, /* of each record */
	/* What is read at once: it has to stay in a core's own cache. */
	CHUNK = 64 * 1024,
	CAPACITY = RECORD + DEFAULT_SNAPLEN + CHUNK,
};

/* The header is read again: what libpcap made of it does not say in what form the records are. */
static bool readable(struct records *r, int fd, off_t origin)
{
	unsigned char head[HEADER];
	uint16_t version[2];

	if (pread(fd, head, sizeof(head), origin) != HEADER)
		return false;
	memcpy(version, head + 4, sizeof(version));
	r->nano = load32(head) == UINT32_C(0xa1b23c4d);
	return (r->nano || load32(head) == UINT32_C(0xa1b2c3d4)) && version[0] == 2 && version[1] == 4;
}

void records_open(struct records *r, FILE *f, int fd, off_t origin, int snaplen)
{
	*r = (struct records){ .file = f, .fd = fd, .offset = origin + HEADER };
	if (snaplen <= 0 || !readable(r, fd, origin))
		return;
	r->snaplen = snaplen < DEFAULT_SNAPLEN ? (uint32_t)snaplen : DEFAULT_SNAPLEN;
	r->on = true;
}

void records_close(struct records *r)
{
	free(r->buffer);
	*r = (struct records){ 0 };
}

/* libpcap goes on at the record that comes next. */
static const unsigned char *give_up(struct records *r)
{
	free(r->buffer);
	r->buffer = NULL;
	r->on = false;
	(void)fseeko(r->file, r->offset + (off_t)r->at, SEEK_SET);
	return NULL;
}

/* At least `n` bytes from `at` on; false when they cannot be had. */
static bool fill(struct records *r, size_t n)
{
	if (!r->buffer)
		r->buffer = malloc(CAPACITY);
	if (!r->buffer)
		return false;
	memmove(r->buffer, r->buffer + r->at, r->end - r->at);
	r->offset += (off_t)r->at;
	r->end -= r->at;
	r->at = 0;
	while (r->end < n) {
		const ssize_t got = pread(r->fd, r->buffer + r->end, CHUNK, r->offset + (off_t)r->end);

		if (got <= 0)
			return false;
		r->end += (size_t)got;
	}
	return true;
}

/* The next record, its header first; null: libpcap goes on from here. */
static inline const unsigned char *take(struct records *r)
{
	if (!r->on)
		return NULL;
	if (UNLIKELY(r->end - r->at < RECORD) && !fill(r, RECORD))
		return give_up(r);
	const uint32_t captured = load32(r->buffer + r->at + 8);

	if (UNLIKELY(captured > r->snaplen))
		return give_up(r);
	if (UNLIKELY(r->end - r->at < RECORD + captured) && !fill(r, RECORD + captured))
		return give_up(r);
	r->at += RECORD + captured;
	return r->buffer + r->at - RECORD - captured;
}

bool records_next(struct records *r, struct pcap_pkthdr **header, const u_char **data)
{
	const unsigned char *p = take(r);

	if (!p)
		return false;
	r->header.ts.tv_sec = (int32_t)load32(p); /* as libpcap has it; source_time() knows better */
	r->header.ts.tv_usec = (int32_t)load32(p + 4);
	if (!r->nano)
		r->header.ts.tv_usec *= 1000;
	r->header.caplen = load32(p + 8);
	r->header.len = load32(p + 12);
	*header = &r->header;
	*data = p + RECORD;
	return true;
}

/* What comes next, when it is whole in what has been read; null: take() knows. */
static inline const unsigned char *at_hand(struct records *r)
{
	const size_t left = r->end - r->at;
	const unsigned char *p = r->buffer + r->at;

	if (UNLIKELY(left < RECORD))
		return NULL;
	const uint32_t captured = load32(p + 8);

	if (UNLIKELY(captured > r->snaplen || left - RECORD < captured))
		return NULL;
	r->at += RECORD + captured;
	return p;
}

static inline void to_frame(const struct records *r, const unsigned char *p, struct tcplint_frame *f)
{
	const int64_t rest = (int32_t)load32(p + 4); /* as source_time() takes it */
	const uint32_t captured = load32(p + 8), wire = load32(p + 12);

	f->ts = load32(p) * INT64_C(1000000000) + (rest < 0 ? 0 : r->nano ? rest : rest * 1000);
	f->captured = captured;
	f->wire = wire > captured ? wire : captured;
	f->data = p + RECORD;
}

unsigned records_frames(struct records *r, struct tcplint_frame *f, unsigned most)
{
	unsigned n = 0;

	for (const unsigned char *p = most ? take(r) : NULL; p; p = n < most ? at_hand(r) : NULL)
		to_frame(r, p, &f[n++]);
	return n;
}
