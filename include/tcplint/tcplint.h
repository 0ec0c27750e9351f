/*
 * libtcplint: feed it frames, it answers with findings about TCP connections.
 *
 *	struct tcplint_options o;
 *	tcplint_options_init(&o);
 *	struct tcplint *t = tcplint_new(&o, &sink, error, sizeof(error));
 *	tcplint_feed(t, ...);   once for each frame, in capture order
 *	tcplint_finish(t, ...); reports what is still open
 *	tcplint_free(t);
 *
 * Numbers are in host byte order, times in nanoseconds since 1970 on the
 * capture's clock.  What a sink is handed belongs to the library and is valid
 * until the sink returns.  Two `struct tcplint` share nothing and may run on two threads;
 * one must not be used by two threads at once.
 */
#ifndef TCPLINT_H
#define TCPLINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tcplint/frame.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TCPLINT_SCHEMA_VERSION 1

/* RFC 9293, 3.3.2.  LISTEN also stands for "has not shown anything yet" of a passive endpoint. */
enum tcplint_state {
	TCPLINT_CLOSED,
	TCPLINT_LISTEN,
	TCPLINT_SYN_SENT,
	TCPLINT_SYN_RECEIVED,
	TCPLINT_ESTABLISHED,
	TCPLINT_FIN_WAIT_1,
	TCPLINT_FIN_WAIT_2,
	TCPLINT_CLOSE_WAIT,
	TCPLINT_CLOSING,
	TCPLINT_LAST_ACK,
	TCPLINT_TIME_WAIT,
	TCPLINT_STATE_COUNT
};

enum tcplint_side { TCPLINT_CLIENT, TCPLINT_SERVER };

enum tcplint_verdict {
	TCPLINT_VIOLATION,
	TCPLINT_DEVIATION,
	TCPLINT_NETWORK_EVENT,
	TCPLINT_ATTACK_SUSPECT,
	TCPLINT_ARTEFACT,
	TCPLINT_NOTE,
	TCPLINT_VERDICT_COUNT
};

enum tcplint_severity { TCPLINT_INFO, TCPLINT_NOTICE, TCPLINT_WARNING, TCPLINT_ERROR };

enum tcplint_offender {
	TCPLINT_BY_CLIENT,
	TCPLINT_BY_SERVER,
	TCPLINT_BY_NETWORK,
	TCPLINT_BY_CAPTURE,
	TCPLINT_BY_UNKNOWN,
	TCPLINT_OFFENDER_COUNT
};

enum tcplint_phase {
	TCPLINT_PHASE_HEADER,
	TCPLINT_PHASE_HANDSHAKE,
	TCPLINT_PHASE_TIMING,
	TCPLINT_PHASE_OPTIONS,
	TCPLINT_PHASE_ISN,
	TCPLINT_PHASE_ESTABLISHED,
	TCPLINT_PHASE_TEARDOWN,
	TCPLINT_PHASE_TIME_WAIT,
	TCPLINT_PHASE_RESET,
	TCPLINT_PHASE_AGGREGATE,
	TCPLINT_PHASE_CAPTURE,
	TCPLINT_PHASE_COUNT
};

/* How the handshake and the teardown of a connection are judged. */
enum tcplint_judgement {
	TCPLINT_NOT_SEEN,
	TCPLINT_UNDECIDABLE,
	TCPLINT_VIOLATED,
	TCPLINT_CONFORMANT,
	TCPLINT_INCOMPLETE,
	TCPLINT_JUDGEMENT_COUNT
};

enum tcplint_handshake_kind {
	TCPLINT_HANDSHAKE_NONE,
	TCPLINT_HANDSHAKE_THREE_WAY,
	TCPLINT_HANDSHAKE_SIMULTANEOUS,
	TCPLINT_HANDSHAKE_FAST_OPEN,
	TCPLINT_HANDSHAKE_SPLIT,
	TCPLINT_HANDSHAKE_KIND_COUNT
};

