/* How the values of the public enumerations are called in records, options and messages. */
#ifndef TCPLINT_NAMES_H
#define TCPLINT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

/* Those of states, verdicts, severities, phases and offenders are public: tcplint_state_name() and so on. */
const char *name_of_judgement(enum tcplint_judgement j);
const char *name_of_handshake(enum tcplint_handshake_kind k);
/* Not of UNKNOWN. */
const char *name_of_backoff(enum tcplint_backoff b);
const char *name_of_vantage(enum tcplint_vantage v);
const char *name_of_teardown(enum tcplint_teardown_kind k);
const char *name_of_origin(enum tcplint_origin o);
const char *name_of_end(enum tcplint_end e);
const char *name_of_field(enum tcplint_field f);
const char *name_of_profile(enum tcplint_profile p);

/* What the letter in the column `evidence` of a rule stands for. */
const char *name_of_evidence(char letter);

/* "client", "server", "both" for 0, 1, 2; null for anything else. */
const char *name_of_side(int side);

/* The value so called, or -1: for options. */
int verdict_by_name(const char *name);
int severity_by_name(const char *name);

#define NAMES_FLAGS_SIZE 64

/* "SYN,ACK" for the flag bits of a TCP header; "none" when no bit is set. */
const char *name_of_flags(uint16_t flags, char out[NAMES_FLAGS_SIZE]);

#endif
