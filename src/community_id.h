/*
 * Community ID, version 1: one short name for a 5-tuple on which monitors agree.
 *
 * Both directions of a connection, and both families of programs (Zeek, Suricata,
 * Arkime, Wireshark), give the same one.  The seed is 0, the protocol TCP.
 */
#ifndef TCPLINT_COMMUNITY_ID_H
#define TCPLINT_COMMUNITY_ID_H

#include <stddef.h>
#include <stdint.h>

#include <tcplint/tcplint.h>

#define COMMUNITY_ID_SIZE 31 /* "1:", 28 characters, and the terminator */

const char *community_id(const struct tcplint_address *a, const struct tcplint_address *b,
			 char out[COMMUNITY_ID_SIZE]);

/* FIPS 180-4; for names, not for secrets.  At most SHA1_MAX_INPUT bytes: what a name is made of. */
#define SHA1_SIZE      20
#define SHA1_MAX_INPUT 119
void sha1(const uint8_t *data, size_t len, uint8_t digest[SHA1_SIZE]);

/* RFC 4648, 4, with padding; `out` has room for (len + 2) / 3 * 4 + 1 characters. */
void base64(const uint8_t *data, size_t len, char *out);

#endif
