/* The record `segment`: what one segment was, and what it did to both endpoints. */
#include "names.h"
#include "report_line.h"

#define FLAG_ACK 0x010 /* RFC 9293, 3.1 */

struct moment {
	const enum tcplint_state *state;
	const bool *known, *certain;
};

static void put_moment(struct report *r, const char *key, const struct moment *m)
{
	if (!m->known[TCPLINT_CLIENT] && !m->known[TCPLINT_SERVER])
		return;
	open_object(r, key);
	for (int side = TCPLINT_CLIENT; side <= TCPLINT_SERVER; side++) {
		if (!m->known[side])
			continue;
		open_object(r, name_of_side(side));
		put_word(r, "state", tcplint_state_name(m->state[side]));
		put_bool(r, "certain", m->certain[side]);
		close_object(r);
	}
	close_object(r);
}

static void put_arrows(struct report *r, const struct tcplint_segment *s)
{
	if (!s->arrow[TCPLINT_CLIENT] && !s->arrow[TCPLINT_SERVER])
		return;
	open_object(r, "arrow");
	put_word(r, "client", s->arrow[TCPLINT_CLIENT]);
	put_word(r, "server", s->arrow[TCPLINT_SERVER]);
	close_object(r);
}

static void put_header(struct report *r, const struct tcplint_segment *s)
{
	char flags[NAMES_FLAGS_SIZE];
	const char *file;
	uint64_t number;

	report_locate(r, s->frame, &file, &number);
	put_number(r, "frame", number);
	if (r->o.several_inputs)
		put_foreign(r, "file", file ? file : "");
	put_word(r, "from", name_of_side((int)s->from));
	put_word(r, "flags", name_of_flags(s->flags, flags));
	put_number(r, "seq", s->seq);
	if (s->has_relative)
		put_number(r, "seq_relative", s->seq_relative);
	if (s->flags & FLAG_ACK) {
		put_number(r, "ack", s->ack);
		if (s->has_relative)
			put_number(r, "ack_relative", s->ack_relative);
	}
	put_number(r, "length", s->len);
	put_number(r, "window", s->window);
}

bool json_segment(struct report *r, const struct tcplint_segment *s)
{
	const struct moment before = { s->before, s->known_before, s->certain_before };
	const struct moment after = { s->after, s->known_after, s->certain_after };

	if (r->failed || !report_wants(r, REPORT_SEGMENT))
		return !r->failed;
	record_begin(r, "segment");
	put_when(r, s->ts);
	put_conn(r, s->conn);
	put_header(r, s);
	put_moment(r, "before", &before);
	put_moment(r, "after", &after);
	put_arrows(r, s);
	put_word(r, "ignored", s->ignored);
	put_rules(r, "opened", s->opened, s->opened_count);
	put_rules(r, "settled", s->settled, s->settled_count);
	put_rules(r, "fired", s->fired, s->fired_count);
	return record_end(r);
}
