/*
 * What a segment means for its connection, classified once per segment.
 *
 * A rule names in its row the events on which its predicate can answer yes; a
 * segment in order on an established connection has none that a rule waits for.
 */
#ifndef TCPLINT_EVENTS_H
#define TCPLINT_EVENTS_H

enum event {
	EV_SYN = 1 << 0,        /* SYN without ACK */
	EV_SYNACK = 1 << 1,
	EV_FIN = 1 << 2,
	EV_RST = 1 << 3,
	EV_DATA = 1 << 4,       /* payload, whatever else */
	EV_PURE_ACK = 1 << 5,   /* ACK, no SYN, FIN, RST, no payload */
	EV_RETRANSMIT = 1 << 6, /* sequence numbers that the sender has already used */
	EV_GAP = 1 << 7,        /* begins beyond the highest number seen of the sender */
	EV_ODD_FLAGS = 1 << 8,  /* a combination of RFC 9293's control bits that no procedure emits */
	EV_BAD_HEADER = 1 << 9,
	EV_BAD_CHECKSUM = 1 << 10,
	EV_OFFLOAD = 1 << 11,   /* the checksum was not filled in yet */
	EV_BAD_OPTIONS = 1 << 12,
	EV_OPENING = 1 << 13,   /* before the segment, one end or both were not known to be synchronized */
	EV_CLOSING = 1 << 14,   /* before or with the segment, one end or both had sent a FIN */
	EV_RESET = 1 << 15,     /* a RST was seen before */
	EV_ACK_UNSEEN = 1 << 16, /* acknowledges what was never captured of the peer */
	EV_ACK_NEW = 1 << 17,   /* acknowledges more than the sender did before */
	EV_FIRST = 1 << 18,     /* the first segment of the connection */
	EV_KEEPALIVE = 1 << 19, /* E-KA (rules.md 1.11) */
	EV_DUPLICATE = 1 << 20, /* E-DUP: a copy made by the capture; no other rule runs */
	/*
	 * It shows something about the capture: the snapshot cut it, the clock went back before it, it is longer than
	 * its path carries (the first such of its sender), or the same SYN has another 4-tuple as well.
	 */
	EV_TAP = 1 << 21,
	/*
	 * An acknowledgment, timestamp or window edge that goes back; data, an echo or a SACK block beyond what the
	 * other end allowed or sent; a pure ACK below what its sender has used.
	 */
	EV_ODD_NUMBERS = 1 << 22,
	EV_DUP_ACK = 1 << 23,   /* EV_PURE_ACK that acknowledges nothing new */
	EV_LOSS = 1 << 24,      /* this segment proves that the capture missed something */
	EV_ICMP = 1 << 26,      /* not a segment: an ICMP error that quotes one */
	EV_ODD_OPTIONS = 1 << 27, /* an option where it may not stand, or with a value that it may not have; a SYN without MSS */
	EV_DISAGREED = 1 << 28, /* options, ECN or a length other than the SYNs seen agreed on; a timestamp of an older incarnation */
	EV_SYN_AGAIN = 1 << 29, /* a copy of a SYN or SYN-ACK: same sender, same numbers */
	/*
	 * Reserved bits, URG that points nowhere, port 0, a sender that is its own receiver; on a SYN an ACK
	 * field, no window, ECT, or an address that belongs to no single host.
	 */
	EV_ODD_FIELDS = 1 << 30,
	EV_ANY = 1 << 25,       /* every segment: for rules that cannot be narrowed; use it for nothing cheap */
};

#endif
