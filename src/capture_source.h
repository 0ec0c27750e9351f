/*
 * The two kinds of source behind capture.h: files (capture_file.c) and an interface (capture_live.c, with
 * capture_filter.c and capture_interface.c).  Private to the files of capture.
 */
#ifndef TCPLINT_CAPTURE_SOURCE_H
#define TCPLINT_CAPTURE_SOURCE_H

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <tcplint/frame.h>

#include "capture.h"
#include "error.h"
#include "unpack.h"

#define DEFAULT_SNAPLEN 262144
#define TICK_MS 100 /* what a user does not notice, and a machine does not either */

/* What an open pcap_t is good for, whichever kind it is. */
struct source {
	pcap_t *pcap;
	struct bpf_program filter; /* compiled for this source's link type */
	bool filtered;
	int linktype, snaplen;
	uint64_t frames; /* read so far, before the filter */
};

/*
 * Ask for the link type, refuse it when it is of no use, and compile `filter` (null: none).  `name` is for sentences.
 */
bool source_prepare(struct source *s, const char *name, const struct capture_options *o, const char *filter,
		    struct error *e);
void source_close(struct source *s);

/* libpcap's time, with `unit` nanoseconds in its smaller part, within what capture.h promises. */
int64_t source_time(const struct timeval *tv, int64_t unit);

/* The records of a plain pcap file, which are read without libpcap (capture_records.c). */
struct records {
	bool on;
	bool nano;        /* its times are nanoseconds */
	uint32_t snaplen; /* a longer record is left to libpcap */
	FILE *file;       /* libpcap's, borrowed */
	int fd;           /* the same, and so is this */
	unsigned char *buffer;
	size_t at, end;   /* of what has been read, the next record; and its end */
	off_t offset;     /* of buffer[0] in the file */
	struct pcap_pkthdr header;
};

/* `f`, of descriptor `fd`, is a regular file whose header at `origin` libpcap has read.  Nothing is read ahead yet. */
void records_open(struct records *r, FILE *f, int fd, off_t origin, int snaplen);
void records_close(struct records *r);
/* The next record, valid until the next call.  False: libpcap goes on from here, and this is over. */
bool records_next(struct records *r, struct pcap_pkthdr **header, const u_char **data);
/* The same as frames without number and link type: one and those behind it that were read with it, at most `most`. */
unsigned records_frames(struct records *r, struct tcplint_frame *f, unsigned most);

/* One capture file, or standard input. */
struct input {
	struct source source;
	struct records records;
	const char *path; /* as given: "-" is standard input */
	bool (*waiting)(void *user, const char *news);
	void *user;
	bool stopped;   /* the wait for a pipe was ended */
	int fd;         /* what is read: the file, or the pipe from who unpacks it */
	int packed;     /* the compressed file behind that; -1: none */
	struct unpack *unpack; /* who unpacks it */
	bool regular;
	bool suspended; /* its turn has not come: nobody unpacks it yet */
	off_t origin;   /* where a regular file begins */
	uint64_t base;  /* frames of the inputs before this one; UINT64_MAX: its turn has not come */
	unsigned char head[UNPACK_HEAD]; /* its first bytes */
	size_t head_len, head_at;
	char *buffer;   /* stdio's */
};

/* Open and check.  On failure nothing is left open. */
bool input_open(struct input *in, const char *path, const struct capture_options *o, struct error *e);
void input_close(struct input *in);
/* Its turn has come: go on with what opening began. */
bool input_resume(struct input *in, const struct capture_options *o, struct error *e);

/* The next frame before any filter, as libpcap has it. */
enum capture_event input_read(struct input *in, struct pcap_pkthdr **header, const u_char **data, struct error *e);

/* What the kernel knows of an interface. */
#define INTERFACE_COUNTERS 2

enum interface_state { INTERFACE_UP, INTERFACE_DOWN, INTERFACE_GONE };

struct interface {
	int fd;          /* the packet socket, borrowed; -1: it is none, and nothing is known */
	int index;       /* 0: all interfaces at once */
	int kind;        /* ARPHRD_ value */
	bool promiscuous;
	bool counts;     /* what it dropped is known */
	int counter[INTERFACE_COUNTERS]; /* files; -1: none */
	uint64_t counted[INTERFACE_COUNTERS];
	char name[16];
};

void interface_attach(struct interface *i, int fd, const char *name, bool promiscuous);
void interface_detach(struct interface *i);
enum interface_state interface_state(const struct interface *i);
/* Watch the interface that has the name now.  False without a sentence: there is none yet. */
bool interface_rebind(struct interface *i, struct error *e) MUST_CHECK;
/* What was dropped since the last call: by the kernel, by the interface.  False: not known. */
bool interface_kernel_drops(struct interface *i, uint64_t *more);
bool interface_own_drops(struct interface *i, uint64_t *more);

/*
 * The expression for libpcap: what decode reads, with the user's own (or null) on top.  To be freed; null when there
 * is no memory.
 */
char *filter_for_kernel(int linktype, bool tunnels, const char *user);

/* An interface. */
struct live {
	struct source source;
	const char *name;
	const struct capture_options *o;
	int fd;          /* to wait on; -1: the device has none */
	int64_t unit;    /* nanoseconds in the smaller part of a time stamp */
	struct interface net;
	enum interface_state state, seen; /* as it was said; as it was last seen */
	int64_t away;    /* since when the interface is */
	int64_t looked;  /* when counters were last asked for */
	bool handed;     /* a frame, since it was last said that there are no more */
	bool missed;     /* `gap` is news */
	struct capture_gap gap;
	struct capture_counters *counters;
	uint32_t last_kernel, last_interface; /* as libpcap counted them, in 32 bits that wrap */
	/* further rings (capture_rings.c), and what they count; each has no more of its own */
	struct live *more;
	unsigned more_count;
	struct capture_counters of_more;
	/* with several: its next frame, if `pending`; when it was last found empty */
	bool pending;
	struct pcap_pkthdr *header;
	const u_char *data;
	int64_t ts, empty;
	int64_t joined;       /* when the kernel began to share the frames with this one */
	int64_t stamps_ahead; /* of the first: so far is the clock that stamps frames ahead of ours */
	char found[64];  /* name of the interface that a number stood for */
	char warning[512];
};

/* Open, or with --wait wait until that can be done.  Counts go to `n` from then on. */
bool live_open(struct live *l, const struct capture_options *o, struct capture_counters *n, struct error *e);
void live_close(struct live *l);
/* Another ring of the interface, which is there and up. */
bool live_open_ring(struct live *l, struct error *e);

/* capture_rings.c: those that were asked for besides the first. */
bool rings_open(struct live *l, const struct capture_options *o, struct error *e);
void rings_close(struct live *l);
/* As pcap_next_ex(), over all of them. */
int rings_next(struct live *l, struct pcap_pkthdr **header, const u_char **data);
/* Wait for a tick at most.  False when nothing came. */
bool rings_wait(struct live *l, bool *broken);
/* What the kernel dropped for lack of room in the further ones since the last call. */
uint64_t rings_count(struct live *l);

/* The size of the buffer that is asked for. */
unsigned live_buffer_kib(const struct capture_options *o);
enum capture_event live_read(struct live *l, struct pcap_pkthdr **header, const u_char **data, struct error *e);
/* Add what was dropped since the last call. */
void live_count(struct live *l);

#endif
