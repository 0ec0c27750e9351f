/*
 * The long way of a segment.  The order in which it is looked at is the order of
 * its letters: its kind, zero window, retransmission, flip, gap.
 */
#include "zeek.h"

#include <string.h>

#define JUMP_MAX 1048576 /* how far off a SYN, a RST or an acknowledgment of 0 may be */

/* A segment and what was worked out about it. */
struct step {
	struct zeek *z;
	struct zeek_end *end, *peer;
	const struct segment *s;
	int from;
	int role; /* 0 originator, 1 responder, as it was when the segment came */
	bool syn, fin, rst, ack;
	bool underflow; /* its number lies before `start` */
	uint32_t rel, rel_ack;
};

static void append(struct zeek *z, char letter)
{
	if (z->length < ZEEK_HISTORY_MAX)
		z->history[z->length++] = letter;
}

static char change_case(char letter)
{
	return letter == '^' ? letter : (char)(letter ^ ('a' - 'A'));
}

static void note(struct zeek *z, int from, char letter)
{
	append(z, from == z->originator ? letter : change_case(letter));
}

/* True if it was noted before. */
static bool note_once(const struct step *t, enum zeek_seen what, char letter)
{
	if (t->z->seen[t->role] & what)
		return true;
	t->z->seen[t->role] |= (uint8_t)what;
	note(t->z, t->from, letter);
	return false;
}

/* Again whenever the number is not that of the last time. */
static void note_again(const struct step *t, enum zeek_seen w, char c, uint32_t *last, uint32_t n)
{
	if (note_once(t, w, c) && *last != n)
		note(t->z, t->from, c);
	*last = n;
}

/* The 1st, the 10th, the 100th, ... */
static void note_scaled(struct zeek *z, int from, char letter, uint32_t *count)
{
	uint32_t n = ++*count;

	while (n >= 10 && n % 10 == 0)
		n /= 10;
	if (n == 1)
		note(z, from, letter);
}

/* `likely_server_ports`, as a Zeek with all its base scripts has them for TCP. */
static bool server_port(uint16_t port)
{
	static const uint16_t ports[] = {
		21,   22,   25,   53,   79,   80,   81,   88,   135,  139,  143,   389,
		443,  445,  502,  563,  585,  587,  614,  631,  636,  989,  990,   992,
		993,  995,  1080, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 5222,  5223,
		5269, 5432, 6379, 6666, 6667, 6668, 6669, 8000, 8080, 8888, 20000,
	};

	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		if (ports[i] == port)
			return true;
	return false;
}

static void swap_roles(struct zeek *z)
{
	uint8_t seen = z->seen[0];

	z->originator = !z->originator;
	z->seen[0] = z->seen[1];
	z->seen[1] = seen;
	z->partial = false;
	append(z, '^');
}

static void begin(struct zeek *z, int from, const struct segment *s)
{
	bool syn = s->flags & FLAG_SYN, ack = s->flags & FLAG_ACK;
	uint16_t src = s->src.port, dst = s->dst.port;

	z->begun = true;
	z->originator = (uint8_t)from;
	z->end[0].delivered = z->end[0].trimmed = z->end[1].delivered = z->end[1].trimmed = 1;
	if ((!syn || ack) && server_port(src) && (!server_port(dst) || (!syn && src < dst)))
		swap_roles(z);
}

static bool opening(const struct zeek_end *e)
{
	return e->state == ZEEK_SYN_SENT || e->state == ZEEK_SYN_ACK_SENT;
}

static void set_state(struct zeek_end *e, enum zeek_state state)
{
	if (e->state != state) {
		e->state_before = e->state;
		e->state = (uint8_t)state;
	}
}

/* A lone SYN-ACK may be a scan and makes its sender the originator; until they go on. */
static void flip_after_syn_ack(struct step *t)
{
	struct zeek *z = t->z;
	struct zeek_end *o = &z->end[z->originator], *r = &z->end[!z->originator];

	if (o->state != ZEEK_SYN_ACK_SENT || r->state != ZEEK_INACTIVE)
		return;
	if (t->syn || t->fin || t->rst || !(t->ack || t->s->len))
		return;
	swap_roles(z);
	z->first = 2;
	t->role = !t->role;
	set_state(o, ZEEK_ESTABLISHED);
	/* Its letters become the responder's, as if it had always been that. */
	for (int i = z->length - 1; i > 0; i--)
		z->history[i] = change_case(z->history[i - 1]);
	z->history[0] = '^';
}

static bool clean(const struct zeek_end *e)
{
	enum zeek_state open = e->state == ZEEK_CLOSED ? e->state_before : e->state;

	return open == ZEEK_ESTABLISHED;
}

