/*
 * What the kernel is asked to hand over of an interface: everything that decode reads, and little else, so that a
 * frame which says nothing about TCP costs no copy.
 *
 * The expression is text for libpcap's compiler.  On Linux the outermost VLAN tag of a frame that was received
 * stands beside it and not in it, and the words "tcp" and "ip" see what follows; a tag that is still in the frame
 * (a second one, or one that this host is sending) hides all from them.  The word "vlan" of the language would
 * move every offset after it, so tags are followed by hand.
 */
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture_source.h"

/*
 * TCP, and what may come before it.  IPv4: an authentication header.  IPv6: hop-by-hop options, routing, fragment,
 * authentication, destination options, mobility, HIP and Shim6; the kernel cannot follow a chain of them.
 */
#define SEGMENTS_4 "ip proto 6 or ip proto 51"
#define SEGMENTS_6                                                                                                     \
	"ip6 proto 6 or ip6 proto 0 or ip6 proto 43 or ip6 proto 44 or ip6 proto 51 or ip6 proto 60 or ip6 proto 135 or " \
	"ip6 proto 139 or ip6 proto 140"

/* RFC 792: unreachable, source quench, time exceeded, parameter problem; RFC 4443: the types below 128. */
#define ERRORS_4 "(ip proto 1 and (icmp[0] = 3 or icmp[0] = 4 or icmp[0] = 11 or icmp[0] = 12))"
#define ERRORS_6 "(ip6 proto 58 and ip6[40] < 128)"

/* Later fragments have no ports, and so pass no filter that names one. */
#define FRAGMENTS "(ip proto 6 and ip[6:2] & 0x1fff != 0) or ip6 proto 44"

/* EtherIP, GRE, IP in IP, 6in4, MPLS in IP, and datagrams of GTP-U, GRE in UDP, VXLAN and GENEVE, in pieces too. */
#define TUNNELS                                                                                                         \
	"proto 4 or proto 41 or proto 47 or proto 97 or proto 137 or udp port 2152 or udp port 4754 or udp port 4789 or " \
	"udp port 6081 or (ip proto 17 and ip[6:2] & 0x1fff != 0)"

/* Tags, labels and sessions on Ethernet and in cooked captures: 802.1BR, 802.1ah, FabricPath, MPLS, PPPoE, PPP. */
#define CARRIERS                                                                                                       \
	"ether proto 0x893f or ether proto 0x88e7 or ether proto 0x8903 or ether proto 0x8847 or ether proto 0x8848 or " \
	"ether proto 0x8864 or ether proto 0x880b or ether proto 0x6558"
#define TAGS "ether proto 0x8100 or ether proto 0x88a8 or ether proto 0x9100 or ether proto 0x9200"

/*
 * One tag that is still in the frame: neither what is plainly ARP and the like, nor UDP or an echo.  What is tagged
 * twice more, or is anything else, is let through: decode knows better.
 */
#define TAGGED                                                                                                         \
	"((" TAGS ") and not (ether[16:2] = 0x0806) and not (ether[16:2] = 0x0800 and ether[27] = 17)"                    \
	" and not (ether[16:2] = 0x86dd and ether[24] = 17))"
#define TAGGED_TUNNELS "(" TAGS ")"

/* IEEE 802.2 with SNAP, or IP at once: a length where the type would be. */
#define LLC "(ether[12:2] <= 1500 and (ether[14:2] = 0xaaaa or ether[14:2] = 0x0606))"

/* The text in the pieces given, up to a null.  To be freed. */
static char *join(const char *first, ...)
{
	size_t size = 1;
	va_list ap;
	char *out;

	va_start(ap, first);
	for (const char *s = first; s; s = va_arg(ap, const char *))
		size += strlen(s);
	va_end(ap);
	out = malloc(size);
	if (!out)
		return NULL;
	out[0] = '\0';
	va_start(ap, first);
	for (const char *s = first; s; s = va_arg(ap, const char *))
		strcat(out, s);
	va_end(ap);
	return out;
}

/* What may hide a packet on this link, in words that its compiler takes. */
static const char *hidden(int linktype, bool tunnels)
{
	switch (linktype) {
	case DLT_EN10MB:
		return tunnels ? " or " CARRIERS " or " LLC " or " TAGGED_TUNNELS
			       : " or " CARRIERS " or " LLC " or " TAGGED;
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
		return " or " CARRIERS " or " TAGS;
	default:
		return "";
	}
}

char *filter_for_kernel(int linktype, bool tunnels, const char *user)
{
	const char *more = tunnels ? " or " TUNNELS : "", *link = hidden(linktype, tunnels);

	if (!user)
		return join(SEGMENTS_4 " or " SEGMENTS_6 " or " ERRORS_4 " or " ERRORS_6, more, link, NULL);
	/* The user's words come last: "vlan" and its like move the offsets of all that follows. */
	return join(ERRORS_4 " or " ERRORS_6 " or " FRAGMENTS " or ((" SEGMENTS_4 " or " SEGMENTS_6, more, link,
		    ") and (", user, "))", NULL);
}
