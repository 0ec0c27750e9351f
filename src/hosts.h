/*
 * What is remembered of hosts: a bounded table by address, with the openings that each took part in.
 *
 * Three kinds of entry: a host that opens connections, one that answers, and a service (address and port)
 * that is opened to; and the kinds of watch.h.  Memory is fixed at start.  When the table is full, or the openings are,
 * the least valuable entry goes: one that was seen once, before one that came back, before one with findings; the least
 * recently used first.  Those with findings have at most a quarter of the room and those that came back half; the rest
 * is for newcomers.  Evictions are counted, and take nothing from the findings that were reported already.
 */
#ifndef TCPLINT_HOSTS_H
#define TCPLINT_HOSTS_H

#include <string.h>

#include "isn.h"
#include "ports.h"
#include "rules.h"
#include "multilinear.h"
#include "slab.h"

enum host_kind {
	HOST_CLIENT,
	HOST_SERVER,
	HOST_SERVICE,
	/* watch.h */
	HOST_ACKS,     /* sends ACKs or FINs where there is no connection */
	HOST_CONNECTS, /* opens connections and closes them at once */
	HOST_UNASKED,  /* answers what nobody asked */
	HOST_RESETS,   /* sends RSTs */
};

/* Lowest first. */
enum host_worth { HOST_SEEN_ONCE, HOST_KNOWN, HOST_ACCUSED, HOST_WORTHS };

/* What became of an opening. */
enum opening_state {
	OPENING_NONE, /* nothing is awaited */
	OPENING_PENDING,
	OPENING_ANSWERED, /* by a SYN-ACK */
	OPENING_COMPLETED,
	OPENING_REFUSED,
	OPENING_ABORTED, /* by a RST of who opened it */
};

struct opening {
	struct mark mark;
	uint32_t isn;
	uint32_t tuple;  /* tells 4-tuples apart; 0: its number is not for the tests */
	uint32_t peer;   /* tells the other ends apart, address and port */
	uint32_t print;  /* of what a copy of the segment has in common with it */
	uint16_t port;   /* of the client */
	uint8_t state;   /* enum opening_state */
};

#define OPENINGS_KEPT ISN_KEPT
#define CHUNK_OPENINGS 6

/* Openings in the order in which they came; a host forgets its oldest chunk. */
struct chunk {
	uint32_t n;
	struct opening opening[CHUNK_OPENINGS];
};

#define CHUNKS ((OPENINGS_KEPT + CHUNK_OPENINGS - 1) / CHUNK_OPENINGS)

enum probe { PROBE_FIN, PROBE_NULL, PROBE_XMAS, PROBES };

#define PROBE_MIN   5
#define SCAN_MIN    20
#define SCAN_WINDOW (60 * INT64_C(1000000000))

/* Targets that were probed within SCAN_WINDOW. */
struct probes {
	struct {
		struct mark mark;
		uint32_t target;
	} latest[PROBE_MIN];
	uint64_t count;
};

#define PRINT_WORDS 4

struct client {
	uint64_t completed, refused;
	uint64_t prints[2][PRINT_WORDS];   /* of the openings kept, tuples and numbers: hosts_note(); of HOST_SERVER too */
	uint64_t aborted;
	struct mark first_scan, last_scan; /* scan_syn */
	uint32_t targets, failed;          /* of the window in which it fired */
	bool probes;                       /* it sent some: hosts_probes() */
	struct probes probe[PROBES];
};

#define FLOOD_WINDOW 10 /* seconds */
#define FLOOD_GRACE  3  /* a SYN gets so many seconds to be completed */
#define FLOOD_SLOTS  (FLOOD_WINDOW + FLOOD_GRACE)
#define FLOOD_MIN    200
#define FLOOD_SOURCES 50
#define SOURCE_WORDS 16

struct service {
	uint64_t completed, synacks, synack_copies, resets;
	int64_t second; /* of the newest slot */
	int64_t judged; /* the window up to this second has been */
	int64_t from, until; /* once it was flooded */
	uint64_t seen[2][SOURCE_WORDS]; /* sources of this epoch and the one before, a bit each by hash */
	struct {
		uint32_t syn, completed;
	} slot[FLOOD_SLOTS];
	int64_t epoch; /* of seen[0], in units of FLOOD_WINDOW */
	double usual; /* SYNs a second, over ten minutes */
	struct mark sample[3];
	uint8_t samples;
	/* what it says of SYN cookies (judge_service.c) */
	bool gave; /* a SYN-ACK had a window scale or permitted SACK, with no flood */
	uint32_t offered, not_offered; /* SYNs of the flood with and without these options */
	uint32_t granted, withheld;    /* and SYN-ACKs */
	struct {
		uint64_t synacks, copies, over;
	} before; /* the flood */
	uint32_t most_syn, most_completed, most_sources; /* of the worst window */
};

