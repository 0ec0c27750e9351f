/*
 * Which frames belong to connections with findings: what -w writes.
 *
 * In one pass, as it has to be live, the latest frames of every connection are
 * kept (history.h) until a finding asks for them; from then on each is handed on as it
 * comes, until the connection is released.  In two passes, over files, the first one only
 * notes from which frame to which a connection lasts, and the second hands on all of them.
 *
 * A fragment of an IP packet goes with the segment that it is a part of, and an ICMP error with the connection that
 * it is about.
 */
#ifndef TCPLINT_EVIDENCE_H
#define TCPLINT_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

#include "error.h"

struct evidence;
struct tcplint_frame;

struct evidence_options {
	bool tunnels, vlan_in_key; /* as in struct tcplint_options */
	bool two_passes;
	uint32_t max_connections;
	void (*each)(void *user, const struct tcplint_frame *f); /* takes the frames */
	void *user;
};

/* Null and a sentence when there is no memory. */
struct evidence *evidence_create(const struct evidence_options *o, struct error *e) MUST_CHECK;
void evidence_destroy(struct evidence *ev);

/* A frame, before the library is fed with it; not in the first of two passes. */
void evidence_frame(struct evidence *ev, const struct tcplint_frame *f);

/* Something was found on a connection; it was released, at the latest with frame `number`. */
void evidence_found(struct evidence *ev, const struct tcplint_conn_id *c);
void evidence_released(struct evidence *ev, const struct tcplint_conn_id *c, uint64_t number);

/* Connections of which not everything could be handed on, for lack of room. */
uint64_t evidence_forgotten(const struct evidence *ev);

/* Bytes that it may come to. */
uint64_t evidence_bound(const struct evidence *ev);

#endif
