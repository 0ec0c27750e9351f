/* The record `segment`: what one segment was, and what it did to both endpoints. */
#include "names.h"
#include "report_private.h"

#define FLAG_ACK 0x010 /* RFC 9293, 3.1 */

struct moment {
	const enum tcplint_state *state;
	const bool *known, *certain;
};

static void put_moment(struct report *r, json_t *object, const char *key, const struct moment *m)
{
	json_t *both = NULL, *one;

	for (int side = TCPLINT_CLIENT; side <= TCPLINT_SERVER; side++) {
		if (!m->known[side])
			continue;
		if (!both)
			both = put_object(r, object, key);
		one = put_object(r, both, name_of_side(side));
		put_text(r, one, "state", tcplint_state_name(m->state[side]));
		put_bool(r, one, "certain", m->certain[side]);
	}
}

static void put_arrows(struct report *r, json_t *object, const struct tcplint_segment *s)
{
	json_t *arrows;

	if (!s->arrow[TCPLINT_CLIENT] && !s->arrow[TCPLINT_SERVER])
		return;
	arrows = put_object(r, object, "arrow");
	put_text(r, arrows, "client", s->arrow[TCPLINT_CLIENT]);
	put_text(r, arrows, "server", s->arrow[TCPLINT_SERVER]);
}

static void put_header(struct report *r, json_t *object, const struct tcplint_segment *s)
{
	char flags[NAMES_FLAGS_SIZE];
	const char *file;
	uint64_t number;

	report_locate(r, s->frame, &file, &number);
	put_number(r, object, "frame", number);
	if (r->o.several_inputs)
		put_foreign(r, object, "file", file ? file : "");
	put_text(r, object, "from", name_of_side((int)s->from));
	put_text(r, object, "flags", name_of_flags(s->flags, flags));
	put_number(r, object, "seq", s->seq);
	if (s->has_relative)
		put_number(r, object, "seq_relative", s->seq_relative);
	if (s->flags & FLAG_ACK) {
		put_number(r, object, "ack", s->ack);
		if (s->has_relative)
			put_number(r, object, "ack_relative", s->ack_relative);
	}
	put_number(r, object, "length", s->len);
	put_number(r, object, "window", s->window);
}

bool json_segment(struct report *r, const struct tcplint_segment *s)
{
	const struct moment before = { s->before, s->known_before, s->certain_before };
	const struct moment after = { s->after, s->known_after, s->certain_after };
	json_t *object;

	if (r->failed || !report_wants(r, REPORT_SEGMENT))
		return !r->failed;
	object = record_begin(r, "segment");
	put_when(r, object, s->ts);
	put_conn(r, object, s->conn);
	put_header(r, object, s);
	put_moment(r, object, "before", &before);
	put_moment(r, object, "after", &after);
	put_arrows(r, object, s);
	put_text(r, object, "ignored", s->ignored);
	put_rules(r, object, "opened", s->opened, s->opened_count);
	put_rules(r, object, "settled", s->settled, s->settled_count);
	put_rules(r, object, "fired", s->fired, s->fired_count);
	return record_end(r, object);
}
