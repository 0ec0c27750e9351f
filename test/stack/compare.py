"""What tcplint says of a capture, against what the kernels did and what the scenario expects."""
import datetime
import json
import subprocess

from truth import TRANSIENT
from wire import OTHER, SIDES

JUDGED = ("violation", "deviation", "attack_suspect")
SURE = 0.5  # what is printed by default
TIMEOUT = 120
EARLY = 1.0  # seconds that an end may have lived before its first segment passed the tap, when a record is chosen


def read(program, path):
    """The connection and host records of one capture."""
    run = subprocess.run([program, "--all", "--emit", "connection,host", "--min-severity", "info",
                          "--min-confidence", "0", "-r", path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
    if run.returncode or run.stderr:
        raise RuntimeError(f"{path}: exit status {run.returncode}: {run.stderr.strip()}")
    return [json.loads(line) for line in run.stdout.splitlines()]


def seconds(stamp):
    whole, fraction = stamp.rstrip("Z").split(".")
    t = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return t.timestamp() + float("0." + fraction)


def findings(records):
    for record in records:
        yield from record.get("findings", [])


def holds(records, wish):
    """Whether an expectation is met: `rule`, `!rule` (not there), `field.of.connection=value` or `field>number`."""
    if wish.startswith("!"):
        return not holds(records, wish[1:])
    if "=" in wish:
        path, value = wish.split("=")
        return any(str(field(r, path)) == value for r in records)
    if ">" in wish:
        path, value = wish.split(">")
        return any((field(r, path) or 0) > int(value) for r in records)
    return any(f["rule"] == wish or wish in f.get("related", []) for f in findings(records))


def field(record, path):
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


def accusations(records, allowed):
    """Findings that blame somebody, of at least the confidence printed by default, that the scenario does not allow."""
    return [f for f in findings(records)
            if f["verdict"] in JUDGED and f["confidence"] >= SURE and f["rule"] not in allowed]


def truth_path(witness, key, life):
    """[(state, whether no packet can show it)]."""
    out = []
    for i, step in enumerate(life):
        short = i + 1 < len(life) and life[i + 1].t - step.t < TRANSIENT
        out.append((step.state, short or step.state == "CLOSED" and witness.silent(key, step)))
    return out


def our_path(end, start):
    """[(state, seconds since the epoch)], without the state before the opening."""
    out = []
    for step in end.get("states", []):
        state = step["state"]
        if state in ("LISTEN", "CLOSED") and not out:
            continue
        state = "CLOSED" if state == "LISTEN" else state
        if not out or out[-1][0] != state:
            out.append((state, start + step["t"]))
    return out


def equal(truth, got):
    """`got` is `truth` with some of its optional states left out."""
    reach = {0}
    for state, optional in truth:
        reach = {j + 1 for j in reach if j < len(got) and got[j] == state} | (reach if optional else set())
    return len(got) in reach


def pair(lives, records, offset):
    """Which life a record is of: in order when there are as many.

    A record may be of several lives: a SYN that comes late opens the passive end again (an incarnation that fails).
    """
    if not records or len(lives) == len(records):
        return list(zip(lives, records)) or [(life, None) for life in lives]
    starts = [seconds(r["start"]) for r in records]
    shared = {}
    for life in lives:
        began = life[0].t + offset
        if len(lives) > len(records):
            at = max((i for i, start in enumerate(starts) if start <= began + EARLY), default=0)
        else:
            at = min(range(len(starts)), key=lambda i: abs(starts[i] - began))
        shared.setdefault(at, []).extend(life)
    return [(life, records[at]) for at, life in shared.items()]


class Difference:
    """An end whose states differ: the kernel's with their `times`, up to `until` (monotonic seconds), and ours with
    when the tap had them (`seen`, seconds since the epoch)."""

    def __init__(self, side, key, truth, got, times, until, seen):
        self.side, self.key, self.truth, self.got, self.times, self.until = side, key, truth, got, times, until
        self.seen = seen

    def text(self):
        kernel = " ".join(f"({state})" if optional else state for state, optional in self.truth)
        return f"{self.side} {self.key[1]}>{self.key[3]}: kernel {kernel}; tcplint {' '.join(self.got) or 'nothing'}"


class Tally:
    def __init__(self):
        self.connections = self.ends = self.exact = self.equal = 0
        self.differences = []


def states(witness, lives, records, seen):
    """Compare all ends of a laboratory at one tap, at which the tuples of `seen` have at least one segment."""
    tally, by = Tally(), {}
    for r in (r for r in records if r["type"] == "connection" and r["origin"] != "stray"):
        ends = [(r["conn"][role]["ip"], r["conn"][role]["port"]) for role in SIDES]
        by.setdefault(frozenset(ends), []).append(r)
    tally.connections = sum(len(rs) for rs in by.values())
    for key, told in lives.items():
        side, *ends = key
        if isinstance(ends[0], bytes):
            ends = list(witness.name(key))
        name = tuple(ends)
        if not told or frozenset((name[:2], name[2:])) not in seen:
            continue
        begins = sorted(life[0].t for life in told)
        for life, record in pair(told, by.get(frozenset((name[:2], name[2:])), []), witness.offset):
            truth, path = truth_path(witness, key, life), []
            if record:
                client = record["conn"]["client"]
                role = "client" if (client["ip"], client["port"]) == name[:2] else "server"
                path = our_path(record[role], seconds(record["start"]))
            got = [state for state, _ in path]
            tally.ends += 1
            tally.exact += [s for s, _ in truth] == got
            tally.equal += equal(truth, got)
            if not equal(truth, got):
                until = next((t for t in begins if t > life[0].t), witness.ended)
                tally.differences.append(Difference(side, name, truth, got, [step.t for step in life], until,
                                                    [t for _, t in path]))
    return tally
