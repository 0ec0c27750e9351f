/*
 * One connection (one incarnation of a 4-tuple), as a bystander remembers it.
 *
 * What each endpoint is known to have done and heard is kept as seven facts
 * (rules.md 1.4), each with the frame that taught it; the states of RFC 9293
 * follow from the facts (tracker.h).  A fact that the endpoint proved by its own
 * output is CONFIRMED; what was merely seen on its way to the endpoint is TENTATIVE.
 */
#ifndef TCPLINT_CONN_H
#define TCPLINT_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

#include "rules.h"
#include "zeek.h"

enum side { CLIENT, SERVER };

static inline enum side other(enum side x)
{
	return x == CLIENT ? SERVER : CLIENT;
}

static inline enum tcplint_offender offender_of(enum side x)
{
	return x == CLIENT ? TCPLINT_BY_CLIENT : TCPLINT_BY_SERVER;
}

enum fact {
	SYN_SENT,  /* it sent its SYN, with or without ACK */
	SYN_RCVD,  /* it received the peer's */
	SYN_ACKED, /* its SYN was acknowledged, and it knows */
	FIN_SENT,
	FIN_ACKED,
	FIN_RCVD,  /* in sequence: every byte before it too */
	RESET,     /* it sent a RST, or accepted one */
	FACT_COUNT
};

enum belief { NO, TENTATIVE, CONFIRMED };

/* What is known of an endpoint besides its facts: bits of `known`. */
enum known {
	K_SEEN = 1 << 0,          /* it sent at least one segment */
	K_ISN = 1 << 1,
	K_ISN_INFERRED = 1 << 2,  /* from the peer's acknowledgment or mid-stream, not from its SYN */
	K_SMAX = 1 << 3,
	K_DMAX = 1 << 4,
	K_AMAX = 1 << 5,
	K_REDGE = 1 << 6,
	K_FIN = 1 << 7,           /* `fend` is the number after its FIN */
	K_TSVAL = 1 << 8,
	K_ACTIVE = 1 << 9,        /* it opened with a SYN without ACK */
	K_GOOD_CHECKSUM = 1 << 10,
	K_RST_SENT = 1 << 11,     /* RESET because of its own RST */
	K_FIN_AFTER_FIN = 1 << 12, /* its first FIN acknowledged the peer's */
	K_HS_ACK = 1 << 13,       /* `hs_cover` is set */
	K_FIN_COVER = 1 << 14,    /* `fin_cover` is set */
	K_REFUSED = 1 << 15,      /* its RST refused something foreign; the attempt lives on */
};

/* The memory that most segments touch. */
struct endpoint {
	uint32_t isn;
	uint32_t smax;  /* highest end of any segment: a lower bound of SND.NXT */
	uint32_t dmax;  /* highest end of a payload byte */
	uint32_t amax;  /* highest ACK sent: RCV.NXT when it was sent */
	uint32_t redge; /* right edge of every window ever offered */
	uint32_t fend;  /* one after the FIN */
	uint32_t maxwnd;   /* largest window offered, scaled */
	uint32_t window;   /* latest window offered, scaled */
	uint32_t tsval;    /* newest TSval sent */
	uint32_t ts_first; /* and the first one */
	uint32_t hs_cover; /* end of the first segment of the peer's that carried ACK > isn: who acks it has the ACK */
	uint32_t fin_cover; /* the same for ACK >= fend */
	uint32_t holes;    /* cells: ranges below smax that were not captured */
	uint16_t known;    /* enum known */
	uint16_t facts;    /* two bits each: enum belief */
	uint8_t state;     /* enum tcplint_state, likely */
	uint8_t certain;   /* the facts behind it are all confirmed */
	uint8_t order;     /* what else it follows from (states.c) */
	uint8_t wscale;    /* shift to apply to its window; SCALE_UNKNOWN */
	uint8_t ttl;
	uint8_t hole_count;
	uint16_t limit;    /* bytes of options and payload that the peer takes in one segment; 0: not known, or not to be judged */
	uint8_t id_run;    /* how many of its latest segments had the IP identification after that of the one before */
	uint16_t ip_id;    /* of its latest segment */
	struct mark last;  /* its latest segment */
	uint64_t payload_bytes;
	uint32_t segments, retransmitted;
	int64_t turn;      /* shortest time seen from a stimulus at the tap to its answer; 0: unknown */
};

#define SCALE_UNKNOWN 0xff

#define RECENT_MAX 4

