#!/usr/bin/env python3
"""tcplint against the running kernel: connections between two network namespaces, and what becomes of them.

    run.py [--tcplint PROGRAM] [--seed N] [--random N] [--strict] [--slow] [--keep DIRECTORY] [SCENARIO]...

No SCENARIO: all of them.  The states in our records must be those that the kernels went through, at three taps;
nobody is blamed who did no wrong; what happened is found.  README.md here says how.  Needs root; exit status 77,
"skipped" to meson, where namespaces cannot be made.
"""
import argparse
import asyncio
import concurrent.futures
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
import traceback

import compare
import explain
import lab as laboratory
import scenario
import scenarios_data  # noqa: F401
import scenarios_open  # noqa: F401, they register themselves
import scenarios_close  # noqa: F401
import scenarios_random
import truth

SKIPPED = 77
JITTER = 0.05  # seconds: a wire that was so late made intervals of its own, and timers are not judged
TOLERATED = 0.01  # of the ends of random connections that are in another state, unexplained, unless --strict
AT_ONCE = 2  # programs that read captures
STAGGER = 0.03  # seconds from one scenario's begin to the next: one thread does it all
TAPS = ("near", "middle", "far")


class Run:
    """One scenario in a laboratory of its own."""

    def __init__(self, number, what, directory, traced):
        self.what, self.error, self.took = what, None, 0.0
        self.directory = os.path.join(directory, what.name)
        os.makedirs(self.directory, exist_ok=True)
        self.lab = laboratory.Lab(number, self.directory, **what.laboratory)
        self.witness = truth.Witness(self.lab) if traced else None
        if self.witness:
            self.lab.watch = self.witness.saw

    async def go(self, delay):
        await asyncio.sleep(delay)
        poll, began = asyncio.ensure_future(self.poll()), time.monotonic()
        try:
            await asyncio.wait_for(self.what.run(self.lab), self.what.limit)
            await asyncio.sleep(0.1)
        except asyncio.TimeoutError:
            self.error = f"did not end within {self.what.limit:.0f} s"
        except Exception:  # pylint: disable=broad-except
            self.error = traceback.format_exc()
        finally:
            poll.cancel()
            self.took = time.monotonic() - began
            if self.witness:
                self.witness.close()
            self.lab.stop()
        for capture in self.lab.captures.values():
            capture.write()

    async def poll(self):
        while self.witness:
            await asyncio.sleep(truth.POLL)
            self.witness.poll()


class Judge:
    """Compares the captures of the runs, and counts."""

    def __init__(self, events, strict):
        self.events, self.strict = events, strict
        self.failed, self.explained = 0, {}
        self.sums = dict.fromkeys(("connections", "ends", "exact", "equal", "explained", "wrong", "accusations"), 0)

    def judge(self, run, records):
        """Whether all is well with one scenario; prints what is not."""
        complaints = [f"scenario: {run.error}"] if run.error else []
        lives = run.witness.lives(self.events) if self.events is not None else None
        ends = self.sums["ends"]
        wrong = []
        for tap in TAPS:
            complaints += [f"{tap}: {c}" for c in self.tap(run, tap, records[tap], lives, wrong)]
        # what nobody foresaw happens to random connections; a mistake of ours happens to many
        if not run.what.random or self.strict or len(wrong) > TOLERATED * (self.sums["ends"] - ends) + 3:
            complaints += wrong
        print(f"{'not ok' if complaints else 'ok'} {run.what.name}: {run.what.sentence} ({run.took:.1f} s)")
        for c in complaints:
            print(f"    {c}")
        self.failed += bool(complaints)

    def tap(self, run, tap, records, lives, wrong):
        for wish in run.what.expect.get(tap, ()):
            if not compare.holds(records, wish):
                yield f"expected {wish}"
        for f in compare.accusations(records, run.what.allow):
            if f["phase"] == "timing" and run.lab.wire.late > JITTER:
                continue
            self.sums["accusations"] += 1
            yield f"{f['verdict']} {f['rule']} {f['confidence']} frames {f['frames']}: {f['message']}"
        if lives is None:
            return
        seen = explain.tuples(run.lab.captures[tap])
        tally = compare.states(run.witness, lives, records, seen)
        for name in ("connections", "ends", "exact", "equal"):
            self.sums[name] += getattr(tally, name)
        for d in tally.differences:
            why = explain.why(run, tap, d)
            if why:
                self.sums["explained"] += 1
                self.explained[why] = self.explained.get(why, 0) + 1
            else:
                self.sums["wrong"] += 1
                wrong.append(f"{tap}: {d.text()}")


