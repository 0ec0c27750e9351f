"""What the kernels did: every state that each end of each connection went through.

Two sources, because neither knows all.  The tracepoint sock:inet_sock_set_state tells every transition of a full
socket, exactly.  It knows nothing of request sockets (an opening until the third ACK), and calls TIME_WAIT, and
FIN_WAIT_2 of a socket that nobody holds any more, "CLOSE", because a mini-socket takes over.  These are looked up by
sock_diag, for the connection at hand after each of its packets, and every POLL seconds for what timers and
applications do.
"""
import bisect
import collections
import os
import re
import socket
import struct
import time

import lab as laboratory

POLL = 0.1
AFTER_CLOSE = 0.35  # seconds within which a look-up must have shown the mini-socket that took over
SILENT = 0.003  # a transition without a packet so near, at the host itself, no packet made
TRANSIENT = 0.0002  # a state that lasts no longer shows in no packet

SOCK_DIAG_BY_FAMILY, NETLINK_SOCK_DIAG, NLMSG_ERROR, NLM_F_REQUEST = 20, 4, 2, 1
TIMER_TIME_WAIT = 3
STATES = (None, "ESTABLISHED", "SYN_SENT", "SYN_RECEIVED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT", "CLOSED",
          "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECEIVED")
TRACED = {"TCP_" + k: v for k, v in (
    ("ESTABLISHED", "ESTABLISHED"), ("SYN_SENT", "SYN_SENT"), ("SYN_RECV", "SYN_RECEIVED"), ("FIN_WAIT1", "FIN_WAIT_1"),
    ("FIN_WAIT2", "FIN_WAIT_2"), ("TIME_WAIT", "TIME_WAIT"), ("CLOSE", "CLOSED"), ("CLOSE_WAIT", "CLOSE_WAIT"),
    ("LAST_ACK", "LAST_ACK"), ("LISTEN", "LISTEN"), ("CLOSING", "CLOSING"), ("NEW_SYN_RECV", "SYN_RECEIVED"))}
LINE = re.compile(r"(\d+\.\d+): inet_sock_set_state: family=(\w+) protocol=IPPROTO_TCP sport=(\d+) dport=(\d+)"
                  r" saddr=(\S+) daddr=(\S+) saddrv6=(\S+) daddrv6=(\S+) oldstate=(\w+) newstate=(\w+)")


class Unavailable(Exception):
    """The kernel does not tell here; says why."""


class Trace:
    """A tracing instance of our own, removed at the end; one that a killed run left behind goes at the next start."""

    PREFIX = "tcplint-stack-"

    def __init__(self):
        places = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
        root = next((r for r in places if os.path.exists(r + "/instances")), None)
        if root is None:
            root = places[0]
            try:
                laboratory.mount("tracefs", root, "tracefs")
            except OSError as e:
                raise Unavailable(f"tracefs cannot be mounted ({e})") from e
        instances = os.path.join(root, "instances")
        self.path = os.path.join(instances, self.PREFIX + str(os.getpid()))
        try:
            for name in os.listdir(instances):
                pid = name[len(self.PREFIX):]
                if name.startswith(self.PREFIX) and not os.path.exists(f"/proc/{pid}"):
                    os.rmdir(os.path.join(instances, name))
            os.mkdir(self.path)
            self.set("trace_clock", "mono")
            self.set("buffer_size_kb", "4096")
            self.set("events/sock/inet_sock_set_state/enable", "1")
        except OSError as e:
            self.close()
            raise Unavailable(f"the tracepoint sock:inet_sock_set_state cannot be used ({e})") from e

    def set(self, name, value):
        with open(os.path.join(self.path, name), "w") as f:
            f.write(value)

    def read(self):
        """[(monotonic seconds, (address, port, peer's address, peer's port), old, new)].  Nothing may be missing."""
        for cpu in os.listdir(os.path.join(self.path, "per_cpu")):
            with open(os.path.join(self.path, "per_cpu", cpu, "stats")) as f:
                lost = sum(int(n) for n in re.findall(r"(?:overrun|dropped events): (\d+)", f.read()))
            if lost:
                raise RuntimeError(f"the trace buffer of {cpu} lost {lost} events")
        events = []
        with open(os.path.join(self.path, "trace")) as f:
            for match in LINE.finditer(f.read()):
                t, family, sport, dport, saddr, daddr, saddr6, daddr6, old, new = match.groups()
                ends = (saddr, daddr) if family == "AF_INET" else (saddr6, daddr6)
                events.append((float(t), (ends[0], int(sport), ends[1], int(dport)), TRACED[old], TRACED[new]))
        return sorted(events, key=lambda e: e[0])

    def close(self):
        if os.path.isdir(self.path):
            os.rmdir(self.path)


