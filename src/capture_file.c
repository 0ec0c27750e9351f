/*
 * Capture files and standard input.
 *
 * A regular file is read through stdio with a large buffer and without its locks,
 * which saves a third of what libpcap costs for each frame.  A pipe is read
 * through a cookie stream of ours: its first bytes are looked at before libpcap
 * sees them, and a signal does not tear a frame in two.
 */
#define _GNU_SOURCE /* fopencookie() */
#include <errno.h>
#include <fcntl.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_source.h"

#define BUFFER_MAX (256 * 1024) /* no larger one was measurably cheaper */
#define BUFFER_MIN (16 * 1024)
#define BUFFERS    (16 * 1024 * 1024) /* for all files together: they are open from the start */

static const struct {
	unsigned char magic[MAGIC_SIZE];
	size_t len;
	const char *name, *reader;
} packers[] = {
	{ { 0x1f, 0x8b }, 2, "gzip", "gzip -dc" },
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, "zstd", "zstd -dc" },
	{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, "xz", "xz -dc" },
	{ { 0x04, 0x22, 0x4d, 0x18 }, 4, "lz4", "lz4 -dc" },
	{ { 'B', 'Z', 'h' }, 3, "bzip2", "bzip2 -dc" },
};

static bool is_standard(const struct input *in)
{
	return strcmp(in->path, "-") == 0;
}

static const char *shown(const struct input *in)
{
	return is_standard(in) ? "standard input" : in->path;
}

/* read(2) that goes on after a signal, unless the signal meant to stop us. */
static ssize_t patient_read(struct input *in, char *to, size_t size)
{
	for (;;) {
		ssize_t n = read(in->fd, to, size);

		if (n >= 0 || errno != EINTR)
			return n;
		if (in->interrupted && in->interrupted()) {
			in->stopped = true;
			return n;
		}
	}
}

static ssize_t cookie_read(void *cookie, char *to, size_t size)
{
	struct input *in = cookie;
	size_t left = in->head_len - in->head_at;

	if (left == 0)
		return patient_read(in, to, size);
	if (left > size)
		left = size;
	memcpy(to, in->head + in->head_at, left);
	in->head_at += left;
	return (ssize_t)left;
}

static int cookie_close(void *cookie)
{
	struct input *in = cookie;

	return is_standard(in) ? 0 : close(in->fd);
}

/* The first bytes, without taking them from a regular file. */
static bool peek(struct input *in, bool regular)
{
	ssize_t n;

	if (regular) {
		n = pread(in->fd, in->head, MAGIC_SIZE, lseek(in->fd, 0, SEEK_CUR));
		in->head_len = n > 0 ? (size_t)n : 0;
		return n >= 0;
	}
	do {
		n = patient_read(in, (char *)in->head + in->head_len, MAGIC_SIZE - in->head_len);
		if (n > 0)
			in->head_len += (size_t)n;
	} while (n > 0 && in->head_len < MAGIC_SIZE);
	return n >= 0;
}

/* Why the first bytes cannot be a capture's, where they tell. */
static bool check_head(const struct input *in, struct error *e)
{
	bool text = true;

	if (in->head_len == 0)
		return fail(e, "%s is empty", shown(in));
	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
		if (in->head_len < packers[i].len ||
		    memcmp(in->head, packers[i].magic, packers[i].len) != 0)
			continue;
		if (is_standard(in))
			return fail(e, "standard input is packed with %s; run '%s' before it",
				    packers[i].name, packers[i].reader);
		return fail(e, "%s is compressed with %s; run '%s %s | tcplint -r -'", in->path,
			    packers[i].name, packers[i].reader, in->path);
	}
	for (size_t i = 0; i < in->head_len; i++) {
		unsigned char c = in->head[i];

		text = text && ((c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t');
	}
	return !text || fail(e, "%s is a text file, not a pcap or pcapng capture", shown(in));
}

/* The stream that libpcap reads; it owns the descriptor from here on. */
static FILE *stream(struct input *in, bool regular, unsigned files)
{
	size_t size = BUFFERS / files;
	FILE *f = regular ? fdopen(in->fd, "r")
			  : fopencookie(in, "r",
					(cookie_io_functions_t){ .read = cookie_read,
								 .close = cookie_close });

	if (!f)
		return NULL;
	size = size > BUFFER_MAX ? BUFFER_MAX : size < BUFFER_MIN ? BUFFER_MIN : size;
	in->buffer = malloc(size);
	if (in->buffer)
		setvbuf(f, in->buffer, _IOFBF, size);
	__fsetlocking(f, FSETLOCKING_BYCALLER);
	return f;
}

static bool open_stream(struct input *in, bool regular, const struct capture_options *o,
			struct error *e)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *f = stream(in, regular, o->file_count);

	if (!f) {
		fail(e, "%s: %s", shown(in), strerror(errno));
		close(in->fd);
		return false;
	}
	in->source.pcap =
		pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
	if (in->source.pcap)
		return source_prepare(&in->source, shown(in), o, e);
	fclose(f);
	if (strstr(why, "unknown file format"))
		return fail(e, "%s is not a pcap or pcapng capture", shown(in));
	if (strncmp(why, "truncated", strlen("truncated")) == 0)
		return fail(e, "%s is cut off in its header: %s", shown(in), why);
	return fail(e, "%s: %s", shown(in), why);
}

