/*
 * Records collect in a buffer of our own and leave it whole: a reader at the other
 * end of the pipe, or of the file, never sees half of one; and where a write failed
 * half-way, the half is cut off again if that is possible.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "output.h"

#define BUFFER_SIZE ((size_t)256 * 1024) /* a pipe takes 64 KiB at a time, a file anything */

struct output {
	struct output_options o;
	struct rotation rotation;
	bool standard, at_once;
	int fd;             /* -1: not open yet */
	int failure;        /* errno of the first failure */
	uint64_t size;      /* of the file */
	uint64_t lost;
	bool header_due;    /* the file has none yet */
	bool header_here;   /* it is at the front of the buffer */
	bool told;          /* that records are lost */
	bool news;          /* `warning` was not read yet */
	unsigned records;   /* in the buffer, the header apart */
	size_t used, room;  /* of the buffer */
	size_t header_len;
	char *header, *buffer;
	char path[PATH_MAX];
	struct error warning;
};

/* ---- files ---- */

/* Whether opening `path` for writing would empty a capture that is to be read. */
static bool is_input(const struct output *o, const char *path)
{
	struct stat out, in;

	if (!o->o.input_count || stat(path, &out) != 0 || !S_ISREG(out.st_mode))
		return false;
	for (unsigned i = 0; i < o->o.input_count; i++)
		if (stat(o->o.inputs[i], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return true;
	return false;
}

/* The file of the moment's name.  Leaves everything as it was, and errno, when it cannot be opened. */
static bool open_file(struct output *o, bool keep)
{
	char path[PATH_MAX];
	struct stat st;
	int fd, old = o->fd;

	if (!rotation_name(&o->rotation, o->o.path, path, sizeof(path))) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (is_input(o, path)) {
		errno = EEXIST;
		return false;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (keep ? 0 : O_TRUNC), 0666);
	if (fd < 0)
		return false;
	strcpy(o->path, path);
	o->fd = fd;
	o->size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	/* A network file system tells only now that it could not keep what it took. */
	if (old >= 0 && close(old) != 0 && errno != EINTR && !o->o.drop)
		o->failure = errno;
	return true;
}

static bool prepare(struct output *o, struct error *e)
{
	o->room = BUFFER_SIZE;
	o->buffer = malloc(o->room);
	if (!o->buffer)
		return fail(e, "out of memory");
	if (o->standard) {
		o->fd = STDOUT_FILENO;
	} else if (!o->rotation.period || o->o.now) {
		o->rotation.since = o->o.now;
		if (!open_file(o, o->o.append))
			return fail(e, "%s: %s", o->o.path, errno == EEXIST ? "it is to be read" : strerror(errno));
	}
	o->at_once = o->o.at_once || (o->fd >= 0 && isatty(o->fd));
	return true;
}

struct output *output_open(const struct output_options *options, struct error *e)
{
	struct output *o = calloc(1, sizeof(*o));

	if (!o) {
		fail(e, "out of memory");
		return NULL;
	}
	o->o = *options;
	o->standard = !options->path || strcmp(options->path, "-") == 0;
	o->rotation = options->rotation;
	o->fd = -1;
	tzset(); /* reads a file: later there may be no permission for it */
	if (prepare(o, e))
		return o;
	free(o->buffer);
	free(o);
	return NULL;
}

/* ---- failures ---- */

static const char *shown(const struct output *o)
{
	return o->path[0] ? o->path : o->o.path;
}

/* Always false; `more` is the rest of the sentence. */
static bool cannot(const struct output *o, int cause, const char *more, struct error *e)
{
	return o->standard ? fail(e, "cannot write: %s%s", strerror(cause), more) :
			     fail(e, "cannot write %s: %s%s", shown(o), strerror(cause), more);
}

static void tell_lost(struct output *o, int cause)
{
	if (!o->told)
		o->news = !cannot(o, cause, "; what is lost is counted", &o->warning);
	o->told = true;
}

/* How much of the first `done` bytes of the buffer are whole records. */
static size_t whole(const struct output *o, size_t done)
{
	if (o->o.binary) /* who knows */
		return 0;
	while (done > 0 && o->buffer[done - 1] != '\n')
		done--;
	return done;
}

/* The last `torn` bytes of the file are half a record. */
static void cut_off(const struct output *o, size_t torn)
{
	struct stat st;
	off_t at = lseek(o->fd, 0, SEEK_CUR);

	if (!torn || fstat(o->fd, &st) != 0 || !S_ISREG(st.st_mode) || at != st.st_size || st.st_size < (off_t)torn)
		return;
	if (ftruncate(o->fd, st.st_size - (off_t)torn) == 0)
		(void)lseek(o->fd, 0, SEEK_END);
}

static unsigned lines_in(const char *bytes, size_t len)
{
	unsigned n = 0;

	for (const char *at = bytes; (at = memchr(at, '\n', len - (size_t)(at - bytes))); at++)
		n++;
	return n;
}

/* A write took `done` bytes of the buffer and then failed. */
static bool failed(struct output *o, size_t done, int cause)
{
	const size_t kept = whole(o, done);
	unsigned written = lines_in(o->buffer, kept);

	cut_off(o, done - kept);
	o->size += kept;
	if (o->header_here && written) {
		written--;
		o->header_due = false;
	}
	o->header_here = false;
	o->lost += o->records - written;
	o->used = o->records = 0;
	if (!o->o.drop || cause == EPIPE)
		o->failure = cause;
	else
		tell_lost(o, cause);
	return !o->failure;
}

/* ---- writing ---- */

/* Somebody made the descriptor non-blocking, as a shell's neighbour in a pipeline may: wait until it takes more. */
static bool wait_for_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

/* Write the buffer; the number of bytes that were taken, and the errno of what kept the rest. */
static size_t write_buffer(const struct output *o, int *cause)
{
	size_t done = 0;

	*cause = 0;
	while (done < o->used && !*cause) {
		ssize_t n = write(o->fd, o->buffer + done, o->used - done);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!wait_for_room(o->fd))
				*cause = errno;
		} else if (errno != EINTR) {
			*cause = errno;
		}
	}
	return done;
}