enum tcplint_teardown_kind {
	TCPLINT_TEARDOWN_NONE,
	TCPLINT_TEARDOWN_FOUR_WAY,
	TCPLINT_TEARDOWN_THREE_SEGMENT,
	TCPLINT_TEARDOWN_SIMULTANEOUS,
	TCPLINT_TEARDOWN_RST,
	TCPLINT_TEARDOWN_HALF_CLOSED,
	TCPLINT_TEARDOWN_KIND_COUNT
};

enum tcplint_origin {
	TCPLINT_ORIGIN_SYN,
	TCPLINT_ORIGIN_SYNACK,
	TCPLINT_ORIGIN_MIDSTREAM,
	TCPLINT_ORIGIN_STRAY,
	TCPLINT_ORIGIN_COUNT
};

enum tcplint_end {
	TCPLINT_END_FIN,
	TCPLINT_END_RST,
	TCPLINT_END_TIMEOUT,
	TCPLINT_END_REUSE,
	TCPLINT_END_EVICTED,
	TCPLINT_END_EOF,
	TCPLINT_END_INTERRUPTED,
	TCPLINT_END_COUNT
};

/* The fields of a segment that `expected` and `actual` of a finding may speak of. */
enum tcplint_field {
	TCPLINT_FIELD_SEQ,
	TCPLINT_FIELD_ACK,
	TCPLINT_FIELD_FLAGS,    /* the twelve bits of RFC 9293, 3.1 */
	TCPLINT_FIELD_LENGTH,   /* payload, bytes */
	TCPLINT_FIELD_WINDOW,   /* bytes, scaled */
	TCPLINT_FIELD_CHECKSUM,
	TCPLINT_FIELD_DATA_OFFSET, /* 32-bit words */
	TCPLINT_FIELD_ISN,
	TCPLINT_FIELD_FIN,      /* sequence number of the FIN */
	TCPLINT_FIELD_OPTION,   /* its kind */
	TCPLINT_FIELD_MSS,      /* option 2, bytes */
	TCPLINT_FIELD_WSCALE,   /* option 3, the shift as sent */
	TCPLINT_FIELD_TSECR,    /* option 8, the timestamp echoed */
	TCPLINT_FIELD_TSVAL,    /* option 8, the sender's timestamp */
	TCPLINT_FIELD_WINDOW_EDGE, /* sequence number of the peer after the last one that the window lets it send */
	TCPLINT_FIELD_COUNT
};

struct tcplint_address {
	uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
};

/* Which connection: the same in findings and connection records. */
struct tcplint_conn_id {
	uint64_t id; /* ordinal, over all inputs, of its first frame */
	struct tcplint_address client, server;
	uint32_t vlan;   /* outer tag << 12 | inner tag; 0: untagged */
	uint32_t tunnel; /* 0: none */
	uint32_t incarnation; /* how many earlier uses of the 4-tuple were still remembered when this one began */
};

/* Which host, and as what: in findings that are not about one connection. */
struct tcplint_host_id {
	uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
	int role; /* enum tcplint_side: only as such; -1: not said */
	int port; /* only that service; -1: not said */
};

struct tcplint_value {
	enum tcplint_field field;
	bool has_expected, has_actual;
	uint32_t expected, actual;
	bool relative; /* the two below are meaningful (sequence and acknowledgment numbers) */
	uint32_t expected_relative, actual_relative; /* to the ISN of the space that the number belongs to */
};

#define TCPLINT_MAX_FRAMES       8
#define TCPLINT_MAX_VALUES       3
#define TCPLINT_MAX_RELATED      6
#define TCPLINT_MAX_ALTERNATIVES 6
#define TCPLINT_MAX_EVIDENCE     6

