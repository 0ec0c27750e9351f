/*
 * The sentence of a finding, from the template in its rule's row.
 *
 * Placeholders: {offender} "the client"; {Offender} "The client"; {peer} the other end;
 * {expected} {actual} of the first value, relative to the ISN when there is one;
 * {0} {1} {2} the draft's numbers; {0:s} a number of nanoseconds as seconds ("1.024 s");
 * {0:x} hexadecimal; {0:flags} as "SYN,FIN"; {host} {port} of a finding
 * about a host; {state.client} {state.server} {state.offender}.
 */
#ifndef TCPLINT_MESSAGE_H
#define TCPLINT_MESSAGE_H

#include <stddef.h>

#include <tcplint/tcplint.h>

struct draft;

/* Write the sentence for rule `rule` into `out`, always terminated. */
void message_write(char *out, size_t size, unsigned rule, const struct tcplint_finding *f, const struct draft *d);

#endif
