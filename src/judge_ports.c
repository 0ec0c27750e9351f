/* The source ports that a client chose. */
#include "judge.h"

/* Only those whose handshake was completed: a scanner's SYNs have ports of its own making. */
static unsigned ports_of(const struct stage *st, struct host *h, struct port_sample *s, struct mark *marks)
{
	struct opening *list[OPENINGS_KEPT + CHUNK_OPENINGS];
	const unsigned all = hosts_openings(&st->hosts, h, list);
	unsigned n = 0;

	for (unsigned i = 0; i < all; i++) {
		if (list[i]->state != OPENING_COMPLETED)
			continue;
		marks[n] = list[i]->mark;
		s[n++] = (struct port_sample){ list[i]->peer, list[i]->port };
	}
	return n;
}

void judge_ports(struct stage *st, struct host *h)
{
	struct port_sample s[OPENINGS_KEPT + CHUNK_OPENINGS];
	struct mark marks[OPENINGS_KEPT + CHUNK_OPENINGS];
	struct port_verdict v;

	if (host_detail(&st->hosts, h)->client.completed <= PORTS_MIN || judge_finding(st, h, RULE_port_sequential))
		return;
	if (!ports_judge(s, ports_of(st, h, s, marks), &v))
		return;
	struct host_view hv = { .h = h, .ports = &v, .probe = -1 };
	const unsigned last = v.last;

	for (unsigned i = last + 1 > DRAFT_FRAMES ? last + 1 - DRAFT_FRAMES : 0; i <= last; i++)
		judge_mark(&hv, marks[i]);
	v.last = s[last].port;
	judge_ask(st, h, &hv);
}