/* The latest segment of an end that was no RST: what its peer's RSTs and challenge ACKs may answer. */
struct latest {
	struct mark at;
	int64_t before; /* when the one before it came; 0: there was none */
	uint32_t seq, ack, end;
	uint16_t flags;
};

/*
 * The memory that the opening, the closing and the record need; what is largest comes first, so that there are no gaps.
 */
struct endpoint_detail {
	struct mark fact[FACT_COUNT]; /* when and where it became true (the stimulus, when tentative) */
	struct latest latest;
	struct mark first_fin, last_fin, last_rst, last_data, fin_acked_by, fin_acked_last;
	struct mark fin_reply;       /* see fin_reply_seq */
	struct mark last_ack_of_fin; /* its ACK of the latest copy of the peer's FIN: TIME_WAIT begins anew */
	struct mark zero_since;      /* when it closed its window, while `window` is 0 */
	uint64_t bytes_after_peer_fin; /* new payload after it acknowledged the peer's FIN */
	uint32_t syn, synack, fin, rst;
	uint32_t syn_opt; /* enum tcp_option_bit of its SYN or SYN-ACK; 0 and !has_syn: not seen */
	uint32_t syn_len; /* payload of its SYN */
	uint32_t syn_any, syn_lacked; /* enum tcp_option_bit that any of its SYNs and SYN-ACKs had; that any had not */
	uint32_t syn_exids;    /* ExIDs that any of them had: a set (segment.h) */
	uint32_t syn_tsval;    /* of its latest SYN or SYN-ACK with timestamps */
	uint32_t syn_first_tsval; /* and of its first */
	uint32_t fin_reply_seq; /* SND.NXT when it first acknowledged the peer's FIN, without a FIN of its own in that segment */
	uint32_t first_fin_ack; /* the ACK field of its first FIN */
	uint32_t fin_ack;       /* and of its latest */
	uint32_t fin_tsval;       /* of its latest FIN */
	uint32_t first_fin_tsval;
	uint32_t fin_copies;   /* retransmissions of the FIN */
	uint32_t fin_copies_unanswered; /* since the peer's latest segment */
	uint32_t syn_copies_unanswered;
	uint32_t data_copies_unanswered; /* retransmissions since the peer's latest segment */
	uint32_t rst_seq, rst_ack; /* of its latest RST */
	uint32_t ts_again;     /* TSval of its latest segment that was no news: a copy of old numbers, or a probe */
	uint32_t copy_interval; /* microseconds between the first of a run of copies of the SYN, later of the FIN; 0: none */
	uint16_t copy_run;      /* how many intervals the run has */
	uint16_t copy_ip_id;   /* of its latest SYN, SYN-ACK or FIN */
	uint16_t syn_flags;
	uint16_t syn_flags_any; /* that any of its SYNs and SYN-ACKs had */
	uint16_t mss;
	uint8_t wscale;
	uint8_t pasts; /* in the aside */
	uint8_t first_fin_ttl;
	uint8_t probes;        /* keepalive probes since the peer's latest segment */
	bool has_syn, syn_cut;
	bool asked_ecn; /* one of its SYNs had ECE and CWR */
	bool syn_ect;   /* one of its SYNs or SYN-ACKs was ECN-capable transport */
	bool rst_has_ack;
};

/* A SYN of the client's or a SYN-ACK of the server's with a number of its own. */
struct attempt {
	uint32_t isn;
	uint32_t ack;  /* SYN-ACK: its acknowledgment number */
	uint32_t len;  /* payload */
	uint16_t copies;
	bool dead;     /* refused by a RST */
	struct mark first, last;
};

#define ATTEMPTS 3

/* The incarnation before, for isn_overlaps_previous; by side of this one.  A cache line. */
struct before {
	uint32_t isn[2], smax[2], tsval[2];
	bool known[2];   /* the sender's numbers are */
	bool timestamps; /* negotiated */
	uint32_t older;  /* of a quiet connection: flow_older() */
	struct mark last[2];
};

struct recent { /* for E-DUP: the latest segments, by fingerprint */
	uint32_t print[RECENT_MAX];
	uint32_t us[RECENT_MAX]; /* time in microseconds, modulo 2^32 */
	uint8_t ttl[RECENT_MAX], direction[RECENT_MAX];
};

/* The flow key: both endpoints, the smaller first, and what else tells flows apart. */
struct flow_key {
	struct tcplint_address end[2]; /* end[0] <= end[1] */
	uint32_t vlan, tunnel;         /* 0 unless they are part of the key */
};

struct aside;

