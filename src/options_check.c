/* Which options make sense together. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"

static bool same_file(const struct stat *a, const char *path)
{
	struct stat b;

	return stat(path, &b) == 0 && a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

/* -o and -w must not empty a capture that is to be read. */
static bool check_overwriting(const struct options *o, const char *option, const char *path, struct error *e)
{
	struct stat out;

	if (!path || stat(path, &out) != 0 || !S_ISREG(out.st_mode))
		return true;
	for (unsigned i = 0; i < o->files.count; i++)
		if (same_file(&out, o->files.name[i]))
			return fail(e, "%s would overwrite %s, which is to be read", option, o->files.name[i]);
	return true;
}

static bool named(const char *path)
{
	return path && strcmp(path, "-") != 0;
}

static bool check_packets(const struct options *o, struct error *e)
{
	struct stat records;

	if (!o->packets)
		return true;
	if (!named(o->packets) && !named(o->output))
		return fail(e, "-w - would mix packets with the records on standard output: give -o FILE for these");
	if (!named(o->packets) && isatty(STDOUT_FILENO))
		return fail(e, "-w - would write packets to the terminal");
	if (named(o->output) &&
	    (!strcmp(o->output, o->packets) ||
	     (!stat(o->output, &records) && S_ISREG(records.st_mode) && same_file(&records, o->packets))))
		return fail(e, "-o and -w would write to the same file");
	return true;
}

/* -G, -C, -W and --append are about files of a name. */
static bool check_output(const struct options *o, struct error *e)
{
	const struct rotation *r = &o->rotation;

	if ((r->period || r->size) && !named(o->output) && !named(o->packets))
		return fail(e, "-%c needs a file: give -o FILE or -w FILE", r->period ? 'G' : 'C');
	if (r->count && !r->period && !r->size)
		return fail(e, "-W counts files of -G or -C: give one of them");
	if (r->period &&
	    ((named(o->output) && !strchr(o->output, '%')) || (named(o->packets) && !strchr(o->packets, '%'))))
		return fail(e, "-G needs a time in the name of the file, as %%Y%%m%%dT%%H%%M%%S, "
			       "or each would replace the last");
	if (o->append && !named(o->output))
		return fail(e, "--append needs a file: give -o FILE");
	return check_overwriting(o, "-o", o->output, e) && check_overwriting(o, "-w", o->packets, e) &&
	       check_overwriting(o, "--metrics-file", o->metrics_file, e) &&
	       check_packets(o, e);
}

bool options_check(const struct options *o, const char *live, struct error *e)
{
	const char *way = o->capture.direction;
	unsigned standard = 0;

	for (unsigned i = 0; i < o->files.count; i++)
		standard += strcmp(o->files.name[i], "-") == 0;
	if (o->files.count && o->capture.interface)
		return fail(e, "-r and -i exclude each other");
	if (!o->files.count && !o->capture.interface)
		return fail(e, "nothing to read: give -r FILE or -i INTERFACE");
	if (o->files.count && live)
		return fail(e, "%s means nothing with -r: it is about watching an interface", live);
	if (way && strcmp(way, "in") != 0 && strcmp(way, "out") != 0 && strcmp(way, "inout") != 0)
		return fail(e, "-Q must be one of in, out, inout, not '%s'", way);
	if (standard > 1)
		return fail(e, "standard input can be read once only");
	if (o->filter && o->filter_file)
		return fail(e, "a filter is given twice: with -F and as '%s'", o->filter);
	return check_output(o, e);
}