/* One rule that fired on one connection, or on one host. */
struct tcplint_finding {
	unsigned rule; /* index into the catalogue: tcplint_rule() */
	enum tcplint_verdict verdict;
	enum tcplint_severity severity;
	enum tcplint_offender offender;
	float confidence; /* 0..1 */
	const struct tcplint_conn_id *conn;  /* null: it is about a host */
	const struct tcplint_host_id *host;  /* null: it is about a connection */
	bool has_state; /* the two states are known */
	enum tcplint_state state[2]; /* of client and server before the decisive segment */
	unsigned value_count;
	struct tcplint_value value[TCPLINT_MAX_VALUES];
	unsigned frame_count;
	uint64_t frame[TCPLINT_MAX_FRAMES]; /* ordinals over all inputs, the decisive one last */
	int64_t ts; /* of the decisive frame; 0: there was none */
	unsigned count; /* times it happened; 1 when first reported */
	int64_t first_ts, last_ts;
	const char *message; /* one sentence */
	const char *alternatives[TCPLINT_MAX_ALTERNATIVES + 1]; /* "capture_loss", null-terminated */
	const char *evidence[TCPLINT_MAX_EVIDENCE + 1];         /* null-terminated */
	unsigned related_count;
	unsigned related[TCPLINT_MAX_RELATED]; /* rules */
	int would_be; /* on capture_loss: the rule that it explains away; -1: none */
	bool below_threshold; /* counted, not listed */
};

struct tcplint_state_time {
	enum tcplint_state state;
	int64_t t; /* nanoseconds after the connection's start */
};

#define TCPLINT_MAX_STATES 24

#define TCPLINT_MAX_INTERVALS 6

/* How the intervals between the copies of a segment go on (RFC 6298, 5.5). */
enum tcplint_backoff {
	TCPLINT_BACKOFF_UNKNOWN,     /* fewer than two intervals, or not only the timer of the sender made them */
	TCPLINT_BACKOFF_EXPONENTIAL, /* each is longer than the one before it by a half at least */
	TCPLINT_BACKOFF_LINEAR,      /* all are equal, within a tenth */
	TCPLINT_BACKOFF_LINEAR_THEN_EXPONENTIAL, /* SYNs of Linux and the BSDs */
	TCPLINT_BACKOFF_IRREGULAR    /* a copy was lost before the tap, for instance */
};

/* The copies of a SYN, SYN-ACK or FIN.  Times are nanoseconds. */
struct tcplint_retries {
	unsigned count; /* copies after the first; 255: or more */
	unsigned timer; /* those that came although nothing of the peer's did in between: a timer sent them */
	unsigned interval_count;
	int64_t interval[TCPLINT_MAX_INTERVALS]; /* the first ones */
	int64_t total; /* from the first copy to the last */
	enum tcplint_backoff backoff;
};

/* Where the tap stands between the two hosts. */
enum tcplint_vantage {
	TCPLINT_VANTAGE_UNKNOWN,
	TCPLINT_NEAR_CLIENT, /* on the client or close to it */
	TCPLINT_MIDDLE,
	TCPLINT_NEAR_SERVER
};

/* What one endpoint did.  `has_` members say whether the value was measured. */
struct tcplint_endpoint {
	bool has_isn, isn_inferred;
	uint32_t isn;
	bool has_syn; /* its SYN or SYN-ACK was captured with its options: the option members are meaningful */
	bool has_mss, has_wscale;
	uint16_t mss;
	uint8_t wscale;
	bool sack_permitted, timestamps, fast_open, ecn;
	bool has_ttl;
	uint8_t ttl; /* of its first segment */
	uint64_t segments, payload_bytes, retransmitted_segments;
	uint32_t syn, synack, fin, rst; /* segments it sent, every copy counted */
	bool has_state; /* false: nothing of it was seen, nor can it be inferred */
	enum tcplint_state state;
	bool state_certain;
	unsigned state_count;
	struct tcplint_state_time states[TCPLINT_MAX_STATES];
	struct tcplint_retries syn_retries, synack_retries, fin_retries;
};

#define TCPLINT_MAX_NOT_EVALUATED 256

