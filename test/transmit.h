/* What flood/flood.c and bench/blast.c share: fields of frames, and frames in batches out of an interface (_GNU_SOURCE). */
#ifndef TRANSMIT_H
#define TRANSMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* In network byte order. */
void put16(uint8_t *p, uint32_t v);
void put32(uint8_t *p, uint32_t v);
/* The Internet checksum of n bytes, an even number, and of what `sum` adds up already. */
void checksum(uint8_t *at, const uint8_t *p, size_t n, uint32_t sum);

/* Nanoseconds that only go on. */
int64_t clock_now(void);

/* A socket that sends whole frames there; -1: errno. */
int open_interface(const char *name);
/* All of them; what a full queue refuses is offered again.  False: errno. */
bool send_batch(int fd, struct mmsghdr *m, unsigned n);

#endif
