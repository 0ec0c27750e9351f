/*
 * Lines collect in a buffer of our own and leave it whole: a reader at the other
 * end of the pipe, or of the file, never sees half a line unless a write fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

#define BUFFER_SIZE (256 * 1024) /* a pipe takes 64 KiB at a time, a file anything */

struct output {
	int fd;
	bool ours; /* opened here, so closed here */
	bool line_by_line;
	int failure; /* errno of the first failure */
	size_t used;
	const char *name; /* for the sentence; null: standard output */
	char buffer[BUFFER_SIZE];
};

struct output *output_open(const char *path, bool line_by_line, struct error *e)
{
	bool standard = !path || strcmp(path, "-") == 0;
	struct output *o = malloc(sizeof(*o));

	if (!o) {
		fail(e, "out of memory");
		return NULL;
	}
	o->name = standard ? NULL : path;
	o->ours = !standard;
	o->fd = standard ? STDOUT_FILENO
			 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (o->fd < 0) {
		fail(e, "%s: %s", path, strerror(errno));
		free(o);
		return NULL;
	}
	o->line_by_line = line_by_line || isatty(o->fd);
	o->failure = 0;
	o->used = 0;
	return o;
}

/* Somebody made the descriptor non-blocking, as a shell's neighbour in a pipeline may: wait until it takes more. */
static bool wait_for_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

static bool write_all(struct output *o, const char *bytes, size_t len)
{
	while (len > 0 && !o->failure) {
		ssize_t n = write(o->fd, bytes, len);

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!wait_for_room(o->fd))
				o->failure = errno;
		} else if (errno != EINTR) {
			o->failure = errno;
		}
	}
	return !o->failure;
}

bool output_flush(struct output *o)
{
	size_t used = o->used;

	o->used = 0;
	return write_all(o, o->buffer, used);
}

static void append(struct output *o, const char *bytes, size_t len)
{
	memcpy(o->buffer + o->used, bytes, len);
	o->used += len;
}

bool output_line(struct output *o, const char *bytes, size_t len)
{
	if (o->failure)
		return false;
	if (len >= BUFFER_SIZE - o->used && !output_flush(o))
		return false;
	if (len >= BUFFER_SIZE) /* a line that no buffer holds; its newline begins the next one */
		write_all(o, bytes, len);
	else
		append(o, bytes, len);
	append(o, "\n", 1);
	return (!o->line_by_line && len < BUFFER_SIZE) ? !o->failure : output_flush(o);
}

int output_errno(const struct output *o)
{
	return o->failure;
}

bool output_close(struct output *o, struct error *e)
{
	if (!o)
		return true;
	output_flush(o);
	/* A network file system tells only now that it could not keep what it took. */
	if (o->ours && close(o->fd) != 0 && !o->failure && errno != EINTR)
		o->failure = errno;
	int failure = o->failure;
	if (failure == EPIPE) /* the reader has had enough, as head(1) has */
		failure = 0;
	if (failure && o->name)
		fail(e, "cannot write %s: %s", o->name, strerror(failure));
	else if (failure)
		fail(e, "cannot write: %s", strerror(failure));
	free(o);
	return !failure;
}
