/*
 * Hosts that do not exist, and what the library says of them: for tests over many connections, through the public API.
 */
#ifndef TCPLINT_SIMULATED_H
#define TCPLINT_SIMULATED_H

#undef NDEBUG
#include <assert.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

#define SECOND INT64_C(1000000000)

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

/* Pseudo-random; the same in every run with the same seed. */
void seed(uint64_t s);
uint64_t draw(void);
uint32_t below(uint32_t n);

/* What was said of hosts; of connections only how much. */
struct heard {
	unsigned fired[256]; /* findings about hosts, by rule */
	unsigned verdict[256], severity[256];
	unsigned about_connections, hosts;
	unsigned of_connections[256]; /* findings about connections, by rule */
	uint64_t aggregated;
	float confidence; /* of the latest about a host */
	uint64_t digest;
	char message[512];
	char related[256];
};

unsigned fired(const struct heard *h, const char *rule);
/* A new library that tells `h` what is of that severity at least; `key` may be null. */
struct tcplint *open_with(struct heard *h, const uint8_t *key, enum tcplint_severity least);
void finish(struct tcplint *t);

struct end {
	uint32_t ip;
	uint16_t port;
};

/* Whether the next SYNs and SYN-ACKs have MSS, window scale and SACK permitted. */
void offer_options(int on);
/* So many bytes of data are in the segments that follow, at most 100. */
void carry(unsigned bytes);
void say(struct tcplint *t, int64_t ts, struct end from, struct end to, uint16_t flags, uint32_t seq, uint32_t ack);
/* Three segments, a millisecond apart. */
void handshake(struct tcplint *t, int64_t ts, struct end c, struct end s, uint32_t isn, uint32_t peer_isn);
/* The next segment has the identification of the one before: it is a copy. */
void same_id(void);

#endif