struct conn {
	struct flow_key key;
	bool swapped; /* the client is key.end[1] */
	bool in_use;
	uint8_t origin; /* enum tcplint_origin */
	bool self_connect;
	bool simultaneous; /* SYNs crossed */
	bool split;
	bool truncated;
	bool pending; /* a newer incarnation that the peer has not accepted yet */
	bool fast_open;
	bool options_cut; /* the snapshot ended in an option list */
	bool oversized[2]; /* a segment of that end was longer than its path carries */
	bool timestamps; /* every SYN and SYN-ACK seen, of both ends, carried them */
	bool no_timestamps; /* both were seen, and all of one end's lacked them */
	bool no_ecn;        /* both were seen, and ECN was not agreed on; nor are all packets marked, whatever was */
	bool authenticated; /* some SYN or SYN-ACK carried MD5 or TCP-AO */
	uint32_t incarnation; /* of the 4-tuple; 0: the first */
	struct endpoint end[2]; /* by enum side */
	struct endpoint_detail detail[2];
	struct attempt *syn;    /* of the client: the one below, or several that were put aside */
	struct attempt *synack; /* of the server */
	struct attempt first_syn, first_synack;
	struct aside *aside; /* null: there is none */
	struct mark start; /* its frame is the connection's number */
	struct mark last;
	struct mark hs_ack; /* the first acknowledgment of the SYN-ACK */
	struct recent recent;
	int64_t deadline; /* what the wheel is armed for */
	uint64_t loss; /* sequence numbers proven to have existed and not captured */
	int64_t loss_ts; /* latest proof */
	uint32_t duplicates, reordered;
	uint32_t vlan, tunnel; /* of the first segment */
	uint32_t older; /* the incarnation before this one, while it is kept */
	uint32_t newer;
	uint32_t candidates; /* cells */
	uint32_t heard;   /* of flow_victim() */
	uint8_t syns, synacks;
	uint8_t recent_next;
	uint8_t age_class;
	uint8_t opening; /* enum opening_state (hosts.h): whether the host table waits for what becomes of it */
	bool fired; /* a rule has, and the stage knows of the connection */
	bool may_be_listed; /* if the finding is sure enough */
	bool damaged[2]; /* a segment of that end with a bad checksum was put aside */
	bool icmp_refused; /* an ICMP error quoted the SYN: which one was put aside */
	uint16_t counted; /* one more than the timer rule that the stage was told of before it became a struct conn */
	/* the SYN of a newer incarnation that has not been accepted */
	uint32_t foreign_seq;
	struct mark foreign_syn;
	uint8_t foreign_side;  /* enum side: who sent it */
	bool foreign_again;    /* it came more than once */
	uint8_t foreign_newer; /* enum newer (oracle.h): what a holder of TIME_WAIT may think of it */
	struct {
		uint8_t side; /* enum side: who held it */
		int64_t lower, upper; /* how long; 0: not known */
		struct mark held, gone; /* the segments that show it */
	} time_wait;
	int64_t reused;   /* when the SYN of a newer incarnation came that was accepted; 0: not */
	int64_t superseded; /* when it was accepted */
	struct before before;
	struct zeek zeek;
};

static inline const struct tcplint_address *conn_address(const struct conn *c, enum side x)
{
	return &c->key.end[(x == SERVER) != c->swapped];
}

/* As records name it. */
static inline struct tcplint_conn_id conn_id(const struct conn *c)
{
	return (struct tcplint_conn_id){
		.id = c->start.frame,
		.client = *conn_address(c, CLIENT),
		.server = *conn_address(c, SERVER),
		.vlan = c->vlan,
		.tunnel = c->tunnel,
		.incarnation = c->incarnation,
	};
}

static inline enum belief fact_get(const struct endpoint *e, enum fact f)
{
	return (enum belief)(e->facts >> (2 * f) & 3);
}

static inline bool fact_is(const struct endpoint *e, enum fact f)
{
	return e->facts >> (2 * f) & 3;
}

/* rules.md 1.7, 2c: a sender that counts its packets shows by that whether the capture has them all. */
static inline void note_ip_id(struct endpoint *e, uint16_t id, bool counted)
{
	const bool next = counted && (uint16_t)(id - e->ip_id) == 1;

	e->id_run = (uint8_t)(!next ? 0 : e->id_run < UINT8_MAX ? e->id_run + 1 : UINT8_MAX);
	e->ip_id = id;
}

static inline bool knows(const struct endpoint *e, unsigned k)
{
	return e->known & k;
}

#endif
