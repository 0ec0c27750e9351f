#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "destinations.h"
#include "signals.h"

#define FLUSH_EVERY INT64_C(1000000000) /* packets, live: so much of them a crash may cost */

bool destinations_read_pipe(const struct options *o)
{
	struct stat st;

	for (unsigned i = 0; i < o->capture.file_count; i++)
		if (!strcmp(o->capture.files[i], "-"))
			return !fstat(STDIN_FILENO, &st) && !S_ISREG(st.st_mode);
	return false;
}

/* Whether every input can be read a second time. */
static bool readable_again(const struct options *o)
{
	struct stat st;

	for (unsigned i = 0; i < o->capture.file_count; i++)
		if (stat(o->capture.files[i], &st) != 0 || !S_ISREG(st.st_mode))
			return false;
	return o->capture.file_count > 0;
}

static bool is_file(const char *path)
{
	return path && strcmp(path, "-") != 0;
}

bool destinations_reopen(const struct options *o)
{
	return is_file(o->output) || is_file(o->packets);
}

bool destinations_open(struct destinations *d, const struct options *o, const struct tcplint_options *lint,
		       const struct capture *c, const struct capture_options *source, struct error *e)
{
	const bool live = capture_is_live(c);
	struct output_options where = {
		.path = o->output,
		.at_once = destinations_read_pipe(o),
		.append = o->append,
		.drop = o->on_write_error == WRITE_ERROR_DROPS,
		.now = live ? capture_clock() : 0,
		.inputs = o->capture.files,
		.input_count = o->capture.file_count,
	};

	if (is_file(o->output))
		where.rotation = o->rotation;
	d->series = destinations_reopen(o);
	d->records = output_open(&where, e);
	if (!d->records || !o->packets)
		return d->records;
	where.path = o->packets;
	where.at_once = where.append = false;
	where.binary = true;
	where.rotation = is_file(o->packets) ? o->rotation : (struct rotation){ 0 };
	d->packets = packets_open(&where, lint, c, readable_again(o) ? source : NULL, e);
	return d->packets;
}

unsigned destinations_files(const struct options *o, const char *files[DESTINATIONS_MAX])
{
	const char *const given[] = { o->output, o->packets, o->metrics_file };
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (is_file(given[i]))
			files[n++] = given[i];
	return n;
}

unsigned destinations_descriptors(const struct destinations *d, int descriptors[DESTINATIONS_MAX])
{
	unsigned n = 0;

	descriptors[n] = output_descriptor(d->records);
	n += descriptors[n] >= 0;
	descriptors[n] = d->packets ? output_descriptor(packets_output(d->packets)) : -1;
	return n + (descriptors[n] >= 0);
}

static void complain(struct output *o)
{
	const char *warning = output_warning(o);

	if (warning)
		fprintf(stderr, "tcplint: %s\n", warning);
}

void destinations_complain(struct destinations *d)
{
	complain(d->records);
	if (d->packets)
		complain(packets_output(d->packets));
}

static bool mind_packets(struct destinations *d, int64_t now, bool anew)
{
	struct output *o = packets_output(d->packets);
	const bool goes_on = packets_in_one_pass(d->packets) ? output_clock(o, now) : true;

	if (anew)
		output_reopen(o);
	if (now - d->flushed >= FLUSH_EVERY || now < d->flushed) {
		output_flush(o);
		d->flushed = now;
	}
	return goes_on;
}

bool destinations_mind(struct destinations *d, int64_t now)
{
	bool goes_on = true, anew;

	if (!d->series)
		return true;
	anew = signals_reopen_wanted();
	goes_on = output_clock(d->records, now);
	if (anew)
		output_reopen(d->records);
	if (d->packets)
		goes_on = mind_packets(d, now, anew) && goes_on;
	destinations_complain(d);
	return goes_on;
}

void destinations_show(struct destinations *d)
{
	output_flush(d->records);
	destinations_complain(d);
}

bool destinations_broken(const struct destinations *d)
{
	return output_errno(d->records) || (d->packets && output_errno(packets_output(d->packets)));
}

bool destinations_close(struct destinations *d, struct error *e)
{
	struct error other;
	const bool records = output_close(d->records, e), packets = packets_close(d->packets, records ? e : &other);

	*d = (struct destinations){ 0 };
	return records && packets;
}
