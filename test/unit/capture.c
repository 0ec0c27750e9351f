/* Capture files: every format, numbers that stay Wireshark's, and damage at every byte. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tcplint/frame.h>

#include "capture.h"

#define FRAMES   5
#define TCP_PORT 80

static char directory[] = "/tmp/tcplint-capture-XXXXXX";
static struct error e;

/* A file being made. */
struct maker {
	uint8_t bytes[4096];
	size_t len;
	bool big_endian;
	size_t end[FRAMES]; /* where each frame ends */
};

static void put(struct maker *m, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		m->bytes[m->len++] = (uint8_t)(value >> 8 * (m->big_endian ? size - 1 - i : i));
}

static size_t frame_length(unsigned i)
{
	return 54 + i;
}

/* Ethernet, IPv4, TCP; the odd frames are for port 80. */
static void put_frame(struct maker *m, unsigned i)
{
	static const uint8_t ip[] = { 0x45, 0, 0,  40, 0, 0, 0,  0, 64, 6,
				      0,    0, 10, 0,  0, 1, 10, 0, 0,  2 };
	uint8_t *p = m->bytes + m->len;

	memset(p, 0, frame_length(i));
	p[12] = 8;
	memcpy(p + 14, ip, sizeof(ip));
	p[37] = i % 2 ? TCP_PORT : 81;
	p[46] = 0x50;
	m->len += frame_length(i);
}

static void make_pcap(struct maker *m, bool big_endian, bool nano)
{
	*m = (struct maker){ .big_endian = big_endian };
	put(m, nano ? 0xa1b23c4d : 0xa1b2c3d4, 4);
	put(m, 2, 2);
	put(m, 4, 2);
	put(m, 0, 8);
	put(m, 65535, 4);
	put(m, 1, 4);
	for (unsigned i = 0; i < FRAMES; i++) {
		put(m, 1700000000 + i, 4);
		put(m, nano ? 123456789 : 123456, 4);
		put(m, frame_length(i), 4);
		put(m, 1000 + i, 4);
		put_frame(m, i);
		m->end[i] = m->len;
	}
}

static void make_pcapng(struct maker *m, bool big_endian, bool nano)
{
	*m = (struct maker){ .big_endian = big_endian };
	put(m, 0x0a0d0d0a, 4);
	put(m, 28, 4);
	put(m, 0x1a2b3c4d, 4);
	put(m, 1, 2);
	put(m, 0, 2);
	put(m, UINT64_MAX, 8);
	put(m, 28, 4);
	put(m, 1, 4); /* interface: if_tsresol 6 or 9 */
	put(m, 32, 4);
	put(m, 1, 2);
	put(m, 0, 2);
	put(m, 65535, 4);
	put(m, 9, 2);
	put(m, 1, 2);
	m->bytes[m->len] = nano ? 9 : 6;
	m->len += 4;
	put(m, 0, 4);
	put(m, 32, 4);
	for (unsigned i = 0; i < FRAMES; i++) {
		uint64_t ts = nano ? (1700000000 + i) * UINT64_C(1000000000) + 123456789
				   : (1700000000 + i) * UINT64_C(1000000) + 123456;
		size_t padding = (4 - frame_length(i) % 4) % 4,
		       size = 32 + frame_length(i) + padding;

		put(m, 6, 4);
		put(m, size, 4);
		put(m, 0, 4);
		put(m, ts >> 32, 4);
		put(m, ts & 0xffffffff, 4);
		put(m, frame_length(i), 4);
		put(m, 1000 + i, 4);
		put_frame(m, i);
		put(m, 0, padding);
		put(m, size, 4);
		m->end[i] = m->len;
	}
}

