/* What the files of the reporter share. */
#ifndef TCPLINT_REPORT_PRIVATE_H
#define TCPLINT_REPORT_PRIVATE_H

#include "community_id.h"
#include "report.h"

#define TIME_SIZE 31 /* 2024-02-29T12:34:56.123456789Z */

/* Times of records lie together, and share what stands before the point. */
struct second {
	int64_t number;
	char text[TIME_SIZE]; /* of the latest one; empty: there was none */
};

/* What is remembered of each rule. */
struct rule_memory {
	uint64_t listed; /* findings handed to the reporter */
	char *clauses;   /* as they stand in a record; made when first needed */
};

struct report {
	struct report_options o;
	bool failed;    /* sticky */
	bool no_memory; /* ours, not the writer's */
	bool started;
	int64_t first_ts;
	char *buffer; /* the line */
	size_t size, used;
	struct rule_memory *rules;
	uint64_t severity_listed[TCPLINT_ERROR + 1];
	struct second second;
	struct { /* segments of one connection come in a row: its name is not computed twice */
		bool valid;
		struct tcplint_address end[2];
		char id[COMMUNITY_ID_SIZE];
	} last;
};

/* report.c */
void report_count(struct report *r, const struct tcplint_finding *f);
bool report_wants(const struct report *r, enum report_type type);
bool report_reserve(struct report *r, size_t size);
bool report_write(struct report *r);
const char *report_community_id(struct report *r, const struct tcplint_conn_id *c);
void report_locate(const struct report *r, uint64_t ordinal, const char **file, uint64_t *number);

/* report_format.c */
#define ADDRESS_SIZE  46
#define ENDPOINT_SIZE (ADDRESS_SIZE + 8)

const char *format_time(int64_t ts, char out[TIME_SIZE]);
/* The same without a null character. */
void format_time_near(struct second *latest, int64_t ts, char *out);
const char *format_address(const uint8_t ip[16], char out[ADDRESS_SIZE]);
char *format_ip(char *at, const uint8_t ip[16]); /* the same without a null character; answers where it ends */
const char *format_endpoint(const struct tcplint_address *a,
			    char out[ENDPOINT_SIZE]); /* "10.0.0.1:80", "[::1]:80" */
double format_seconds(int64_t ns);

/* Without a null character; they answer where the number ends.  Up to NUMBER_SIZE bytes may be written. */
#define NUMBER_SIZE 32
#define DECIMAL_MAX UINT64_C(999999999999999) /* a double keeps 15 digits */
char *format_number(char *at, uint64_t n);
/*
 * `n` / 10^places, as %.15g prints the double nearest to it, but that a whole number has ".0"; |n| <= DECIMAL_MAX, at
 * most 9 places.
 */
char *format_decimal(char *at, int64_t n, unsigned places);

/* RFC, section and tag of the next clause of a rule's list; false at its end. */
struct clause {
	unsigned rfc;
	char section[32], tag[32];
};
bool next_clause(const char **list, struct clause *c);

/* report_json.c; what is written more often stands in report_line.h */
void record_begin(struct report *r, const char *type);
bool record_end(struct report *r); /* hands the line on */
void put_foreign(struct report *r, const char *key, const char *text); /* a name that the world gave */
void put_integer(struct report *r, const char *key, int64_t n);
void put_real(struct report *r, const char *key, double value);
void put_when(struct report *r, int64_t ts); /* `ts` and `rel` */
/* Members that were written before, each with the comma behind it. */
void put_members(struct report *r, const char *members);

/* report_finding.c */
void put_conn(struct report *r, const struct tcplint_conn_id *c);
void put_findings(struct report *r, const struct tcplint_finding *const *findings, unsigned count);
void put_rules(struct report *r, const char *key, const unsigned *rules, unsigned count);
void put_clauses(struct report *r, unsigned rule);
bool json_finding(struct report *r, const struct tcplint_finding *f);

/* report_connection.c, report_segment.c, report_host.c, report_totals.c */
bool json_connection(struct report *r, const struct tcplint_connection *c);
bool json_segment(struct report *r, const struct tcplint_segment *s);
bool json_host(struct report *r, const struct tcplint_host *h);
bool json_capture(struct report *r, const struct report_capture *c);
bool json_stats(struct report *r, const struct report_totals *t);
bool json_summary(struct report *r, const struct report_totals *t);

#endif
