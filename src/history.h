/*
 * The last frames of every connection, in bounded memory: what -w writes once something is found.
 *
 * A connection keeps its first frames, which Wireshark needs to make sense of the others, and its latest ones.  When
 * the memory is used up, the connection that has been silent for longest loses its frames; one that is marked loses
 * its mark only when there is no other left.
 */
#ifndef TCPLINT_HISTORY_H
#define TCPLINT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

enum {
	HISTORY_FIRST = 4,   /* frames from the beginning: SYN, SYN-ACK, ACK, and a copy */
	HISTORY_LATEST = 12, /* frames up to now */
};

/*
 * Which connection, both directions alike: history_sort() puts the ends in order.  No padding: it is compared as bytes.
 */
struct history_key {
	uint8_t ip[2][16];
	uint16_t port[2];
	uint32_t vlan, tunnel;
};

struct tcplint_frame;
struct history;

/* `flows`: connections remembered at most.  Null and a sentence when there is no memory. */
struct history *history_create(uint32_t flows, struct error *e) MUST_CHECK;
void history_destroy(struct history *h);

void history_sort(struct history_key *key);

/*
 * What a frame is to its connection: a SYN that follows a FIN or RST begins another one, with first frames of its own.
 */
enum history_kind { HISTORY_OTHER, HISTORY_OPENS, HISTORY_CLOSES };

void history_add(struct history *h, const struct history_key *key, const struct tcplint_frame *f,
		 enum history_kind kind);

/* Hand over what is kept of a connection, oldest first, and forget it. */
void history_take(struct history *h, const struct history_key *key,
		  void (*each)(void *user, const struct tcplint_frame *f), void *user);

/*
 * The connection's mark, 0 unless one was set; it can be set only where frames were added.  Asking counts as hearing of
 * it.
 */
uint64_t history_mark(struct history *h, const struct history_key *key);
void history_set_mark(struct history *h, const struct history_key *key, uint64_t mark);

/* Marks that were lost for lack of room. */
uint64_t history_forgotten(const struct history *h);

/* Bytes that it may come to. */
uint64_t history_bound(const struct history *h);

#endif
