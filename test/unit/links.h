/*
 * Every way in which the decoder can meet an IP packet: link layers and tunnels, as
 * wrappers to put around what built_plain() made.
 */
#ifndef TCPLINT_TEST_LINKS_H
#define TCPLINT_TEST_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"

struct link_layer {
	const char *name;
	int linktype;
	void (*wrap)(struct built *b, bool ipv6);
	bool tunnel;       /* to be followed only when asked */
	uint32_t vlan;     /* what the segment's is to be */
	uint8_t direction; /* enum link_direction */
	bool heuristic;    /* on a UDP port: cut short, it is an ordinary datagram */
};

extern const struct link_layer link_layers[];
extern const unsigned link_layer_count;

#endif
