/* Tables of names, one for each enumeration.  A value outside its enumeration is "?": a bug, but no crash. */
#include <stdio.h>
#include <string.h>

#include "names.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const verdicts[TCPLINT_VERDICT_COUNT] = {
	[TCPLINT_VIOLATION] = "violation",         [TCPLINT_DEVIATION] = "deviation",
	[TCPLINT_NETWORK_EVENT] = "network_event", [TCPLINT_ATTACK_SUSPECT] = "attack_suspect",
	[TCPLINT_ARTEFACT] = "artefact",           [TCPLINT_NOTE] = "note",
};

static const char *const severities[] = {
	[TCPLINT_INFO] = "info",
	[TCPLINT_NOTICE] = "notice",
	[TCPLINT_WARNING] = "warning",
	[TCPLINT_ERROR] = "error",
};

static const char *pick(const char *const *table, size_t count, unsigned index)
{
	return index < count && table[index] ? table[index] : "?";
}

static int find(const char *const *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(table[i], name))
			return (int)i;
	return -1;
}

const char *tcplint_state_name(enum tcplint_state s)
{
	static const char *const names[TCPLINT_STATE_COUNT] = {
		[TCPLINT_CLOSED] = "CLOSED",           [TCPLINT_LISTEN] = "LISTEN",
		[TCPLINT_SYN_SENT] = "SYN_SENT",       [TCPLINT_SYN_RECEIVED] = "SYN_RECEIVED",
		[TCPLINT_ESTABLISHED] = "ESTABLISHED", [TCPLINT_FIN_WAIT_1] = "FIN_WAIT_1",
		[TCPLINT_FIN_WAIT_2] = "FIN_WAIT_2",   [TCPLINT_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCPLINT_CLOSING] = "CLOSING",         [TCPLINT_LAST_ACK] = "LAST_ACK",
		[TCPLINT_TIME_WAIT] = "TIME_WAIT",
	};

	return pick(names, COUNT(names), s);
}

const char *tcplint_verdict_name(enum tcplint_verdict v)
{
	return pick(verdicts, COUNT(verdicts), v);
}

const char *tcplint_severity_name(enum tcplint_severity s)
{
	return pick(severities, COUNT(severities), s);
}

const char *tcplint_phase_name(enum tcplint_phase p)
{
	static const char *const names[TCPLINT_PHASE_COUNT] = {
		[TCPLINT_PHASE_HEADER] = "header",     [TCPLINT_PHASE_HANDSHAKE] = "handshake",
		[TCPLINT_PHASE_TIMING] = "timing",     [TCPLINT_PHASE_OPTIONS] = "options",
		[TCPLINT_PHASE_ISN] = "isn",           [TCPLINT_PHASE_ESTABLISHED] = "established",
		[TCPLINT_PHASE_TEARDOWN] = "teardown", [TCPLINT_PHASE_TIME_WAIT] = "time_wait",
		[TCPLINT_PHASE_RESET] = "reset",       [TCPLINT_PHASE_AGGREGATE] = "aggregate",
		[TCPLINT_PHASE_CAPTURE] = "capture",
	};

	return pick(names, COUNT(names), p);
}

const char *tcplint_offender_name(enum tcplint_offender o)
{
	static const char *const names[TCPLINT_OFFENDER_COUNT] = {
		[TCPLINT_BY_CLIENT] = "client",   [TCPLINT_BY_SERVER] = "server",
		[TCPLINT_BY_NETWORK] = "network", [TCPLINT_BY_CAPTURE] = "capture",
		[TCPLINT_BY_UNKNOWN] = "unknown",
	};

	return pick(names, COUNT(names), o);
}

const char *name_of_judgement(enum tcplint_judgement j)
{
	static const char *const names[TCPLINT_JUDGEMENT_COUNT] = {
		[TCPLINT_NOT_SEEN] = "not_seen",     [TCPLINT_UNDECIDABLE] = "undecidable",
		[TCPLINT_VIOLATED] = "violated",     [TCPLINT_CONFORMANT] = "conformant",
		[TCPLINT_INCOMPLETE] = "incomplete",
	};

	return pick(names, COUNT(names), j);
}

const char *name_of_backoff(enum tcplint_backoff b)
{
	static const char *const names[] = {
		[TCPLINT_BACKOFF_EXPONENTIAL] = "exponential",
		[TCPLINT_BACKOFF_LINEAR] = "linear",
		[TCPLINT_BACKOFF_LINEAR_THEN_EXPONENTIAL] = "linear_then_exponential",
		[TCPLINT_BACKOFF_IRREGULAR] = "irregular",
	};

	return pick(names, COUNT(names), b);
}

const char *name_of_vantage(enum tcplint_vantage v)
{
	static const char *const names[] = {
		[TCPLINT_NEAR_CLIENT] = "near_client",
		[TCPLINT_MIDDLE] = "middle",
		[TCPLINT_NEAR_SERVER] = "near_server",
	};

	return pick(names, COUNT(names), v);
}

const char *name_of_handshake(enum tcplint_handshake_kind k)
{
	static const char *const names[TCPLINT_HANDSHAKE_KIND_COUNT] = {
		[TCPLINT_HANDSHAKE_NONE] = "none",
		[TCPLINT_HANDSHAKE_THREE_WAY] = "three_way",
		[TCPLINT_HANDSHAKE_SIMULTANEOUS] = "simultaneous",
		[TCPLINT_HANDSHAKE_FAST_OPEN] = "fast_open",
		[TCPLINT_HANDSHAKE_SPLIT] = "split",
	};

	return pick(names, COUNT(names), k);
}

