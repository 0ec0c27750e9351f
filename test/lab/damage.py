#!/usr/bin/env python3
"""What a tap does to the lab's captures makes nobody guilty.

Scenarios in which nothing was forged (clean.py) are damaged in the ways that taps
damage what they capture (WAYS): frames missed at several rates and in bursts, copied,
in the wrong order within a millisecond, cut short, one direction only, begun
late, ended early, two taps merged into one file, and several of these at once.  No
damaged capture may yield a `violation` with confidence 0.8 or more that the whole
capture has not: the same rule about the same end of the same connection.

$SEEDS is the number of seeds, 1 by default: then the middle tap only, which takes
seconds.  With more, every tap takes part.  $KEEP is a directory for the damaged
captures that were wrong.  The data are read in place, from $SHARED/lab (by
default ../shared/lab beside the project).  $TCPLINT is the program.
"""
import concurrent.futures
import json
import os
import random
import struct
import subprocess
import sys

from clean import DATA, SKIPPED, SURE, TAPS, TCPLINT, TIMEOUT, tampered

SEEDS = int(os.environ.get("SEEDS") or 1)
KEEP = os.environ.get("KEEP")
MILLISECOND = 1_000_000

# Magic number: byte order, nanoseconds of a unit of the second time field.
FORMATS = {b"\xa1\xb2\xc3\xd4": (">", 1000), b"\xd4\xc3\xb2\xa1": ("<", 1000),
           b"\xa1\xb2\x3c\x4d": (">", 1), b"\x4d\x3c\xb2\xa1": ("<", 1)}


class Frame:
    def __init__(self, ns, data, length):
        self.ns, self.data, self.length = ns, data, length


def load(path):
    """The link type and the frames."""
    with open(path, "rb") as f:
        raw = f.read()
    order, unit = FORMATS[raw[:4]]
    link = struct.unpack(order + "I", raw[20:24])[0]
    frames, at = [], 24
    while at + 16 <= len(raw):
        sec, sub, captured, length = struct.unpack(order + "4I", raw[at:at + 16])
        frames.append(Frame(sec * 10**9 + sub * unit, raw[at + 16:at + 16 + captured], length))
        at += 16 + captured
    return link, frames


