#include <string.h>

#include <tcplint/frame.h>

#include "savefile.h"

#define SECOND UINT64_C(1000000000)

enum {
	SNAPLEN = 262144, /* the largest there is: the frames may be of several captures */
	/*
	 * libpcap's DLT_RAW, here and on OpenBSD, and what it is called in files; no other type we read has two numbers
	 */
	RAW = 12,
	RAW_OPENBSD = 14,
	RAW_FILE = 101,
};

static uint16_t in_file(int linktype)
{
	return linktype == RAW || linktype == RAW_OPENBSD ? RAW_FILE : (uint16_t)linktype;
}

bool savefile_add(struct savefile *s, int linktype)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->linktype[i] == linktype)
			return true;
	if (s->count == SAVEFILE_LINKTYPES)
		return false;
	s->linktype[s->count++] = linktype;
	return true;
}

static size_t put32(uint8_t *out, size_t at, uint32_t value)
{
	memcpy(out + at, &value, sizeof(value));
	return at + sizeof(value);
}

static size_t put16(uint8_t *out, size_t at, uint16_t value)
{
	memcpy(out + at, &value, sizeof(value));
	return at + sizeof(value);
}

static size_t pcap_header(int linktype, uint8_t *out)
{
	size_t at = put32(out, 0, 0xa1b23c4d); /* nanoseconds */

	at = put16(out, at, 2);
	at = put16(out, at, 4);
	at = put32(out, at, 0);
	at = put32(out, at, 0);
	at = put32(out, at, SNAPLEN);
	return put32(out, at, in_file(linktype));
}

/* Section Header Block: its length is not known. */
static size_t section(uint8_t *out)
{
	size_t at = put32(out, 0, 0x0a0d0d0a);

	at = put32(out, at, 28);
	at = put32(out, at, 0x1a2b3c4d);
	at = put16(out, at, 1);
	at = put16(out, at, 0);
	at = put32(out, at, UINT32_MAX);
	at = put32(out, at, UINT32_MAX);
	return put32(out, at, 28);
}

/* Interface Description Block: times in nanoseconds (if_tsresol 9). */
static size_t interface(uint8_t *out, size_t at, int linktype)
{
	at = put32(out, at, 1);
	at = put32(out, at, 32);
	at = put16(out, at, in_file(linktype));
	at = put16(out, at, 0);
	at = put32(out, at, SNAPLEN);
	at = put16(out, at, 9);
	at = put16(out, at, 1);
	memcpy(out + at, (const uint8_t[]){ 9, 0, 0, 0 }, 4);
	at = put32(out, at + 4, 0);
	return put32(out, at, 32);
}

size_t savefile_header(const struct savefile *s, uint8_t out[SAVEFILE_HEADER])
{
	size_t at;

	if (s->count < 2)
		return pcap_header(s->count ? s->linktype[0] : 1, out);
	at = section(out);
	for (unsigned i = 0; i < s->count; i++)
		at = interface(out, at, s->linktype[i]);
	return at;
}

static uint32_t padding(const struct tcplint_frame *f)
{
	return -f->captured & 3;
}

static uint32_t block_length(const struct tcplint_frame *f)
{
	return SAVEFILE_RECORD + f->captured + padding(f) + 4;
}

/* Enhanced Packet Block, up to the data. */
static size_t packet_block(const struct savefile *s, const struct tcplint_frame *f, uint8_t *out)
{
	uint32_t interface = 0;
	size_t at = put32(out, 0, 6);

	while (interface + 1 < s->count && s->linktype[interface] != f->linktype)
		interface++;
	at = put32(out, at, block_length(f));
	at = put32(out, at, interface);
	at = put32(out, at, (uint32_t)((uint64_t)f->ts >> 32));
	at = put32(out, at, (uint32_t)(uint64_t)f->ts);
	at = put32(out, at, f->captured);
	return put32(out, at, f->wire);
}

size_t savefile_before(const struct savefile *s, const struct tcplint_frame *f, uint8_t out[SAVEFILE_RECORD])
{
	size_t at;

	if (s->count > 1)
		return packet_block(s, f, out);
	at = put32(out, 0, (uint32_t)((uint64_t)f->ts / SECOND));
	at = put32(out, at, (uint32_t)((uint64_t)f->ts % SECOND));
	at = put32(out, at, f->captured);
	return put32(out, at, f->wire);
}

size_t savefile_after(const struct savefile *s, const struct tcplint_frame *f, uint8_t out[SAVEFILE_TRAILER])
{
	const uint32_t pad = padding(f);

	if (s->count < 2)
		return 0;
	memset(out, 0, pad);
	return put32(out, pad, block_length(f));
}
