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
	QUIET_REFUSED,     /* a RST answered the SYN: it stands where a SYN-ACK would */
	QUIET_OPEN,        /* the handshake is complete, and the server has not proved yet that it knows */
	QUIET_ESTABLISHED,
	QUIET_FIN,         /* one end sent a FIN */
	QUIET_FIN_ACKED,   /* the other acknowledged it, and sent none itself */
	QUIET_FINS,        /* both did, the second one knowing of the first */
	QUIET_CLOSED,      /* both are acknowledged */
	QUIET_RESET,       /* a RST ended it, when all data was acknowledged */
};

/* A SYN or SYN-ACK without payload, as far as the replay needs it. */
struct kept_syn {
	uint32_t seq, ts_val;
	uint16_t present; /* the lower half of tcp_options.present: of clean lists the upper one is empty */
	uint16_t mss, window, ip_id;
	uint16_t flags; /* above them, enum checksum and whether the SYN's timestamp is echoed: KEPT_CHECKSUM, KEPT_ECHO */
	uint8_t wscale, ttl;
};

enum { KEPT_FLAGS = 0xfff, KEPT_CHECKSUM = 12, KEPT_ECHO = 1 << 14 };

/* The same of the third segment, whose numbers follow from those. */
struct kept_third {
	uint32_t after; /* nanoseconds after the SYN */
	uint32_t frame, ts_val;
	uint16_t window, len;
	uint16_t flags; /* and above them, enum checksum */
	uint16_t unused;
};

/* The same of any other. */
struct kept {
	int64_t ts;
	uint32_t frame; /* after the connection's first */
	uint32_t seq, ack, len, ts_val, ts_ecr;
	uint16_t present, flags;
	uint16_t ip_id, window;
	uint16_t captured; /* bytes of TCP, when `truncated` */
	uint8_t data_offset;
	uint8_t ttl;
	uint8_t side, checksum;
	bool truncated;
	uint8_t unused;
};

/* What the segments of one end between its opening and its closing add up to. */
struct quiet_side {
	uint32_t smax, amax, redge, maxwnd, window, tsval; /* as in struct endpoint */
	uint32_t first_tsval;    /* of its SYN or SYN-ACK */
	uint32_t segments;
	uint32_t cover;          /* hs_cover of struct endpoint, with SIDE_COVER */
	uint32_t delivered;      /* as in struct zeek_end */
	uint32_t last_frame, last_len, data_frame;
	uint32_t last_gap; /* nanoseconds from the one before its latest to that, or UINT32_MAX: for struct latest, of which
			      nobody asks more */
	int64_t last_ts, data_ts; /* of its latest segment, the latest with data */
	uint16_t mss;        /* that it announced */
	uint16_t last_flags;
	uint8_t scale;       /* of its windows */
	uint8_t marks;       /* enum side_mark */
	uint16_t unused;
};

/* And ZEEK_SEEN_DATA and ZEEK_SEEN_ACK of enum zeek_seen. */
enum side_mark {
	SIDE_COVER = 1 << 0,
	SIDE_DATA = 1 << 1,
	SIDE_GOOD = 1 << 2, /* K_GOOD_CHECKSUM */
};

#define QUIET_LETTERS 11
#define QUIET_CLOSING 4

/*
 * What each segment touches is together, and cells are whole cache lines: most of what a segment costs is waiting for
 * lines that are in no cache of the core's own.
 */

/* From the third segment on: four lines, in the place with the number of its struct quiet_answer. */
struct quiet_part {
	struct quiet_side side[2];
	uint32_t isn[2];
	uint32_t gaps[2]; /* as in struct zeek_end */
	struct recent recent;
	struct kept_third third;
	uint32_t closing; /* struct quiet_closing; 0: no FIN yet, and nothing was cut */
	uint32_t heard;   /* of flow_victim() */
	uint8_t letter_count;
	char letters[QUIET_LETTERS]; /* of Zeek's history, after the third segment's */
};

struct quiet_closing {
	/* segments between opening and closing that the snapshot cut */
	int64_t cut_first, cut_last;
	uint32_t cut_count, cut_frame, cut_length;
	uint16_t cut_captured;
	uint8_t count;  /* 0: no FIN yet, nor RST */
	uint8_t closer; /* enum side: who sent the first FIN, or the RST */
	uint32_t smax[2], redge[2], tsval[2]; /* by side, with the closing */
	/*
	 * data that was not cut, beyond what was, until it is acknowledged: at `above` of the numbers of `above_side`
	 */
	uint32_t above;
	uint16_t above_len;
	uint8_t above_side;
	uint8_t cut; /* of the segments, those that the snapshot cut */
	struct kept segment[QUIET_CLOSING];
};

/* From the SYN-ACK, or the RST that refuses the SYN, on. */
struct quiet_answer {
	struct kept_syn synack;
	uint32_t after; /* nanoseconds after the SYN */
	uint32_t frame; /* after the connection's first */
	uint32_t print;
	uint8_t direction;
	uint8_t unused[3];
};

/* All three of a closed connection, in the place of which nothing is left then (quiet_packed.c). */
struct quiet_packed {
	uint8_t bytes[200];
};

/* Two lines. */
struct quiet {
	struct tcplint_address end[2]; /* of its flow_key */
	uint32_t more; /* struct quiet_answer and struct quiet_part, or struct quiet_packed; 0: there is only a SYN */
	uint64_t id;
	int64_t last_ts; /* of its latest segment */
	uint8_t stage; /* enum quiet_stage */
	uint8_t age_class;
	uint8_t recent_next;
	bool swapped, in_use;
	bool stamped;    /* timestamps were agreed on */
	bool ecn;        /* and so was ECN */
	bool packed;
	uint32_t vlan, tunnel; /* as its first segment had them, whether they count or not */
	uint32_t tag; /* the half of its hash that its slot in the index holds */
	uint32_t before; /* struct before; 0: nothing is known of an incarnation before */
	int64_t deadline;
	int64_t syn_ts;
	struct kept_syn syn;
	uint32_t print; /* and what else a struct recent has of it */
	uint8_t direction;
	bool behind; /* a newer incarnation waits for its SYN-ACK */
	bool counted; /* handshake_incomplete has been told of */
	uint32_t incarnation;
};

#endif