const char *name_of_teardown(enum tcplint_teardown_kind k)
{
	static const char *const names[TCPLINT_TEARDOWN_KIND_COUNT] = {
		[TCPLINT_TEARDOWN_NONE] = "none",
		[TCPLINT_TEARDOWN_FOUR_WAY] = "four_way",
		[TCPLINT_TEARDOWN_THREE_SEGMENT] = "three_segment",
		[TCPLINT_TEARDOWN_SIMULTANEOUS] = "simultaneous",
		[TCPLINT_TEARDOWN_RST] = "rst",
		[TCPLINT_TEARDOWN_HALF_CLOSED] = "half_closed",
	};

	return pick(names, COUNT(names), k);
}

const char *name_of_origin(enum tcplint_origin o)
{
	static const char *const names[TCPLINT_ORIGIN_COUNT] = {
		[TCPLINT_ORIGIN_SYN] = "syn",
		[TCPLINT_ORIGIN_SYNACK] = "synack",
		[TCPLINT_ORIGIN_MIDSTREAM] = "midstream",
		[TCPLINT_ORIGIN_STRAY] = "stray",
	};

	return pick(names, COUNT(names), o);
}

const char *name_of_end(enum tcplint_end e)
{
	static const char *const names[TCPLINT_END_COUNT] = {
		[TCPLINT_END_FIN] = "fin",
		[TCPLINT_END_RST] = "rst",
		[TCPLINT_END_TIMEOUT] = "timeout",
		[TCPLINT_END_REUSE] = "reuse",
		[TCPLINT_END_EVICTED] = "evicted",
		[TCPLINT_END_EOF] = "eof",
		[TCPLINT_END_INTERRUPTED] = "interrupted",
	};

	return pick(names, COUNT(names), e);
}

const char *name_of_field(enum tcplint_field f)
{
	static const char *const names[TCPLINT_FIELD_COUNT] = {
		[TCPLINT_FIELD_SEQ] = "seq",
		[TCPLINT_FIELD_ACK] = "ack",
		[TCPLINT_FIELD_FLAGS] = "flags",
		[TCPLINT_FIELD_LENGTH] = "length",
		[TCPLINT_FIELD_WINDOW] = "window",
		[TCPLINT_FIELD_CHECKSUM] = "checksum",
		[TCPLINT_FIELD_DATA_OFFSET] = "data_offset",
		[TCPLINT_FIELD_ISN] = "isn",
		[TCPLINT_FIELD_FIN] = "fin",
		[TCPLINT_FIELD_OPTION] = "option",
		[TCPLINT_FIELD_MSS] = "mss",
		[TCPLINT_FIELD_WSCALE] = "wscale",
		[TCPLINT_FIELD_TSECR] = "tsecr",
		[TCPLINT_FIELD_TSVAL] = "tsval",
		[TCPLINT_FIELD_WINDOW_EDGE] = "window_edge",
	};

	return pick(names, COUNT(names), f);
}

const char *name_of_profile(enum tcplint_profile p)
{
	static const char *const names[] = {
		[TCPLINT_PROFILE_RFC] = "rfc",
		[TCPLINT_PROFILE_TEXTBOOK] = "textbook",
		[TCPLINT_PROFILE_LENIENT] = "lenient",
	};

	return pick(names, COUNT(names), p);
}

const char *name_of_evidence(char letter)
{
	switch (letter) {
	case 'F':
		return "the fields of one segment";
	case 'P':
		return "two segments of one sender";
	case 'X':
		return "segments of both directions";
	case 'A':
		return "something that was due and did not come";
	case 'T':
		return "the time between segments";
	case 'G':
		return "statistics";
	default:
		return "?";
	}
}

const char *name_of_side(int side)
{
	static const char *const names[] = { "client", "server", "both" };

	return side >= 0 && side < (int)COUNT(names) ? names[side] : NULL;
}

int verdict_by_name(const char *name)
{
	return find(verdicts, COUNT(verdicts), name);
}

int severity_by_name(const char *name)
{
	return find(severities, COUNT(severities), name);
}

const char *name_of_flags(uint16_t flags, char out[NAMES_FLAGS_SIZE])
{
	/* The bits that make a segment what it is come first: SYN,ACK and FIN,ACK as people say them. */
	static const struct {
		uint16_t bits;
		char name[4];
	} table[] = {
		{ 0x002, "SYN" }, { 0x001, "FIN" }, { 0x004, "RST" }, { 0x008, "PSH" },
		{ 0x010, "ACK" }, { 0x020, "URG" }, { 0x040, "ECE" }, { 0x080, "CWR" },
		{ 0x100, "AE" },  { 0xe00, "RSV" },
	};
	size_t used = 0;

	for (size_t i = 0; i < COUNT(table); i++)
		if (flags & table[i].bits)
			used += (size_t)snprintf(out + used, NAMES_FLAGS_SIZE - used, "%s%s",
						 used ? "," : "", table[i].name);
	if (!used)
		snprintf(out, NAMES_FLAGS_SIZE, "none");
	return out;
}
