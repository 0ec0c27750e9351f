/*
 * What Linux says of the interface behind a packet socket: whether it is up, what it dropped, and what the kernel
 * dropped for lack of room in the ring.
 *
 * libpcap's pcap_stats() would open files each time, which is forbidden by then, and counts in 32 bits.  A socket
 * whose interface has gone can be bound to the one that comes in its place, which takes no privilege, while opening
 * another socket does.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture_source.h"

/* What the interface itself lost: frames that found no room in its own memory. */
static const char *const counters[INTERFACE_COUNTERS] = { "rx_missed_errors", "rx_fifo_errors" };

static bool ask(const struct interface *i, unsigned long what, struct ifreq *answer)
{
	*answer = (struct ifreq){ .ifr_ifindex = 0 };
	snprintf(answer->ifr_name, sizeof(answer->ifr_name), "%s", i->name);
	return ioctl(i->fd, what, answer) == 0;
}

static bool read_counter(int fd, uint64_t *value)
{
	char text[32];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	*value = strtoull(text, NULL, 10);
	return true;
}

static void open_counters(struct interface *i)
{
	char path[PATH_MAX];

	i->counts = true;
	for (unsigned k = 0; k < INTERFACE_COUNTERS; k++) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", i->name, counters[k]);
		i->counter[k] = open(path, O_RDONLY | O_CLOEXEC);
		i->counts = read_counter(i->counter[k], &i->counted[k]) && i->counts;
	}
}

void interface_attach(struct interface *i, int fd, const char *name, bool promiscuous)
{
	struct ifreq answer;
	int domain = 0;
	socklen_t size = sizeof(domain);

	*i = (struct interface){ .fd = -1, .promiscuous = promiscuous, .counter = { -1, -1 } };
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_PACKET)
		return;
	i->fd = fd;
	snprintf(i->name, sizeof(i->name), "%s", name);
	if (!ask(i, SIOCGIFINDEX, &answer)) /* "any" */
		return;
	i->index = answer.ifr_ifindex;
	if (ask(i, SIOCGIFHWADDR, &answer))
		i->kind = answer.ifr_hwaddr.sa_family;
	open_counters(i);
}

void interface_detach(struct interface *i)
{
	for (unsigned k = 0; k < INTERFACE_COUNTERS; k++)
		if (i->counter[k] >= 0)
			close(i->counter[k]);
	*i = (struct interface){ .fd = -1, .counter = { -1, -1 } };
}

enum interface_state interface_state(const struct interface *i)
{
	struct ifreq answer;

	if (i->fd < 0 || !i->index)
		return INTERFACE_UP;
	if (!ask(i, SIOCGIFINDEX, &answer) || answer.ifr_ifindex != i->index)
		return INTERFACE_GONE;
	return ask(i, SIOCGIFFLAGS, &answer) && answer.ifr_flags & IFF_UP ? INTERFACE_UP : INTERFACE_DOWN;
}

bool interface_rebind(struct interface *i, struct error *e)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq all = { .mr_type = PACKET_MR_PROMISC };
	struct ifreq answer;

	e->text[0] = '\0';
	if (!ask(i, SIOCGIFINDEX, &answer))
		return false;
	to.sll_ifindex = all.mr_ifindex = answer.ifr_ifindex;
	if (ask(i, SIOCGIFHWADDR, &answer) && answer.ifr_hwaddr.sa_family != i->kind)
		return fail(e, "%s: the interface of that name is one of another kind now", i->name);
	if (bind(i->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		return errno == ENODEV ? false : fail(e, "%s: %s", i->name, strerror(errno));
	if (i->promiscuous)
		(void)setsockopt(i->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all));
	i->index = to.sll_ifindex;
	i->counts = false; /* the files are those of the old one, and others cannot be opened any more */
	return true;
}

bool interface_kernel_drops(struct interface *i, uint64_t *more)
{
	struct tpacket_stats_v3 now = { .tp_packets = 0 };
	socklen_t size = sizeof(now);

	/* The kernel begins anew with each answer. */
	if (i->fd < 0 || getsockopt(i->fd, SOL_PACKET, PACKET_STATISTICS, &now, &size) != 0)
		return false;
	*more = now.tp_drops;
	return true;
}

bool interface_own_drops(struct interface *i, uint64_t *more)
{
	*more = 0;
	for (unsigned k = 0; k < INTERFACE_COUNTERS && i->counts; k++) {
		uint64_t now;

		if (!read_counter(i->counter[k], &now))
			return false;
		*more += now > i->counted[k] ? now - i->counted[k] : 0; /* a driver that is reset begins at 0 */
		i->counted[k] = now;
	}
	return i->counts;
}
