#include <stdlib.h>

#include <tcplint/frame.h>

#include "evidence.h"
#include "packets.h"
#include "savefile.h"

struct packets {
	struct evidence *evidence;
	struct output *output;
	struct savefile format;
	const struct capture_options *again; /* null: one pass */
	struct capture *second;
	uint64_t written;
};

static void write_frame(void *user, const struct tcplint_frame *f)
{
	struct packets *p = user;
	uint8_t before[SAVEFILE_RECORD], after[SAVEFILE_TRAILER];
	const size_t head = savefile_before(&p->format, f, before), tail = savefile_after(&p->format, f, after);

	const struct output_part parts[] = { { before, head }, { f->data, f->captured }, { after, tail } };

	p->written += output_record(p->output, parts, 3);
}

static bool prepare(struct packets *p, const struct output_options *where, const struct tcplint_options *lint,
		    const struct capture *c, struct error *e)
{
	uint8_t header[SAVEFILE_HEADER];
	int linktype;

	for (unsigned i = 0; capture_input_linktype(c, i, &linktype); i++)
		if (!savefile_add(&p->format, linktype))
			return fail(e, "-w: the inputs have more than %d link types", SAVEFILE_LINKTYPES);
	p->evidence = evidence_create(&(struct evidence_options){
		.tunnels = lint->tunnels,
		.vlan_in_key = lint->vlan_in_key,
		.two_passes = p->again,
		.max_connections = lint->max_connections,
		.each = write_frame,
		.user = p,
	}, e);
	p->output = p->evidence ? output_open(where, e) : NULL;
	if (!p->output)
		return false;
	output_header(p->output, (const char *)header, savefile_header(&p->format, header));
	return true;
}

struct packets *packets_open(const struct output_options *where, const struct tcplint_options *lint,
			     const struct capture *c, const struct capture_options *again, struct error *e)
{
	struct packets *p = calloc(1, sizeof(*p));

	if (!p) {
		fail(e, "no memory for packets");
		return NULL;
	}
	p->again = again;
	p->second = again ? capture_open(again, e) : NULL;
	if ((p->second || !again) && prepare(p, where, lint, c, e))
		return p;
	evidence_destroy(p->evidence);
	capture_close(p->second);
	free(p);
	return NULL;
}

void packets_frame(struct packets *p, const struct tcplint_frame *f)
{
	if (!p->again)
		evidence_frame(p->evidence, f);
}

void packets_found(struct packets *p, const struct tcplint_conn_id *c)
{
	evidence_found(p->evidence, c);
}

void packets_released(struct packets *p, const struct tcplint_conn_id *c, uint64_t number)
{
	evidence_released(p->evidence, c, number);
}

bool packets_second_pass(struct packets *p, uint64_t last, bool (*interrupted)(void), struct error *e)
{
	enum capture_event event = CAPTURE_END;
	struct tcplint_frame f;

	if (!p->again)
		return true;
	const bool before = interrupted();
	while (!output_errno(p->output) && (event = capture_next(p->second, &f, e)) == CAPTURE_FRAME &&
	       f.number <= last) {
		if (!output_clock(p->output, f.ts) || (interrupted() && !before))
			break;
		evidence_frame(p->evidence, &f);
	}
	return event != CAPTURE_FAILED;
}

bool packets_in_one_pass(const struct packets *p)
{
	return !p->again;
}

struct output *packets_output(struct packets *p)
{
	return p->output;
}

struct packets_counters packets_count(const struct packets *p)
{
	const uint64_t lost = output_lost(p->output);

	return (struct packets_counters){
		.written = p->written - lost,
		.lost = lost,
		.forgotten = evidence_forgotten(p->evidence),
	};
}

uint64_t packets_bound(const struct packets *p)
{
	return evidence_bound(p->evidence);
}

bool packets_close(struct packets *p, struct error *e)
{
	bool good;

	if (!p)
		return true;
	good = output_close(p->output, e);
	evidence_destroy(p->evidence);
	capture_close(p->second);
	free(p);
	return good;
}
