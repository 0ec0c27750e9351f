/*
 * One stream of frames out of one or several sources.
 *
 * Files are filtered here and not by libpcap: a frame that the filter rejects is
 * counted all the same, so that frame numbers are those that Wireshark shows.
 */
#include "capture.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture_source.h"

#define TIME_MAX (INT64_C(1) << 62)

struct capture {
	struct capture_options options;
	struct capture_counters counters;
	uint64_t passed; /* frames that were delivered */
	bool live, ended;
	int64_t stopped; /* when nothing more was wanted; 0: more is */
	struct live interface;
	struct input *input;
	unsigned count, opened, current; /* inputs */
};

/* "EN10MB", or the number of a type that has no name. */
static const char *linktype_name(int linktype)
{
	const char *name = pcap_datalink_val_to_name(linktype);

	return name ? name : "unknown";
}

bool source_prepare(struct source *s, const char *name, const struct capture_options *o, const char *filter,
		    struct error *e)
{
	s->linktype = pcap_datalink(s->pcap);
	s->snaplen = pcap_snapshot(s->pcap);
	if (o->supports && !o->supports(s->linktype))
		return fail(e, "%s: link type %s (%d) is not supported", name,
			    linktype_name(s->linktype), s->linktype);
	if (!filter)
		return true;
	if (pcap_compile(s->pcap, &s->filter, filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
		return fail(e, "%s: filter '%s': %s", name, filter, pcap_geterr(s->pcap));
	s->filtered = true;
	return true;
}

void source_close(struct source *s)
{
	if (s->filtered)
		pcap_freecode(&s->filter);
	if (s->pcap)
		pcap_close(s->pcap);
	s->filtered = false;
	s->pcap = NULL;
}

int64_t source_time(const struct timeval *tv, int64_t unit)
{
	int64_t seconds = tv->tv_sec, rest = tv->tv_usec;

	/* A pcap file has 32 bits without a sign, which libpcap reads as if they had one: 2038 is not 1901. */
	if (seconds < 0 && seconds >= INT32_MIN)
		seconds += INT64_C(1) << 32;
	if (seconds < 0)
		return 0;
	if (seconds >= TIME_MAX / 1000000000)
		return TIME_MAX;
	/* The smaller part may be a lie, too; 32 bits of microseconds is the largest there can be. */
	rest = rest < 0 ? 0 : rest * unit;
	if (rest > UINT32_MAX * INT64_C(1000))
		rest = 0;
	seconds = seconds * 1000000000 + rest;
	return seconds < TIME_MAX ? seconds : TIME_MAX;
}

static bool open_files(struct capture *c, const struct capture_options *o, struct error *e)
{
	c->input = calloc(o->file_count, sizeof(*c->input));
	if (!c->input)
		return fail(e, "out of memory");
	c->count = o->file_count;
	for (; c->opened < c->count; c->opened++)
		if (!input_open(&c->input[c->opened], o->files[c->opened], o, e))
			return false;
	c->input[0].base = 0;
	return input_resume(&c->input[0], o, e);
}

struct capture *capture_open(const struct capture_options *o, struct error *e)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c) {
		fail(e, "out of memory");
		return NULL;
	}
	c->options = *o;
	c->live = o->file_count == 0;
	if (c->live ? live_open(&c->interface, &c->options, &c->counters, e) : open_files(c, o, e))
		return c;
	capture_close(c);
	return NULL;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	if (c->live)
		live_close(&c->interface);
	for (unsigned i = 0; i < c->opened; i++)
		input_close(&c->input[i]);
	free(c->input);
	free(c);
}

const char *capture_warning(const struct capture *c)
{
	return c->live && c->interface.warning[0] ? c->interface.warning : NULL;
}

struct capture_gap capture_gap(const struct capture *c)
{
	return c->interface.gap;
}

