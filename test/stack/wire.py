"""What lies between the two hosts: it delays, and drops, repeats, holds back and forges what it is told to.

Two halves with the middle tap between them: `near` on the client's side, `far` on the server's.  A frame of the client
passes the near half, the tap, the far half; one of the server the other way round.  So what the near half drops of the
client's never reaches the middle tap, and what the far half drops of the client's has passed it.
Frames keep what the kernel knows of them (checksum still to be filled in, segments to be cut): the virtio header.
"""
import asyncio
import collections
import heapq
import itertools
import random
import socket
import struct
import time

import packet
from packet import ACK, FIN, RST, SYN

SOL_PACKET, PACKET_VNET_HDR, SO_TIMESTAMPNS, ETH_P_ALL, PACKET_OUTGOING = 263, 15, 35, 3, 4
VNET = 10
HALF = 0.002  # seconds that each half takes
SIDES = ("client", "server")
OTHER = {"client": "server", "server": "client"}
HALVES = {"client": ("near", "far"), "server": ("far", "near")}


def open_packets(interface):
    """A socket that hears and sends all frames of an interface in this thread's namespace."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((interface, ETH_P_ALL))
    return s


def receive(s):
    """The frames that wait: (the kernel's time, whether this host sent it, virtio header, frame)."""
    while True:
        try:
            data, control, _, address = s.recvmsg(70000, 64)
        except BlockingIOError:
            return
        ns = time.time_ns()
        for level, kind, value in control:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, part = struct.unpack("qq", value[:16])
                ns = seconds * 10**9 + part
        yield ns, address[2] == PACKET_OUTGOING, data[:VNET], data[VNET:]


class Direction:
    """What one host has sent so far, as the wire got it."""

    def __init__(self):
        self.counts = collections.Counter()
        self.isn = self.top = self.ack = self.fin_end = None
        self.like = None
        self.data_end = None

    def take(self, segment, peer):
        """Count it, and return the words that a rule may select it by."""
        kinds = set(self.kinds(segment, peer))
        for kind in kinds:
            self.counts[kind] += 1
        if segment.flags & SYN and segment.seq != self.isn:
            self.isn, self.top, self.fin_end = segment.seq, segment.end, None
        if self.top is None or (segment.end - self.top) % packet.MODULUS < 1 << 31:
            self.top = segment.end
        if segment.flags & FIN:
            self.fin_end = segment.end
        if segment.flags & ACK:
            self.ack = segment.ack
        self.like = segment
        return kinds

    def kinds(self, s, peer):
        yield "any"
        if s.flags & RST:
            yield "rst"
            return
        if s.flags & SYN:
            yield "synack" if s.flags & ACK else "syn"
            return
        if s.flags & FIN:
            yield "fin"
        if s.length:
            yield "data"
        if s.flags & ACK and peer.fin_end is not None and s.ack == peer.fin_end:
            yield "ack-of-fin"
        if s.flags & (ACK | FIN) == ACK and not s.length:
            yield "ack"
            if peer.isn is not None and self.isn is not None and not self.counts["third"] \
                    and s.ack == (peer.isn + 1) % packet.MODULUS and s.seq == (self.isn + 1) % packet.MODULUS:
                yield "third"
        if self.isn is not None and not s.flags & SYN:
            yield "not-syn"


class Rule:
    """Do something to the frames of one side that are of a kind: to all, or to those of the numbers given, from 1."""

    def __init__(self, half, side, kind, action, numbers, port, **details):
        self.half, self.side, self.kind, self.action = half, side, kind, action
        self.numbers, self.port, self.details = numbers, port, details
        self.seen = collections.Counter()

    def wants(self, half, side, kinds, key, segment):
        if half != self.half or side != self.side or self.kind not in kinds:
            return False
        if self.port and self.port not in (segment.sport, segment.dport):
            return False
        self.seen[key] += 1
        return self.numbers is None or self.seen[key] in self.numbers


class Chaos:
    """Loss, repetition and reordering in both halves, from a seed, for each flow and direction by itself."""

    def __init__(self, seed, loss, duplicate=0.0, reorder=0.0):
        self.seed, self.loss, self.duplicate, self.reorder = seed, loss, duplicate, reorder
        self.streams = {}

    def fate(self, half, side, key):
        """(action, details) or None."""
        name = f"{self.seed}/{half}/{side}/{key[1]}/{key[3]}"
        if name not in self.streams:
            self.streams[name] = random.Random(name)
        stream = self.streams[name]
        x, y = stream.random(), stream.random()
        if x < self.loss:
            return "drop", {}
        if x < self.loss + self.duplicate:
            return "repeat", {"after": 0.03 * y}
        if x < self.loss + self.duplicate + self.reorder:
            return "delay", {"by": 0.03 * y}
        return None


class Wire:
    """The forwarder.  `tap` gets (ns, frame) of every TCP segment at the middle; `log` what was done to which."""

    def __init__(self, client, server, tap):
        self.ends = {"client": client, "server": server}
        self.tap, self.rules, self.chaos, self.log = tap, [], None, []
        self.flows = collections.defaultdict(lambda: {side: Direction() for side in SIDES})
        self.queue, self.serial, self.timer = [], itertools.count(), None
        self.cut, self.late = False, 0.0
        loop = asyncio.get_running_loop()
        for side, s in self.ends.items():
            loop.add_reader(s, self.arrive, side)

    def stop(self):
        loop = asyncio.get_running_loop()
        for s in self.ends.values():
            loop.remove_reader(s)
        self.cut = True
        if self.timer:
            self.timer.cancel()

    def rule(self, half, side, kind, action="drop", numbers=(1,), port=None, **details):
        """Have `action` (drop, repeat, delay, hook) done; numbers None is to all of them."""
        rule = Rule(half, side, kind, action, numbers, port, **details)
        self.rules.append(rule)
        return rule

    def drop(self, half, side, kind, numbers=(1,), port=None):
        return self.rule(half, side, kind, "drop", numbers, port)

    def flow(self, client_port, server_port=None):
        """The flow with that port of the client."""
        for key, flow in self.flows.items():
            if key[1] == client_port and server_port in (None, key[3]):
                return flow
        raise KeyError(client_port)

    @staticmethod
    def key(side, s):
        return (s.source, s.sport, s.destination, s.dport) if side == "client" else \
            (s.destination, s.dport, s.source, s.sport)

    def arrive(self, side):
        for _, own, head, frame in receive(self.ends[side]):
            if own or self.cut:
                continue
            segment = packet.parse(frame)
            if segment is None:
                self.later(HALF * 2, self.deliver, side, head, frame)
                continue
            key = self.key(side, segment)
            flow = self.flows[key]
            kinds = flow[side].take(segment, flow[OTHER[side]])
            self.half(0, side, head, segment, kinds, key)

    def half(self, which, side, head, segment, kinds, key):
        """Let a segment into the first (0) or second (1) half of its way."""
        half = HALVES[side][which]
        fates = [(r.action, r.details) for r in self.rules if r.wants(half, side, kinds, key, segment)]
        if not fates and self.chaos:
            fate = self.chaos.fate(half, side, key)
            fates = [fate] if fate else []
        delay, copies = HALF, []
        for action, details in fates:
            self.log.append((time.time_ns(), half, side, key, action, segment))
            if action == "drop":
                return
            if action == "delay":
                delay += details["by"]
            elif action == "repeat":
                copies += [details.get("after", 0.0)] * details.get("times", 1)
            elif action == "hook":
                frame = details["hook"](segment, self.flows[key])
                if frame is None:
                    return
                segment = packet.parse(frame)
        for extra in [0.0] + copies:
            self.later(delay + extra, self.leave, which, side, head, segment, kinds, key)

    def leave(self, which, side, head, segment, kinds, key):
        if which == 0:
            self.tap(time.time_ns(), segment.frame)
            self.half(1, side, head, segment, kinds, key)
        else:
            self.deliver(side, head, segment.frame)

    def deliver(self, side, head, frame):
        try:
            self.ends[OTHER[side]].send(head + frame)
        except OSError:
            pass  # the interface went away: the scenario is over

    def inject(self, side, client_port, seq, ack, flags, half=None, **more):
        """Forge a segment of `side`, which enters the wire where `half` begins; numbers are absolute."""
        key, flow = next((k, f) for k, f in self.flows.items() if k[1] == client_port)
        like = flow[side].like
        segment = packet.parse(packet.build(like, seq, ack, flags, **more))
        which = HALVES[side].index(half) if half else 0
        self.log.append((time.time_ns(), HALVES[side][which], side, key, "inject", segment))
        self.later(HALF, self.leave, which, side, bytes(VNET), segment, {"injected"}, key)

    @staticmethod
    def mirrored(segment):
        """The same, as if the other host had sent it: to forge a segment of a host that has not said anything."""
        frame, at, size = bytearray(segment.frame), segment.at, len(segment.source)
        frame[0:6], frame[6:12] = frame[6:12], frame[0:6]
        start = 26 if size == 4 else 22
        frame[start:start + size], frame[start + size:start + 2 * size] = segment.destination, segment.source
        frame[at:at + 2], frame[at + 2:at + 4] = frame[at + 2:at + 4], frame[at:at + 2]
        return packet.parse(bytes(frame))

    def later(self, delay, call, *args):
        heapq.heappush(self.queue, (time.monotonic() + delay, next(self.serial), call, args))
        self.arm()

    def arm(self):
        if self.timer:
            self.timer.cancel()
        if self.queue:
            self.timer = asyncio.get_running_loop().call_later(max(0.0, self.queue[0][0] - time.monotonic()), self.due)

    def due(self):
        self.timer = None
        while self.queue and self.queue[0][0] <= time.monotonic():
            at, _, call, args = heapq.heappop(self.queue)
            self.late = max(self.late, time.monotonic() - at)
            call(*args)
        self.arm()