static const char *path_of(const char *name)
{
	static char path[2][128];
	static unsigned turn;
	char *p = path[turn++ % 2];

	snprintf(p, 128, "%s/%s", directory, name);
	return p;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

static struct capture *open_one(const char *path, const char *filter)
{
	static const char *files[1];
	static struct capture_options o;

	files[0] = path;
	o = (struct capture_options){ .files = files, .file_count = 1, .filter = filter };
	e.text[0] = '\0';
	return capture_open(&o, &e);
}

static void refused(const char *path, const char *why)
{
	assert_null(open_one(path, NULL));
	if (!strstr(e.text, why))
		print_error("'%s' does not say '%s'\n", e.text, why);
	assert_non_null(strstr(e.text, why));
}

static void formats(void **state)
{
	static struct maker m;
	struct tcplint_frame f;

	(void)state;
	for (unsigned kind = 0; kind < 8; kind++) {
		bool big_endian = kind & 1, nano = kind & 2;

		(kind & 4 ? make_pcapng : make_pcap)(&m, big_endian, nano);
		const char *path = path_of("format");
		write_file(path, m.bytes, m.len);
		struct capture *c = open_one(path, NULL);
		assert_non_null(c);
		assert_int_equal(capture_linktype(c), 1);
		assert_string_equal(capture_linktype_name(c), "EN10MB");
		assert_false(capture_is_live(c));
		for (unsigned i = 0; i < FRAMES; i++) {
			assert_int_equal(capture_next(c, &f, &e), CAPTURE_FRAME);
			assert_true(f.ts == (1700000000 + i) * INT64_C(1000000000) +
						    (nano ? 123456789 : 123456000));
			assert_int_equal(f.number, i + 1);
			assert_int_equal(f.captured, frame_length(i));
			assert_int_equal(f.wire, 1000 + i);
			assert_int_equal(f.data[12], 8);
			assert_int_equal(f.linktype, 1);
		}
		assert_int_equal(capture_next(c, &f, &e), CAPTURE_END);
		assert_int_equal(capture_next(c, &f, &e), CAPTURE_END);
		assert_false(capture_counters(c)->kernel_drops_known);
		capture_close(c);
	}
}

static void several_files(void **state)
{
	static struct maker m;
	char first[128], second[128];
	const char *files[3] = { first, second, first };
	struct capture_options o = {
		.files = files, .file_count = 3, .filter = "tcp port 80", .count = 5, .snaplen = 20
	};
	static const uint64_t expected[] = { 2, 4, 7, 9, 12 };
	struct tcplint_frame f;

	(void)state;
	snprintf(first, sizeof(first), "%s", path_of("a"));
	snprintf(second, sizeof(second), "%s", path_of("b"));
	make_pcap(&m, false, true);
	write_file(first, m.bytes, m.len);
	make_pcapng(&m, true, false);
	write_file(second, m.bytes, m.len);
	struct capture *c = capture_open(&o, &e);
	assert_non_null(c);
	for (unsigned i = 0; i < 5; i++) {
		unsigned file;
		uint64_t number;

		assert_int_equal(capture_next(c, &f, &e), CAPTURE_FRAME);
		assert_int_equal(f.number, expected[i]);
		assert_int_equal(f.captured, 20);
		for (uint64_t n = 1; n <= f.number; n++) {
			capture_locate(c, n, &file, &number);
			assert_int_equal(file, (n - 1) / FRAMES);
			assert_int_equal(number, (n - 1) % FRAMES + 1);
		}
		assert_string_equal(capture_file_name(c, file), files[file]);
	}
	assert_int_equal(capture_next(c, &f, &e), CAPTURE_END); /* -c */
	assert_int_equal(capture_counters(c)->frames, 12);
	assert_int_equal(capture_counters(c)->filtered_out, 7);
	assert_int_equal(capture_snaplen(c), 20);
	capture_close(c);
}

/* Records longer than the file says they can be are cut, and those after them are read all the same. */
static void beyond_snaplen(void **state)
{
	static struct maker m;
	struct tcplint_frame f;

	(void)state;
	for (unsigned longest = 0; longest < FRAMES; longest++) {
		const uint8_t snaplen = (uint8_t)frame_length(longest);
		const char *path = path_of("format");

		make_pcap(&m, false, false);
		memset(m.bytes + 16, 0, 4);
		m.bytes[16] = snaplen;
		write_file(path, m.bytes, m.len);
		struct capture *c = open_one(path, NULL);
		assert_non_null(c);
		for (unsigned i = 0; i < FRAMES; i++) {
			assert_int_equal(capture_next(c, &f, &e), CAPTURE_FRAME);
			assert_int_equal(f.number, i + 1);
			assert_int_equal(f.captured, frame_length(i) < snaplen ? frame_length(i) : snaplen);
			assert_int_equal(f.wire, 1000 + i);
			assert_int_equal(f.data[12], 8);
		}
		assert_int_equal(capture_next(c, &f, &e), CAPTURE_END);
		capture_close(c);
	}
}

enum { MANY = 100, LONG = 200, SNAPLEN = 150 };

static void put32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, sizeof(v));
}

