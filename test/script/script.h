/*
 * A conversation as text: one line per segment, in packetdrill's and tcpdump's
 * notation, with what must be true after it (README.md).
 *
 * The parser knows the notation and nothing of the engine: names of rules are
 * words to it.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

enum script_kind {
	SCRIPT_SEGMENT,
	SCRIPT_ICMP, /* an ICMP error that quotes the segment; `from` is who sends the error */
	SCRIPT_IDLE, /* a frame of somebody else: it only shows that the capture went on */
};

/* What `=` demands of one endpoint. */
struct script_state {
	enum { STATE_ANY, STATE_UNKNOWN, STATE_IS } want;
	enum tcplint_state state;
	bool tentative;
};

/* One word after `!`. */
struct script_rule {
	char name[48];
	char would_be[48];  /* empty: not asserted */
	char verdict[24];   /* or severity; empty: not asserted */
	char offender[12];  /* empty: not asserted */
	float least, below; /* least <= confidence < below */
	bool optional;
};

#define SCRIPT_RULES        8
#define SCRIPT_OPTION_BYTES 40

struct script_step {
	unsigned line;
	enum script_kind kind;
	int64_t delay; /* nanoseconds after the step before */
	enum tcplint_side from;
	unsigned flow;     /* added to the client's port */
	uint16_t flags;    /* as in bytes 12 and 13 of the header */
	uint32_t seq, ack; /* relative to the ISNs, modulo 2^32, unless absolute */
	uint32_t len;
	bool seq_absolute, ack_absolute, has_ack;
	uint16_t window, urgent;
	uint8_t options[SCRIPT_OPTION_BYTES];
	unsigned options_len;
	uint8_t relative[8]; /* where in `options` a number of the peer's sequence space stands */
	unsigned relative_count;
	uint8_t tos; /* type of service, or traffic class */
	int ttl, id, data_offset; /* -1: not given; the parser numbers the packets of each side */
	long cut;                 /* bytes captured; -1: all */
	bool bad_checksum, offload;
	bool has_states;
	struct script_state state[2];
	struct script_rule rule[SCRIPT_RULES];
	unsigned rule_count;
};

/* `expect connection [N] KEY VALUE` and `expect connections N`. */
struct script_expect {
	unsigned line;
	unsigned connection; /* from 1, in the order of their first frames; 0: their number */
	char key[32];
	char value[160];
};

#define SCRIPT_EXPECTS  24
#define SCRIPT_DISABLED 4

struct script {
	char name[64]; /* file name without directory */
	int64_t msl;   /* nanoseconds; 0: the default */
	enum tcplint_profile profile;
	char disabled[SCRIPT_DISABLED][48]; /* rules */
	unsigned disabled_count;
	unsigned vlan[2], vlans;
	bool ipv4_only, ipv6_only;
	bool isn_fixed; /* run at one pair of ISNs only */
	bool raw;       /* no link layer */
	bool self;      /* the client talks to its own address and port */
	uint8_t address[2][4]; /* IPv4, instead of the usual one */
	bool has_address[2];
	unsigned port[2];      /* instead of the usual one */
	bool has_port[2];
	bool clean;     /* breaks nothing */
	bool nomutate;
	struct script_step *step;
	unsigned steps;
	struct script_step end; /* only its rules and its line */
	struct script_expect expect[SCRIPT_EXPECTS];
	unsigned expects;
};

/* Null with a sentence "FILE:LINE: ..." in `error` when the file cannot be read or understood. */
struct script *script_read(const char *path, char *error, size_t size);
/* The same for a text in memory that calls itself `name`. */
struct script *script_parse(const char *name, const char *text, char *error, size_t size);
void script_free(struct script *s);

#endif
