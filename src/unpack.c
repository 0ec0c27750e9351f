#define _GNU_SOURCE /* pipe2(), F_SETPIPE_SZ */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unpack.h"
#include "unpack_codec.h"

static const struct codec *const codecs[] = {
#ifdef HAVE_GZIP
	&codec_gzip,
#endif
#ifdef HAVE_ZSTD
	&codec_zstd,
#endif
#ifdef HAVE_LZ4
	&codec_lz4,
#endif
#ifdef HAVE_XZ
	&codec_xz,
#endif
	NULL,
};

const struct codec *unpack_codec(const unsigned char *head, size_t len)
{
	for (const struct codec *const *c = codecs; *c; c++)
		if (len >= (*c)->magic_len && !memcmp(head, (*c)->magic, (*c)->magic_len))
			return *c;
	return NULL;
}

#define READ_SIZE  (64 * 1024)
#define WRITE_SIZE (256 * 1024)
/* Room for the thread to run ahead of the reader. */
#define PIPE_SIZE (1024 * 1024)

struct unpack {
	pthread_t thread;
	bool running;
	int in;
	int out[2];  /* the pipe: read, write */
	int stop[2]; /* a pipe whose write end is closed when the thread must end */
	const struct codec *codec;
	unsigned char head[UNPACK_HEAD];
	size_t head_len;
	const char *failure;
	uint8_t input[READ_SIZE], output[WRITE_SIZE];
};

/* Until `fd` is ready; false when the thread must end. */
static bool wait_for(const struct unpack *u, int fd, short events)
{
	struct pollfd p[2] = { { .fd = fd, .events = events }, { .fd = u->stop[0], .events = POLLIN } };

	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return false;
	return !p[1].revents;
}

/* More input behind what is left of it: 1; 0 at its end or when the thread must end; -1: errno. */
static int take(struct unpack *u, struct codec_buffers *b)
{
	if (!wait_for(u, u->in, POLLIN))
		return 0;
	const ssize_t n = read(u->in, u->input, sizeof(u->input));

	b->in = u->input;
	b->in_len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 1 : (int)n;
}

static bool give(const struct unpack *u, const uint8_t *data, size_t len)
{
	while (len) {
		if (!wait_for(u, u->out[1], POLLOUT))
			return false;
		const ssize_t n = write(u->out[1], data, len);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false; /* nobody reads any more */
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* Zeros behind a stream are padding (RFC 1952 does not mention them, tape archives and xz have them). */
static void skip_padding(struct codec_buffers *b)
{
	while (b->in_len && !*b->in) {
		b->in++;
		b->in_len--;
	}
}

/* The phrase for what went wrong; null when all was unpacked and handed over, or nobody wants it. */
static const char *copy(struct unpack *u, void *state)
{
	struct codec_buffers b = { .in = u->head, .in_len = u->head_len };
	enum codec_result r = CODEC_MORE;
	const char *why = NULL;
	bool full = false; /* a decoder that filled all the room may have more without any input */

	while (r != CODEC_BAD) {
		const int more = b.in_len || full ? 1 : take(u, &b);

		if (more < 0)
			return strerror(errno);
		if (!more)
			return r == CODEC_END ? NULL : "the data ends too early";
		if (r == CODEC_END)
			skip_padding(&b);
		if (r == CODEC_END && !b.in_len)
			continue;
		if (r == CODEC_END && !u->codec->again(state))
			return "no memory";
		b.out = u->output;
		b.out_len = sizeof(u->output);
		r = u->codec->step(state, &b, &why);
		full = r == CODEC_MORE && !b.out_len;
		if (!give(u, u->output, sizeof(u->output) - b.out_len))
			return NULL;
	}
	return why;
}

static void *work(void *user)
{
	struct unpack *u = user;
	void *state = u->codec->create();

	u->failure = state ? copy(u, state) : "no memory";
	if (state)
		u->codec->destroy(state);
	close(u->out[1]);
	return NULL;
}

/* The thread takes no signals: they are for who waits for the pipe. */
static bool begin(struct unpack *u, struct error *e)
{
	sigset_t all, before;
	int fault;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	fault = pthread_create(&u->thread, NULL, work, u);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	u->running = !fault;
	return !fault || fail(e, "no thread to unpack with: %s", strerror(fault));
}

struct unpack *unpack_start(const struct codec *codec, int fd, const unsigned char *head, size_t len, struct error *e)
{
	struct unpack *u = calloc(1, sizeof(*u));

	if (!u) {
		fail(e, "no memory");
		return NULL;
	}
	u->codec = codec;
	u->in = fd;
	memcpy(u->head, head, len);
	u->head_len = len;
	if (pipe2(u->out, O_CLOEXEC)) {
		fail(e, "no pipe to unpack into: %s", strerror(errno));
		free(u);
		return NULL;
	}
	if (pipe2(u->stop, O_CLOEXEC)) {
		fail(e, "no pipe to stop unpacking with: %s", strerror(errno));
		close(u->out[0]);
		close(u->out[1]);
		free(u);
		return NULL;
	}
	(void)fcntl(u->out[1], F_SETPIPE_SZ, PIPE_SIZE); /* a smaller one works as well */
	(void)fcntl(u->out[1], F_SETFL, O_NONBLOCK);
	if (begin(u, e))
		return u;
	close(u->out[0]);
	close(u->out[1]);
	unpack_stop(u);
	return NULL;
}

int unpack_fd(const struct unpack *u)
{
	return u->out[0];
}

static void join(struct unpack *u)
{
	if (u->running)
		pthread_join(u->thread, NULL);
	u->running = false;
}

const char *unpack_failure(struct unpack *u)
{
	join(u);
	return u->failure;
}

void unpack_stop(struct unpack *u)
{
	if (!u)
		return;
	close(u->stop[1]);
	join(u);
	close(u->stop[0]);
	free(u);
}