const char *capture_interface(const struct capture *c)
{
	static const char *const names[] = {
		[INTERFACE_UP] = "up", [INTERFACE_DOWN] = "down", [INTERFACE_GONE] = "gone"
	};

	return c->live && c->interface.net.index ? names[c->interface.state] : NULL;
}

bool capture_check_filter(const char *filter, struct error *e)
{
	/* Words like "wlan" and "inbound" are for some link types only; these cover all there are. */
	static const int kinds[] = { DLT_EN10MB, DLT_IEEE802_11_RADIO, DLT_LINUX_SLL, DLT_RAW,
				     DLT_PFLOG };
	bool good = false;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !good; i++) {
		struct bpf_program program;
		pcap_t *p = pcap_open_dead(kinds[i], DEFAULT_SNAPLEN);

		if (!p)
			return fail(e, "out of memory");
		good = pcap_compile(p, &program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0;
		if (good)
			pcap_freecode(&program);
		else if (i == 0)
			fail(e, "filter '%s': %s", filter, pcap_geterr(p));
		pcap_close(p);
	}
	return good;
}

static void fill(struct tcplint_frame *f, const struct pcap_pkthdr *h, const u_char *data, int snaplen)
{
	f->captured = h->caplen;
	f->wire = h->len > h->caplen ? h->len : h->caplen;
	f->data = data;
	if (snaplen > 0 && f->captured > (uint32_t)snaplen)
		f->captured = (uint32_t)snaplen;
}

/* The current input is exhausted: CAPTURE_END when there is no other one. */
static enum capture_event next_input(struct capture *c, struct error *e)
{
	struct input *done = &c->input[c->current];
	uint64_t base = done->base + done->source.frames;

	if (c->current + 1 == c->count)
		return CAPTURE_END;
	input_close(done);
	c->current++;
	c->input[c->current].base = base;
	return input_resume(&c->input[c->current], &c->options, e) ? CAPTURE_FRAME : CAPTURE_FAILED;
}

/* The usual case, in a few instructions: libpcap is not asked, and no filter is. */
static unsigned plain_frames(struct capture *c, struct input *in, struct tcplint_frame *frames, unsigned most)
{
	const unsigned n = in->source.filtered ? 0 : records_frames(&in->records, frames, most);
	const uint32_t snaplen = c->options.snaplen ? (uint32_t)c->options.snaplen : UINT32_MAX;

	const uint64_t before = in->base + in->source.frames;
	const int linktype = in->source.linktype;

	for (unsigned i = 0; i < n; i++) {
		frames[i].captured = frames[i].captured < snaplen ? frames[i].captured : snaplen;
		frames[i].number = before + i + 1;
		frames[i].linktype = linktype;
	}
	in->source.frames += n;
	c->counters.frames += n;
	return n;
}

unsigned capture_at_hand(struct capture *c, struct tcplint_frame *frames, unsigned most)
{
	const uint64_t left = c->options.count ? c->options.count - c->passed : UINT64_MAX;

	if (c->live || c->ended)
		return 0;
	const unsigned n = plain_frames(c, &c->input[c->current], frames, most < left ? most : (unsigned)left);

	c->passed += n;
	return n;
}

static enum capture_event next_of_files(struct capture *c, struct tcplint_frame *frame, struct error *e)
{
	struct pcap_pkthdr *header;
	const u_char *data;

	for (;;) {
		struct input *in = &c->input[c->current];

		if (plain_frames(c, in, frame, 1))
			return CAPTURE_FRAME;
		enum capture_event event = input_read(in, &header, &data, e);

		if (event == CAPTURE_END && !in->stopped) {
			event = next_input(c, e);
			if (event == CAPTURE_FRAME)
				continue;
		}
		if (event != CAPTURE_FRAME)
			return event;
		c->counters.frames++;
		if (in->source.filtered &&
		    pcap_offline_filter(&in->source.filter, header, data) == 0) {
			c->counters.filtered_out++;
			continue;
		}
		fill(frame, header, data, c->options.snaplen);
		frame->ts = source_time(&header->ts, 1);
		frame->number = in->base + in->source.frames;
		frame->linktype = in->source.linktype;
		return CAPTURE_FRAME;
	}
}

