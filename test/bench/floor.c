/* The floor of the benchmarks: libpcap reads a capture, as anybody would have it do, and nothing is done with a frame. */
#include <pcap/pcap.h>
#include <stdio.h>

static void nothing(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	(void)header;
	(void)data;
	++*(unsigned long *)(void *)user;
}

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE];
	unsigned long frames = 0;
	pcap_t *p = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;

	if (!p || pcap_loop(p, -1, nothing, (u_char *)(void *)&frames) < 0) {
		fprintf(stderr, "floor: %s\n", argc == 2 ? p ? pcap_geterr(p) : error : "which capture?");
		return 1;
	}
	pcap_close(p);
	printf("%lu\n", frames);
	return 0;
}
