/* A program of somebody else's: finds the missing third step in a conversation of two frames. */
#include <stdio.h>
#include <string.h>

#include <tcplint/tcplint.h>

/* Raw IPv4, 192.0.2.1:1000 and 192.0.2.2:80, checksums not filled in; flags at 33. */
static const uint8_t syn[40] = { 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
				 3, 0xe8, 0, 80, 0, 0, 0, 100, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff };
static const uint8_t synack[40] = { 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1,
				    0, 80, 3, 0xe8, 0, 0, 1, 44, 0, 0, 0, 101, 0x50, 0x12, 0xff, 0xff };

static void on_connection(void *user, const struct tcplint_connection *c)
{
	*(int *)user += c->handshake.verdict == TCPLINT_INCOMPLETE;
	printf("client %s, server %s\n", tcplint_state_name(c->endpoint[TCPLINT_CLIENT].state),
	       tcplint_state_name(c->endpoint[TCPLINT_SERVER].state));
}

int main(void)
{
	int seen = 0;
	const struct tcplint_sink sink = { .user = &seen, .connection = on_connection };
	struct tcplint_options o;
	char error[256];

	tcplint_options_init(&o);
	o.all = true;
	struct tcplint *t = tcplint_new(&o, &sink, error, sizeof(error));

	if (!t) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	tcplint_feed(t, INT64_C(1700000000000000000), 12, syn, sizeof(syn), sizeof(syn));
	tcplint_feed(t, INT64_C(1700000000010000000), 12, synack, sizeof(synack), sizeof(synack));
	tcplint_finish(t, false);
	tcplint_free(t);
	return seen == 1 && tcplint_rule_by_name("hs_ack_ack_wrong") >= 0 ? 0 : 1;
}
