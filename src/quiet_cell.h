/*
 * A connection of which nothing unusual is known, in a small form: what an ordinary conversation consists of.
 *
 * The segments that open and close it are kept, as far as anything will ever ask for them; the data between them,
 * all in order, is a few numbers.  Whatever is not of this form makes it a struct conn: the kept segments are
 * played through the engine again (quiet_replay.c), so that this form never has to be judged.
 */
#ifndef TCPLINT_QUIET_CELL_H
#define TCPLINT_QUIET_CELL_H

#include "conn.h"

enum quiet_stage {
	QUIET_SYN,
	QUIET_SYNACK,
	QUIET_OPEN,        /* the handshake is complete, and the server has not proved yet that it knows */
	QUIET_ESTABLISHED,
	QUIET_FIN,         /* one end sent a FIN */
	QUIET_FIN_ACKED,   /* the other acknowledged it, and sent none itself */
	QUIET_FINS,        /* both did, the second one knowing of the first */
	QUIET_CLOSED,      /* both are acknowledged */
};

/* A SYN or SYN-ACK without payload, as far as the replay needs it. */
struct kept_syn {
	int64_t ts;
	uint32_t frame; /* after the connection's first */
	uint32_t seq, ts_val, ts_ecr;
	uint16_t present; /* the lower half of tcp_options.present: of clean lists the upper one is empty */
	uint16_t mss, flags, window, ip_id;
	uint8_t wscale, ttl, checksum;
};

/* The same of the third segment, whose numbers follow from those. */
struct kept_third {
	int64_t ts;
	uint32_t frame, len, ts_val, ts_ecr;
	uint16_t flags, window;
	uint8_t checksum;
};

/* The same of any other. */
struct kept {
	int64_t ts;
	uint32_t frame; /* after the connection's first */
	uint32_t seq, ack, len, ts_val, ts_ecr;
	uint16_t present;
	uint16_t flags, window, ip_id;
	uint16_t captured; /* bytes of TCP, when `truncated` */
	uint8_t data_offset;
	uint8_t ttl;
	uint8_t side, checksum;
	bool truncated;
};

/* What the segments of one end between its opening and its closing add up to. */
struct quiet_side {
	uint32_t smax, amax, redge, maxwnd, window, tsval; /* as in struct endpoint */
	uint32_t segments;
	uint32_t cover;          /* hs_cover of struct endpoint; see has_cover */
	uint32_t delivered;      /* as in struct zeek_end, and so are gaps */
	uint32_t gaps;
	uint32_t last_frame, last_len, data_frame;
	uint32_t last_gap; /* nanoseconds from the one before its latest to that, or UINT32_MAX: for struct latest, of which
			      nobody asks more */
	uint16_t last_flags;
	bool has_cover, has_data;
	bool good;               /* K_GOOD_CHECKSUM */
	int64_t last_ts, data_ts; /* of its latest segment, the latest with data */
};

#define QUIET_LETTERS 11
#define QUIET_CLOSING 4

/* From the third segment on. */
struct quiet_part {
	struct quiet_side side[2];
	uint32_t isn[2];
	uint8_t scale[2]; /* of their windows */
	char letters[QUIET_LETTERS]; /* of Zeek's history, after the third segment's */
	uint8_t letter_count;
	uint8_t seen[2];  /* enum zeek_seen by side */
	uint32_t closing; /* struct quiet_closing; 0: no FIN yet, and nothing was cut */
	uint32_t heard;   /* of flow_victim() */
	struct kept_third third;
};

struct quiet_closing {
	struct kept segment[QUIET_CLOSING];
	uint8_t count; /* 0: no FIN yet */
	uint8_t closer; /* enum side: who sent the first FIN */
	uint8_t cut;    /* of the segments, those that the snapshot cut */
	uint32_t smax[2], redge[2], tsval[2]; /* by side, with the closing */
	/* segments between opening and closing that the snapshot cut */
	uint16_t cut_captured;
	uint32_t cut_count, cut_frame, cut_length;
	int64_t cut_first, cut_last;
};

struct quiet {
	struct flow_key key; /* vlan and tunnel as its first segment had them, whether they count or not */
	uint32_t part; /* struct quiet_part; 0: half-open */
	struct age_link age;
	uint8_t age_class;
	uint8_t stage; /* enum quiet_stage */
	uint8_t recent_next;
	bool swapped, in_use;
	bool stamped;    /* timestamps were agreed on */
	bool ecn;        /* and so was ECN */
	bool counted; /* handshake_incomplete has been told of */
	struct recent recent[RECENT_MAX];
	int64_t last_ts; /* of its latest segment */
	int64_t deadline;
	uint64_t id;
	struct kept_syn syn, synack;
};

#endif
