/* Implementation of check.h. */
#include "check.h"

#include <string.h>

#include "drive.h"
#include "expect.h"
#include "schedule.h"
#include "script.h"

static const char *const side_names[] = { "client", "server" };

static unsigned check_state(const struct script *s, const struct script_step *p,
			    const struct seen_segment *g, unsigned side, FILE *out)
{
	const struct script_state *want = &p->state[side];
	bool is = g->known[side];

	switch (want->want) {
	case STATE_ANY:
		return 0;
	case STATE_UNKNOWN:
		if (!is)
			return 0;
		break;
	case STATE_IS:
		if (is && g->after[side] == want->state && g->certain[side] == !want->tentative)
			return 0;
		break;
	}
	fprintf(out, "%s:%u: %s is %s%s, expected %s%s\n", s->name, p->line, side_names[side],
		is ? tcplint_state_name(g->after[side]) : "unknown",
		is && !g->certain[side] ? "?" : "",
		want->want == STATE_IS ? tcplint_state_name(want->state) : "unknown",
		want->tentative ? "?" : "");
	return 1;
}

static unsigned check_states(const struct script *s, const struct schedule *h, const struct seen *v,
			     FILE *out)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < h->count; i++) {
		const struct script_step *p = h->play[i].step;
		const struct seen_segment *g = &v->segment[i + 1];

		if (!p->has_states)
			continue;
		if (g->seen) {
			bad += check_state(s, p, g, TCPLINT_CLIENT, out);
			bad += check_state(s, p, g, TCPLINT_SERVER, out);
		} else {
			fprintf(out, "%s:%u: the engine reported no segment\n", s->name, p->line);
			bad++;
		}
	}
	return bad;
}

/* Where a finding belongs: the line of its decisive frame, or `end`. */
static const struct script_step *step_of(const struct script *s, const struct schedule *h,
					 const struct seen_finding *f)
{
	return f->frame >= 1 && f->frame <= h->count ? h->play[f->frame - 1].step : &s->end;
}

static const char *would_be(const struct seen_finding *f)
{
	const struct tcplint_rule *r =
		f->would_be >= 0 ? tcplint_rule((unsigned)f->would_be) : NULL;

	return r ? r->name : "";
}

/* How well the finding is what the word asks for; a failure is written. */
static unsigned check_details(const struct script *s, unsigned line, const struct script_rule *r,
			      const struct seen_finding *f, FILE *out)
{
	unsigned bad = 0;

	if (r->verdict[0] && strcmp(r->verdict, tcplint_verdict_name(f->verdict)) != 0 &&
	    strcmp(r->verdict, tcplint_severity_name(f->severity)) != 0) {
		fprintf(out, "%s:%u: %s is a %s, expected %s\n", s->name, line, r->name,
			tcplint_verdict_name(f->verdict), r->verdict);
		bad++;
	}
	if (r->would_be[0] && strcmp(r->would_be, would_be(f)) != 0) {
		fprintf(out, "%s:%u: %s would be \"%s\", expected %s\n", s->name, line, r->name,
			would_be(f), r->would_be);
		bad++;
	}
	if ((double)f->confidence < (double)r->least - 1e-6 || f->confidence >= r->below) {
		fprintf(out, "%s:%u: %s has confidence %.2f\n", s->name, line, r->name,
			(double)f->confidence);
		bad++;
	}
	return bad;
}

static struct seen_finding *find(const struct script *s, const struct schedule *h, struct seen *v,
				 const struct script_step *p, const struct script_rule *r)
{
	int rule = tcplint_rule_by_name(r->name);

	for (unsigned i = 0; i < v->findings; i++) {
		struct seen_finding *f = &v->finding[i];

		if (!f->expected && (int)f->rule == rule && step_of(s, h, f)->line == p->line &&
		    (!r->offender[0] ||
		     strcmp(r->offender, tcplint_offender_name(f->offender)) == 0))
			return f;
	}
	return NULL;
}

