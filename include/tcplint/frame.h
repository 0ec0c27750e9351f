/* One captured frame, as capture hands it to the library. */
#ifndef TCPLINT_FRAME_H
#define TCPLINT_FRAME_H

#include <stdint.h>

struct tcplint_frame {
	int64_t ts;          /* nanoseconds since 1970 */
	uint64_t number;     /* larger than all before: what the records call it; from 1 */
	uint32_t captured;   /* bytes at `data` */
	uint32_t wire;       /* bytes that were on the wire; what is less than `captured` counts as that */
	int linktype;        /* DLT_ value, as pcap_datalink() gives it */
	const uint8_t *data; /* needed until tcplint_feed_ahead() returns; of capture: until it is asked for more */
};

#endif