static bool reserve(struct output *o, size_t len)
{
	size_t room = o->room;
	char *bigger;

	while (room - o->used < len)
		room *= 2;
	if (room == o->room)
		return true;
	bigger = realloc(o->buffer, room);
	if (!bigger) {
		o->failure = ENOMEM;
		return false;
	}
	o->buffer = bigger;
	o->room = room;
	return true;
}

static void append(struct output *o, const void *bytes, size_t len)
{
	if (len)
		memcpy(o->buffer + o->used, bytes, len);
	o->used += len;
}

/* The file's header is in the file, or in the buffer. */
static bool begin(struct output *o)
{
	if (!o->header_due || o->header_here)
		return true;
	if (!reserve(o, o->header_len))
		return false;
	append(o, o->header, o->header_len);
	o->header_here = true;
	return true;
}

bool output_flush(struct output *o)
{
	size_t done;
	int cause;

	if (o->failure)
		return false;
	if (!o->used || o->fd < 0)
		return true;
	done = write_buffer(o, &cause);
	if (cause)
		return failed(o, done, cause);
	o->size += o->used;
	if (o->header_here)
		o->header_due = o->header_here = false;
	o->used = o->records = 0;
	return true;
}

bool output_header(struct output *o, const char *bytes, size_t len)
{
	char *header = malloc(len + 1);

	if (o->failure || !header) {
		o->failure = o->failure ? o->failure : ENOMEM;
		free(header);
		return false;
	}
	memcpy(header, bytes, len);
	header[len] = '\n';
	free(o->header);
	o->header = header;
	o->header_len = len + !o->o.binary;
	o->header_due = true;
	return begin(o) && (!o->at_once || output_flush(o));
}

