/*
 * A script through the engine, and all that the engine said about it.
 *
 * Everything is copied: what a sink is handed is valid only until it returns.
 */
#ifndef DRIVE_H
#define DRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

struct schedule;
struct script;
struct wire_setting;

struct seen_finding {
	unsigned rule;
	enum tcplint_verdict verdict;
	enum tcplint_severity severity;
	enum tcplint_offender offender;
	enum tcplint_offender
		culprit; /* the same in the script's roles, whoever the engine takes for the client */
	float confidence;
	bool host;      /* about a host, not a connection */
	uint64_t frame; /* the decisive one; 0: there is none */
	int would_be;
	char message[256];
	bool expected; /* the runner's mark */
};

struct seen_segment {
	bool seen;
	enum tcplint_state after[2];
	bool known[2], certain[2];
	char ignored[32];
};

struct seen_connection {
	struct tcplint_connection c; /* its pointers are not to be used */
	struct tcplint_conn_id id;
	char conn_state[16], history[128];
};

struct seen {
	struct seen_finding *finding;
	struct seen_segment *segment;       /* by frame, from 1 */
	struct seen_connection *connection; /* in the order of their first frames */
	unsigned findings, connections, frames;
	bool failed; /* out of memory */
};

/* Feed the schedule, finish, and collect.  False with a sentence when the engine could not be made. */
bool drive(const struct script *s, const struct schedule *h, const struct wire_setting *w,
	   struct seen *out, char *error, size_t size);
void seen_free(struct seen *v);

/* The five pairs of ISNs and two versions of IP that every script runs at. */
#define SETTINGS 10
/* False when the script does not want setting `n`. */
bool drive_setting(const struct script *s, unsigned n, struct wire_setting *w, char *name,
		   size_t size);

#endif
