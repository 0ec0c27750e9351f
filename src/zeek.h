/*
 * What Zeek's conn.log would say of a connection: `conn_state` and `history`.
 *
 * Zeek keeps a state of its own for each endpoint and appends a letter to the
 * history when something happens for the first time (or again, at another
 * sequence number; or for the 10th, the 100th, ... time).  A zeroed struct is a
 * connection of which nothing was seen.
 *
 * Zeek's originator need not be our client: where no SYN was seen, Zeek guesses
 * from the port numbers.  Capital letters are its originator's.
 */
#ifndef TCPLINT_ZEEK_H
#define TCPLINT_ZEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "segment.h"
#include "seq.h"

/* Zeek's, not RFC 9293's. */
enum zeek_state {
	ZEEK_INACTIVE, /* sent nothing that counts */
	ZEEK_SYN_SENT,
	ZEEK_SYN_ACK_SENT, /* the originator's SYN had ACK */
	ZEEK_PARTIAL,      /* seen, but not its SYN */
	ZEEK_ESTABLISHED,
	ZEEK_CLOSED, /* sent a FIN */
	ZEEK_RESET,  /* sent a RST */
};

/* Letters that are noted once, or once a sequence number. */
enum zeek_seen {
	ZEEK_SEEN_SYN = 1 << 0, /* S and H share it */
	ZEEK_SEEN_FIN = 1 << 1,
	ZEEK_SEEN_RST = 1 << 2,
	ZEEK_SEEN_FIN_RST = 1 << 3,
	ZEEK_SEEN_DATA = 1 << 4,
	ZEEK_SEEN_ACK = 1 << 5,
	ZEEK_SEEN_MULTI = 1 << 6,
};

/* Longer histories exist only when FINs, RSTs or SYNs keep coming at new numbers. */
#define ZEEK_HISTORY_MAX 31

/* Blocks above a hole that are told apart; of more, the last two are joined. */
#define ZEEK_BLOCKS 3

/* Zeek's tcp_excessive_data_without_further_acks. */
#define ZEEK_UNACKED_MAX (10U * 1024 * 1024)
/* And its tcp_max_above_hole_without_any_acks. */
#define ZEEK_ABOVE_HOLE_MAX 16384

struct zeek_block {
	uint32_t from, to;
};

/* `start`, `last` and `ack` are as sent; the other numbers count from `start`. */
struct zeek_end {
	uint32_t start;     /* its SYN's, or what it would have been */
	uint32_t last;      /* after the highest that it sent */
	uint32_t ack;       /* highest acknowledgment by the peer */
	uint32_t delivered; /* complete up to here, or given up */
	uint32_t trimmed;   /* acknowledged up to here */
	uint32_t fin;       /* one after its FIN */
	uint32_t last_syn, last_fin, last_rst;
	uint32_t gaps, corrupt, retransmitted, zero_windows;
	struct zeek_block above[ZEEK_BLOCKS]; /* arrived beyond `delivered`, in order */
	uint16_t last_wraps, ack_wraps;
	uint8_t state, state_before; /* enum zeek_state */
	uint8_t blocks;
	bool fin_seen;
	bool trusted; /* it sent a good checksum, so that a bad one means something */
	bool skip;    /* too much without an acknowledgment: gaps are no longer looked for */
};

struct zeek {
	struct zeek_end end[2]; /* 0: client, 1: server */
	char history[ZEEK_HISTORY_MAX + 1];
	uint8_t length;  /* of the history */
	uint8_t seen[2]; /* enum zeek_seen; 0: originator, 1: responder */
	uint8_t first;   /* bits of the roles that sent their first segment */
	uint8_t originator;
	bool begun;
	bool partial;
	bool smooth; /* both established: the short way is open */
};

void zeek_long_way(struct zeek *z, int from, const struct segment *s);

/* The common segment, in order and with nothing new to note: only numbers advance. */
static inline bool zeek_short_way(struct zeek *z, int from, const struct segment *s)
{
	struct zeek_end *e = &z->end[from], *p = &z->end[!from];
	uint32_t rel = s->seq - e->start, rel_ack = s->ack - p->start;
	unsigned letter = s->len ? ZEEK_SEEN_DATA : ZEEK_SEEN_ACK;

	if (!z->smooth || (s->flags & (FLAG_SYN | FLAG_FIN | FLAG_RST | FLAG_ACK)) != FLAG_ACK ||
	    !(z->seen[from != z->originator] & letter) || !s->window || s->seq != e->last ||
	    s->checksum == CHECKSUM_BAD || s->bad_header || s->truncated)
		return false;
	if (!e->trusted && s->checksum != CHECKSUM_UNKNOWN)
		return false;
	/* Numbers that wrap, or lie before `start`, or leave a gap, go the long way. */
	if (s->seq + s->len < s->seq || (rel >> 31 && !e->last_wraps))
		return false;
	if (s->len && (e->blocks || e->delivered != rel ||
		       e->delivered + s->len - e->trimmed > ZEEK_UNACKED_MAX))
		return false;
	if (seq_lt(p->ack, s->ack)) {
		if (s->ack < p->ack || seq_lt(p->delivered, rel_ack) ||
		    (rel_ack >> 31 && !p->ack_wraps))
			return false;
		p->ack = s->ack;
		p->trimmed = seq_max(p->trimmed, rel_ack);
	}
	e->last += s->len;
	e->delivered += s->len;
	return true;
}

/* Takes every segment, copies made by the capture included; `from` is 0 (client) or 1 (server). */
static inline void zeek_segment(struct zeek *z, int from, const struct segment *s)
{
	if (!zeek_short_way(z, from, s))
		zeek_long_way(z, from, s);
}

/* "SF", "S0", ...: at the end of the connection. */
const char *zeek_conn_state(const struct zeek *z);

static inline const char *zeek_history(const struct zeek *z)
{
	return z->history;
}

#endif