class Diagnosis:
    """sock_diag of one namespace: which socket there is for a connection."""

    def __init__(self, namespace):
        with namespace.inside():
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
        self.socket.settimeout(1)

    def look(self, family, address, port, peer, peer_port):
        """(state, whether it is a mini-socket), or None: there is none but perhaps a listener."""
        pad = bytes(16 - len(address))
        request = struct.pack("BBBBI", family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + \
            struct.pack("!HH", port, peer_port) + address + pad + peer + pad + \
            struct.pack("III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
        self.socket.send(struct.pack("IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0) + request)
        answer = self.socket.recv(8192)
        if struct.unpack_from("H", answer, 4)[0] == NLMSG_ERROR:
            if -struct.unpack_from("i", answer, 16)[0] != 2:
                raise Unavailable("sock_diag does not answer for one connection")
            return None
        state, timer = answer[17], answer[18]
        if STATES[state] == "LISTEN" or struct.unpack_from("!HH", answer, 20) != (port, peer_port):
            return None
        return STATES[state], timer == TIMER_TIME_WAIT or state == 12

    def close(self):
        self.socket.close()


class Transition:
    """Into `state` at `t` (monotonic seconds); `polled`: a timed look-up found it, or the next use began, no packet."""

    __slots__ = ("t", "state", "polled")

    def __init__(self, t, state, polled=False):
        self.t, self.state, self.polled = t, state, polled


class Witness:
    """Looks up the sockets of one laboratory, and in the end tells the lives of each connection's ends."""

    def __init__(self, lab):
        self.lab = lab
        self.diagnoses = {side: Diagnosis(lab.namespaces[side]) for side in laboratory.SIDES}
        self.looks = collections.defaultdict(list)  # (side, tuple): [(time, state, mini, polled)], changes only
        self.keys = {}
        self.alive, self.ended, self.packets = set(), None, collections.defaultdict(list)
        self.offset = time.time() - time.monotonic()
        self.checked = self.wrong = 0

    def saw(self, _, side, ns, segment):
        """A host sent or got a segment: look what became of its socket."""
        mine = self.lab.raw[side] == segment.source
        key = (side,) + ((segment.source, segment.sport, segment.destination, segment.dport) if mine else
                         (segment.destination, segment.dport, segment.source, segment.sport))
        self.packets[key].append(ns / 1e9 - self.offset)
        self.alive.add(key)
        self.look(key, False)

    def look(self, key, polled):
        side, *ends = key
        got = self.diagnoses[side].look(socket.AF_INET6 if self.lab.ipv6 else socket.AF_INET, *ends)
        now = time.monotonic()
        seen = self.looks[key]
        state, mini = got if got else (None, False)
        seen.append((now, state, mini, polled))
        if len(seen) > 2 and seen[-2][1:3] == seen[-3][1:3] == seen[-1][1:3]:
            seen[-2:] = seen[-1:]
        return state

    def poll(self):
        self.alive = {key for key in self.alive if self.look(key, True) is not None}

    def close(self):
        self.poll()
        self.ended = time.monotonic()
        for d in self.diagnoses.values():
            d.close()

    def name(self, key):
        family = socket.AF_INET6 if self.lab.ipv6 else socket.AF_INET
        _, address, port, peer, peer_port = key
        return socket.inet_ntop(family, address), port, socket.inet_ntop(family, peer), peer_port

    def lives(self, events):
        """{(side, tuple): [life]}, a life being a list of transitions; events as Trace.read() gives them."""
        mine = collections.defaultdict(list)
        for t, ends, old, new in events:
            if t <= self.ended:
                mine[ends].append((t, old, new))
        names = {self.name(key): key for key in self.looks}
        told = {}
        for ends, key in names.items():
            told[key] = self.tell(mine.get(ends, []), self.looks[key])
        for ends in set(mine) - set(names):  # opened, and no packet at all
            for side in laboratory.SIDES:
                if ends[0] == self.lab.addresses[side] and ends[3]:
                    told[(side, *ends)] = self.tell(mine[ends], [])
        return told

    def tell(self, events, looks):
        """Put what the tracepoint said and what the look-ups saw into one order."""
        story = Story()
        marks = sorted([(t, 0, new, old) for t, old, new in events] + [(t, 1, *rest) for t, *rest in looks],
                       key=lambda m: m[:2])
        times = [look[0] for look in looks]
        for mark in marks:
            if mark[1] == 0:
                t, _, new, old = mark
                at = bisect.bisect_right(times, t)
                story.event(t, old, new, [look for look in looks[at:at + 40] if look[0] < t + AFTER_CLOSE])
            else:
                story.look(mark[0], *mark[2:])
        self.checked += story.checked
        self.wrong += story.wrong
        return story.lives

    def silent(self, key, transition):
        """Whether no packet can have made it."""
        if transition.polled:
            return True
        times = self.packets.get(key, [])
        at = bisect.bisect_left(times, transition.t - SILENT)
        return at == len(times) or times[at] > transition.t + SILENT


class Story:
    """The lives of one end of one 4-tuple, as they are told."""

    def __init__(self):
        self.lives, self.mini, self.checked, self.wrong, self.last = [], False, 0, 0, 0.0

    @property
    def state(self):
        return self.lives[-1][-1].state if self.lives else "CLOSED"

    def enter(self, t, state, polled=False):
        if state != self.state:
            self.lives[-1].append(Transition(t, state, polled))

    def begin(self, t, state):
        if self.lives:  # a reuse: TIME_WAIT ends without a word
            self.enter(t, "CLOSED", True)
        self.lives.append([Transition(t, state)])

    def event(self, t, old, new, later):
        self.last = t
        if new == "LISTEN" or old == "LISTEN" and new == "CLOSED":
            return
        if old == "LISTEN" and new == "SYN_RECEIVED" and self.state == "SYN_RECEIVED":
            self.mini = False  # the request has become a socket
        elif new == "SYN_SENT" or old == "LISTEN" or not self.lives:
            self.mini = False
            self.begin(t, new)
        elif new == "CLOSED":
            self.left(t, later)
        else:
            self.mini = False
            self.enter(t, new)

    def left(self, t, later):
        """The full socket is gone; what comes after it is in the next look-ups."""
        for _, state, mini, _ in later:
            if mini or state is None or state in ("SYN_SENT", "SYN_RECEIVED"):
                if mini and state in ("FIN_WAIT_2", "TIME_WAIT"):
                    self.mini = True
                    self.enter(t, state)
                    return
                break
        self.enter(t, "CLOSED")

    def look(self, t, state, mini, polled):
        if state in ("FIN_WAIT_2", "TIME_WAIT") and mini:
            if self.mini:
                self.enter(t, state, polled)
        elif state == "SYN_RECEIVED" and self.state in ("CLOSED", "TIME_WAIT"):
            self.mini = True
            self.begin(t, state)
        elif state is None and self.mini:
            self.mini = False
            self.enter(t, "CLOSED", polled)
        elif state is not None and not mini and not self.mini and t > self.last + 0.001:
            self.checked += 1
            self.wrong += state != self.state
