/*
 * From a line of a script to the bytes of a frame, checksums included.
 *
 * Everything that a script does not say is fixed: addresses, ports, MAC
 * addresses, payload.  The same script makes the same bytes everywhere.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stdint.h>

struct script;
struct script_step;

/* The client's port is this one and the flow's number, and the server's the other: they tell who is who. */
#define WIRE_CLIENT_PORT 40000
#define WIRE_SERVER_PORT 7777

/* How a script is run. */
struct wire_setting {
	uint32_t isn[2]; /* by enum tcplint_side */
	bool ipv6;
};

struct wire_frame {
	uint8_t data[65536 + 128];
	uint32_t wire;     /* bytes on the wire */
	uint32_t captured; /* of them in the snapshot */
};

void wire_build(const struct script *s, const struct script_step *p, const struct wire_setting *w,
		struct wire_frame *f);

/* How many bytes of a frame the headers take, without TCP options. */
uint32_t wire_headers(const struct script *s, const struct wire_setting *w);

/* The link type of the frames: the DLT_ value of libpcap, and the LINKTYPE_ value that a file says. */
int wire_dlt(const struct script *s);
uint32_t wire_linktype(const struct script *s);

#endif