/* Of MANY records every `nth` is longer than the file says that it can be. */
static size_t make_many(uint8_t *p, unsigned nth)
{
	uint8_t *const begin = p;

	memset(p, 0, 24 + MANY * (16 + LONG));
	put32(p, 0xa1b2c3d4);
	put32(p + 4, 4 << 16 | 2);
	put32(p + 16, SNAPLEN);
	put32(p + 20, 1);
	p += 24;
	for (unsigned i = 0; i < MANY; i++) {
		const uint32_t captured = i % nth == nth - 1 ? LONG : 60 + i % 7;

		put32(p, 1700000000 + i);
		put32(p + 4, i);
		put32(p + 8, captured);
		put32(p + 12, 1000 + i);
		memset(p + 16, (int)i, captured);
		p += 16 + captured;
	}
	return (size_t)(p - begin);
}

/* As take_frames() of run_loop.c: what is at hand, and when that is nothing, the next one. */
static unsigned take_some(struct capture *c, struct tcplint_frame *frames, unsigned most)
{
	const unsigned n = capture_at_hand(c, frames, most);

	return n ? n : capture_next(c, frames, &e) == CAPTURE_FRAME;
}

/* Together or one by one: the same frames. */
static void many_at_a_time(void **state)
{
	static const unsigned nths[] = { MANY + 1, 1, 2, 32, 33, 34, MANY };
	static uint8_t bytes[24 + MANY * (16 + LONG)];
	struct tcplint_frame frames[32];

	(void)state;
	for (unsigned k = 0; k < sizeof(nths) / sizeof(*nths); k++) {
		const char *path = path_of("format");
		unsigned n, seen = 0, together = 0;

		write_file(path, bytes, make_many(bytes, nths[k]));
		struct capture *c = open_one(path, NULL);
		assert_non_null(c);
		while ((n = take_some(c, frames, 32)) > 0) {
			together = n > together ? n : together;
			for (unsigned i = 0; i < n; i++, seen++) {
				const bool is_long = seen % nths[k] == nths[k] - 1;

				assert_int_equal(frames[i].number, seen + 1);
				assert_int_equal(frames[i].ts, INT64_C(1700000000000000000) + seen * INT64_C(1000001000));
				assert_int_equal(frames[i].captured, is_long ? SNAPLEN : 60 + seen % 7);
				assert_int_equal(frames[i].wire, 1000 + seen);
				assert_int_equal(frames[i].data[0], seen);
				assert_int_equal(frames[i].data[frames[i].captured - 1], seen);
			}
		}
		assert_int_equal(seen, MANY);
		assert_int_equal(together > 1, nths[k] > 2); /* at the first long one libpcap takes over */
		capture_close(c);
	}
}

/* What precedes the damage is delivered, all of it and no more. */
static void cut_anywhere(void **state)
{
	static struct maker m;

	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		(kind ? make_pcapng : make_pcap)(&m, false, false);
		for (size_t len = 0; len <= m.len; len++) {
			const char *path = path_of("cut");
			unsigned whole = 0, got = 0;
			enum capture_event event;
			struct tcplint_frame f;

			write_file(path, m.bytes, len);
			struct capture *c = open_one(path, NULL);
			if (!c) {
				assert_true(e.text[0] && len < m.end[0]);
				continue;
			}
			while (whole < FRAMES && m.end[whole] <= len)
				whole++;
			while ((event = capture_next(c, &f, &e)) == CAPTURE_FRAME)
				got++;
			assert_int_equal(got, whole);
			bool at_border = len == (whole ? m.end[whole - 1] : kind ? 60 : 24);
			assert_int_equal(event, at_border ? CAPTURE_END : CAPTURE_FAILED);
			if (event == CAPTURE_FAILED)
				assert_non_null(strstr(e.text, path));
			assert_int_equal(capture_next(c, &f, &e), CAPTURE_END);
			capture_close(c);
		}
	}
}

/* Every byte turned over: whatever happens, it ends, and within the promise about times. */
static void flip_anywhere(void **state)
{
	static struct maker m;

	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		(kind ? make_pcapng : make_pcap)(&m, false, true);
		for (size_t at = 0; at < m.len; at++) {
			const char *path = path_of("flip");
			struct tcplint_frame f;

			m.bytes[at] ^= 0xff;
			write_file(path, m.bytes, m.len);
			struct capture *c = open_one(path, "tcp");
			while (c && capture_next(c, &f, &e) == CAPTURE_FRAME) {
				assert_true(f.ts >= 0 && f.ts <= INT64_C(1) << 62);
				assert_true(f.wire >= f.captured);
			}
			capture_close(c);
			m.bytes[at] ^= 0xff;
		}
	}
}

