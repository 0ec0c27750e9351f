/*
 * When an entry of the host table has something to show, and what it becomes: the private half of aggregate.h.
 */
#ifndef TCPLINT_JUDGE_H
#define TCPLINT_JUDGE_H

#include "stage.h"

/* The numbers that it chose; `last`: there will be no more. */
void judge_numbers(struct stage *st, struct host *h, bool last);
/* The source ports of a client's openings. */
void judge_ports(struct stage *st, struct host *h);
/* How its openings ended, as of `now`. */
void judge_scan(struct stage *st, struct host *h, struct mark now, bool last);
/* A probe of `kind` at a target. */
void judge_probe(struct stage *st, struct host *h, enum probe kind, uint32_t target, struct mark m);
/* The windows of a service up to the second before `second`, which is FLOOD_GRACE later or more; `last`: all. */
void judge_service(struct stage *st, struct host *h, int64_t second, struct mark m, bool last);

/* Whether it seems to use SYN cookies; how many of its openings failed, at the end. */
void judge_cookies(struct stage *st, struct host *h);
void judge_failures(struct stage *st, struct host *h, int64_t now);

/* Whether the service has been flooded within the last window. */
bool judge_flooded(const struct service *v, int64_t second);

/* Ask the rules ON_HOST, and report what they say. */
void judge_ask(struct stage *st, struct host *h, const struct host_view *hv);
/* One more frame that shows it, the last one last. */
void judge_mark(struct host_view *hv, struct mark m);

/* The finding of a rule about the host, or null. */
struct finding_cell *judge_finding(const struct stage *st, const struct host *h, enum rule r);
struct tcplint_host_id judge_host_id(const struct host *h);

#endif
