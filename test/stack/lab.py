"""Two hosts and what lies between them: network namespaces of this process, sockets in them, a tap at either end.

The namespaces have no names: they go when the process does, however it ends.  One thread does everything, and steps
into a namespace for as long as it takes to open a socket there.
"""
import asyncio
import contextlib
import ctypes
import fcntl
import ipaddress
import os
import socket
import struct
import subprocess

import packet
import wire
from wire import OTHER, SIDES

CLONE_NEWNS, CLONE_NEWNET, MS_REC, MS_PRIVATE = 0x00020000, 0x40000000, 0x4000, 1 << 18
SIOCETHTOOL, ETHTOOL_SGSO, ETHTOOL_STSO, ETHTOOL_SGRO, ETHTOOL_STXCSUM = 0x8946, 0x24, 0x1F, 0x2C, 0x17
IPPROTO_MPTCP = 262
NETWORK = int(ipaddress.IPv4Address("198.18.0.0"))  # /15, for tests between two networks (RFC 2544)
PORT = 7777
LINKS = {"client": "02:00:00:00:00:01", "server": "02:00:00:00:00:02"}

# Short patience, so that what a kernel gives up it gives up while we look.
SYSCTLS = {
    "tcp_syn_retries": 2, "tcp_syn_linear_timeouts": 1, "tcp_synack_retries": 2, "tcp_fin_timeout": 30,
    "tcp_retries2": 5, "tcp_orphan_retries": 3, "tcp_tw_reuse": 0, "tcp_fastopen": 3,
}

libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result:
        e = ctypes.get_errno()
        raise OSError(e, f"{what}: {os.strerror(e)}")


def unshare(flags):
    checked(libc.unshare(flags), "unshare")


def mount(source, target, kind, flags=0):
    checked(libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, flags, None), "mount")


def private_mounts():
    """From here on, what is mounted is seen by this process only, and goes with it."""
    unshare(CLONE_NEWNS)
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def run_ip(*lines):
    """Commands of ip(8) in the namespace that the thread is in."""
    run = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, timeout=20,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if run.returncode:
        raise OSError(f"ip: {run.stdout.strip()}")


class Namespace:
    """A network namespace without a name."""

    home = None

    def __init__(self):
        if Namespace.home is None:
            unshare(CLONE_NEWNET)
            Namespace.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        try:
            unshare(CLONE_NEWNET)
            self.fd = os.open("/proc/self/ns/net", os.O_RDONLY)
        finally:
            Namespace.enter(Namespace.home)

    @staticmethod
    def enter(fd):
        checked(libc.setns(fd, CLONE_NEWNET), "setns")

    @contextlib.contextmanager
    def inside(self):
        Namespace.enter(self.fd)
        try:
            yield
        finally:
            Namespace.enter(Namespace.home)

    def ip(self, *lines):
        with self.inside():
            run_ip(*lines)

    def sysctl(self, **values):
        """net.ipv4 values, or net.* for names with a slash."""
        with self.inside():
            for name, value in values.items():
                path = name.replace("__", "/") if "__" in name else f"ipv4/{name}"
                with open(f"/proc/sys/net/{path}", "w") as f:
                    f.write(str(value))

    def close(self):
        os.close(self.fd)


def ethtool(interface, command, value):
    """Switch an offload of an interface in the namespace that the thread is in."""
    data = bytearray(struct.pack("II", command, value))
    address = (ctypes.c_char * len(data)).from_buffer(data)
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(address))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCETHTOOL, request)


