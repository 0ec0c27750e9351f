#!/usr/bin/env python3
"""The states that we infer against those that two real kernels went through, at every tap.

The scorer and its data are used in place, from $SHARED/lab (by default
../shared/lab beside the project).  $TCPLINT is the program.  An endpoint is right
when its sequence of states is the kernel's, but for states that no packet can
show ("lenient" in the scorer).  Every other one, and every finding that the scenario
promises and we do not have, or the other way round, is listed in differences.tsv with
the reason why no packet at that tap tells better.  A difference that is not
there fails, and so does an entry without its difference, or a connection that we do
not report at all.  -v prints the scorer's report.
"""
import json
import os
import re
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
TAPS = ("client", "middle", "server", "scenario")
WRONG_ENDS = 1000  # listed by the scorer
KNOWN = os.path.join(HERE, "differences.tsv")

ENDPOINT = re.compile(r"^  (\w+)/(\w+) conn (\d+) (client|server)$")
SCENARIO = re.compile(r"^  (\w+) +ends \d+/\d+(.*)$")
FINDINGS = {"missing": re.compile(r"not found: ([a-z_ ]+?)(?=  |$)"),
            "unexpected": re.compile(r"unexpected: ([a-z_ ]+?)(?=  |$)")}


def differences(report):
    """What the scorer's report complains of: (kind, scenario, tap, what)."""
    tap, found = None, set()
    for line in report.splitlines():
        if line.startswith("== "):
            tap = line.split()[-1]
        m = ENDPOINT.match(line)
        if m:
            found.add(("end", m.group(1), m.group(2), f"{m.group(3)} {m.group(4)}"))
        m = SCENARIO.match(line)
        for kind, pattern in FINDINGS.items():
            names = m and pattern.search(m.group(2))
            for name in names.group(1).split() if names else []:
                found.add((kind, m.group(1), tap, name))
    return found


def known():
    with open(KNOWN) as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    return {tuple(row[:4]): row[4] for row in rows}


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
        bad += bool(r["missed"])
        print(f"{'MISSED' if r['missed'] else 'good'}: {tap}: {r['ends']} ends, lenient {share['lenient']:.1%},"
              f" exact {share['exact']:.1%}, final {share['final']:.1%}; {r['missed']} connections missed;"
              f" findings {found} of {expected}, {unexpected} unexpected")
    explained, found = known(), differences(run.stdout)
    for what in sorted(found - set(explained)):
        print(f"NEW: {' '.join(what)}")
    for what in sorted(set(explained) - found):
        print(f"GONE: {' '.join(what)}: {explained[what]}")
    print(f"{len(found)} differences, {len(found & set(explained))} of them explained")
    return 1 if bad or found != set(explained) else 0


if __name__ == "__main__":
    sys.exit(main())