/* Times are nanoseconds; -1: not measured. */
struct tcplint_connection {
	const struct tcplint_conn_id *conn;
	int64_t start, duration;
	enum tcplint_origin origin;
	enum tcplint_end end;
	bool self_connect; /* one endpoint talks to itself: only `client` has states */
	struct {
		enum tcplint_judgement verdict;
		enum tcplint_handshake_kind kind;
		uint32_t syn_count, synack_count;
		int64_t syn_synack, synack_ack, total;
	} handshake;
	struct {
		enum tcplint_judgement verdict;
		enum tcplint_teardown_kind kind;
		int active_closer; /* enum tcplint_side; -1: unknown */
		bool has_half_close;
		uint64_t half_close_bytes;
		int64_t duration;
	} teardown;
	struct {
		int holder; /* enum tcplint_side; 2: both; -1: none */
		int64_t start;        /* nanoseconds since 1970 */
		int64_t lower, upper; /* bounds on how long it was held */
		int64_t reuse_after;  /* from `start` to the SYN that used the 4-tuple again */
	} time_wait;
	struct tcplint_endpoint endpoint[2]; /* by enum tcplint_side */
	struct {
		uint64_t capture_loss; /* bytes (plus SYN and FIN) that existed and were never captured */
		uint32_t duplicates, reordered;
		bool one_sided, truncated;
	} quality;
	struct {
		enum tcplint_vantage estimate;
		bool has_hops[2]; /* by enum tcplint_side: between that end and the tap, if its TTL began as usual */
		unsigned hops[2];
		int64_t rtt[2];   /* from the tap to that end and back, by what opened the connection */
	} vantage;
	const char *conn_state, *history; /* Zeek's */
	unsigned not_evaluated_count;
	struct {
		unsigned rule;
		const char *reason;
	} not_evaluated[TCPLINT_MAX_NOT_EVALUATED];
	unsigned finding_count;
	const struct tcplint_finding *const *findings;
};

#define TCPLINT_MAX_NUMBERS 8
#define TCPLINT_MAX_FLOODS  8

/* What one address did over all its connections; only addresses with findings have one. */
struct tcplint_host {
	uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
	int64_t ts;     /* of its latest opening */
	bool has_role[2]; /* by enum tcplint_side: it opened connections; it answered */
	uint64_t opened, completed, refused, aborted; /* connections, as a client */
	uint64_t answered;                            /* as a server */
	struct {
		unsigned samples, distinct; /* initial sequence numbers that were judged; 0: too few */
		unsigned count;
		uint32_t value[TCPLINT_MAX_NUMBERS]; /* the first of them */
		bool has_p;
		double p; /* the chance that random ones look as regular; without, nothing was wrong with them */
		bool has_rate;
		int64_t rate; /* of the clock that they follow, ticks a second */
	} isn[2]; /* by enum tcplint_side */
	unsigned flood_count;
	struct {
		uint16_t port;
		int64_t start, end;
		uint32_t syns, completed, sources; /* in the worst ten seconds */
		uint64_t synack_retransmissions;
	} flood[TCPLINT_MAX_FLOODS];
	bool has_scan;
	struct {
		int64_t start, end;
		uint32_t targets, failed; /* of the minute that showed it */
	} scan;
	uint64_t probes_fin, probes_null, probes_xmas;
	struct {
		int64_t lower, upper; /* nanoseconds that it held TIME_WAIT at least and at most; 0: not known */
		uint32_t connections; /* that showed it */
	} time_wait;
	uint64_t aggregated; /* findings of connections that these stand for and that were not reported */
	unsigned finding_count;
	const struct tcplint_finding *const *findings;
};