/* The kernel hands over within three ticks what has come; a load that goes on is not waited for. */
#define LAST_FRAMES (3 * TICK_MS * INT64_C(1000000))
#define LAST_SECOND INT64_C(1000000000)

void capture_stop(struct capture *c)
{
	c->stopped = capture_clock();
}

/* Whether what came before it was stopped has been handed over. */
static bool is_over(const struct capture *c, const struct pcap_pkthdr *header)
{
	const int64_t since = capture_clock() - c->stopped;

	if (since < 0 || since > LAST_SECOND)
		return true;
	return header ? source_time(&header->ts, c->interface.unit) > c->stopped : since > LAST_FRAMES;
}

static enum capture_event next_of_interface(struct capture *c, struct tcplint_frame *frame, struct error *e)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	enum capture_event event = live_read(&c->interface, &header, &data, e);

	if (c->stopped && is_over(c, event == CAPTURE_FRAME ? header : NULL))
		return CAPTURE_END;
	if (event != CAPTURE_FRAME)
		return event;
	c->counters.frames++;
	fill(frame, header, data, 0);
	frame->ts = source_time(&header->ts, c->interface.unit);
	frame->number = c->counters.frames;
	frame->linktype = c->interface.source.linktype;
	return CAPTURE_FRAME;
}

enum capture_event capture_next(struct capture *c, struct tcplint_frame *frame, struct error *e)
{
	enum capture_event event;

	if (c->ended || (c->options.count && c->passed == c->options.count))
		return CAPTURE_END;
	event = c->live ? next_of_interface(c, frame, e) : next_of_files(c, frame, e);
	c->passed += event == CAPTURE_FRAME;
	c->ended = event == CAPTURE_END || event == CAPTURE_FAILED;
	return event;
}

int64_t capture_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The kernel's own tenth of a second, and as much for the machine; of several rings, the slowest is waited for. */
int64_t capture_lag(const struct capture *c)
{
	return (c->live && c->options.rings > 1 ? 5 : 2) * TICK_MS * INT64_C(1000000);
}

bool capture_is_live(const struct capture *c)
{
	return c->live;
}

static const struct source *current_source(const struct capture *c)
{
	return c->live ? &c->interface.source : &c->input[c->current].source;
}

int capture_linktype(const struct capture *c)
{
	return current_source(c)->linktype;
}

bool capture_input_linktype(const struct capture *c, unsigned input, int *linktype)
{
	if (input >= (c->live ? 1 : c->count))
		return false;
	*linktype = c->live ? c->interface.source.linktype : c->input[input].source.linktype;
	return true;
}

const char *capture_linktype_name(const struct capture *c)
{
	return linktype_name(current_source(c)->linktype);
}

int capture_snaplen(const struct capture *c)
{
	int own = current_source(c)->snaplen, asked = c->options.snaplen;

	return !c->live && asked > 0 && asked < own ? asked : own;
}

uint64_t capture_memory(const struct capture *c)
{
	const unsigned rings = c->options.rings > 1 ? c->options.rings : 1;

	return c->live ? rings * live_buffer_kib(&c->options) * UINT64_C(1024) : 0;
}

void capture_locate(const struct capture *c, uint64_t ordinal, unsigned *file, uint64_t *number)
{
	unsigned i = c->current;

	while (i > 0 && c->input[i].base >= ordinal)
		i--;
	*file = i;
	*number = c->live ? ordinal : ordinal - c->input[i].base;
}

const char *capture_file_name(const struct capture *c, unsigned file)
{
	return c->live ? c->interface.name : c->input[file].path;
}

const struct capture_counters *capture_counters(struct capture *c)
{
	if (c->live)
		live_count(&c->interface);
	return &c->counters;
}

const char *capture_library_version(void)
{
	return pcap_lib_version();
}
