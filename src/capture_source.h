/*
 * The two kinds of source behind capture.h: files (capture_file.c) and an interface (capture_live.c).
 *
 * Private to the three files of capture.
 */
#ifndef TCPLINT_CAPTURE_SOURCE_H
#define TCPLINT_CAPTURE_SOURCE_H

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "capture.h"
#include "error.h"
#include "frame.h"
#include "unpack.h"

#define DEFAULT_SNAPLEN 262144

/* What an open pcap_t is good for, whichever kind it is. */
struct source {
	pcap_t *pcap;
	struct bpf_program filter; /* compiled for this source's link type */
	bool filtered;
	int linktype, snaplen;
	uint64_t frames; /* read so far, before the filter */
};

/* Ask for the link type, refuse it when it is of no use, and compile the filter.  `name` is for sentences. */
bool source_prepare(struct source *s, const char *name, const struct capture_options *o, struct error *e);
void source_close(struct source *s);

/* libpcap's time, with `unit` nanoseconds in its smaller part, within what capture.h promises. */
int64_t source_time(const struct timeval *tv, int64_t unit);

/* One capture file, or standard input. */
struct input {
	struct source source;
	const char *path; /* as given: "-" is standard input */
	bool (*interrupted)(void);
	bool stopped;   /* a signal ended the wait for a pipe */
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

/* An interface. */
struct live {
	struct source source;
	const char *name;
	int fd;          /* to wait on; -1: the device has none */
	int64_t unit;    /* nanoseconds in the smaller part of a time stamp */
	uint32_t last_kernel, last_interface; /* as libpcap counted them, in 32 bits that wrap */
	char found[64];  /* name of the interface that a number stood for */
	char warning[512];
};

bool live_open(struct live *l, const struct capture_options *o, struct error *e);
void live_close(struct live *l);
enum capture_event live_read(struct live *l, struct pcap_pkthdr **header, const u_char **data, struct error *e);
/* Add what was dropped since the last call. */
void live_count(struct live *l, struct capture_counters *n);

#endif