class Lab:
    """A client and a server, a wire, three taps.

    `near` and `far` are captures on the hosts' own interfaces, `middle` is the wire's.  `watch` is called with the side
    and the segment for everything that either host sends or gets, right after it did.
    """

    def __init__(self, number, directory, sysctls=None, ipv6=False, offload=False, watch=None):
        self.number, self.ipv6, self.watch = number, ipv6, watch
        self.captures = {t: packet.Capture(os.path.join(directory, f"{t}.pcap")) for t in ("near", "middle", "far")}
        self.namespaces = {side: Namespace() for side in SIDES}
        self.taps, self.sockets = {}, []
        # The tracepoint tells of all namespaces: two runs at the same time must not have the same addresses.
        network = (os.getpid() % 256) * 128 + number
        self.addresses = {side: f"fd00:{network:x}::{i + 1}" if ipv6 else
                          str(ipaddress.IPv4Address(NETWORK + network * 4 + 1 + i)) for i, side in enumerate(SIDES)}
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        self.raw = {side: socket.inet_pton(family, self.addresses[side]) for side in SIDES}
        self.make_links(offload)
        for side in SIDES:
            self.namespaces[side].sysctl(**{**SYSCTLS, **(sysctls or {})})
        self.start()

    def make_links(self, offload):
        """Each host knows its peer's link address: a first SYN that waits for it would be late on the wire."""
        home = f"/proc/{os.getpid()}/fd/{Namespace.home}"
        for side in SIDES:
            address = f"{self.addresses[side]}/{64 if self.ipv6 else 30}{' nodad' if self.ipv6 else ''}"
            here = self.namespaces[side]
            here.ip(f"link add veth0 address {LINKS[side]} type veth peer name {side[0]}{self.number} netns {home}",
                    f"address add {address} dev veth0", "link set lo up", "link set veth0 up",
                    f"neighbor add {self.addresses[OTHER[side]]} lladdr {LINKS[OTHER[side]]} nud permanent dev veth0")
            commands = () if offload else (ETHTOOL_SGRO, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM)
            with here.inside():
                for command in commands:
                    ethtool("veth0", command, 0)
        for side in SIDES:
            with open(f"/proc/sys/net/ipv6/conf/{side[0]}{self.number}/disable_ipv6", "w") as f:
                f.write("1")
        run_ip(*(f"link set {side[0]}{self.number} up" for side in SIDES))

    def start(self):
        loop = asyncio.get_running_loop()
        ends = [wire.open_packets(f"{side[0]}{self.number}") for side in SIDES]
        self.wire = wire.Wire(*ends, self.captures["middle"].add)
        for side, name in (("client", "near"), ("server", "far")):
            with self.namespaces[side].inside():
                self.taps[side] = wire.open_packets("veth0")
            loop.add_reader(self.taps[side], self.heard, side, self.captures[name])

    def heard(self, side, capture):
        for ns, _, _, frame in wire.receive(self.taps[side]):
            segment = packet.parse(frame)
            if segment is None:
                continue
            capture.add(ns, frame)
            if self.watch:
                self.watch(self, side, ns, segment)

    def socket(self, side, port=0, kind=0):
        """A socket of one host, bound to a port of it; closed with the laboratory at the latest."""
        with self.namespaces[side].inside():
            s = socket.socket(socket.AF_INET6 if self.ipv6 else socket.AF_INET,
                              socket.SOCK_STREAM | socket.SOCK_NONBLOCK, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.addresses[side], port))
        self.sockets.append(s)
        return s

    def listen(self, backlog=128, port=PORT, side="server", kind=0, **options):
        s = self.socket(side, port, kind)
        for name, value in options.items():
            s.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        s.listen(backlog)
        return s

    async def connect(self, port, to=PORT, side="client", kind=0, s=None):
        s = s or self.socket(side, port, kind)
        with contextlib.suppress(BlockingIOError):
            s.connect((self.addresses[OTHER[side]], to))
        await writable(s)
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        return s

    async def accept(self, listening):
        s, _ = await asyncio.get_running_loop().sock_accept(listening)
        self.sockets.append(s)
        return s

    async def pair(self, port, listening, **more):
        """Both ends of a new connection."""
        client, server = await asyncio.gather(self.connect(port, listening.getsockname()[1], **more),
                                              self.accept(listening))
        return client, server

    def stop(self):
        """Hear and forward no more: what the kernels send from now on is no part of the scenario."""
        loop = asyncio.get_running_loop()
        for s in self.taps.values():
            loop.remove_reader(s)
        self.wire.stop()

    def close(self):
        """The kernel takes its time over each packet socket: not while other laboratories run."""
        for s in [*self.taps.values(), *self.wire.ends.values(), *self.sockets]:
            s.close()
        for side in SIDES:
            self.namespaces[side].close()


async def writable(s):
    """Wait until a connection stands or has failed; asyncio's own connect() does not know every kind of socket."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    fd = s.fileno()
    loop.add_writer(fd, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_writer(fd)


async def send(s, data):
    await asyncio.get_running_loop().sock_sendall(s, data)


async def receive(s, count):
    """So many bytes, or fewer if the peer closed before."""
    got = 0
    while got < count:
        data = await asyncio.get_running_loop().sock_recv(s, min(65536, count - got))
        if not data:
            break
        got += len(data)
    return got


async def talk(client, server, size=300):
    """A question and an answer."""
    await send(client, b"q" * size)
    await receive(server, size)
    await send(server, b"a" * size)
    await receive(client, size)


async def close(first, second, between=0.05):
    """One end closes, the other reads that and closes too."""
    first.close()
    await drain(second)
    await asyncio.sleep(between)
    second.close()
    await asyncio.sleep(0.2)


async def whole(lab, port=40001, **more):
    """A connection from SYN to TIME_WAIT, closed by the client."""
    client, server = await lab.pair(port, lab.listen(), **more)
    await talk(client, server)
    await close(client, server)


async def drain(s):
    """All that comes until the peer's FIN."""
    return await receive(s, 1 << 40)


def abort(s):
    """Close with a RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
