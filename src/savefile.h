/*
 * Capture files as bytes: pcap with nanoseconds where there is one link type, pcapng where there are several.
 *
 * Numbers are in the byte order of the machine, which the magic number tells (draft-ietf-opsawg-pcap,
 * draft-ietf-opsawg-pcapng).
 */
#ifndef TCPLINT_SAVEFILE_H
#define TCPLINT_SAVEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAVEFILE_LINKTYPES 32

enum {
	SAVEFILE_HEADER = 28 + 32 * SAVEFILE_LINKTYPES, /* bytes of the longest header */
	SAVEFILE_RECORD = 28,                           /* bytes before a packet */
	SAVEFILE_TRAILER = 7,                           /* and after it, at most */
};

struct savefile {
	unsigned count; /* link types */
	int linktype[SAVEFILE_LINKTYPES]; /* DLT_ values, each once */
};

struct tcplint_frame;

/* One more link type; false when there is no room for it. */
bool savefile_add(struct savefile *s, int linktype);

/* What a file begins with; its length. */
size_t savefile_header(const struct savefile *s, uint8_t out[SAVEFILE_HEADER]);

/* What stands before the frame's bytes, and what after them; their lengths. */
size_t savefile_before(const struct savefile *s, const struct tcplint_frame *f, uint8_t out[SAVEFILE_RECORD]);
size_t savefile_after(const struct savefile *s, const struct tcplint_frame *f, uint8_t out[SAVEFILE_TRAILER]);

#endif