static void note_gap(struct zeek *z, int side)
{
	if (!z->end[side].skip && clean(&z->end[0]) && clean(&z->end[1]))
		note_scaled(z, side, 'G', &z->end[side].gaps);
}

static void deliver_blocks(struct zeek_end *e)
{
	int i = 0;

	while (i < e->blocks && seq_le(e->above[i].from, e->delivered))
		e->delivered = seq_max(e->delivered, e->above[i++].to);
	e->blocks = (uint8_t)(e->blocks - i);
	memmove(e->above, e->above + i, e->blocks * sizeof *e->above);
}

static void keep_block(struct zeek_end *e, struct zeek_block new)
{
	struct zeek_block list[ZEEK_BLOCKS + 1];
	int n = 0, i = 0;

	while (i < e->blocks && seq_lt(e->above[i].to, new.from))
		list[n++] = e->above[i++];
	for (; i < e->blocks && seq_le(e->above[i].from, new.to); i++) {
		new.from = seq_lt(e->above[i].from, new.from) ? e->above[i].from : new.from;
		new.to = seq_max(new.to, e->above[i].to);
	}
	list[n++] = new;
	while (i < e->blocks)
		list[n++] = e->above[i++];
	if (n > ZEEK_BLOCKS) {
		n = ZEEK_BLOCKS;
		list[n - 1].to = list[n].to;
	}
	e->blocks = (uint8_t)n;
	memcpy(e->above, list, (size_t)n * sizeof *list);
}

static bool nothing_acked(const struct zeek_end *e)
{
	return !e->ack_wraps && e->ack - e->start <= 1;
}

static bool too_much_waits(const struct zeek_end *e)
{
	uint32_t waiting = e->delivered - e->trimmed;

	if (nothing_acked(e))
		return e->blocks && e->above[e->blocks - 1].to - e->delivered > ZEEK_ABOVE_HOLE_MAX;
	for (int i = 0; i < e->blocks; i++)
		waiting += e->above[i].to - e->above[i].from;
	return waiting > ZEEK_UNACKED_MAX;
}

static void take_data(const struct step *t)
{
	struct zeek_end *e = t->end;
	uint32_t acked = seq_max(e->ack - e->start, e->trimmed);
	struct zeek_block new = { t->rel + t->syn, t->rel + t->syn + t->s->len };

	if (e->skip || seq_le(new.to, acked))
		return;
	new.from = seq_max(new.from, acked);
	if (seq_lt(e->delivered, new.from))
		keep_block(e, new);
	else
		e->delivered = seq_max(e->delivered, new.to);
	deliver_blocks(e);
	if (too_much_waits(e)) {
		e->skip = true;
		e->blocks = 0;
	}
}

/* The peer has everything up to `to`: what was not seen will not come. */
static void give_up(struct zeek *z, int side, uint32_t to)
{
	struct zeek_end *e = &z->end[side];

	/* The first acknowledgment of a connection without a SYN, perhaps of a keep-alive. */
	if (z->partial && to <= 2)
		return;
	while (e->blocks && seq_lt(e->above[0].from, to)) {
		note_gap(z, side);
		e->delivered = e->above[0].from;
		deliver_blocks(e);
	}
	if (seq_lt(e->delivered, to)) {
		note_gap(z, side);
		e->delivered = to;
	}
}

static void take_ack(const struct step *t)
{
	struct zeek_end *p = t->peer;
	uint32_t to = t->rel_ack;

	if (p->fin_seen && seq_ge(to, p->fin))
		to = p->fin - 1;
	if (seq_le(to, p->trimmed))
		return;
	give_up(t->z, !t->from, to);
	deliver_blocks(p);
	p->trimmed = to;
}

/* How much of the sequence space Zeek thinks it takes: what comes with a RST is no data. */
static uint32_t occupied(const struct step *t)
{
	return (t->rst ? 0 : t->s->len) + t->syn + t->fin;
}

/* Before `start`?  More than 2 GB after it, Zeek cannot tell until the numbers have wrapped. */
static bool underflows(const struct zeek_end *e, uint32_t number, uint32_t last, uint16_t wraps)
{
	int32_t delta = (int32_t)(number - last);

	if (delta < 0 && wraps && number > last)
		wraps--;
	else if (delta > 0 && number < last)
		wraps++;
	return !wraps && seq_lt(number, e->start);
}