#define SIGHTINGS 10 /* rules.md: scan_ack, scan_connect, backscatter */

struct sighting {
	struct mark mark;
	uint32_t target, address; /* with its port, without it */
	uint16_t port, source;
};

struct watch {
	struct sighting seen[SIGHTINGS]; /* the latest; of HOST_UNASKED the first that were not refuted */
	uint8_t n;
	uint64_t count, strong, refuted;
};

#define RESET_WINDOW 10 /* seconds */
#define RESET_MIN    100

struct resets {
	uint64_t total;
	int64_t second; /* the newest of `count` */
	uint32_t count[RESET_WINDOW];
	double usual, weight; /* RSTs a second before the window, and how much of ten minutes that is */
	bool observed;        /* the capture began long enough before the first */
	uint32_t most;        /* in the worst window */
	double most_usual;
	struct mark sample[2]; /* the first of the window, the latest */
};

/*
 * What a host that was seen once has none of, and the made-up sources of a flood are that.  By how often it is touched,
 * in cache lines: most are of clients, of which an opening needs the first two.
 */
struct host_detail {
	uint32_t chunk[CHUNKS]; /* the oldest first, and all but the latest full */
	union {
		struct client client; /* of HOST_SERVER too */
		struct service service;
		struct watch watch;
		struct resets resets;
	};
	struct {
		int64_t lower, upper; /* the longest that it was seen to be held, the shortest after which it was not; 0: not known */
		uint32_t n;           /* connections that showed it */
	} time_wait;
	struct isn_verdict isn; /* once `judged`, and so is what follows */
	uint32_t shown[TCPLINT_MAX_NUMBERS];
};

/* Two cache lines, of which the second is for those that were seen once. */
struct host {
	uint8_t ip[16];
	uint16_t port; /* HOST_SERVICE */
	uint8_t kind, worth;
	bool in_use;
	bool repeated;    /* two openings had the same number */
	bool judged;      /* an ISN rule has fired: the others are the same cause */
	bool reported;    /* its record has been written as it is now */
	uint8_t numbers;  /* how many were taken for the tests */
	uint8_t kept;     /* openings: `only`, or those in the chunks */
	uint8_t chunks;   /* how many: `chunk` of its detail */
	uint32_t hash;    /* of kind, address and port */
	uint32_t findings; /* cells */
	uint32_t newest;    /* chunk; 0: none */
	uint32_t detail;    /* 0: none, all of it is zero */
	uint32_t unanswered; /* of a client: so many at most of the openings kept are neither answered nor completed */
	uint64_t openings;  /* that it made, answered, or was offered */
	int64_t last;
	struct opening only;
	int64_t first;
	uint64_t aggregated; /* findings of connections that its own stand for */
};

/* Whether an opening may be, or become, one that has failed. */
static inline bool opening_unanswered(enum opening_state state)
{
	return state != OPENING_ANSWERED && state != OPENING_COMPLETED;
}

struct host_link {
	uint32_t older, newer;
};

struct hosts {
	struct slab hosts, details, chunks;
	struct multilinear_key key;
	struct host_link *links; /* each entry's place in the list of its worth, by its number */
	uint64_t *slots; /* half of the hash above, the entry's number below; 0: empty */
	uint32_t mask;
	struct {
		uint32_t oldest, newest, n;
	} list[HOST_WORTHS];
	uint64_t evicted;
	bool any_answer, any_completed; /* of any opening in the capture */
	bool any_number, zero_synack; /* an initial sequence number that is not 0; one of a SYN-ACK that is */
	/* Gives back what hangs on an entry that is evicted. */
	void (*forget)(void *user, struct host *h);
	void *user;
};

