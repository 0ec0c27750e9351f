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

/*
 * Room for a tenth of a second at half a million frames a second, cut to their headers: what a busy machine may
 * keep us waiting for the processor.  libpcap's own two megabytes are full after a few milliseconds.
 */
#define DEFAULT_BUFFER_KIB (16 * 1024)

#define SNAPLEN_PLAIN   256 /* capture.h counts what must fit */
#define SNAPLEN_TUNNELS 384

#define LOOK_EVERY 4096 /* frames: is it time to ask for the counters? */

#define TICK (TICK_MS * INT64_C(1000000))

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

static int snaplen_of(const struct capture_options *o)
{
	if (o->snaplen == SNAPLEN_HEADERS)
		return o->tunnels ? SNAPLEN_TUNNELS : SNAPLEN_PLAIN;
	return o->snaplen ? o->snaplen : DEFAULT_SNAPLEN;
}

unsigned live_buffer_kib(const struct capture_options *o)
{
	return o->buffer_kib ? (unsigned)o->buffer_kib : DEFAULT_BUFFER_KIB;
}

static bool set_up(struct live *l, const struct capture_options *o, struct error *e)
{
	pcap_t *p = l->source.pcap;
	int status;

	if ((status = pcap_set_snaplen(p, snaplen_of(o))) != 0)
		return failed_setting(l, "the snapshot length", status, e);
	if ((status = pcap_set_promisc(p, !o->no_promiscuous)) != 0)
		return failed_setting(l, "promiscuous mode", status, e);
	if ((status = pcap_set_timeout(p, TICK_MS)) != 0)
		return failed_setting(l, "the timeout", status, e);
	if ((status = pcap_set_immediate_mode(p, o->immediate)) != 0)
		return failed_setting(l, "immediate mode", status, e);
	if ((status = pcap_set_buffer_size(p, (int)live_buffer_kib(o) * 1024)) != 0)
		return failed_setting(l, "the buffer size", status, e);
	return set_clock(l, o, e);
}

/* Whether it may get better: the interface may come, or come up. */
static bool may_come(int status)
{
	return status == PCAP_ERROR_NO_SUCH_DEVICE || status == PCAP_ERROR_IFACE_NOT_UP;
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

static bool activate(struct live *l, int *status, struct error *e)
{
	const char *why;

	*status = pcap_activate(l->source.pcap);
	why = pcap_geterr(l->source.pcap);
	if (*status < 0)
		return refused(l, *status, e);
	if (*status > 0)
		snprintf(l->warning, sizeof(l->warning), "%s: %s%s%s", l->name,
			 pcap_statustostr(*status), *why ? ": " : "", why);
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

/* The filter runs in the kernel.  A link type in whose terms ours cannot be said gets the user's alone. */
static bool set_filter(struct live *l, const struct capture_options *o, struct error *e)
{
	struct source *s = &l->source;
	char *ours = filter_for_kernel(pcap_datalink(s->pcap), o->tunnels, o->filter);
	bool good;

	if (!ours)
		return fail(e, "out of memory");
	good = source_prepare(s, l->name, o, ours, e) || source_prepare(s, l->name, o, o->filter, e);
	free(ours);
	if (good && s->filtered && pcap_setfilter(s->pcap, &s->filter) != 0)
		return fail(e, "%s: filter '%s': %s", l->name, o->filter ? o->filter : "", pcap_geterr(s->pcap));
	return good;
}

/* What can be done only with an active handle. */
static bool start(struct live *l, const struct capture_options *o, struct error *e)
{
	struct source *s = &l->source;
	char why[PCAP_ERRBUF_SIZE] = "";

	if (o->linktype && !set_linktype(l, o->linktype, e))
		return false;
	if (o->direction && !set_direction(l, o->direction, e))
		return false;
	if (!set_filter(l, o, e))
		return false;
	if (pcap_setnonblock(s->pcap, 1, why) != 0)
		return fail(e, "%s: %s", l->name, why);
	l->fd = pcap_get_selectable_fd(s->pcap);
	interface_attach(&l->net, pcap_fileno(s->pcap), l->name, !o->no_promiscuous);
	live_count(l);
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

static void sleep_a_tick(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = TICK_MS * 1000000L }, NULL);
}

static bool open_once(struct live *l, const struct capture_options *o, int *status, struct error *e)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	*status = 0;
	l->source.pcap = pcap_create(l->name, why);
	if (!l->source.pcap)
		return fail(e, "%s: %s", l->name, why);
	return set_up(l, o, e) && activate(l, status, e) && start(l, o, e);
}

bool live_open(struct live *l, const struct capture_options *o, struct capture_counters *n, struct error *e)
{
	char news[128] = "";
	int status;

	l->o = o;
	l->counters = n;
	l->name = o->interface;
	l->fd = l->net.fd = -1;
	find_by_number(l, o->interface);
	while (!open_once(l, o, &status, e)) {
		const bool first = !news[0];

		if (!o->wait || !may_come(status))
			return false;
		source_close(&l->source);
		snprintf(news, sizeof(news), "%s: waiting until the interface is there and up", l->name);
		if (o->waiting && o->waiting(o->user, first ? news : NULL))
			return fail(e, "%s: stopped before the interface was there and up", l->name);
		sleep_a_tick();
	}
	return rings_open(l, o, e);
}

bool live_open_ring(struct live *l, struct error *e)
{
	int status;

	return open_once(l, l->o, &status, e);
}

void live_close(struct live *l)
{
	rings_close(l);
	interface_detach(&l->net);
	source_close(&l->source);
}

/* ---- counters ---- */

