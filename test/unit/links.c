/* Link layers and tunnels around an IP packet. */
#include <pcap/dlt.h>
#include <string.h>

#include "links.h"
#include "segment.h"

#define PUSH(b, bytes) built_push(b, bytes, sizeof(bytes) - 1)

static uint16_t type_of(bool ipv6)
{
	return ipv6 ? 0x86dd : 0x0800;
}

static void raw(struct built *b, bool ipv6)
{
	(void)b;
	(void)ipv6;
}

static void ethernet(struct built *b, bool ipv6)
{
	built_ethernet(b, type_of(ipv6));
}

static void vlan(struct built *b, bool ipv6)
{
	built_vlan(b, 0xa064, type_of(ipv6));
	built_ethernet(b, 0x8100);
}

static void qinq(struct built *b, bool ipv6)
{
	built_vlan(b, 0x0014, type_of(ipv6));
	built_vlan(b, 0x000a, 0x8100);
	built_ethernet(b, 0x88a8);
}

static void snap(struct built *b, bool ipv6)
{
	built_push16(b, type_of(ipv6));
	PUSH(b, "\xaa\xaa\3\0\0\0");
}

static void ethernet_snap(struct built *b, bool ipv6)
{
	snap(b, ipv6);
	built_ethernet(b, (uint16_t)built_length(b));
}

static void etag(struct built *b, bool ipv6)
{
	built_push16(b, type_of(ipv6));
	PUSH(b, "\0\0\0\1\0\0");
	built_ethernet(b, 0x893f);
}

static void pbb(struct built *b, bool ipv6)
{
	ethernet(b, ipv6);
	PUSH(b, "\0\0\0\5");
	built_ethernet(b, 0x88e7);
}

static void fabricpath(struct built *b, bool ipv6)
{
	ethernet(b, ipv6);
	PUSH(b, "\0\x60");
	built_ethernet(b, 0x8903);
}

static void mpls(struct built *b, bool ipv6)
{
	(void)ipv6;
	PUSH(b, "\0\1\0\x40\0\2\1\x40");
}

static void ethernet_mpls(struct built *b, bool ipv6)
{
	mpls(b, ipv6);
	built_ethernet(b, 0x8847);
}

static void pseudowire(struct built *b, bool ipv6)
{
	ethernet(b, ipv6);
	PUSH(b, "\0\2\1\x40\0\0\0\7");
	built_ethernet(b, 0x8847);
}

static void ppp(struct built *b, bool ipv6)
{
	built_push16(b, ipv6 ? 0x0057 : 0x0021);
}

static void ppp_compressed(struct built *b, bool ipv6)
{
	built_push(b, ipv6 ? "\x57" : "\x21", 1);
}

static void ppp_framed(struct built *b, bool ipv6)
{
	ppp(b, ipv6);
	PUSH(b, "\xff\3");
}

static void ppp_sent(struct built *b, bool ipv6)
{
	ppp(b, ipv6);
	PUSH(b, "\1\3");
}

static void pppoe(struct built *b, bool ipv6)
{
	ppp(b, ipv6);
	built_push16(b, (uint16_t)built_length(b));
	PUSH(b, "\x11\0\0\1");
}

static void ethernet_pppoe(struct built *b, bool ipv6)
{
	pppoe(b, ipv6);
	built_ethernet(b, 0x8864);
}

static void chdlc(struct built *b, bool ipv6)
{
	built_push16(b, type_of(ipv6));
	PUSH(b, "\x0f\0");
}

static void null_little(struct built *b, bool ipv6)
{
	built_push(b, ipv6 ? "\x1e\0\0\0" : "\2\0\0\0", 4);
}

static void null_big(struct built *b, bool ipv6)
{
	built_push(b, ipv6 ? "\0\0\0\x18" : "\0\0\0\2", 4);
}

