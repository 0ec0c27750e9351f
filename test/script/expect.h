/* `expect connection N KEY VALUE`: one field of a connection's record, as text. */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdbool.h>
#include <stddef.h>

struct seen_connection;

/* False: no such key.  An absent value is "-". */
bool expect_value(const struct seen_connection *c, const char *key, char *out, size_t size);

#endif