/* One segment and what it did: the debugger, the teaching aid, the test adapter. */
struct tcplint_segment {
	const struct tcplint_conn_id *conn;
	int64_t ts;
	uint64_t frame;
	enum tcplint_side from;
	uint16_t flags;
	uint32_t seq, ack, len, window;
	bool has_relative;
	uint32_t seq_relative, ack_relative;
	enum tcplint_state before[2], after[2];
	bool known_before[2], known_after[2];     /* the endpoint has a state at all */
	bool certain_before[2], certain_after[2];
	const char *arrow[2]; /* RFC 9293 section that moved client and server; null: it stayed */
	const char *ignored;  /* why it moved nobody ("duplicate", "bad_checksum", ...); null */
	unsigned opened_count, settled_count, fired_count;
	unsigned opened[8], settled[8], fired[8]; /* rules */
};

/* A rule of the catalogue. */
struct tcplint_rule {
	const char *name;
	unsigned tier;
	enum tcplint_phase phase;
	enum tcplint_severity severity;
	enum tcplint_verdict verdict;
	char evidence;       /* F P X A T G (tcplint-rules(7)) */
	const char *clauses; /* "9293/3.10.7.3 9293/3.4/MUST-8": RFC/section[/tag], separated by blanks */
	const char *summary; /* one line: when it fires */
	const char *why;     /* what it means to the reader, and what excuses it */
	const char *fires;   /* an example conversation */
	const char *near_miss;
};

unsigned tcplint_rule_count(void);
/* Null when there is no such rule. */
const struct tcplint_rule *tcplint_rule(unsigned index);
/* -1 when there is no such rule. */
int tcplint_rule_by_name(const char *name);

const char *tcplint_state_name(enum tcplint_state s);
const char *tcplint_verdict_name(enum tcplint_verdict v);
const char *tcplint_severity_name(enum tcplint_severity s);
const char *tcplint_phase_name(enum tcplint_phase p);
const char *tcplint_offender_name(enum tcplint_offender o);

enum tcplint_profile { TCPLINT_PROFILE_RFC, TCPLINT_PROFILE_TEXTBOOK, TCPLINT_PROFILE_LENIENT };

struct tcplint_options {
	size_t size; /* sizeof(struct tcplint_options): set by tcplint_options_init() */
	uint32_t max_connections;
	int64_t msl; /* nanoseconds */
	enum tcplint_profile profile;
	enum tcplint_severity min_severity;
	float min_confidence;
	bool all;      /* hand every connection to the sink, not only those with findings */
	bool segments; /* call sink.segment */
	bool loud;     /* for tests: no connection is kept in the small form of those of which there is nothing to say */
	bool tunnels;  /* look inside GRE, IPIP, 6in4, VXLAN, GENEVE, GTP-U */
	bool headers_only; /* payload is cut off on purpose: that is no truncation */
	bool vlan_in_key; /* the same 4-tuple in two VLANs is two connections */
	const bool *disabled; /* by rule, or null; borrowed until tcplint_free() */
	/* By rule: its enum tcplint_severity instead of the catalogue's, or TCPLINT_SEVERITY_OF_RULE; or null; borrowed */
	const int8_t *severities;
	unsigned verdicts;    /* bit 1 << enum tcplint_verdict: which to hand on; 0: all */
	/* A finding for which this answers true is counted and not handed on; may be null. */
	bool (*ignored)(void *user, const struct tcplint_finding *f);
	void *ignored_user;
	/*
	 * How many threads there are, with the one that feeds the frames: on each of the others is an engine, which share
	 * the connections; 0 and 1: the engine is on that one.  The sink is called on that one whatever this is, and hears
	 * the same, while nothing is evicted.  With `segments` there is always one.
	 */
	unsigned threads;
	/*
	 * How many timers may fire for one frame; 0: all that are due.  For who must not keep frames waiting when a million
	 * connections end together: the others fire with the frames that follow.  A connection whose own frame comes is
	 * up to date.  Only with one thread.
	 */
	unsigned expiries;
	uint8_t hash_key[16]; /* all zero: random.  The answer does not depend on it. */
};

#define TCPLINT_SEVERITY_OF_RULE (-1)

