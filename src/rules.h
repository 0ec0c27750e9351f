/*
 * The rules: a row of data and one predicate each.
 *
 * rules.def is the only place where a rule is named.  A predicate looks at the
 * connection as it was before the segment (struct view), answers, and writes
 * what it saw into a draft; it never remembers.  Memory lives in the connection.
 *
 * A rule whose evidence crosses directions or is an absence WAITS: when its
 * predicate answers yes a candidate is opened, and its settle function is asked
 * after every later segment, at the deadline and at the end, until it knows.
 */
#ifndef TCPLINT_RULES_H
#define TCPLINT_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

#include "segment.h"

struct conn;
struct view;

enum rule {
#define RULE(name, tier, phase, severity, textbook, verdict, evidence, settles, on, when, clauses, says, summary, why, fires, near_miss) RULE_##name,
#include "rules.def"
#undef RULE
	RULE_COUNT
};

/* Where a rule runs. */
enum rule_on {
	ON_SEGMENT, /* every segment whose events meet `when` */
	ON_TIMER,   /* when a connection's timer fires, and at its end */
	ON_END,     /* when a connection is released */
	ON_PACKET,  /* every segment, before any connection is looked up (reserved for aggregates) */
	ON_HOST,    /* a host has shown something over several connections: view.host (hosts.h) */
	ON_COUNT
};

/* One frame of evidence. */
struct mark {
	int64_t ts;
	uint64_t frame;
};

#define DRAFT_FRAMES 6
#define DRAFT_VALUES 3
#define DRAFT_NUMBERS 3

/* What a predicate saw: enough to write the record later, and small enough to keep in a cell. */
struct draft {
	uint8_t offender;  /* enum tcplint_offender */
	uint8_t frames;    /* used in `frame`, the decisive one last */
	uint8_t values;
	uint8_t alternatives; /* bits of enum alternative */
	uint8_t verdict;   /* enum tcplint_verdict, or KEEP: the row's */
	uint8_t severity;  /* enum tcplint_severity, or KEEP */
	uint8_t state[2];  /* before the decisive segment; KEEP: unknown */
	uint16_t evidence; /* bits of enum evidence */
	float cap;         /* confidence never above this; 0: no cap */
	float scale;       /* multiplies the confidence; 0 counts as 1 */
	int64_t ts;        /* of the decisive frame */
	uint64_t frame[DRAFT_FRAMES];
	struct {
		uint8_t field;  /* enum tcplint_field */
		uint8_t space;  /* whose sequence space: 0 client, 1 server, KEEP: not a sequence number */
		bool has_expected, has_actual;
		uint32_t expected, actual;
	} value[DRAFT_VALUES];
	int64_t number[DRAFT_NUMBERS]; /* for the sentence: {0} {1} {2} */
};

#define KEEP 0xff

/* What might explain the finding innocently and was not ruled out: `alternatives` in the record. */
enum alternative {
	ALT_capture_loss = 1 << 0,
	ALT_network_loss = 1 << 1,
	ALT_reordering = 1 << 2,
	ALT_middlebox = 1 << 3,
	ALT_injection = 1 << 4,
	ALT_one_sided = 1 << 5,
	ALT_capture_end = 1 << 6,
	ALT_old_duplicate = 1 << 7,
};

/* What ruled the others out: `evidence` in the record. */
enum evidence {
	EVI_single_segment = 1 << 0,    /* one segment's own fields */
	EVI_same_sender = 1 << 1,       /* two segments of one sender contradict each other */
	EVI_peer_objected = 1 << 2,     /* the peer answered with the error reply of the RFC */
	EVI_never_acked = 1 << 3,       /* the bytes in question were never acknowledged */
	EVI_stimulus_repeated = 1 << 4, /* the peer kept retransmitting what should have been answered */
	EVI_no_loss_near = 1 << 5,      /* no hole in this connection or the capture within a second */
	EVI_repeated = 1 << 6,
	EVI_loss_proven = 1 << 7,       /* bytes were acknowledged that were never captured */
	EVI_nothing_beyond_fin = 1 << 8,
	EVI_order_proven = 1 << 9,      /* timestamps or acknowledgments prove the order of emission */
	EVI_no_id_gap = 1 << 10,        /* the sender counts its packets, and the capture has all of them */
	EVI_tap_at_host = 1 << 11,      /* the tap stands at the host that should have answered */
};

/* What a settle function answers. */
enum outcome {
	WAIT,      /* not yet */
	REFUTED,   /* the innocent explanation is ruled out: the rule's own verdict, at full confidence */
	PLAIN,     /* neither: the rule's verdict, with alternatives (rules.md 1.7 step 5) */
	SUPPORTED, /* a missing packet is proven: capture_loss, with would_be */
	DISMISSED, /* nothing happened after all */
};

struct candidate {
	uint16_t rule;
	uint8_t sender; /* 0 client, 1 server: who sent the segment that opened it */
	uint8_t note;   /* the rule's own */
	uint32_t seq, ack, end; /* of that segment */
	uint32_t number[2];     /* the rule's own */
	int64_t opened, deadline;
	uint32_t heard; /* how many segments its peer had sent by then */
	struct draft draft;
};

struct rule_row {
	struct tcplint_rule public; /* name, tier, ..., as the library shows it */
	enum tcplint_severity textbook;
	const char *says; /* the sentence, with placeholders (message.h) */
	uint8_t on;       /* enum rule_on */
	uint32_t when;    /* enum event bits (conn.h) */
	bool (*predicate)(const struct view *v, struct draft *d);
	enum outcome (*settle)(const struct view *v, struct candidate *k); /* null: settled at once */
};

extern const struct rule_row rule_rows[RULE_COUNT];

/* 0.99 F, 0.95 P, 0.85 X, 0.60 A, 0.70 T (rules.md 1.7). */
float rule_base_confidence(enum rule r);

#define RULE(name, tier, phase, severity, textbook, verdict, evidence, settles, on, when, clauses, says, summary, why, fires, near_miss) \
	bool rule_##name(const struct view *v, struct draft *d); \
	enum outcome settle_##name(const struct view *v, struct candidate *k);
#include "rules.def"
#undef RULE

#endif