def store(link, frames):
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, link)]
    for f in frames:
        out.append(struct.pack("<4I", f.ns // 10**9, f.ns % 10**9, len(f.data), f.length) + f.data)
    return b"".join(out)


# ---- what taps do ----

def drop(rate):
    return lambda frames, rng: [f for f in frames if rng.random() >= rate]


def bursts(frames, rng):
    """Three times, up to 50 ms of nothing."""
    holes = [(t, t + rng.randrange(50 * MILLISECOND)) for t in (rng.choice(frames).ns for _ in range(3))]
    return [f for f in frames if not any(a <= f.ns < b for a, b in holes)]


def shuffled(frames, rng):
    """Frames within a millisecond change places; the clock of the tap goes on."""
    times = [f.ns for f in frames]
    moved = sorted(frames, key=lambda f: f.ns + rng.randrange(MILLISECOND))
    return [Frame(t, f.data, f.length) for t, f in zip(times, moved)]


def copied(frames, rng):
    """A mirror of both ports of a switch: each frame twice, within 200 us, or only some of them."""
    share = rng.choice((1, 0.5, 0.1))
    twice = list(frames)
    twice += [Frame(f.ns + rng.randrange(1000, 200_000), f.data, f.length) for f in frames if rng.random() < share]
    return sorted(twice, key=lambda f: f.ns)


def cut(frames, rng):
    snap = rng.randrange(54, 90)
    return [Frame(f.ns, f.data[:snap], f.length) for f in frames]


def late(frames, rng):
    return frames[rng.randrange(len(frames)):]


def early(frames, rng):
    return frames[:1 + rng.randrange(len(frames))]


def direction(frame):
    """Which of the two ends sent it, by address and port; None when that is not IPv4 or IPv6 in Ethernet or SLL2."""
    for at in (14, 18, 20, 22, 16):
        data = frame.data[at:]
        if len(data) >= 24 and data[0] >> 4 == 4 and data[0] & 15 >= 5 and data[9] == 6:
            head = (data[0] & 15) * 4
            return data[12:16] + data[head:head + 2] < data[16:20] + data[head + 2:head + 4]
        if len(data) >= 44 and data[0] >> 4 == 6 and data[6] == 6:
            return data[8:24] + data[40:42] < data[24:40] + data[42:44]
    return None


def one_way(frames, rng):
    side = rng.random() < 0.5
    return [f for f in frames if direction(f) in (side, None)]


def one_way_thinned(frames, rng):
    """Most of one direction is missing: a mirror port that is full in one of them."""
    side = rng.random() < 0.5
    return [f for f in frames if direction(f) != side or rng.random() < 0.5]


def lossy_and_shuffled(frames, rng):
    return shuffled(drop(0.03)(frames, rng) or frames, rng)


def lossy_and_copied(frames, rng):
    return copied(drop(0.05)(frames, rng) or frames, rng)


def late_and_lossy(frames, rng):
    return drop(0.1)(late(frames, rng), rng)


WAYS = {
    "drop 1 %": drop(0.01), "drop 5 %": drop(0.05), "drop 20 %": drop(0.2), "drop 50 %": drop(0.5),
    "bursts": bursts, "shuffled": shuffled, "copied": copied, "cut": cut, "late": late, "early": early,
    "one way": one_way, "thinned": one_way_thinned, "lossy, shuffled": lossy_and_shuffled,
    "lossy, copied": lossy_and_copied, "late, lossy": late_and_lossy,
}


def merged(directory, taps, rng):
    """One file from several taps, as mergecap makes it; each may have missed some."""
    link, frames = None, []
    for tap in taps:
        path = os.path.join(directory, f"{tap}.pcap")
        if not os.path.exists(path):
            return None, []
        other, some = load(path)
        if link not in (None, other):
            return None, []
        link = other
        frames += drop(0.02)(some, rng) if rng else some
    return link, sorted(frames, key=lambda f: f.ns)


# ---- what is said of it ----

def violations(capture):
    run = subprocess.run([TCPLINT, "--emit", "finding", "--verdict", "violation", "--min-severity", "info",
                          "--min-confidence", str(SURE), "-r", "-"], input=capture,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
    if run.returncode or run.stderr:
        raise SystemExit(f"exit status {run.returncode}: {run.stderr.decode().strip()}")
    return [json.loads(line) for line in run.stdout.decode().splitlines()]


def accused(f):
    """The rule, and who is said to have broken it: whichever end the capture took for the client."""
    if "conn" not in f:
        return f["rule"], f["host"]["ip"]
    who = f["conn"].get(f["offender"], {})
    ends = sorted((e["ip"], e["port"]) for e in (f["conn"]["client"], f["conn"]["server"]))
    return f["rule"], who.get("ip"), who.get("port"), str(ends)


def keep(name, capture):
    if KEEP:
        with open(os.path.join(KEEP, name.replace(" ", "_").replace("/", "_").replace(",", "") + ".pcap"), "wb") as f:
            f.write(capture)


def compare(name, capture, allowed):
    found = [f for f in violations(capture) if accused(f) not in allowed]
    if found:
        keep(name, capture)
    return [f"WRONG: {name}: {f['rule']} {f['confidence']} {f['offender']} frames"
            f" {','.join(map(str, f['frames']))}: {f['message']}" for f in found]


def scenario(name, seeds):
    """How many captures were judged, and what was wrong with them."""
    directory, runs, wrong = os.path.join(DATA, name), 0, []
    known = set()
    for tap in TAPS if seeds > 1 else ("middle",):
        path = os.path.join(directory, f"{tap}.pcap")
        if not os.path.exists(path):
            continue
        link, frames = load(path)
        known |= {accused(f) for f in violations(store(link, frames))}
        for way, damage in WAYS.items():
            for seed in range(seeds):
                damaged = frames and damage(frames, random.Random(f"{name} {tap} {way} {seed}"))
                runs += 1
                if damaged:
                    wrong += compare(f"{name}/{tap} {way} {seed}", store(link, damaged), known)
    for taps in (("client", "server"), ("client", "middle", "server")):
        for seed in range(seeds):
            rng = random.Random(f"{name} {seed}") if seed else None
            link, frames = merged(directory, taps, rng)
            if frames:
                runs += 1
                wrong += compare(f"{name}/merged {' '.join(taps)} {seed}", store(link, frames), known)
    return runs, wrong


def main():
    if not os.path.isdir(DATA):
        print(f"skipped: {DATA} is not here")
        return SKIPPED
    names = [n for n in sorted(os.listdir(DATA)) if os.path.exists(os.path.join(DATA, n, "meta.json"))
             and not tampered(os.path.join(DATA, n))]
    total, bad = 0, 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for runs, wrong in pool.map(lambda n: scenario(n, SEEDS), names):
            total += runs
            bad += len(wrong)
            for line in wrong:
                print(line)
    print(f"{len(names)} scenarios, {total} damaged captures, {SEEDS} seeds: {bad} wrong violations")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
