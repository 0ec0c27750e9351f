/*
 * What engines tell the stage (stage.h): openings and their ends, what hosts are watched for, rules that fired, and
 * connections that are released.
 *
 * An engine tells and never asks: nothing comes back, so that several of them can run at once, and what they tell be
 * put in order afterwards.  Each is a value of its own; what it points to is static.
 */
#ifndef TCPLINT_TOLD_H
#define TCPLINT_TOLD_H

#include "batch.h"
#include "hosts.h"
#include "rules.h"
#include "zeek.h"

enum told_kind {
	TOLD_SYN,       /* struct told_opening: of a client, to a service */
	TOLD_SYNACK,    /* struct told_opening: the first answer */
	TOLD_AGAIN,     /* struct told_opening: a SYN-ACK that was told of before */
	TOLD_COMPLETED, /* struct told_opening, up to its `id` */
	TOLD_FAILED,    /* struct told_opening: its number and print are not set; `how` is */
	TOLD_PROBE,     /* struct told_sighting: flags that no procedure sends */
	TOLD_ACK,       /* struct told_sighting: ... of struct watch (watch.h) */
	TOLD_EMPTY,
	TOLD_UNASKED,
	TOLD_ASKED,
	TOLD_RESET,
	TOLD_TIME_WAIT, /* struct told_time_wait */
	TOLD_COMMON,    /* struct told_common */
	TOLD_FIRED,     /* struct told_fired */
	TOLD_RELEASED,  /* struct told_released */
	TOLD_LOSS,      /* struct told_loss */
};

/* Of who carries messages from one thread to another (relay.h). */
struct told_way {
	uint16_t frame;
	uint8_t lines, how;
};

/* What each begins with; the engine that tells it fills it in. */
struct told {
	uint8_t kind;  /* enum told_kind */
	uint8_t shard; /* which engine */
	uint16_t size; /* bytes, this included */
	struct told_way way;
};

/* A connection, as far as openings go. */
struct opening_id {
	struct tcplint_address client, server;
	uint32_t incarnation;
	struct mark start;
};

/* A segment of an opening; of a SYN or SYN-ACK, its number and what may be a copy of it. */
struct told_opening {
	struct told told;
	struct opening_id id;
	struct mark mark;
	uint32_t seq;
	uint32_t print;
	uint8_t how;       /* TOLD_FAILED: enum opening_state */
	bool plain;        /* a SYN or SYN-ACK without the options that SYN cookies have no room for, */
	bool scaled;       /* or with one of them */
};

/* Something that a host is watched for: `from` did it to `to`. */
struct told_sighting {
	struct told told;
	uint8_t probe;  /* TOLD_PROBE: enum probe */
	bool strong;    /* TOLD_UNASKED: no connection was there */
	struct mark mark;
	uint64_t frame; /* TOLD_ASKED: of the answer that was asked for after all */
	struct tcplint_address from, to;
};

/* How long a host has been seen to hold TIME_WAIT. */
struct told_time_wait {
	struct told told;
	int64_t lower, upper;
	uint8_t ip[16];
	uint8_t kind; /* enum host_kind */
	bool held, gone;
};

/*
 * A rule fired on an ordinary connection, which began with a SYN: a finding about a host stands for it, or it is
 * counted.
 */
struct told_common {
	struct told told;
	uint16_t rule;
	uint8_t by; /* enum tcplint_offender */
	struct tcplint_address client, server;
	int64_t start;
};

/* What a finding says of its connection. */
struct subject {
	struct tcplint_conn_id id;
	struct mark start;
	uint32_t number; /* among the connections of its engine, until it is released */
	uint8_t origin;  /* enum tcplint_origin */
	bool has_isn[2];
	uint32_t isn[2];
};

/* Rules fired on a connection. */
struct told_fired {
	struct told told;
	bool replaying; /* they were counted before */
	struct subject subject;
	struct batch batch; /* the rest of `fired` is not told */
};

/* Nothing will be told of the connection any more. */
struct told_released {
	struct told told;
	bool recorded; /* `history` is set, and `record` as far as its rules that were not evaluated, and may be wanted */
	uint8_t handshake, teardown; /* enum tcplint_judgement, unless a violation was found */
	struct subject subject;
	char history[ZEEK_HISTORY_MAX + 1];
	struct tcplint_connection record;
};

/* The capture is proven to have missed something then. */
struct told_loss {
	struct told told;
	int64_t ts;
};

/* No message is larger. */
#define TOLD_MOST sizeof(struct told_released)

_Static_assert(sizeof(struct told_fired) <= TOLD_MOST, "that one is the largest");

#endif