static unsigned check_line(const struct script *s, const struct schedule *h, struct seen *v,
			   const struct script_step *p, FILE *out)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < p->rule_count; i++) {
		const struct script_rule *r = &p->rule[i];
		struct seen_finding *f = find(s, h, v, p, r);

		if (f) {
			f->expected = true;
			bad += check_details(s, p->line, r, f, out);
		} else if (!r->optional && tcplint_rule_by_name(r->name) >= 0) {
			fprintf(out, "%s:%u: %s%s%s was not found\n", s->name, p->line, r->name,
				r->offender[0] ? " of the " : "", r->offender);
			bad++;
		}
	}
	return bad;
}

/* Findings about hosts are the business of tests with many connections. */
static unsigned check_silence(const struct script *s, const struct schedule *h,
			      const struct seen *v, FILE *out)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < v->findings; i++) {
		const struct seen_finding *f = &v->finding[i];
		const struct tcplint_rule *r = tcplint_rule(f->rule);

		if (s->clean && (f->verdict == TCPLINT_VIOLATION || f->severity == TCPLINT_ERROR)) {
			fprintf(out, "%s:%u: the script is clean, and %s was found: %s\n", s->name,
				step_of(s, h, f)->line, r->name, f->message);
			bad++;
		} else if (!f->expected && !f->host) {
			fprintf(out, "%s:%u: %s (%s, %.2f, %s%s%s) was found: %s\n", s->name,
				step_of(s, h, f)->line, r->name, tcplint_verdict_name(f->verdict),
				(double)f->confidence, tcplint_offender_name(f->offender),
				f->would_be >= 0 ? ", would be " : "", would_be(f), f->message);
			bad++;
		}
	}
	return bad;
}

static unsigned check_record(const struct script *s, const struct seen *v,
			     const struct script_expect *x, FILE *out)
{
	char value[256];

	if (x->connection == 0) {
		snprintf(value, sizeof(value), "%u", v->connections);
		if (strcmp(value, x->value) == 0)
			return 0;
		fprintf(out, "%s:%u: there are %s connections, expected %s\n", s->name, x->line,
			value, x->value);
		return 1;
	}
	if (x->connection > v->connections) {
		fprintf(out, "%s:%u: there is no connection %u\n", s->name, x->line, x->connection);
		return 1;
	}
	if (!expect_value(&v->connection[x->connection - 1], x->key, value, sizeof(value))) {
		fprintf(out, "%s:%u: a connection has no %s\n", s->name, x->line, x->key);
		return 1;
	}
	if (strcmp(value, x->value) == 0)
		return 0;
	fprintf(out, "%s:%u: connection %u has %s %s, expected %s\n", s->name, x->line,
		x->connection, x->key, value, x->value);
	return 1;
}

unsigned check(const struct script *s, const struct schedule *h, struct seen *v, FILE *out)
{
	unsigned bad = check_states(s, h, v, out);

	for (unsigned i = 0; i < s->steps; i++)
		bad += check_line(s, h, v, &s->step[i], out);
	bad += check_line(s, h, v, &s->end, out);
	bad += check_silence(s, h, v, out);
	for (unsigned i = 0; i < s->expects; i++)
		bad += check_record(s, v, &s->expect[i], out);
	return bad;
}

static unsigned names_of(const struct script *s, const struct script_step *p, FILE *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->rule_count; i++) {
		if (p->rule[i].optional || tcplint_rule_by_name(p->rule[i].name) >= 0)
			continue;
		fprintf(out, "# %s:%u: no rule %s in the catalogue\n", s->name, p->line,
			p->rule[i].name);
		n++;
	}
	return n;
}

unsigned check_names(const struct script *s, FILE *out)
{
	unsigned n = names_of(s, &s->end, out);

	for (unsigned i = 0; i < s->steps; i++)
		n += names_of(s, &s->step[i], out);
	return n;
}