def start(names, directory, traced):
    """The laboratories; raises Unavailable where none can be made."""
    try:
        return [Run(i, scenario.REGISTRY[name], directory, traced) for i, name in enumerate(names)]
    except OSError as e:
        raise truth.Unavailable(f"network namespaces cannot be made here ({e})") from e


def hurry():
    """The wire is a process: if it waits for others on the machine, the delays are not those of the scenarios."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -20)


def calm():
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, 0, 0)


async def play(runs_of):
    runs = runs_of()
    print(f"# {len(runs)} laboratories after {time.process_time():.1f} s")
    hurry()
    await asyncio.gather(*(r.go(i * STAGGER) for i, r in enumerate(runs)))
    calm()
    late = max((r.lab.wire.late for r in runs), default=0)
    print(f"# the wire was late by at most {late * 1000:.0f} ms")
    with concurrent.futures.ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(lambda r: r.lab.close(), runs))
    return runs


def report(a, directory, names):
    try:
        laboratory.private_mounts()
    except OSError as e:
        print(f"skipped: no namespaces here ({e})")
        return SKIPPED
    trace = None
    try:
        trace = truth.Trace()
    except truth.Unavailable as e:
        print(f"the states are not compared: {e}")
    try:
        began = time.monotonic()
        try:
            runs = asyncio.run(play(lambda: start(names, directory, trace is not None)))
        except truth.Unavailable as e:
            print(f"skipped: {e}")
            return SKIPPED
        events = trace.read() if trace else None
    finally:
        if trace:
            trace.close()
    print(f"# {len(runs)} scenarios in {time.monotonic() - began:.1f} s, seed {a.seed}")
    judge = Judge(events, a.strict or bool(a.names))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        read = {(r, tap): pool.submit(compare.read, a.tcplint, r.lab.captures[tap].path) for r in runs for tap in TAPS}
    for r in runs:
        judge.judge(r, {tap: read[r, tap].result() for tap in TAPS})
    print("# " + ", ".join(f"{n} {what}" for what, n in judge.sums.items()))
    for why, n in sorted(judge.explained.items()):
        print(f"# explained, {n}: {why}")
    if events is not None:
        checked, wrong = (sum(getattr(r.witness, x) for r in runs) for x in ("checked", "wrong"))
        print(f"# the two sources of truth agree in {checked - wrong} of {checked} look-ups")
        judge.failed += bool(wrong)
    print(f"# {len(runs) - judge.failed} passed, {judge.failed} failed")
    return 1 if judge.failed else 0


def main():
    a = argparse.ArgumentParser(description="tcplint against the running kernel")
    a.add_argument("--tcplint", default=os.environ.get("TCPLINT") or "tcplint")
    a.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    a.add_argument("--random", type=int, default=60, help="how many random connections")
    a.add_argument("--strict", action="store_true", help="no unexplained state is tolerated (so too with SCENARIO)")
    a.add_argument("--slow", action="store_true", help="the scenarios too that wait for a minute or two")
    a.add_argument("--keep", metavar="DIRECTORY", help="leave the captures there")
    a.add_argument("names", nargs="*", metavar="SCENARIO")
    a = a.parse_args()
    if os.geteuid() != 0:
        print("skipped: only root may make network namespaces")
        return SKIPPED
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    scenarios_random.register(a.seed, a.random, scenario.LIMIT + a.random * 0.3)
    unknown = [n for n in a.names if n not in scenario.REGISTRY]
    if unknown:
        print(f"no such scenario: {' '.join(unknown)}")
        return 2
    # the random ones take longest, and were registered last
    names = a.names or [n for n, s in reversed(scenario.REGISTRY.items()) if a.slow or not s.slow]
    if a.keep:
        os.makedirs(a.keep, exist_ok=True)
        return report(a, a.keep, names)
    with tempfile.TemporaryDirectory() as directory:
        return report(a, directory, names)


if __name__ == "__main__":
    sys.exit(main())
