#!/usr/bin/env python3
"""Real kernels do not break the RFC: where nobody forged anything, nobody is accused.

Scenarios of the lab into which the wire injected no segment and in which it edited
none hold what two kernels sent, and losses, duplicates and delays.  No tap may see
a `violation` with confidence 0.8 or more in them, whatever its severity, except in
EXCEPTED.  The other scenarios are named and not judged.

The data are read in place, from $SHARED/lab (by default ../shared/lab beside the
project).  $TCPLINT is the program.
"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("SHARED") or os.path.join(ROOT, "..", "shared")
DATA = os.path.join(SHARED, "lab", "data")
TCPLINT = os.environ.get("TCPLINT") or "tcplint"

SKIPPED = 77
TIMEOUT = 60
SURE = 0.8
TAPS = ("client", "middle", "server", "scenario")

# Scenario: why a violation is right there.
EXCEPTED = {
    "no_time_wait": "tcp_max_tw_buckets is 0: the active closer has no TIME_WAIT, which RFC 9293 requires.",
}


def tampered(directory):
    """What was forged, in words; empty when nothing was."""
    with open(os.path.join(directory, "meta.json")) as f:
        wire = json.load(f).get("wire") or {}
    done = [f"{wire[k]} {k}" for k in ("injected", "edited") if wire.get(k)]
    log = os.path.join(directory, "wire.jsonl")
    if not done and os.path.exists(log):
        with open(log) as lines:
            acts = {json.loads(line)["act"] for line in lines}
        done = sorted(acts & {"inject", "edit"})
    return ", ".join(done)


def violations(path):
    run = subprocess.run([TCPLINT, "--emit", "finding", "--verdict", "violation", "--min-severity", "info",
                          "--min-confidence", str(SURE), "-r", path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
    if run.returncode or run.stderr:
        raise SystemExit(f"{path}: exit status {run.returncode}: {run.stderr.strip()}")
    return [json.loads(line) for line in run.stdout.splitlines()]


def main():
    if not os.path.isdir(DATA):
        print(f"skipped: {DATA} is not here")
        return SKIPPED
    judged = taps = wrong = 0
    left_out = []
    for name in sorted(os.listdir(DATA)):
        directory = os.path.join(DATA, name)
        if not os.path.exists(os.path.join(directory, "meta.json")):
            continue
        forged = tampered(directory)
        if forged:
            left_out.append(f"{name} ({forged})")
            continue
        judged += 1
        for tap in TAPS:
            path = os.path.join(directory, f"{tap}.pcap")
            if not os.path.exists(path):
                continue
            taps += 1
            for f in violations(path):
                excepted = EXCEPTED.get(name)
                wrong += not excepted
                print(f"{'excepted' if excepted else 'WRONG'}: {name}/{tap} {f['rule']} {f['confidence']}"
                      f" {f['offender']} frames {','.join(map(str, f['frames']))}: {f['message']}")
    print(f"not judged, forged or edited: {', '.join(left_out)}")
    print(f"{judged} scenarios, {taps} taps, {wrong} wrong violations")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