/* What the rules ON_HOST look at: an entry, and what it has just shown. */
struct host_view {
	const struct host *h;
	const struct host_detail *detail;
	const struct port_verdict *ports; /* its ports can be guessed; null: not now */
	const struct isn_verdict *isn; /* its numbers have been judged; null: not now */
	bool relative; /* all numbers of the capture are 0, those of answers too: something has rewritten it */
	bool raw;   /* none of the handshakes that the numbers are from was completed */
	bool flood; /* `h->service` is under the worst flood so far */
	bool withholds, forgets; /* `h->service` seems to use SYN cookies: options are gone, SYN-ACKs are sent once */
	bool failures; /* many openings of `h->service` fail */
	bool watched; /* `h` is of a kind of watch.h */
	bool scan;  /* `h->client` has failed at SCAN_MIN targets */
	int probe;  /* enum probe: PROBE_MIN targets were probed; -1: none */
	bool silent; /* nothing in the capture ever answered an opening: a direction may be missing */
	bool cut;    /* the capture ends before the last openings could be completed */
	unsigned marks;
	struct mark mark[DRAFT_FRAMES]; /* frames that show it */
};

/* For that many connections at once. */
bool hosts_init(struct hosts *t, uint32_t connections, const struct siphash_key *key, struct error *e) MUST_CHECK;
void hosts_finish(struct hosts *t);
uint64_t hosts_memory(const struct hosts *t);

/* Null when it is not in the table; `port` of services only. */
struct host *hosts_find(struct hosts *t, enum host_kind kind, const uint8_t ip[16], uint16_t port);
/* It, or a new one; now the most recently used. */
struct host *hosts_get(struct hosts *t, enum host_kind kind, const uint8_t ip[16], uint16_t port, int64_t ts);
void hosts_set_worth(struct hosts *t, struct host *h, enum host_worth worth);
/* To be written to: from now on it has some. */
struct host_detail *hosts_detail(struct hosts *t, struct host *h);
/* Of a client, zeroed the first time. */
struct probes *hosts_probes(struct hosts *t, struct host *h, enum probe kind);

static inline uint32_t hosts_hash(const struct hosts *t, enum host_kind kind, const uint8_t ip[16], uint16_t port)
{
	const uint64_t *k = t->key.low;
	uint32_t w[4];
	uint64_t sum = k[0] + k[1] * ((uint32_t)kind << 16 | port);

	memcpy(w, ip, sizeof(w));
	sum += k[2] * w[3] + k[3] * w[2];
	if (w[0] | w[1]) /* not of IPv4 */
		sum += k[4] * w[1] + k[5] * w[0];
	return multilinear_end_short(sum);
}

/* The entries that a step of an opening needs: that of its client first. */
struct hosts_needed {
	uint32_t hash[3];
	uint8_t n;
};

/*
 * Hints, each of which needs the one before it to be some time ago: the index, the entries, the client's latest
 * openings.
 */
void hosts_expect(const struct hosts *t, struct hosts_needed *x, const uint8_t client[16], const uint8_t server[16],
		  uint16_t port, bool answer);
void hosts_prefetch(const struct hosts *t, const struct hosts_needed *x);
void hosts_prefetch_openings(const struct hosts *t, const struct hosts_needed *x);

struct opening *hosts_add_opening(struct hosts *t, struct host *h);
void hosts_drop_openings(struct hosts *t, struct host *h);
/*
 * Remember the prints of an opening that is about to be added.  False: none that is kept has that `tuple` (unless it is
 * 0) or that number.
 */
bool hosts_note(struct hosts *t, struct host *h, uint32_t tuple, uint32_t isn);
/* The kept openings, oldest first, into `out`, which has room for OPENINGS_KEPT + CHUNK_OPENINGS. */
unsigned hosts_openings(const struct hosts *t, struct host *h, struct opening **out);

/* The oldest that is kept, when any is. */
const struct opening *hosts_oldest_opening(const struct hosts *t, const struct host *h);
/* The one of that frame, or null. */
struct opening *hosts_opening_at(const struct hosts *t, struct host *h, uint64_t frame);

static inline struct host *host_at(const struct hosts *t, uint32_t number)
{
	return number ? slab_at(&t->hosts, number) : NULL;
}

extern const struct host_detail hosts_no_detail;

/* To be read. */
static inline const struct host_detail *host_detail(const struct hosts *t, const struct host *h)
{
	return h->detail ? slab_at(&t->details, h->detail) : &hosts_no_detail;
}

static inline struct chunk *chunk_at(const struct hosts *t, uint32_t number)
{
	return number ? slab_at(&t->chunks, number) : NULL;
}

#endif