/* A pcapng clock may say anything: 64 bits of seconds. */
static void absurd_times(void **state)
{
	static const struct {
		uint64_t seconds;
		int64_t expected;
	} rows[] = {
		{ 0, 0 },
		{ UINT32_MAX, UINT32_MAX * INT64_C(1000000000) },
		{ UINT64_C(4611686019), INT64_C(1) << 62 },
		{ INT64_MAX, INT64_C(1) << 62 },
		{ UINT64_C(1) << 63, 0 },
	};
	static struct maker m;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tcplint_frame f;
		const char *path = path_of("time");

		make_pcapng(&m, false, true);
		m.bytes[48] = 0; /* if_tsresol: whole seconds */
		m.len = 72;
		put(&m, rows[i].seconds >> 32, 4);
		put(&m, rows[i].seconds & 0xffffffff, 4);
		write_file(path, m.bytes, m.end[0]);
		struct capture *c = open_one(path, NULL);
		assert_non_null(c);
		assert_int_equal(capture_next(c, &f, &e), CAPTURE_FRAME);
		assert_true(f.ts == rows[i].expected);
		capture_close(c);
	}
}

static bool never(int linktype)
{
	return linktype != 1;
}

static void refusals(void **state)
{
	static const uint8_t bzip2[] = { 'B', 'Z', 'h', '9', '1', 'A', 'Y', '&' },
			     noise[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	const char *path = path_of("refused"), *files[1] = { path };
	struct capture_options o = { .files = files, .file_count = 1, .supports = never };
	static struct maker m;

	(void)state;
	refused("/dev/null", "is empty");
	refused(directory, "is a directory");
	refused("/nonexistent", "No such file");
	write_file(path, "hello, world\n", 13);
	refused(path, "text file");
	write_file(path, bzip2, sizeof(bzip2));
	refused(path, "bzip2 -dc");
	write_file(path, noise, sizeof(noise));
	refused(path, "not a pcap or pcapng");
	make_pcap(&m, false, false);
	write_file(path, m.bytes, m.len);
	assert_null(open_one(path, "tcp nonsense"));
	assert_non_null(strstr(e.text, "tcp nonsense"));
	assert_null(capture_open(&o, &e));
	assert_non_null(strstr(e.text, "EN10MB"));
	assert_true(capture_check_filter("wlan addr1 00:11:22:33:44:55", &e));
	assert_true(capture_check_filter("tcp port 80", &e));
	assert_false(capture_check_filter("tcp nonsense", &e));
}

/* A pcapng whose second interface differs: what came before it stands, and the way out is named. */
static void differing_interfaces(void **state)
{
	static struct maker m;
	struct tcplint_frame f;

	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		const char *path = path_of("interfaces");

		make_pcapng(&m, false, false);
		m.len = m.end[1];
		put(&m, 1, 4);
		put(&m, 20, 4);
		put(&m, kind ? 1 : 113, 4);
		put(&m, kind ? 96 : 65535, 4);
		put(&m, 20, 4);
		write_file(path, m.bytes, m.len);
		struct capture *c = open_one(path, NULL);
		assert_non_null(c);
		assert_int_equal(capture_next(c, &f, &e), CAPTURE_FRAME);
		assert_int_equal(capture_next(c, &f, &e), CAPTURE_FRAME);
		assert_int_equal(capture_next(c, &f, &e), CAPTURE_FAILED);
		assert_non_null(strstr(e.text, kind ? "snapshot length" : "link type"));
		assert_non_null(strstr(e.text, "editcap -F pcap"));
		capture_close(c);
	}
}

/* A pipe that gives one byte at a time. */
static void slow_pipe(void **state)
{
	int ends[2], saved = dup(STDIN_FILENO);
	static struct maker m;
	struct tcplint_frame f;
	unsigned got = 0;

	(void)state;
	make_pcap(&m, false, false);
	assert_int_equal(pipe(ends), 0);
	if (fork() == 0) {
		for (size_t i = 0; i < m.len; i++)
			if (write(ends[1], m.bytes + i, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	struct capture *c = open_one("-", NULL);
	assert_non_null(c);
	while (capture_next(c, &f, &e) == CAPTURE_FRAME)
		got++;
	assert_int_equal(got, FRAMES);
	capture_close(c);
	dup2(saved, STDIN_FILENO);
	close(saved);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(directory) == NULL;
}

static int teardown(void **state)
{
	static const char *const names[] = { "format", "a",    "b",       "cut",
					     "flip",   "time", "refused", "interfaces" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(names[i]));
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(several_files),
		cmocka_unit_test(beyond_snaplen),
		cmocka_unit_test(many_at_a_time),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(flip_anywhere),
		cmocka_unit_test(absurd_times),
		cmocka_unit_test(refusals),
		cmocka_unit_test(differing_interfaces),
		cmocka_unit_test(slow_pipe),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
