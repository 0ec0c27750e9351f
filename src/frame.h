/* One captured frame: what capture hands to decode.  It borrows the capture's buffer until the next one is read. */
#ifndef TCPLINT_FRAME_H
#define TCPLINT_FRAME_H

#include <stdint.h>

struct frame {
	int64_t ts;         /* nanoseconds since 1970 */
	uint64_t number;    /* ordinal over all inputs, from 1 */
	uint32_t captured;  /* bytes at `data` */
	uint32_t wire;      /* bytes that were on the wire; never less than `captured` */
	int linktype;       /* DLT_ value, as pcap_datalink() gives it */
	const uint8_t *data;
};

#endif