/* Refuse what cannot be a capture before libpcap sees it. */
static bool look(struct input *in, struct error *e)
{
	struct stat st;

	if (fstat(in->fd, &st) != 0)
		return fail(e, "%s: %s", shown(in), strerror(errno));
	if (S_ISDIR(st.st_mode))
		return fail(e, "%s is a directory, not a capture", shown(in));
	if (isatty(in->fd))
		return fail(e, "%s is a terminal, not a capture", shown(in));
	if (!peek(in, S_ISREG(st.st_mode)))
		return fail(e, "%s: %s", shown(in), strerror(errno));
	return check_head(in, e);
}

bool input_open(struct input *in, const char *path, const struct capture_options *o,
		struct error *e)
{
	struct stat st;

	*in = (struct input){ .path = path, .interrupted = o->interrupted, .base = UINT64_MAX };
	in->fd = is_standard(in) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return fail(e, "%s: %s", path, strerror(errno));
	if (!look(in, e)) {
		if (!is_standard(in))
			close(in->fd);
		return false;
	}
	bool regular = fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode);
	if (open_stream(in, regular, o, e))
		return true;
	input_close(in);
	return false;
}

void input_close(struct input *in)
{
	source_close(&in->source);
	free(in->buffer); /* only now: closing the stream has used it */
	in->buffer = NULL;
}

/* What libpcap cannot go on with, and what to do about it. */
static enum capture_event damaged(const struct input *in, struct error *e)
{
	const char *why = pcap_geterr(in->source.pcap), *name = shown(in);
	unsigned long long after = in->source.frames;

	if (strstr(why, "an interface has a type"))
		fail(e,
		     "%s: after frame %llu comes an interface of another link type, which libpcap "
		     "cannot read; write"
		     " each to a file of its own: tshark -r %s -Y 'frame.interface_id == 0' -w - |"
		     " editcap -F pcap -T TYPE - FILE, where TYPE is that interface's own (ether, linux-sll,"
		     " rawip, ...)",
		     name, after, name);
	else if (strstr(why, "an interface has a snapshot length"))
		fail(e,
		     "%s: after frame %llu comes an interface of another snapshot length, which "
		     "libpcap cannot read;"
		     " run 'editcap -F pcap %s FILE' and read that",
		     name, after, name);
	else if (strncmp(why, "truncated", strlen("truncated")) == 0)
		fail(e, "%s is cut off after frame %llu: %s", name, after, why);
	else
		fail(e, "%s is damaged after frame %llu: %s", name, after, why);
	return CAPTURE_FAILED;
}

enum capture_event input_read(struct input *in, struct pcap_pkthdr **header, const u_char **data,
			      struct error *e)
{
	int answer = pcap_next_ex(in->source.pcap, header, data);

	if (answer == 1) {
		in->source.frames++;
		return CAPTURE_FRAME;
	}
	if (answer == PCAP_ERROR_BREAK || in->stopped)
		return CAPTURE_END;
	return damaged(in, e);
}
