/*
 * Records: what the engine found out, as lines.
 *
 * Two reporters write them: JSON, one object a line (tcplint-output(5)), and text
 * for people.  Each record reaches the writer whole, in one call.  The first failure
 * sticks: from then on every call answers false and writes nothing.
 */
#ifndef TCPLINT_REPORT_H
#define TCPLINT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

#include "error.h"

struct report;

enum report_type {
	REPORT_CAPTURE,
	REPORT_FINDING,
	REPORT_CONNECTION,
	REPORT_SEGMENT,
	REPORT_HOST,
	REPORT_STATS,
	REPORT_SUMMARY,
	REPORT_TYPE_COUNT
};

/* Every type but `segment`. */
#define REPORT_DEFAULT (((1U << REPORT_TYPE_COUNT) - 1) & ~(1U << REPORT_SEGMENT))

struct report_options {
	/* Takes one line, without its newline; false when it cannot, with a sentence of its own somewhere. */
	bool (*write)(void *user, const char *line, size_t len);
	void *write_user;
	/*
	 * Which input the frame came from, null when it has no name, and its number there.  Null: one nameless input.
	 */
	void (*locate)(void *user, uint64_t ordinal, const char **file, uint64_t *number);
	void *locate_user;
	unsigned emit;       /* bits 1 << enum report_type; 0: REPORT_DEFAULT */
	bool several_inputs; /* JSON: say for each frame which input it came from */
	bool all;            /* text: a line for each connection */
	bool colour;         /* text: the reader is a terminal and wants it */
};

/* What is in force against what a packet might do to the program. */
struct report_sandbox {
	uint32_t uid;
	bool no_new_privs, no_capabilities, seccomp, landlock;
};

/* What the first record says of the run. */
struct report_capture {
	const char *const *sources; /* file names, or the interface */
	unsigned source_count;
	bool live;
	const char *linktype; /* "EN10MB" */
	uint32_t snaplen;     /* bytes */
	const char *filter;   /* null: none */
	const struct report_sandbox *sandbox; /* null: not to be said */
	const struct tcplint_options *options;
	uint64_t memory_bound; /* bytes; 0: not said */
};

/* What `stats` and `summary` are made of. */
struct report_totals {
	const struct tcplint_counters *counters;
	const uint64_t *rule_hits; /* by rule, as tcplint_rule_hits() answers; may be null */
	unsigned drop_count;
	const char *const *drop_names; /* as tcplint_drops() answers */
	const uint64_t *drops;
	uint64_t read, filtered_out; /* frames of the source */
	bool kernel_drops_known, interface_drops_known;
	uint64_t kernel_drops, interface_drops;
	bool may_lose; /* records that cannot be written are dropped, and counted: */
	uint64_t lost_records;
	const char *interface; /* "up", "down" or "gone"; null: not known */
	bool packets; /* those of connections with findings are written: */
	uint64_t packets_written, packets_lost, packets_forgotten;
	uint64_t memory_bound; /* bytes */
	bool ended; /* these are the last ones */
	bool interrupted;
	const char *error; /* why the input could not be read to its end; null: it was */
};

struct reporter {
	bool (*capture)(struct report *r, const struct report_capture *c);
	bool (*finding)(struct report *r, const struct tcplint_finding *f);
	bool (*connection)(struct report *r, const struct tcplint_connection *c);
	bool (*segment)(struct report *r, const struct tcplint_segment *s);
	bool (*host)(struct report *r, const struct tcplint_host *h);
	bool (*stats)(struct report *r, const struct report_totals *t);
	bool (*summary)(struct report *r, const struct report_totals *t);
};

extern const struct reporter report_json, report_text;

/* Null and a sentence when there is no memory.  The options are copied. */
struct report *report_create(const struct report_options *o, struct error *e) MUST_CHECK;
void report_destroy(struct report *r);

/* The time of the first frame, from which `rel` counts.  Until it is known no record has `rel`. */
void report_start(struct report *r, int64_t first_ts);

/* Why a call answered false, when it was not the writer; null otherwise. */
const char *report_error(const struct report *r);

/* The type so called, or -1: for --emit. */
int report_type_by_name(const char *name);

/* A line of the catalogue, for --rules. */
bool report_rule(struct report *r, unsigned rule);

#endif
