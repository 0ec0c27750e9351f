"""Why a difference between kernel and capture is one that no packet shows.

The excuses are: a segment that was lost (or forged) between the host and the tap, or held back, so that one of the two
saw it and the other did not, or not in that order; and then only for states between which the host sent nothing that
passed the tap.  And a FIN that the host itself held back: close() put it into FIN_WAIT_1 all the same.  All are taken
from the captures.
"""
import socket
import typing

import compare
import packet

OWN = {"client": "near", "server": "far"}
SLACK = 0.001  # seconds; a transition that belongs to a segment is so near to it

BEFORE = 1.0  # seconds that a segment may have been on its way
AFTER_RST = 3.0  # seconds that tcplint keeps a connection that was reset
CROSSING = 0.05  # seconds; what passed the tap so soon after a RST may have been sent before it came
RELEASED = "a RST passed the tap and did not reset the host, which did nothing for so long that the record was closed"
HELD = "the host closed, and its FIN had to wait for window or congestion"
UNSEEN = "the FIN was lost, or came only later"
LATE = 0.005  # seconds by which a segment was held back on its way
DELAYED = "a segment between host and tap was held back, and others overtook it"
NOTHING_SENT = "nothing that the host sent passed the tap"
LAST = "after the last segment of the host that passed the tap, something between the two was lost"
BETWEEN = "between two segments of the host that passed the tap, something between host and tap was lost"


def name(source, port):
    return socket.inet_ntop(socket.AF_INET if len(source) == 4 else socket.AF_INET6, source), port


def tuples(capture):
    """The pairs of ends that have at least one segment in the capture."""
    return {frozenset((name(s.source, s.sport), name(s.destination, s.dport)))
            for s in (packet.parse(frame) for _, frame in capture.packets)}


def identity(s):
    """What makes it the same segment at another tap: the header without the checksum."""
    end = s.at + (s.frame[s.at + 12] >> 4) * 4
    return bytes(s.frame[s.at:s.at + 16]) + bytes(s.frame[s.at + 18:end])


def of(capture, ends, begin, end):
    """[(seconds, whether the host of ends[:2] sent it, identity, flags)] of one connection, in a stretch of time."""
    out = []
    for ns, frame in capture.packets:
        s = packet.parse(frame)
        source, destination = name(s.source, s.sport), name(s.destination, s.dport)
        if {source, destination} == {ends[:2], ends[2:]} and begin <= ns / 1e9 <= end:
            out.append((ns / 1e9, source == ends[:2], identity(s), s.flags))
    return out


class Paths(typing.NamedTuple):
    """The kernel's states with their times, ours with when the tap had them; seconds since the epoch."""

    truth: list
    times: list
    got: list
    seen: list

    def stretches(self):
        """Every way to see where they differ: (the kernel's first, its first that differs no more, our first)."""
        for i in range(len(self.truth) + 1):
            for j in (j for j in range(len(self.got) + 1) if compare.equal(self.truth[:i], self.got[:j])):
                for k in range(i, len(self.truth) + 1):
                    if any(compare.equal(self.truth[k:], self.got[n:]) for n in range(j, len(self.got) + 1)):
                        yield i, k, j

    def waiting(self, fins):
        """The same for an end that closed when the first of `fins`, its own, left, or not at all; None if it did so."""
        states = [state for state, _ in self.truth]
        closed = next((i for i, state in enumerate(states) if state in ("FIN_WAIT_1", "LAST_ACK")), None)
        if closed is None or fins and min(fins) < self.times[closed] + SLACK:
            return None
        crossed = "CLOSING" in states
        other = {"CLOSING": "LAST_ACK" if fins else "CLOSE_WAIT", "TIME_WAIT": "CLOSED"} if crossed else {}
        steps = []
        for (state, optional), t in zip(self.truth, self.times):
            if state == "FIN_WAIT_1" and not fins:
                continue
            if state == "FIN_WAIT_1":
                steps.append((("CLOSE_WAIT", not crossed), t))
            else:
                steps.append(((other.get(state, state), optional or state == "LAST_ACK" and not fins), t))
        return self._replace(truth=[step for step, _ in steps], times=[t for _, t in steps])

    def released(self, reset, sent):
        """Whether the host, not reset by a RST that passed the tap, did something more when the record was closed."""
        before = [step for step, t in zip(self.truth, self.times) if t < reset + AFTER_RST]
        more = len(before) < len(self.times) or any(t >= reset + AFTER_RST for t in sent)
        return more and not any(reset + CROSSING < t < reset + AFTER_RST for t in sent) and \
            self.got[-1:] == ["CLOSED"] and compare.equal(before, self.got[:-1])

    def disturbed(self, until, sent, lost, late):
        """Whether they differ only where something was lost, or late, and the host sent nothing that passed the tap."""
        for i, k, j in self.stretches():
            begin = self.times[i] if i < k else self.seen[min(j, len(self.seen) - 1)]
            end = self.times[k] if k < len(self.times) else until
            if any(begin + SLACK < t < end - SLACK for t in sent):
                continue
            since = max((t for t in sent if t <= begin + SLACK), default=begin)
            if any(since - BEFORE <= t <= end + SLACK for t in lost):
                return BETWEEN if any(t > begin + SLACK for t in sent) else LAST
            if any(since - BEFORE <= t <= end + BEFORE for t in late):
                return DELAYED
        return None


def delays(own, here, passed):
    """When segments passed the tap that took longer than others between it and the host."""
    at, took = {who: t for t, _, who, _ in own}, []
    for t, mine, who, _ in here:
        if who in passed:
            took.append((t - at[who] if mine else at[who] - t, t))
    return [t for delay, t in took if delay > min(took)[0] + LATE]


def fins_of(segments, passed=None):
    """When the host sent FINs, of those that passed."""
    return [t for t, mine, who, flags in segments if mine and flags & packet.FIN and (passed is None or who in passed)]


def why(run, tap, difference):
    """A sentence, or None: it is a mistake."""
    offset = run.witness.offset
    paths = Paths(difference.truth, [t + offset for t in difference.times], difference.got, difference.seen)
    begin, until = paths.times[0] - BEFORE, difference.until + offset
    own = of(run.lab.captures[OWN[difference.side]], difference.key, begin, until)
    held = paths.waiting(fins_of(own))
    if held and compare.equal(held.truth, held.got):
        return HELD
    if tap == OWN[difference.side]:
        return None
    here = of(run.lab.captures[tap], difference.key, begin, until)
    passed = {who for _, _, who, _ in own} & {who for _, _, who, _ in here}
    if not any(mine for _, mine, _, _ in here):
        return NOTHING_SENT
    unseen = paths.waiting(fins_of(own, passed))
    if unseen and compare.equal(unseen.truth, unseen.got):
        return UNSEEN
    sent = [t for t, mine, who, _ in own if mine and who in passed]
    resets = [t for t, mine, _, flags in here if flags & packet.RST and not mine]
    lost = [t for t, _, who, _ in own + here if who not in passed]
    late = delays(own, here, passed)
    for view in filter(None, (paths, unseen)):
        if any(view.released(t, sent) for t in resets):
            return RELEASED
        reason = view.disturbed(until, sent, lost, late)
        if reason:
            return reason
    return None