static void start_end(const struct step *t)
{
	struct zeek_end *e = t->end;
	uint32_t seq = t->s->seq;
	bool stray_rst = e->state == ZEEK_RESET && e->state_before == ZEEK_INACTIVE;

	if (e->state != ZEEK_INACTIVE && (!t->syn || (opening(e) && seq == e->start)))
		return;
	if (e->state >= ZEEK_CLOSED && !stray_rst)
		return;
	/* Without a SYN: as if that had just been seen. */
	e->start = e->ack = t->syn ? seq : seq - 1;
	e->last = t->syn ? seq + occupied(t) : seq;
}

static void update_last(const struct step *t)
{
	struct zeek_end *e = t->end;
	uint32_t last = t->s->seq + occupied(t);
	int32_t delta = (int32_t)(last - e->last);

	if ((t->syn || t->rst) && (delta > JUMP_MAX || delta < -JUMP_MAX))
		return;
	/* A FIN after nothing but the SYN is believed wherever it is. */
	if (!t->fin || e->last != e->start + 1) {
		if (e->state == ZEEK_RESET)
			return;
		if (delta <= 0 && t->s->len)
			note_scaled(t->z, t->from, 'T', &e->retransmitted);
		if (delta <= 0)
			return;
	}
	if (last < e->last)
		e->last_wraps++;
	e->last = last;
}

static uint32_t relative_ack(const struct step *t)
{
	struct zeek_end *p = t->peer;
	uint32_t ack = t->s->ack;
	int32_t delta = (int32_t)(ack - p->ack);

	if (p->state == ZEEK_INACTIVE)
		return 1;
	if (underflows(p, ack, p->ack, p->ack_wraps))
		return 0;
	if (!t->rst && delta > 0 && (ack || delta <= JUMP_MAX)) {
		if (ack < p->ack)
			p->ack_wraps++;
		p->ack = ack;
	}
	return ack - p->start;
}

static void note_kind(const struct step *t)
{
	struct zeek_end *e = t->end;

	if (t->fin && t->rst)
		note_once(t, ZEEK_SEEN_FIN_RST, 'I');
	else if (t->syn + t->fin + t->rst > 1)
		note_once(t, ZEEK_SEEN_MULTI, 'Q');
	else if (t->syn)
		note_again(t, ZEEK_SEEN_SYN, t->ack ? 'H' : 'S', &e->last_syn, t->rel);
	else if (t->fin)
		note_again(t, ZEEK_SEEN_FIN, 'F', &e->last_fin, t->rel + t->s->len);
	else if (t->rst)
		note_again(t, ZEEK_SEEN_RST, 'R', &e->last_rst, t->rel);
	else if (t->s->len)
		note_once(t, ZEEK_SEEN_DATA, 'D');
	else if (t->ack)
		note_once(t, ZEEK_SEEN_ACK, 'A');
}

static void answer_syn(const struct step *t)
{
	if (!t->ack && t->peer->state == ZEEK_SYN_ACK_SENT) { /* the SYN-ACK overtook the SYN */
		swap_roles(t->z);
		t->z->first = 3;
		set_state(t->peer, ZEEK_ESTABLISHED);
	}
	if (t->peer->state == ZEEK_SYN_SENT)
		set_state(t->peer, ZEEK_ESTABLISHED);
	set_state(t->end, ZEEK_ESTABLISHED);
}

static void from_inactive(const struct step *t)
{
	if (t->syn && t->role == 0)
		set_state(t->end, t->ack ? ZEEK_SYN_ACK_SENT : ZEEK_SYN_SENT);
	else if (t->syn)
		answer_syn(t);
	if (t->fin)
		set_state(t->end, ZEEK_CLOSED);
	if (t->rst)
		set_state(t->end, ZEEK_RESET);
	if (t->end->state != ZEEK_INACTIVE)
		return;
	/* Some stacks acknowledge a SYN before they answer it. */
	if (t->role == 1 && !t->s->len && t->peer->state == ZEEK_SYN_SENT)
		return;
	if (t->ack && t->peer->state == ZEEK_ESTABLISHED) { /* only its SYN was missed */
		set_state(t->end, ZEEK_ESTABLISHED);
		t->z->partial = false;
	} else {
		set_state(t->end, ZEEK_PARTIAL);
	}
}

