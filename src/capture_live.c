/*
 * An interface.
 *
 * We wait in poll(2) and not in libpcap: on Linux pcap_next_ex() returns neither
 * when nothing comes nor when a signal does, so that connections would never
 * expire on a quiet interface and ^C would not work.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture_source.h"

#define TICK_MS 100 /* what a user does not notice, and a machine does not either */

static bool failed_setting(const struct live *l, const char *what, int status, struct error *e)
{
	return fail(e, "%s: cannot set %s: %s", l->name, what, pcap_statustostr(status));
}

/* The time-stamp type and precision. */
static bool set_clock(struct live *l, const struct capture_options *o, struct error *e)
{
	int type, status;

	/* A device may refuse: then it counts microseconds, which is asked for after activation. */
	pcap_set_tstamp_precision(l->source.pcap, PCAP_TSTAMP_PRECISION_NANO);
	if (!o->tstamp_type)
		return true;
	type = pcap_tstamp_type_name_to_val(o->tstamp_type);
	if (type < 0)
		return fail(e, "-j: there is no time stamp type '%s'", o->tstamp_type);
	status = pcap_set_tstamp_type(l->source.pcap, type);
	if (status == PCAP_ERROR_CANTSET_TSTAMP_TYPE || status == PCAP_WARNING_TSTAMP_TYPE_NOTSUP)
		return fail(e, "%s: time stamp type '%s' is not supported there", l->name,
			    o->tstamp_type);
	return status == 0 || failed_setting(l, "the time stamp type", status, e);
}

static bool set_up(struct live *l, const struct capture_options *o, struct error *e)
{
	pcap_t *p = l->source.pcap;
	int status;

	if ((status = pcap_set_snaplen(p, o->snaplen ? o->snaplen : DEFAULT_SNAPLEN)) != 0)
		return failed_setting(l, "the snapshot length", status, e);
	if ((status = pcap_set_promisc(p, !o->no_promiscuous)) != 0)
		return failed_setting(l, "promiscuous mode", status, e);
	if ((status = pcap_set_timeout(p, TICK_MS)) != 0)
		return failed_setting(l, "the timeout", status, e);
	if ((status = pcap_set_immediate_mode(p, o->immediate)) != 0)
		return failed_setting(l, "immediate mode", status, e);
	if (o->buffer_kib && (status = pcap_set_buffer_size(p, o->buffer_kib * 1024)) != 0)
		return failed_setting(l, "the buffer size", status, e);
	return set_clock(l, o, e);
}

/* Why pcap_activate() said no, and what to do. */
static bool refused(const struct live *l, int status, struct error *e)
{
	const char *why = pcap_geterr(l->source.pcap);

	switch (status) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return fail(e, "there is no interface '%s'; tcplint -D lists them", l->name);
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return fail(e,
			    "%s: no permission to capture; be root, or let root run once:"
			    " setcap cap_net_raw+ep \"$(command -v tcplint)\"",
			    l->name);
	case PCAP_ERROR_IFACE_NOT_UP:
		return fail(e, "%s: the interface is down", l->name);
	default:
		return fail(e, "%s: %s%s%s", l->name, pcap_statustostr(status), *why ? ": " : "",
			    why);
	}
}

static bool activate(struct live *l, struct error *e)
{
	int status = pcap_activate(l->source.pcap);
	const char *why = pcap_geterr(l->source.pcap);

	if (status < 0)
		return refused(l, status, e);
	if (status > 0)
		snprintf(l->warning, sizeof(l->warning), "%s: %s%s%s", l->name,
			 pcap_statustostr(status), *why ? ": " : "", why);
	l->unit =
		pcap_get_tstamp_precision(l->source.pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
	return true;
}

static bool set_linktype(struct live *l, const char *name, struct error *e)
{
	int type = pcap_datalink_name_to_val(name);

	if (type < 0)
		return fail(e, "-y: there is no link type '%s'", name);
	if (pcap_set_datalink(l->source.pcap, type) != 0)
		return fail(e, "%s: it cannot capture with link type '%s'", l->name, name);
	return true;
}

static bool set_direction(struct live *l, const char *name, struct error *e)
{
	pcap_direction_t direction;

	if (strcmp(name, "in") == 0)
		direction = PCAP_D_IN;
	else if (strcmp(name, "out") == 0)
		direction = PCAP_D_OUT;
	else if (strcmp(name, "inout") == 0)
		direction = PCAP_D_INOUT;
	else
		return fail(e, "-Q must be one of in, out, inout, not '%s'", name);
	if (pcap_setdirection(l->source.pcap, direction) != 0)
		return fail(e, "%s: cannot select a direction: %s", l->name,
			    pcap_geterr(l->source.pcap));
	return true;
}

/* What can be done only with an active handle; the filter runs in the kernel. */
static bool start(struct live *l, const struct capture_options *o, struct error *e)
{
	struct source *s = &l->source;
	char why[PCAP_ERRBUF_SIZE] = "";

	if (o->linktype && !set_linktype(l, o->linktype, e))
		return false;
	if (o->direction && !set_direction(l, o->direction, e))
		return false;
	if (!source_prepare(s, l->name, o, e))
		return false;
	if (s->filtered && pcap_setfilter(s->pcap, &s->filter) != 0)
		return fail(e, "%s: filter '%s': %s", l->name, o->filter, pcap_geterr(s->pcap));
	if (pcap_setnonblock(s->pcap, 1, why) != 0)
		return fail(e, "%s: %s", l->name, why);
	l->fd = pcap_get_selectable_fd(s->pcap);
	return true;
}

/* A number stands for the interface that tcplint -D lists under it, unless an interface is called so. */
static void find_by_number(struct live *l, const char *given)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_if_t *all = NULL, *i;
	char *end;
	unsigned long number = strtoul(given, &end, 10);

	if (*end || number == 0 || pcap_findalldevs(&all, why) != 0)
		return;
	for (i = all; i && number > 1 && strcmp(i->name, given) != 0; i = i->next)
		number--;
	if (i) {
		snprintf(l->found, sizeof(l->found), "%s", i->name);
		l->name = l->found;
	}
	pcap_freealldevs(all);
}

