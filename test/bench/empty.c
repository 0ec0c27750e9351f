/*
 * The floor of a live capture: a libpcap loop that only counts, with the ring and the snapshot length given.
 *
 *	empty INTERFACE SNAPLEN BUFFER-KIB
 *
 * On SIGINT or SIGTERM prints how many frames it was handed and how many the kernel dropped.
 */
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static pcap_t *handle;
static unsigned long long frames;

static void on_frame(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	(void)user, (void)h, (void)bytes;
	frames++;
}

static void on_stop(int which)
{
	(void)which;
	pcap_breakloop(handle);
}

int main(int argc, char **argv)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct sigaction stop = { .sa_handler = on_stop };
	struct bpf_program filter;
	struct pcap_stat n = { 0 };

	if (argc != 4 || !(handle = pcap_create(argv[1], why)))
		return fprintf(stderr, "empty INTERFACE SNAPLEN BUFFER-KIB %s\n", why), 1;
	pcap_set_snaplen(handle, atoi(argv[2]));
	pcap_set_buffer_size(handle, atoi(argv[3]) * 1024);
	pcap_set_timeout(handle, 100);
	pcap_set_promisc(handle, 1);
	if (pcap_activate(handle) < 0 || pcap_compile(handle, &filter, "tcp", 1, PCAP_NETMASK_UNKNOWN) != 0 ||
	    pcap_setfilter(handle, &filter) != 0)
		return fprintf(stderr, "empty: %s\n", pcap_geterr(handle)), 1;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	pcap_loop(handle, -1, on_frame, NULL);
	pcap_stats(handle, &n);
	printf("%llu %u\n", frames, n.ps_drop);
	pcap_close(handle);
	return 0;
}
