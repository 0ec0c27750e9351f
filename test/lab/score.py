#!/usr/bin/env python3
"""The states that we infer against those that two real kernels went through, at every tap.

The scorer and its data are used in place, from $SHARED/lab (by default
../shared/lab beside the project).  $TCPLINT is the program.  An endpoint is right
when its sequence of states is the kernel's, but for states that no packet can
show ("lenient" in the scorer); below ENOUGH of them at any tap this fails, and
so does a connection that we do not report at all.  -v prints the scorer's report.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHARED = os.environ.get("SHARED") or os.path.join(ROOT, "..", "shared")
LAB = os.path.join(SHARED, "lab")
SCORER = os.path.join(LAB, "score.py")
TCPLINT = os.environ.get("TCPLINT") or "tcplint"

SKIPPED = 77
ENOUGH = 0.95
TAPS = ("client", "middle", "server", "scenario")
WRONG_ENDS = 100  # listed by -v


def main():
    if not os.path.exists(SCORER):
        print(f"skipped: {SCORER} is not here")
        return SKIPPED
    verbose = "-v" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        numbers = os.path.join(directory, "numbers.json")
        run = subprocess.run([sys.executable, SCORER, "--adapter", os.path.join(HERE, "adapter.py"),
                              "--cmd", f"{TCPLINT} -r {{pcap}} --all --min-severity info --min-confidence 0",
                              "--tap", "all", "--details", str(WRONG_ENDS), "--json", numbers,
                              os.path.join(LAB, "data")],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
        if verbose:
            print(run.stdout)
        if run.returncode or run.stderr:
            print(f"the scorer ended with {run.returncode}: {run.stderr.strip()}")
            return 1
        with open(numbers) as f:
            results = json.load(f)
    bad = 0
    for tap in TAPS:
        r = results[tap]
        share = {k: r[k] / r["ends"] for k in ("exact", "lenient", "final")}
        found = sum(f.get("found", 0) for f in r["findings"].values())
        expected = sum(f.get("expected", 0) for f in r["findings"].values())
        unexpected = sum(f.get("unexpected", 0) for f in r["findings"].values())
        poor = share["lenient"] < ENOUGH or r["missed"]
        bad += bool(poor)
        print(f"{'POOR' if poor else 'good'}: {tap}: {r['ends']} ends, lenient {share['lenient']:.1%},"
              f" exact {share['exact']:.1%}, final {share['final']:.1%}; {r['missed']} connections missed;"
              f" findings {found} of {expected}, {unexpected} unexpected")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