bool live_open(struct live *l, const struct capture_options *o, struct error *e)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	l->name = o->interface;
	l->fd = -1;
	find_by_number(l, o->interface);
	l->source.pcap = pcap_create(l->name, why);
	if (!l->source.pcap)
		return fail(e, "%s: %s", l->name, why);
	return set_up(l, o, e) && activate(l, e) && start(l, o, e);
}

void live_close(struct live *l)
{
	source_close(&l->source);
}

/* Wait for a tick at most.  False when nothing came. */
static bool wait_a_tick(const struct live *l, bool *broken)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	*broken = false;
	if (l->fd < 0) { /* nothing to wait on: look again after the tick */
		nanosleep(&(struct timespec){ .tv_nsec = TICK_MS * 1000000L }, NULL);
		return true;
	}
	if (poll(&p, 1, TICK_MS) < 0) {
		*broken = errno != EINTR;
		return false;
	}
	return p.revents != 0;
}

enum capture_event live_read(struct live *l, struct pcap_pkthdr **header, const u_char **data,
			     struct error *e)
{
	bool waited = false, broken = false;

	for (;;) {
		int answer = pcap_next_ex(l->source.pcap, header, data);

		if (answer == 1) {
			l->source.frames++;
			return CAPTURE_FRAME;
		}
		if (answer < 0) {
			fail(e, "%s: %s", l->name, pcap_geterr(l->source.pcap));
			return CAPTURE_FAILED;
		}
		if (waited)
			return CAPTURE_IDLE;
		waited = wait_a_tick(l, &broken);
		if (broken) {
			fail(e, "%s: poll: %s", l->name, strerror(errno));
			return CAPTURE_FAILED;
		}
		if (!waited)
			return CAPTURE_IDLE;
	}
}

void live_count(struct live *l, struct capture_counters *n)
{
	struct pcap_stat now;

	if (pcap_stats(l->source.pcap, &now) != 0)
		return;
	/* Differences of what wraps at 2^32 are right as long as no wrap is missed. */
	n->kernel_drops += (uint32_t)(now.ps_drop - l->last_kernel);
	n->interface_drops += (uint32_t)(now.ps_ifdrop - l->last_interface);
	n->drops_known = true;
	l->last_kernel = now.ps_drop;
	l->last_interface = now.ps_ifdrop;
}

/* "[Up, Running, Loopback]", after tcpdump. */
static void print_flags(FILE *out, bpf_u_int32 flags)
{
	static const struct {
		bpf_u_int32 mask, value;
		const char *name;
	} names[] = {
		{ PCAP_IF_UP, PCAP_IF_UP, "Up" },
		{ PCAP_IF_RUNNING, PCAP_IF_RUNNING, "Running" },
		{ PCAP_IF_LOOPBACK, PCAP_IF_LOOPBACK, "Loopback" },
		{ PCAP_IF_WIRELESS, PCAP_IF_WIRELESS, "Wireless" },
		{ PCAP_IF_CONNECTION_STATUS, PCAP_IF_CONNECTION_STATUS_CONNECTED, "Connected" },
		{ PCAP_IF_CONNECTION_STATUS, PCAP_IF_CONNECTION_STATUS_DISCONNECTED,
		  "Disconnected" },
	};
	const char *before = " [";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((flags & names[i].mask) != names[i].value)
			continue;
		fprintf(out, "%s%s", before, names[i].name);
		before = ", ";
	}
	if (before[0] == ',')
		fputc(']', out);
}

bool capture_list_interfaces(FILE *out, struct error *e)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_if_t *all = NULL;
	unsigned number = 0;

	if (pcap_findalldevs(&all, why) != 0)
		return fail(e, "cannot list the interfaces: %s", why);
	for (const pcap_if_t *i = all; i; i = i->next) {
		fprintf(out, "%u.%s", ++number, i->name);
		if (i->description)
			fprintf(out, " (%s)", i->description);
		print_flags(out, i->flags);
		fputc('\n', out);
	}
	pcap_freealldevs(all);
	return true;
}
