/*
 * Capture files and standard input.
 *
 * A regular file is read through stdio with a large buffer and without its locks,
 * which saves a third of what libpcap costs for each frame.  A pipe is read
 * through a cookie stream of ours: its first bytes are looked at before libpcap
 * sees them, and a signal does not tear a frame in two.  A compressed file is
 * a pipe from whoever unpacks it; of several, only the one whose turn it is is being unpacked.
 */
#define _GNU_SOURCE /* fopencookie() */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_source.h"

#define BUFFER_MAX (64 * 1024) /* what fits into a core's own cache: libpcap copies every frame out of it; 256 KiB cost twice as much */
#define BUFFER_MIN (16 * 1024)
#define BUFFERS    (16 * 1024 * 1024) /* for all files together: they are open from the start */

/* Said of a format that is not unpacked here. */
static const struct {
	unsigned char magic[UNPACK_HEAD];
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

/*
 * read(2) of a pipe that tells, while nothing comes, that it waits: signals are heard and timers run.  What is not a
 * pipe is always ready.
 */
static ssize_t patient_read(struct input *in, char *to, size_t size)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };

	for (;;) {
		const int ready = in->waiting ? poll(&p, 1, TICK_MS) : 1;
		const ssize_t n = ready > 0 ? read(in->fd, to, size) : -1;

		if (ready > 0 && (n >= 0 || errno != EINTR))
			return n;
		if (in->waiting && in->waiting(in->user, NULL)) {
			in->stopped = true;
			return -1;
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

	return in->fd == STDIN_FILENO ? 0 : close(in->fd);
}

/* The first bytes, without taking them from a regular file. */
static bool peek(struct input *in, bool regular)
{
	ssize_t n;

	if (regular) {
		n = pread(in->fd, in->head, UNPACK_HEAD, lseek(in->fd, 0, SEEK_CUR));
		in->head_len = n > 0 ? (size_t)n : 0;
		return n >= 0;
	}
	do {
		n = patient_read(in, (char *)in->head + in->head_len, UNPACK_HEAD - in->head_len);
		if (n > 0)
			in->head_len += (size_t)n;
	} while (n > 0 && in->head_len < UNPACK_HEAD);
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

/* Why there is nothing (more) to read when the unpacking broke off; null when it did not. */
static const char *unpack_trouble(const struct input *in)
{
	return in->unpack ? unpack_failure(in->unpack) : NULL;
}

static bool open_stream(struct input *in, bool regular, const struct capture_options *o,
			struct error *e)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *f = stream(in, regular, o->file_count);

	if (!f)
		return fail(e, "%s: %s", shown(in), strerror(errno));
	in->source.pcap =
		pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
	if (in->source.pcap && source_prepare(&in->source, shown(in), o, o->filter, e)) {
		if (regular)
			records_open(&in->records, f, in->fd, in->origin, in->source.snaplen);
		return true;
	}
	if (in->source.pcap)
		return false;
	fclose(f);
	in->fd = -1;
	if (unpack_trouble(in))
		return fail(e, "%s cannot be unpacked: %s", shown(in), unpack_trouble(in));
	if (strstr(why, "unknown file format"))
		return fail(e, "%s is not a pcap or pcapng capture", shown(in));
	if (strncmp(why, "truncated", strlen("truncated")) == 0)
		return fail(e, "%s is cut off in its header: %s", shown(in), why);
	return fail(e, "%s: %s", shown(in), why);
}

/* From here on the input is a pipe with what is unpacked. */
static bool unpack(struct input *in, const struct codec *codec, struct error *e)
{
	struct error why;

	in->unpack = unpack_start(codec, in->packed, in->head, in->regular ? 0 : in->head_len, &why);
	if (!in->unpack)
		return fail(e, "%s: %s", shown(in), why.text);
	in->fd = unpack_fd(in->unpack);
	in->head_len = in->head_at = 0;
	if (!peek(in, false))
		return fail(e, "%s: %s", shown(in), strerror(errno));
	if (!in->head_len && unpack_trouble(in))
		return fail(e, "%s cannot be unpacked: %s", shown(in), unpack_trouble(in));
	return true;
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
	in->regular = S_ISREG(st.st_mode);
	in->origin = in->regular ? lseek(in->fd, 0, SEEK_CUR) : 0;
	if (!peek(in, in->regular))
		return fail(e, "%s: %s", shown(in), strerror(errno));
	return true;
}

/* What there is behind the descriptor, up to libpcap's handle. */
static bool begin(struct input *in, const struct capture_options *o, struct error *e)
{
	const struct codec *codec = unpack_codec(in->head, in->head_len);

	if (codec) {
		in->packed = in->fd;
		if (!unpack(in, codec, e))
			return false;
	}
	return check_head(in, e) && open_stream(in, in->regular && !codec, o, e);
}

/* Stop unpacking until its turn comes: each costs a thread and what its format needs to remember. */
static bool suspend(struct input *in, struct error *e)
{
	source_close(&in->source);
	unpack_stop(in->unpack);
	in->unpack = NULL;
	in->suspended = true;
	if (lseek(in->packed, in->origin, SEEK_SET) < 0)
		return fail(e, "%s: %s", shown(in), strerror(errno));
	in->fd = in->packed;
	return true;
}

bool input_open(struct input *in, const char *path, const struct capture_options *o,
		struct error *e)
{
	*in = (struct input){ .path = path, .waiting = o->waiting, .user = o->user, .base = UINT64_MAX,
			      .packed = -1 };
	in->fd = is_standard(in) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return fail(e, "%s: %s", path, strerror(errno));
	if (look(in, e) && begin(in, o, e) && (!in->unpack || !in->regular || o->file_count == 1 || suspend(in, e)))
		return true;
	input_close(in);
	return false;
}

bool input_resume(struct input *in, const struct capture_options *o, struct error *e)
{
	if (!in->suspended)
		return true;
	in->suspended = false;
	free(in->buffer);
	in->buffer = NULL;
	return peek(in, true) ? begin(in, o, e) : fail(e, "%s: %s", shown(in), strerror(errno));
}

void input_close(struct input *in)
{
	if (!in->source.pcap && in->fd > STDIN_FILENO && in->fd != in->packed)
		close(in->fd); /* the stream that would have owned it was never made */
	records_close(&in->records);
	source_close(&in->source);
	unpack_stop(in->unpack);
	in->unpack = NULL;
	if (in->packed > STDIN_FILENO)
		close(in->packed);
	in->fd = in->packed = -1;
	free(in->buffer); /* only now: closing the stream has used it */
	in->buffer = NULL;
}

/* What libpcap cannot go on with, and what to do about it. */
static enum capture_event damaged(const struct input *in, struct error *e)
{
	const char *why = pcap_geterr(in->source.pcap), *name = shown(in);
	unsigned long long after = in->source.frames;

	if (unpack_trouble(in))
		fail(e, "%s cannot be unpacked after frame %llu: %s", name, after, unpack_trouble(in));
	else if (strstr(why, "an interface has a type"))
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
	if (records_next(&in->records, header, data)) {
		in->source.frames++;
		return CAPTURE_FRAME;
	}
	const int answer = pcap_next_ex(in->source.pcap, header, data);

	if (answer == 1) {
		in->source.frames++;
		return CAPTURE_FRAME;
	}
	if (in->stopped || (answer == PCAP_ERROR_BREAK && !unpack_trouble(in)))
		return CAPTURE_END;
	return damaged(in, e);
}
