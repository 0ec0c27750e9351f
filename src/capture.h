/*
 * Where frames come from: capture files in the order given, standard input, or an interface.
 *
 * The files called capture are the only ones that know libpcap.
 */
#ifndef TCPLINT_CAPTURE_H
#define TCPLINT_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"

struct capture;
struct tcplint_frame;

/*
 * The default of -s.  Of a file: all.  Of an interface: just the headers, so that payload is never copied out of the
 * kernel.  256 bytes hold Ethernet with two tags and four labels, IPv6 with 64 bytes of extensions and 60 of TCP (202
 * in all), or an ICMP error up to the ports that it quotes, or 802.11 with its radio header; 384 with tunnels also
 * the headers around these.
 */
#define SNAPLEN_HEADERS (-1)

#define RINGS_MAX 16

struct capture_options {
	const char *const *files; /* -r, in order; "-" is standard input */
	unsigned file_count;      /* 0: `interface` is watched */
	const char *interface;    /* -i */
	const char *filter;       /* pcap-filter(7), or null */
	uint64_t count;           /* -c: stop after so many frames that passed the filter; 0: no limit */
	int snaplen;              /* -s; 0: 262144 as in tcpdump; SNAPLEN_HEADERS: see there.  Frames of files are cut to it, too */
	int buffer_kib;           /* -B; 0: 16 MiB; of each ring */
	unsigned rings;           /* of an interface: so many, between which the kernel shares the flows; 0: one; RINGS_MAX */
	bool tunnels;             /* of an interface: let what may be a tunnel through the filter in the kernel */
	bool wait;                /* --wait: for an interface that is not there, is down or goes away */
	bool no_promiscuous;      /* -p */
	bool immediate;           /* --immediate-mode */
	const char *linktype;     /* -y, or null */
	const char *tstamp_type;  /* -j, or null */
	const char *direction;    /* -Q in|out|inout, or null */
	bool (*supports)(int linktype); /* which link types (DLT_ values) are of use; null: any */
	/*
	 * Called at least ten times a second while a pipe or, in capture_open(), an interface is waited for, and after
	 * a signal; true: wait no longer.  `news` is a sentence for the user, or null.  May be null.
	 */
	bool (*waiting)(void *user, const char *news);
	void *user;
};

enum capture_event {
	CAPTURE_FRAME,  /* `frame` is filled in */
	CAPTURE_DRAINED, /* live only: that was all for now, and the next frame may be a while */
	CAPTURE_IDLE,   /* live only: nothing arrived for a tick; now is `capture_clock()` */
	CAPTURE_MISSED, /* live only: frames were dropped, or the interface was away: capture_gap() */
	CAPTURE_CHANGED, /* live only: the interface came or went: capture_warning() and capture_gap() */
	CAPTURE_END,    /* no more frames */
	CAPTURE_FAILED, /* the sentence is in `e`; what came before stands */
};

/* Numbers that the source knows.  `known` false: it cannot know them (a file). */
struct capture_counters {
	uint64_t frames;       /* read, before the filter */
	uint64_t filtered_out; /* files only: did not pass the filter, yet counted for frame numbers */
	bool kernel_drops_known, interface_drops_known;
	uint64_t kernel_drops, interface_drops;
};

/* When frames may have been missed, on the clock of the frames. */
struct capture_gap {
	int64_t from, to;
};

/*
 * Open everything, so that privileges can be dropped after.  Null and a sentence on failure.  The strings in `o`
 * must outlive the capture.
 */
struct capture *capture_open(const struct capture_options *o, struct error *e) MUST_CHECK;
void capture_close(struct capture *c);

/* Something that opening, or the interface, met and that the user should hear of, in one sentence; null: nothing. */
const char *capture_warning(const struct capture *c);

/* Whether a filter expression makes sense with any link type at all: if not, the command line is wrong. */
bool capture_check_filter(const char *filter, struct error *e) MUST_CHECK;

/*
 * The next frame that passed the filter.  `e` is written only with CAPTURE_FAILED, after which there is only
 * CAPTURE_END.  Times are within 0 and 2^62 (the year 2116), so that sums and differences of them fit.
 */
enum capture_event capture_next(struct capture *c, struct tcplint_frame *frame, struct error *e);

/*
 * Those of a file that can be had at once, at most `most`, and of one file only; all are valid until more are asked
 * for.
 * 0: capture_next() has to be asked.
 */
unsigned capture_at_hand(struct capture *c, struct tcplint_frame *frames, unsigned most);

/* The wall clock on the packets' scale, nanoseconds since 1970. */
int64_t capture_clock(void);
/* Live: so long after its time, at most, a frame is handed over to whoever asks for it often enough. */
int64_t capture_lag(const struct capture *c);

/*
 * Live: no more is wanted than what has come by now.  The kernel has frames that it has not handed over yet: they
 * follow, for a second at most, and then comes CAPTURE_END.
 */
void capture_stop(struct capture *c);

/* After CAPTURE_MISSED and CAPTURE_CHANGED. */
struct capture_gap capture_gap(const struct capture *c);

/* Source facts for the first record and for frame numbers. */
bool capture_is_live(const struct capture *c);
int capture_linktype(const struct capture *c);          /* DLT_ value of the current source */
/* That of each input, 0-based; false: there is no such input. */
bool capture_input_linktype(const struct capture *c, unsigned input, int *linktype);
const char *capture_linktype_name(const struct capture *c); /* "EN10MB" */
int capture_snaplen(const struct capture *c);
/* Bytes that the kernel's buffer takes of this process's memory; 0 for files. */
uint64_t capture_memory(const struct capture *c);
/* Whether the interface is there and up; null: it is not known, or there is none. */
const char *capture_interface(const struct capture *c); /* "up", "down", "gone" */
/* Frame ordinal -> which input (0-based) and its number there, from 1.  Works for every frame read so far. */
void capture_locate(const struct capture *c, uint64_t ordinal, unsigned *file, uint64_t *number);
const char *capture_file_name(const struct capture *c, unsigned file);
const struct capture_counters *capture_counters(struct capture *c);

/* -D: print "1.eth0 [Up, Running]" lines to `out`, as tcpdump does. */
bool capture_list_interfaces(FILE *out, struct error *e) MUST_CHECK;
const char *capture_library_version(void);

#endif