/* Where pcap_stats() is all there is. */
static uint64_t count_by_libpcap(struct live *l)
{
	struct capture_counters *n = l->counters;
	struct pcap_stat now;
	uint64_t more;

	if (pcap_stats(l->source.pcap, &now) != 0)
		return 0;
	/* Differences of what wraps at 2^32 are right as long as no wrap is missed. */
	more = (uint32_t)(now.ps_drop - l->last_kernel);
	n->kernel_drops += more;
	n->kernel_drops_known = true;
	l->last_kernel = now.ps_drop;
	return more;
}

static uint64_t count(struct live *l)
{
	struct capture_counters *n = l->counters;
	uint64_t kernel, own;

	if (l->net.fd < 0)
		return count_by_libpcap(l);
	n->kernel_drops_known = interface_kernel_drops(&l->net, &kernel) || n->kernel_drops_known;
	n->interface_drops_known = interface_own_drops(&l->net, &own);
	if (!n->kernel_drops_known)
		kernel = 0;
	kernel += rings_count(l);
	n->kernel_drops += kernel;
	n->interface_drops += own;
	return kernel + own;
}

void live_count(struct live *l)
{
	const int64_t now = capture_clock(), since = l->looked ? l->looked : now;

	l->looked = now;
	if (!count(l))
		return;
	/* What is handed over next may be older than the loss: the ring was full when it happened. */
	l->gap = (struct capture_gap){ .from = l->missed ? l->gap.from : since, .to = now };
	l->missed = true;
}

static void look(struct live *l)
{
	const int64_t now = capture_clock();

	if (now - l->looked >= TICK || now < l->looked)
		live_count(l);
}

/* ---- the interface comes and goes ---- */

static void say(struct live *l, const char *what)
{
	snprintf(l->warning, sizeof(l->warning), "%s: %s", l->name, what);
}

/* It is up again, or another one of its name is. */
static enum capture_event came(struct live *l)
{
	say(l, l->state == INTERFACE_GONE ? "the interface is there again" : "the interface is up again");
	l->gap = (struct capture_gap){ .from = l->away, .to = capture_clock() };
	l->state = l->seen = INTERFACE_UP;
	return CAPTURE_CHANGED;
}

static enum capture_event went(struct live *l, enum interface_state state, struct error *e)
{
	const char *what = state == INTERFACE_GONE ? "the interface has disappeared" : "the interface went down";
	const bool worse = l->state != INTERFACE_UP; /* down before, and gone now: said already */

	l->state = state;
	if (!l->o->wait || (state == INTERFACE_GONE && l->more_count)) {
		fail(e, "%s: %s%s", l->name, what,
		     l->o->wait ? ", and several rings cannot be tied to the one that comes in its place" : "");
		return CAPTURE_FAILED;
	}
	if (worse)
		return CAPTURE_IDLE;
	say(l, state == INTERFACE_GONE ? "the interface has disappeared; waiting until it is there again" :
					 "the interface went down; waiting until it is up again");
	l->away = capture_clock() - 2 * TICK;
	l->gap = (struct capture_gap){ .from = l->away, .to = capture_clock() };
	return CAPTURE_CHANGED;
}

/*
 * Nothing came for a tick: why?  What is bad is believed when it is seen twice, because an interface that is
 * removed is down for a moment before.
 */
static enum capture_event idle(struct live *l, struct error *e)
{
	enum interface_state state = interface_state(&l->net);

	if (state == INTERFACE_GONE && l->state == INTERFACE_GONE) {
		struct error why;

		if (interface_rebind(&l->net, &why))
			state = interface_state(&l->net);
		else if (why.text[0])
			return fail(e, "%s", why.text), CAPTURE_FAILED;
	}
	if (state == INTERFACE_UP)
		return l->state == INTERFACE_UP ? CAPTURE_IDLE : came(l);
	if (state == l->state || state != l->seen) {
		l->seen = state;
		return CAPTURE_IDLE;
	}
	return went(l, state, e);
}

/* ---- frames ---- */

/* Wait for a tick at most.  False when nothing came. */
static bool wait_a_tick(struct live *l, bool *broken)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	*broken = false;
	if (l->fd < 0) { /* nothing to wait on: look again after the tick */
		sleep_a_tick();
		return true;
	}
	if (poll(&p, 1, TICK_MS) < 0) {
		*broken = errno != EINTR;
		return false;
	}
	return p.revents != 0;
}

/* libpcap can read no more. */
static enum capture_event failed(struct live *l, struct error *e)
{
	if (interface_state(&l->net) == INTERFACE_UP) {
		fail(e, "%s: %s", l->name, pcap_geterr(l->source.pcap));
		return CAPTURE_FAILED;
	}
	sleep_a_tick();
	return idle(l, e);
}

enum capture_event live_read(struct live *l, struct pcap_pkthdr **header, const u_char **data,
			     struct error *e)
{
	bool waited = false, broken = false;

	for (;;) {
		if (l->missed) {
			l->missed = false;
			return CAPTURE_MISSED;
		}
		if (l->state == INTERFACE_GONE) {
			sleep_a_tick();
			return idle(l, e);
		}
		const int answer =
			l->more_count ? rings_next(l, header, data) : pcap_next_ex(l->source.pcap, header, data);

		if (answer == 1) {
			if (++l->source.frames % LOOK_EVERY == 0)
				look(l);
			l->handed = true;
			return CAPTURE_FRAME;
		}
		if (answer < 0)
			return failed(l, e);
		look(l);
		if (l->handed) {
			l->handed = false;
			return CAPTURE_DRAINED;
		}
		if (waited)
			return idle(l, e);
		waited = l->more_count ? rings_wait(l, &broken) : wait_a_tick(l, &broken);
		if (broken) {
			fail(e, "%s: poll: %s", l->name, strerror(errno));
			return CAPTURE_FAILED;
		}
		if (!waited)
			return idle(l, e);
	}
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
