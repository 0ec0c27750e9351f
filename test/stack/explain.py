"""Why a difference between kernel and capture is one that no packet shows.

The excuses are: a segment that was lost (or forged) between the host and the tap, or held back, so that one of the two saw it and the
other did not, or not in that order; and then only for states between which the host sent nothing that passed the
tap.  And a FIN that the host itself held back, which close() has put it into FIN_WAIT_1 without.  All are taken from the captures.
"""
import socket

import compare
import packet

OWN = {"client": "near", "server": "far"}
SLACK = 0.001  # seconds; a transition that belongs to a segment is so near to it

BEFORE = 1.0  # seconds that a segment may have been on its way
AFTER_RST = 3.0  # seconds that tcplint keeps a connection that was reset
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


def stretches(difference):
    """(first state of the kernel's that differs, first that does again not, first of ours that differs), for every way to see it."""
    truth, got = difference.truth, difference.got
    for i in range(len(truth) + 1):
        for j in (j for j in range(len(got) + 1) if compare.equal(truth[:i], got[:j])):
            for k in range(i, len(truth) + 1):
                if any(compare.equal(truth[k:], got[n:]) for n in range(j, len(got) + 1)):
                    yield i, k, j


def held(difference, times, fins):
    """Whether the states are those of an end that closed when a FIN of its own passed the tap, of `fins`, or not at all."""
    states = [state for state, _ in difference.truth]
    closed = next((i for i, state in enumerate(states) if state in ("FIN_WAIT_1", "LAST_ACK")), None)
    if closed is None or fins and min(fins) < times[closed] + SLACK:
        return False
    other = {"CLOSING": "LAST_ACK" if fins else "CLOSE_WAIT", "TIME_WAIT": "CLOSED"} if "CLOSING" in states else {}
    waiting = []
    for state, optional in difference.truth:
        if state == "FIN_WAIT_1" and not fins:
            continue
        if state == "FIN_WAIT_1":
            waiting.append(("CLOSE_WAIT", not other))
        else:
            waiting.append((other.get(state, state), optional or state == "LAST_ACK" and not fins))
    return compare.equal(waiting, difference.got)


def released(difference, times, reset, sent):
    """Whether the host did something more, not reset by a RST that passed the tap, only when the record was closed."""
    before = [step for step, t in zip(difference.truth, times) if t < reset + AFTER_RST]
    more = len(before) < len(times) or any(t >= reset + AFTER_RST for t in sent)
    return more and not any(reset < t < reset + AFTER_RST for t in sent) and \
        difference.got[-1:] == ["CLOSED"] and compare.equal(before, difference.got[:-1])


def delays(own, here, passed):
    """When segments passed the tap that took longer than others between it and the host."""
    at, took = {who: t for t, _, who, _ in own}, []
    for t, mine, who, _ in here:
        if who in passed:
            took.append((t - at[who] if mine else at[who] - t, t))
    return [t for delay, t in took if delay > min(took)[0] + LATE]


def why(run, tap, difference):
    """A sentence, or None: it is a mistake."""
    times = [t + run.witness.offset for t in difference.times]
    until = difference.until + run.witness.offset
    own = of(run.lab.captures[OWN[difference.side]], difference.key, times[0] - BEFORE, until)
    if held(difference, times, [t for t, mine, _, flags in own if mine and flags & packet.FIN]):
        return HELD
    if tap == OWN[difference.side]:
        return None
    here = of(run.lab.captures[tap], difference.key, times[0] - BEFORE, until)
    passed = {who for _, _, who, _ in own} & {who for _, _, who, _ in here}
    if not any(mine for _, mine, _, _ in here):
        return NOTHING_SENT
    sent = [t for t, mine, who, _ in own if mine and who in passed]
    if held(difference, times, [t for t, mine, who, flags in own if mine and who in passed and flags & packet.FIN]):
        return UNSEEN
    resets = [t for t, mine, _, flags in here if flags & packet.RST and not mine]
    if any(released(difference, times, t, sent) for t in resets):
        return RELEASED
    lost = [t for t, _, who, _ in own + here if who not in passed]
    late = delays(own, here, passed)
    for i, k, j in stretches(difference):
        begin = times[i] if i < k else difference.seen[min(j, len(difference.seen) - 1)]
        end = times[k] if k < len(times) else until
        if any(begin + SLACK < t < end - SLACK for t in sent):
            continue
        since = max((t for t in sent if t <= begin + SLACK), default=begin)
        if any(since - BEFORE <= t <= end + SLACK for t in lost):
            return BETWEEN if any(t > begin + SLACK for t in sent) else LAST
        if any(since - BEFORE <= t <= end + BEFORE for t in late):
            return DELAYED
    return None
