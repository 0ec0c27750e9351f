/* One captured frame, as capture hands it to the library. */
#ifndef TCPLINT_FRAME_H
#define TCPLINT_FRAME_H

#include <stdint.h>

struct tcplint_frame {
	int64_t ts;          /* nanoseconds since 1970 */
	uint64_t number;     /* ordinal over all inputs, from 1: what the records call it */
	uint32_t captured;   /* bytes at `data` */
	uint32_t wire;       /* bytes that were on the wire */
	int linktype;        /* DLT_ value, as pcap_datalink() gives it */
	const uint8_t *data; /* borrowed: the capture's, until the next ones are read */
};

#endif
