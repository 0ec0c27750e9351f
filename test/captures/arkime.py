#!/usr/bin/env python3
"""handshake.verdict and community_id against the sessions of Arkime's own test suite.

Arkime says of a session `tcpSynValidated`, the SYN-ACK acknowledged the number
of a SYN that was seen, and `tcpSynAckValidated`, an ACK acknowledged the number
of that SYN-ACK.  That is:

    both          conformant
    the first     incomplete: the third step is missing
    neither       incomplete, undecidable or not_seen: a SYN without its SYN-ACK,
                  or a SYN-ACK whose SYN was not captured
    no statement  not compared

A verdict of `violated` never agrees: Arkime does not look for violations.
Sessions that Arkime cut differently from tshark are left out.

The captures and the sessions are read in place, from $SHARED/captures (by
default ../shared/captures beside the project).  $TCPLINT is the program.  A
difference without an entry in EXPLAINED fails, and so does an entry without its
difference.
"""
import calendar
import ipaddress
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("SHARED") or os.path.join(ROOT, "..", "shared")
CAPTURES = os.path.join(SHARED, "captures")
SESSIONS = os.path.join(CAPTURES, "expect", "arkime.jsonl")
TCPLINT = os.environ.get("TCPLINT") or "tcplint"

SKIPPED = 77
AGREES = {
    (True, True): {"conformant"},
    (True, False): {"incomplete"},
    (False, False): {"incomplete", "undecidable", "not_seen"},
}

# (file, source, destination): why Arkime says something else there.
EXPLAINED = {
}


def endpoint(ip, port):
    return f"{ipaddress.ip_address(ip)}:{port}"


def milliseconds(text):
    """Of an RFC 3339 time in UTC, rounded down as Arkime does."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 1000 + int(fraction[:3])


def connections(path):
    """The connection records of a capture, or why there are none."""
    run = subprocess.run([TCPLINT, "--all", "--tunnels", "--emit", "connection", "-r", path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    if run.returncode not in (0, 1):
        return None, f"exit status {run.returncode}: {run.stderr.strip()}"
    return [json.loads(line) for line in run.stdout.splitlines()], run.stderr.strip()


def find(row, records):
    """The record with the session's endpoints that starts with it."""
    pair = {endpoint(row["src_ip"], row["src_port"]), endpoint(row["dst_ip"], row["dst_port"])}
    same = [r for r in records
            if {endpoint(r["conn"][x]["ip"], r["conn"][x]["port"]) for x in ("client", "server")} == pair]
    near = [r for r in same if abs(milliseconds(r["start"]) - row["firstPacket_ms"]) <= 1]
    return near[0] if len(near) == 1 else same[0] if len(same) == 1 else None


def difference(row, records):
    record = find(row, records)
    if record is None:
        return "no such connection"
    said = []
    steps = (row["tcpSynValidated"], row["tcpSynAckValidated"])
    if record["handshake"]["verdict"] not in AGREES[steps]:
        said.append(f"handshake {record['handshake']['verdict']}, Arkime SYN {steps[0]} SYN-ACK {steps[1]}")
    if record["conn"]["community_id"] != row["community_id"]:
        said.append(f"community_id {record['conn']['community_id']}, Arkime {row['community_id']}")
    return "; ".join(said)


def main():
    if not os.path.exists(SESSIONS):
        print(f"skipped: {SESSIONS} is not here")
        return SKIPPED
    total = matched = wrong = 0
    unused = set(EXPLAINED)
    with open(SESSIONS) as lines:
        rows = [json.loads(line) for line in lines]
    read = {}
    for row in rows:
        if not row["crosscheck"].startswith("agrees") or row.get("tcpSynValidated") is None:
            continue
        total += 1
        if row["file"] not in read:
            read[row["file"]] = connections(os.path.join(CAPTURES, row["file"]))
        records, trouble = read[row["file"]]
        text = trouble if records is None else difference(row, records)
        if not text:
            matched += 1
            continue
        name = (row["file"], endpoint(row["src_ip"], row["src_port"]), endpoint(row["dst_ip"], row["dst_port"]))
        if name in EXPLAINED:
            unused.discard(name)
            print(f"explained: {' '.join(name)}: {text}. {EXPLAINED[name]}")
        else:
            wrong += 1
            print(f"DIFFERS: {' '.join(name)}: {text}")
    for name in sorted(unused):
        print(f"STALE: {' '.join(name)} is explained but does not differ")
    print(f"{matched} of {total} sessions match, {total - matched - wrong} explained, {wrong} not")
    return 1 if wrong or unused else 0


if __name__ == "__main__":
    sys.exit(main())