static void sll_in(struct built *b, bool ipv6)
{
	built_push16(b, type_of(ipv6));
	PUSH(b, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0");
}

static void sll2_out(struct built *b, bool ipv6)
{
	PUSH(b, "\0\0\0\0\0\2\0\1\4\6\2\0\0\0\0\1\0\0");
	built_push16(b, type_of(ipv6));
}

static void fddi(struct built *b, bool ipv6)
{
	snap(b, ipv6);
	PUSH(b, "\x50\2\0\0\0\0\2\2\0\0\0\0\1");
}

static void nflog(struct built *b, bool ipv6)
{
	const uint16_t header[2] = { (uint16_t)(built_length(b) + 4), 9 };
	const uint16_t other[4] = { 5, 10, 0, 0 };

	(void)ipv6;
	built_push(b, header, sizeof(header));
	built_push(b, other, sizeof(other));
	PUSH(b, "\2\0\0\0");
}

static void enc(struct built *b, bool ipv6)
{
	(void)ipv6;
	PUSH(b, "\0\0\0\2\0\0\0\1\0\0\0\0");
}

static void ppi(struct built *b, bool ipv6)
{
	ethernet(b, ipv6);
	PUSH(b, "\0\0\x08\0\1\0\0\0");
}

static void pktap(struct built *b, bool ipv6)
{
	uint8_t header[108] = { [0] = 108, [4] = 1, [8] = DLT_EN10MB, [36] = 1 };

	ethernet(b, ipv6);
	built_push(b, header, sizeof(header));
}

static void wlan(struct built *b, bool ipv6)
{
	snap(b, ipv6);
	PUSH(b, "\x08\1\0\0\2\0\0\0\0\3\2\0\0\0\0\1\2\0\0\0\0\2\0\0");
}

static void radiotap(struct built *b, bool ipv6)
{
	snap(b, ipv6);
	PUSH(b, "\x88\2\0\0\2\0\0\0\0\2\2\0\0\0\0\3\2\0\0\0\0\1\0\0\0\0\0\0"); /* padded to 28 */
	PUSH(b, "\0\0\x11\0\3\0\0\0\0\0\0\0\0\0\0\0\x20"); /* a timestamp, and flags that say so */
}

static void outer(struct built *b, uint8_t protocol)
{
	built_ipv4(b, &(struct ip_fields){ .protocol = protocol,
					   .src = { 192, 0, 2, 1 },
					   .dst = { 192, 0, 2, 2 } });
	built_ethernet(b, 0x0800);
}

static void ip_in_ip(struct built *b, bool ipv6)
{
	outer(b, ipv6 ? 41 : 4);
}

static void ip_in_ipv6(struct built *b, bool ipv6)
{
	built_ipv6(b, &(struct ip_fields){ .protocol = ipv6 ? 41 : 4 });
	built_ethernet(b, 0x86dd);
}

static void gre(struct built *b, bool ipv6)
{
	built_push(b, "\0\0\0\7", 4);
	built_push16(b, type_of(ipv6));
	built_push16(b, 0x2000);
	outer(b, 47);
}

static void pptp(struct built *b, bool ipv6)
{
	ppp_framed(b, ipv6);
	built_push32(b, 5);
	built_push16(b, 9);
	built_push16(b, (uint16_t)(built_length(b) - 6));
	PUSH(b, "\x30\1\x88\x0b");
	outer(b, 47);
}

static void erspan(struct built *b, bool ipv6)
{
	ethernet(b, ipv6);
	PUSH(b, "\x10\1\0\x21\0\0\0\0");
	PUSH(b, "\x10\0\x88\xbe\0\0\0\1");
	outer(b, 47);
}

static void vxlan(struct built *b, bool ipv6)
{
	ethernet(b, ipv6);
	PUSH(b, "\x08\0\0\0\0\0\x2a\0");
	built_udp(b, 50000, 4789);
	outer(b, 17);
}

static void geneve(struct built *b, bool ipv6)
{
	ethernet(b, ipv6);
	PUSH(b, "\2\0\x65\x58\0\0\x2a\0\1\2\3\1\0\0\0\0");
	built_udp(b, 50000, 6081);
	outer(b, 17);
}

static void gtp(struct built *b, bool ipv6)
{
	(void)ipv6;
	PUSH(b, "\0\0\0\x85\1\x10\x09\0");
	built_push32(b, 77);
	built_push16(b, (uint16_t)(built_length(b) - 4));
	PUSH(b, "\x34\xff");
	built_udp(b, 2152, 2152);
	outer(b, 17);
}

static void gre_in_udp(struct built *b, bool ipv6)
{
	built_push16(b, type_of(ipv6));
	built_push16(b, 0);
	built_udp(b, 50000, 4754);
	outer(b, 17);
}

static void mpls_in_ip(struct built *b, bool ipv6)
{
	mpls(b, ipv6);
	outer(b, 137);
}

static void etherip(struct built *b, bool ipv6)
{
	ethernet(b, ipv6);
	PUSH(b, "\x30\0");
	outer(b, 97);
}

const struct link_layer link_layers[] = {
	{ "Ethernet", DLT_EN10MB, ethernet, .vlan = 0 },
	{ "VLAN", DLT_EN10MB, vlan, .vlan = 100 },
	{ "QinQ", DLT_EN10MB, qinq, .vlan = 10 << 12 | 20 },
	{ "802.3 SNAP", DLT_EN10MB, ethernet_snap, .vlan = 0 },
	{ "802.1BR", DLT_EN10MB, etag, .vlan = 0 },
	{ "802.1ah", DLT_EN10MB, pbb, .vlan = 0 },
	{ "FabricPath", DLT_EN10MB, fabricpath, .vlan = 0 },
	{ "MPLS on Ethernet", DLT_EN10MB, ethernet_mpls, .vlan = 0 },
	{ "pseudowire", DLT_EN10MB, pseudowire, .vlan = 0 },
	{ "PPPoE on Ethernet", DLT_EN10MB, ethernet_pppoe, .vlan = 0 },
	{ "raw 12", 12, raw, .vlan = 0 },
	{ "raw 14", 14, raw, .vlan = 0 },
	{ "raw 101", 101, raw, .vlan = 0 },
	{ "IPv4", DLT_IPV4, raw, .vlan = 0 },
	{ "IPv6", DLT_IPV6, raw, .vlan = 0 },
	{ "null, little-endian", DLT_NULL, null_little, .vlan = 0 },
	{ "null, big-endian", DLT_NULL, null_big, .vlan = 0 },
	{ "loop", DLT_LOOP, null_big, .vlan = 0 },
	{ "Linux cooked", DLT_LINUX_SLL, sll_in, .direction = DIRECTION_IN },
	{ "Linux cooked 2", DLT_LINUX_SLL2, sll2_out, .direction = DIRECTION_OUT },
	{ "MPLS", DLT_MPLS, mpls, .vlan = 0 },
	{ "PPP", DLT_PPP, ppp_framed, .vlan = 0 },
	{ "PPP, compressed", DLT_PPP, ppp_compressed, .vlan = 0 },
	{ "PPP serial", DLT_PPP_SERIAL, ppp_framed, .vlan = 0 },
	{ "PPP serial, Cisco", DLT_PPP_SERIAL, chdlc, .vlan = 0 },
	{ "PPPoE", DLT_PPP_ETHER, pppoe, .vlan = 0 },
	{ "pppd", DLT_PPP_PPPD, ppp_sent, .direction = DIRECTION_OUT },
	{ "Cisco HDLC", DLT_C_HDLC, chdlc, .vlan = 0 },
	{ "FDDI", DLT_FDDI, fddi, .vlan = 0 },
	{ "NFLOG", DLT_NFLOG, nflog, .vlan = 0 },
	{ "ENC", DLT_ENC, enc, .vlan = 0 },
	{ "PPI", DLT_PPI, ppi, .vlan = 0 },
	{ "PKTAP", DLT_PKTAP, pktap, .direction = DIRECTION_IN },
	{ "802.11", DLT_IEEE802_11, wlan, .vlan = 0 },
	{ "radiotap", DLT_IEEE802_11_RADIO, radiotap, .vlan = 0 },
	{ "IP in IP", DLT_EN10MB, ip_in_ip, .tunnel = true },
	{ "IP in IPv6", DLT_EN10MB, ip_in_ipv6, .tunnel = true },
	{ "GRE", DLT_EN10MB, gre, .tunnel = true },
	{ "PPTP", DLT_EN10MB, pptp, .tunnel = true },
	{ "ERSPAN", DLT_EN10MB, erspan, .tunnel = true },
	{ "MPLS in IP", DLT_EN10MB, mpls_in_ip, .tunnel = true },
	{ "EtherIP", DLT_EN10MB, etherip, .tunnel = true },
	{ "VXLAN", DLT_EN10MB, vxlan, .tunnel = true, .heuristic = true },
	{ "Geneve", DLT_EN10MB, geneve, .tunnel = true, .heuristic = true },
	{ "GTP", DLT_EN10MB, gtp, .tunnel = true, .heuristic = true },
	{ "GRE in UDP", DLT_EN10MB, gre_in_udp, .tunnel = true, .heuristic = true },
};

const unsigned link_layer_count = sizeof(link_layers) / sizeof(link_layers[0]);