static void update_state(const struct step *t)
{
	struct zeek_end *e = t->end, *p = t->peer;
	bool early = opening(e), over = e->state == ZEEK_CLOSED && p->state == ZEEK_CLOSED;

	if (e->state == ZEEK_INACTIVE) {
		from_inactive(t);
		return;
	}
	if (t->syn && !t->ack && e->state == ZEEK_PARTIAL && p->state == ZEEK_INACTIVE)
		set_state(e, ZEEK_SYN_SENT);
	if (t->fin && e->state < ZEEK_CLOSED && (early || !t->rst)) {
		set_state(e, ZEEK_CLOSED);
		if (!early && p->state == ZEEK_RESET && p->state_before == ZEEK_CLOSED)
			set_state(p, ZEEK_CLOSED); /* FIN, then RST: a normal end after all */
	}
	if (t->rst && !over)
		set_state(e, ZEEK_RESET);
}

static void take_segment(struct step *t)
{
	struct zeek_end *e = t->end, *p = t->peer;

	flip_after_syn_ack(t);
	if (!(t->z->first & 1 << t->role) && (t->role == 0 || !t->z->partial))
		t->z->partial = !t->syn || (t->role == 0 && t->ack);
	start_end(t);
	t->rel = t->s->seq - e->start;
	t->underflow = underflows(e, t->s->seq, e->last, e->last_wraps);
	note_kind(t);
	if (!t->s->window && !t->rst && p->state != ZEEK_CLOSED && e->state != ZEEK_RESET)
		note_scaled(t->z, t->from, 'W', &e->zero_windows);
	e->fin_seen |= t->fin;
	if (t->fin)
		e->fin = t->rel + occupied(t);
	if (t->ack)
		t->rel_ack = relative_ack(t);
	update_last(t);
	update_state(t);
	if (t->ack)
		take_ack(t);
	t->z->first |= (uint8_t)(1 << t->role);
	if (t->s->len && !t->rst && !t->underflow && !t->s->truncated)
		take_data(t);
	t->z->smooth = e->state == ZEEK_ESTABLISHED && p->state == ZEEK_ESTABLISHED;
}

void zeek_long_way(struct zeek *z, int from, const struct segment *s)
{
	struct step t = { .z = z, .end = &z->end[from], .peer = &z->end[!from], .s = s };

	if (!z->begun)
		begin(z, from, s);
	t.from = from;
	t.role = from != z->originator;
	t.syn = s->flags & FLAG_SYN;
	t.fin = s->flags & FLAG_FIN;
	t.rst = s->flags & FLAG_RST;
	t.ack = s->flags & FLAG_ACK;
	if (s->bad_header)
		return;
	/* As Zeek, but as with -C for who never sent a good one: offload, or rewritten addresses. */
	t.end->trusted |= s->checksum == CHECKSUM_OK || s->checksum == CHECKSUM_OFFLOAD;
	if (s->checksum == CHECKSUM_BAD && t.end->trusted)
		note_scaled(z, from, 'C', &z->end[from].corrupt);
	else
		take_segment(&t);
}

static bool absent(const struct zeek_end *e)
{
	return e->state == ZEEK_INACTIVE || e->state == ZEEK_PARTIAL;
}

/* Did it send or have acknowledged more than a SYN and a FIN? */
static bool sent_data(const struct zeek *z, int side)
{
	const struct zeek_end *e = &z->end[side];
	uint64_t last = (uint64_t)e->last_wraps << 32 | e->last;
	uint64_t ack = (uint64_t)e->ack_wraps << 32 | e->ack;

	return (last > ack ? last : ack) - e->start > 1U + e->fin_seen;
}

/* After its SYN the originator sent nothing of note, and then a RST. */
static bool gave_up_early(const char *history)
{
	history += *history == '^';
	return *history == 'S' && history[strcspn(history, "HAFGIQR")] == 'R';
}

const char *zeek_conn_state(const struct zeek *z)
{
	const struct zeek_end *o = &z->end[z->originator], *r = &z->end[!z->originator];

	if (r->state == ZEEK_RESET) {
		if (opening(o) || (o->state == ZEEK_RESET && !sent_data(z, 0) && !sent_data(z, 1)))
			return "REJ";
		return absent(o) ? "RSTRH" : "RSTR";
	}
	if (o->state == ZEEK_RESET && absent(r))
		return gave_up_early(z->history) ? "RSTOS0" : "OTH";
	if (o->state == ZEEK_RESET)
		return "RSTO";
	if (r->state == ZEEK_CLOSED && o->state == ZEEK_CLOSED)
		return "SF";
	if (o->state == ZEEK_CLOSED)
		return absent(r) ? "SH" : "S2";
	if (r->state == ZEEK_CLOSED)
		return absent(o) ? "SHR" : "S3";
	if (o->state == ZEEK_SYN_SENT && r->state == ZEEK_INACTIVE)
		return "S0";
	return o->state == ZEEK_ESTABLISHED && r->state == ZEEK_ESTABLISHED ? "S1" : "OTH";
}
