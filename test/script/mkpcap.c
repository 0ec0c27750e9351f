/*
 * Write a script as a capture file: the same bytes everywhere and always.
 *
 *	mkpcap [-6] [-i CLIENT,SERVER] [-m N] [-o FILE] SCRIPT
 *
 *	-6	IPv6
 *	-i	the two ISNs
 *	-m	mutation N (schedule.h) instead of the script as written
 *	-l	list the mutations of the script
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schedule.h"
#include "script.h"
#include "wire.h"

struct request {
	struct wire_setting setting;
	const char *output, *script;
	long mutation; /* -1: as written */
	bool list;
};

/* Little-endian, as every reader takes it. */
static void put_32(FILE *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		fputc((int)(value >> (8 * i) & 0xff), out);
}

static void put_header(FILE *out, uint32_t linktype)
{
	put_32(out, 0xa1b2c3d4);
	put_32(out, 4 << 16 | 2); /* version 2.4 */
	put_32(out, 0);
	put_32(out, 0);
	put_32(out, 262144);
	put_32(out, linktype);
}

static bool write_frames(const struct script *s, const struct schedule *h,
			 const struct wire_setting *w, FILE *out)
{
	struct wire_frame *f = malloc(sizeof(*f));
	uint32_t headers = wire_headers(s, w);

	put_header(out, wire_linktype(s));
	for (unsigned i = 0; f && i < h->count; i++) {
		wire_build(s, h->play[i].step, w, f);
		if (h->play[i].headers_only && f->captured > headers)
			f->captured = headers;
		put_32(out, (uint32_t)(h->play[i].ts / 1000000000));
		put_32(out, (uint32_t)(h->play[i].ts % 1000000000 / 1000));
		put_32(out, f->captured);
		put_32(out, f->wire);
		fwrite(f->data, 1, f->captured, out);
	}
	free(f);
	return f && !ferror(out);
}

static void list(const struct script *s)
{
	struct schedule h;
	char what[80];

	for (unsigned n = 0; schedule_mutate(s, n, &h, what, sizeof(what)) > 0; n++) {
		if (h.count)
			printf("%u\t%s\n", n, what);
		schedule_free(&h);
	}
}

static bool write_file(const struct script *s, const struct request *r)
{
	struct schedule h = { 0 };
	char what[80];
	FILE *out;
	bool ok;
	int made = r->mutation < 0
			   ? schedule_make(s, &h)
			   : schedule_mutate(s, (unsigned)r->mutation, &h, what, sizeof(what));

	if (made <= 0 || h.count == 0) {
		fprintf(stderr, "mkpcap: %s\n",
			made < 0 ? "out of memory" : "there is no such mutation");
		schedule_free(&h);
		return false;
	}
	out = r->output ? fopen(r->output, "wb") : stdout;
	ok = out && write_frames(s, &h, &r->setting, out);
	if (out && fclose(out) != 0)
		ok = false;
	schedule_free(&h);
	if (!ok)
		fprintf(stderr, "mkpcap: cannot write %s\n",
			r->output ? r->output : "standard output");
	return ok;
}

static bool read_isns(const char *text, uint32_t isn[2])
{
	char *end;

	isn[0] = (uint32_t)strtoul(text, &end, 0);
	if (*end != ',')
		return false;
	isn[1] = (uint32_t)strtoul(end + 1, &end, 0);
	return *end == '\0';
}

static bool read_options(int argc, char **argv, struct request *r)
{
	int c;

	while ((c = getopt(argc, argv, "6i:m:o:l")) != -1) {
		if (c == '6')
			r->setting.ipv6 = true;
		else if (c == 'i' && !read_isns(optarg, r->setting.isn))
			return false;
		else if (c == 'm')
			r->mutation = strtol(optarg, NULL, 10);
		else if (c == 'o')
			r->output = optarg;
		else if (c == 'l')
			r->list = true;
		else if (c == '?')
			return false;
	}
	r->script = argv[optind];
	return argc == optind + 1;
}

int main(int argc, char **argv)
{
	struct request r = { .setting.isn = { 0x10000000, 0x20000000 }, .mutation = -1 };
	char error[512];
	struct script *s;
	bool ok = true;

	if (!read_options(argc, argv, &r)) {
		fputs("usage: mkpcap [-6l] [-i CLIENT,SERVER] [-m N] [-o FILE] SCRIPT\n", stderr);
		return 2;
	}
	s = script_read(r.script, error, sizeof(error));
	if (!s) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	if (r.list)
		list(s);
	else
		ok = write_file(s, &r);
	script_free(s);
	return ok ? 0 : 1;
}
