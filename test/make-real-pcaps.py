#!/usr/bin/env python3
"""Make the captures of real stacks: pcaps/real-NAME.pcap.

    make-real-pcaps.py [--output DIRECTORY] [NAME]...      no name: all of them

Three network namespaces in a row: a client, a tap, a server.  The tap has one end of a
pair of virtual interfaces to each of them, hands every frame on with what the kernel knows of it (checksum still to be
filled in, segments to be cut), and writes down those of TCP.  Needs root; exit status 77, "skipped" to meson, otherwise.
Everything is bounded in time, and what was made is removed, whatever happens.
"""
import argparse
import os
import select
import socket
import struct
import subprocess
import sys
import time

CLIENT, SERVER, PORT = "192.0.2.1", "192.0.2.2", 7777
LIMIT = 30.0  # seconds for one capture, the retransmission timers of a lossy one included

SOL_PACKET, PACKET_VNET_HDR, SO_TIMESTAMPNS, ETH_P_ALL = 263, 15, 35, 3
VNET_HDR = 10
PACKET_OUTGOING = 4


def read_all(s):
    """Everything until the peer's FIN; how many bytes."""
    total = 0
    while data := s.recv(65536):
        total += len(data)
    return total


def accept_one():
    with socket.create_server((SERVER, PORT)) as listening:
        listening.settimeout(LIMIT)
        print("listening", flush=True)
        return listening.accept()[0]


def connect():
    return socket.create_connection((SERVER, PORT), timeout=LIMIT)


def close_server():
    with accept_one() as s:
        s.recv(100)
        s.sendall(b"a" * 3000)
        read_all(s)


def close_client():
    with connect() as s:
        s.sendall(b"q" * 100)
        got = 0
        while got < 3000:
            got += len(s.recv(65536))
    time.sleep(0.2)


def half_close_server():
    with accept_one() as s:
        read_all(s)
        time.sleep(0.1)
        s.sendall(b"a" * 5000)


def half_close_client():
    with connect() as s:
        s.sendall(b"q" * 100)
        s.shutdown(socket.SHUT_WR)
        read_all(s)
    time.sleep(0.2)


def reset_server():
    with accept_one() as s:
        s.sendall(b"a" * 1000)
        try:
            read_all(s)
        except ConnectionResetError:
            pass


def reset_client():
    try:
        socket.create_connection((SERVER, PORT + 1), timeout=LIMIT).close()
    except ConnectionRefusedError:
        pass
    with connect():
        time.sleep(0.1)  # the data arrives and is never read: close() sends a RST
    time.sleep(0.2)


def loss_server():
    with accept_one() as s:
        for _ in range(8):
            s.sendall(b"a" * 1000)
            s.recv(10)
        read_all(s)


def loss_client():
    with connect() as s:
        for _ in range(8):
            got = 0
            while got < 1000:
                got += len(s.recv(1000 - got))
            s.sendall(b"q" * 10)
    time.sleep(2)  # for a FIN that has to be sent again


SCENARIOS = {
    "close": (close_client, close_server, False),
    "half-close": (half_close_client, half_close_server, False),
    "reset": (reset_client, reset_server, False),
    "loss": (loss_client, loss_server, True),
}


class Writer:
    """A capture file with nanosecond times."""

    def __init__(self, path):
        self.out = open(path, "wb")
        self.out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))

    def write(self, ns, frame):
        self.out.write(struct.pack("<IIII", ns // 10**9, ns % 10**9, len(frame), len(frame)))
        self.out.write(frame)
        self.out.flush()


def open_tap(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    s.bind((interface, ETH_P_ALL))
    return s


def receive(s):
    """The frames that wait, without our own: for each the kernel's time and the bytes behind a virtio header."""
    frames = []
    while True:
        try:
            data, control, _, address = s.recvmsg(70000, 64, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return frames
        ns = time.time_ns()
        for level, kind, value in control:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, part = struct.unpack("qq", value[:16])
                ns = seconds * 10**9 + part
        if address[2] != PACKET_OUTGOING:
            frames.append((ns, data))


def is_tcp(frame):
    return frame[12:14] == b"\x08\x00" and frame[23] == 6


def tap(path, lossy):
    """Hand frames on until the parent goes away.  Of a lossy path one frame in eight never reaches the tap, one never leaves it."""
    ends = [open_tap("to-client"), open_tap("to-server")]
    out, seen, stop = Writer(path), 0, time.monotonic() + LIMIT
    print("ready", flush=True)
    while time.monotonic() < stop:
        ready = select.select(ends, [], [], 0.2)[0]
        for ns, data, to in sorted(((*got, ends[s is ends[0]]) for s in ready for got in receive(s)), key=lambda x: x[0]):
            tcp = is_tcp(data[VNET_HDR:])
            seen += tcp
            if lossy and tcp and seen % 8 == 3:
                continue
            if tcp:
                out.write(ns, data[VNET_HDR:])
            if not (lossy and tcp and seen % 8 == 7):
                to.send(data)


def ip(*words):
    subprocess.run(["ip", *words], check=True, timeout=10)


class Lab:
    """The namespaces and the processes in them."""

    def __init__(self):
        self.names = [f"tcplint-{os.getpid()}-{x}" for x in ("client", "tap", "server")]
        self.made, self.processes = [], []

    def __enter__(self):
        try:
            for name in self.names:
                ip("netns", "add", name)
                self.made.append(name)
            for end, peer, address in ((0, "to-client", CLIENT), (2, "to-server", SERVER)):
                ip("link", "add", "veth0", "netns", self.names[end], "type", "veth",
                   "peer", "name", peer, "netns", self.names[1])
                ip("-n", self.names[end], "address", "add", f"{address}/24", "dev", "veth0")
                ip("-n", self.names[end], "link", "set", "veth0", "up")
                ip("-n", self.names[1], "link", "set", peer, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self, end, *words):
        p = subprocess.Popen(["ip", "netns", "exec", self.names[end], sys.executable, os.path.abspath(__file__), *words],
                             stdout=subprocess.PIPE, text=True)
        self.processes.append(p)
        return p

    def __exit__(self, *_):
        for p in self.processes:
            if p.poll() is None:
                p.terminate()
            p.wait(10)
        for name in self.made:
            subprocess.run(["ip", "netns", "delete", name], check=False, timeout=10)


def capture(name, path):
    with Lab() as lab:
        if "ready" not in lab.start(1, "--tap", name, path).stdout.readline():
            raise RuntimeError("the tap does not run")
        if "listening" not in lab.start(2, "--server", name).stdout.readline():
            raise RuntimeError("the server does not run")
        if lab.start(0, "--client", name).wait(LIMIT) != 0:
            raise RuntimeError("the client failed")


def worker(role, name, rest):
    client, server, lossy = SCENARIOS[name]
    if role == "--client":
        client()
    elif role == "--server":
        server()
    else:
        tap(rest[0], lossy)


def main():
    if len(sys.argv) > 2 and sys.argv[1] in ("--client", "--server", "--tap"):
        worker(sys.argv[1], sys.argv[2], sys.argv[3:])
        return 0
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    a = argparse.ArgumentParser(description="make the captures of real stacks")
    a.add_argument("--output", default=os.path.join(here, "pcaps"))
    a.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENARIOS))
    a = a.parse_args()
    if os.geteuid() != 0:
        print("make-real-pcaps.py: only root may make network namespaces")
        return 77
    for name in a.names or SCENARIOS:
        path = os.path.abspath(os.path.join(a.output, f"real-{name}.pcap"))
        capture(name, path)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