/* The next file of the series; `before`: what to go back to when it cannot be had. */
static bool open_next(struct output *o, const struct rotation *before)
{
	if (!output_flush(o))
		return false;
	if (open_file(o, false)) {
		o->header_due = o->header_len > 0;
		return !o->failure;
	}
	if (o->o.drop) {
		tell_lost(o, errno);
		o->rotation = *before;
		return true;
	}
	(void)rotation_name(&o->rotation, o->o.path, o->path, sizeof(o->path));
	o->failure = errno;
	return false;
}

bool output_record(struct output *o, const struct output_part *part, unsigned count)
{
	const struct rotation before = o->rotation;
	size_t len = 0;

	if (o->failure)
		return false;
	for (unsigned i = 0; i < count; i++)
		len += part[i].len;
	if (rotation_grown(&o->rotation, o->size + o->used) == ROTATION_NEXT && !open_next(o, &before))
		return false;
	if (len > o->room - o->used && !output_flush(o))
		return false;
	if (!begin(o) || !reserve(o, len))
		return false;
	for (unsigned i = 0; i < count; i++)
		append(o, part[i].bytes, part[i].len);
	o->records++;
	return !o->at_once || output_flush(o);
}

bool output_line(struct output *o, const char *bytes, size_t len)
{
	return output_record(o, (const struct output_part[]){ { bytes, len }, { "\n", 1 } }, 2);
}

/* ---- the next file ---- */

/* A period has passed.  Two periods that the format does not tell apart share a file: it is not emptied. */
static void next_period(struct output *o, const struct rotation *before)
{
	const uint32_t number = o->rotation.number;
	char path[PATH_MAX];

	o->rotation.number = before->number;
	if (rotation_name(&o->rotation, o->o.path, path, sizeof(path)) && strcmp(path, o->path) == 0)
		return;
	o->rotation.number = number;
	(void)open_next(o, before);
}

bool output_clock(struct output *o, int64_t now)
{
	const struct rotation before = o->rotation;

	if (o->failure || !o->rotation.period)
		return true;
	if (o->fd < 0) {
		o->rotation.since = now;
		if (!open_file(o, o->o.append))
			o->failure = errno;
		return true;
	}
	switch (rotation_clock(&o->rotation, now)) {
	case ROTATION_OVER:
		return false;
	case ROTATION_NEXT:
		next_period(o, &before);
		break;
	case ROTATION_STAYS:
		break;
	}
	return true;
}

bool output_reopen(struct output *o)
{
	if (o->standard || o->fd < 0 || !output_flush(o))
		return true;
	if (open_file(o, true)) {
		o->header_due = o->size == 0 && o->header_len;
		return true;
	}
	o->news = !fail(&o->warning, "cannot open %s anew: %s; the old file goes on", o->path, strerror(errno));
	return false;
}

int output_errno(const struct output *o)
{
	return o->failure;
}

int output_descriptor(const struct output *o)
{
	return o->standard ? -1 : o->fd;
}

uint64_t output_lost(const struct output *o)
{
	return o->lost;
}

const char *output_warning(struct output *o)
{
	const bool news = o->news;

	o->news = false;
	return news ? o->warning.text : NULL;
}

bool output_close(struct output *o, struct error *e)
{
	int failure;

	if (!o)
		return true;
	if (o->fd < 0 && !o->failure && !open_file(o, o->o.append)) /* there was no frame to tell the time */
		o->failure = errno;
	if (!o->failure && begin(o)) /* a file of which nothing came is one that begins as it should */
		output_flush(o);
	if (!o->standard && o->fd >= 0 && close(o->fd) != 0 && !o->failure && errno != EINTR)
		o->failure = errno;
	failure = o->failure == EPIPE ? 0 : o->failure; /* the reader has had enough, as head(1) has */
	if (failure)
		cannot(o, failure, "", e);
	free(o->header);
	free(o->buffer);
	free(o);
	return !failure;
}