void tcplint_options_init(struct tcplint_options *o);

/* Any member may be null.  The order of calls is the order in which verdicts are settled. */
struct tcplint_sink {
	void *user;
	void (*finding)(void *user, const struct tcplint_finding *f);
	void (*connection)(void *user, const struct tcplint_connection *c);
	void (*segment)(void *user, const struct tcplint_segment *s);
	void (*host)(void *user, const struct tcplint_host *h); /* by address, at the end */
};

struct tcplint;

/* Null on failure, with a sentence in `error`. */
struct tcplint *tcplint_new(const struct tcplint_options *o, const struct tcplint_sink *sink,
			    char *error, size_t error_size);
void tcplint_free(struct tcplint *t);

/*
 * One frame: `captured` bytes at `data` of `wire` that were on the wire, with link type `linktype` (a DLT_ value).
 * Frames are numbered from 1 in the order in which they are fed, or on from the last number given.
 */
void tcplint_feed(struct tcplint *t, int64_t ts, int linktype, const uint8_t *data, uint32_t captured,
		  uint32_t wire);
/*
 * Several at once, for whoever has them, as in a file: some are decoded before the first of them is looked at,
 * which is faster (and is what several threads need), and the sink and the counters may hear of a frame only when later ones are fed.  tcplint_flush()
 * lets nothing wait, nor do tcplint_tick(), tcplint_report_hosts() and tcplint_finish().
 */
void tcplint_feed_ahead(struct tcplint *t, const struct tcplint_frame *frames, size_t n);
void tcplint_flush(struct tcplint *t);
/* The frames that follow come from another source, whose clock may stand anywhere. */
void tcplint_source(struct tcplint *t);
/* Nothing arrived, and it is `now`: lets things expire. */
void tcplint_tick(struct tcplint *t, int64_t now);
/*
 * The capture dropped frames between `from` and `to`, as its drop counters say: what a missing packet can explain is
 * believed less there.
 */
void tcplint_missed(struct tcplint *t, int64_t from, int64_t to);
/* Hand the sink every host whose findings or numbers are new since it was last told: for reports in between. */
void tcplint_report_hosts(struct tcplint *t);
/* The input ended (or was interrupted): report what is still open. */
void tcplint_finish(struct tcplint *t, bool interrupted);

struct tcplint_counters {
	uint64_t frames, bytes, segments, icmp_errors;
	uint64_t connections, evicted, pool_exhausted;
	uint64_t hosts_evicted; /* forgotten to make room; their findings were reported before */
	uint64_t findings, findings_below_threshold, findings_ignored;
	uint64_t handshake[TCPLINT_JUDGEMENT_COUNT], teardown[TCPLINT_JUDGEMENT_COUNT];
	uint64_t end[TCPLINT_END_COUNT], origin[TCPLINT_ORIGIN_COUNT];
	uint64_t checksum_bad, checksum_offload, truncated, duplicates, reordered, capture_loss;
	/* IP fragments, the datagrams that they made, fragments that lie across others; datagrams given up for lack of room, or
	   of the rest of them within 30 seconds */
	uint64_t fragments, datagrams, fragments_overlapping, datagrams_evicted, datagrams_timed_out;
	int64_t first_ts, last_ts;
	uint64_t memory_bound; /* bytes that connections, hosts and their cells may take at most */
};
const struct tcplint_counters *tcplint_counters(struct tcplint *t);
/* Connections that made room so far; with several threads it may be behind, and asking is cheap. */
uint64_t tcplint_evicted(const struct tcplint *t);
/* How often a rule fired, those below the thresholds included. */
uint64_t tcplint_rule_hits(struct tcplint *t, unsigned rule);
/* Frames that were not analysed, by reason; null name: no such index. */
uint64_t tcplint_drops(const struct tcplint *t, unsigned index, const char **name);

const char *tcplint_version(void);

#ifdef __cplusplus
}
#endif

#endif
