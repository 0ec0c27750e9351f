#!/usr/bin/env python3
"""conn_state and history against the conn.log baselines of Zeek's own test suite.

The captures and the baselines are read in place, from $SHARED/captures (by
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
BASELINES = os.path.join(CAPTURES, "expect", "zeek_conn.jsonl")
TCPLINT = os.environ.get("TCPLINT") or "tcplint"

SKIPPED = 77
CLOSE_ENOUGH = 1_000_000  # ns: Zeek and tshark round to microseconds

# (file, originator, responder): why Zeek says something else there.
EXPLAINED = {
    ("zeek__tunnels__gre-aruba-amsdu.pcap", "157.240.18.16:443", "149.159.130.184:49392"):
        "That Zeek ran bare (-b), so it knew no server ports; with its base scripts it takes the sender,"
        " port 443, for the responder, as we do.",
}


def endpoint(ip, port):
    return f"{ipaddress.ip_address(ip)}:{port}"


def nanoseconds(text):
    """Of an RFC 3339 time in UTC, or of seconds since 1970 in decimal."""
    if "T" in text:
        whole, _, fraction = text.rstrip("Z").partition(".")
        seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    else:
        whole, _, fraction = text.partition(".")
        seconds = int(whole)
    return seconds * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)


def baselines():
    """By file: the rows on whose packets tshark and Zeek agree."""
    files = {}
    with open(BASELINES) as lines:
        for row in map(json.loads, lines):
            if row.get("manual") or row.get("crosscheck", "").startswith("agrees"):
                files.setdefault(row["file"], []).append(row)
    return files


def connections(path):
    """The connection records of a capture, or why there are none."""
    run = subprocess.run([TCPLINT, "--all", "--tunnels", "--emit", "connection", "-r", path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    if run.returncode not in (0, 1):
        return None, f"exit status {run.returncode}: {run.stderr.strip()}"
    return [json.loads(line) for line in run.stdout.splitlines()], run.stderr.strip()


def ends(record):
    return {endpoint(record["conn"][x]["ip"], record["conn"][x]["port"]) for x in ("client", "server")}


def find(row, records):
    """The record of the row's connection: same endpoints, same first packet."""
    if "id.orig_h" in row:
        pair = {endpoint(row["id.orig_h"], row["id.orig_p"]), endpoint(row["id.resp_h"], row["id.resp_p"])}
        records = [r for r in records if ends(r) == pair]
    first = row.get("tshark_match", {}).get("first_ts")
    if first:
        records = [r for r in records if abs(nanoseconds(r["start"]) - nanoseconds(first)) < CLOSE_ENOUGH]
    return records[0] if len(records) == 1 else None


def difference(row, records):
    record = find(row, records)
    if record is None:
        return "no such connection"
    said = []
    for field in ("conn_state", "history"):
        ours, theirs = record.get(field) or "-", row.get(field, "")
        if theirs and ours != theirs:
            said.append(f"{field} {ours}, Zeek {theirs}")
    return "; ".join(said)


def key(file, row):
    if "id.orig_h" not in row:
        return (file, "", "")
    return (file, endpoint(row["id.orig_h"], row["id.orig_p"]), endpoint(row["id.resp_h"], row["id.resp_p"]))


def main():
    if not os.path.exists(BASELINES):
        print(f"skipped: {BASELINES} is not here")
        return SKIPPED
    total = matched = wrong = 0
    unused = set(EXPLAINED)
    for file, rows in baselines().items():
        records, trouble = connections(os.path.join(CAPTURES, file))
        for row in rows:
            total += 1
            name = key(file, row)
            text = trouble if records is None else difference(row, records)
            if not text:
                matched += 1
                continue
            where = " ".join(filter(None, name))
            if name in EXPLAINED:
                unused.discard(name)
                print(f"explained: {where}: {text}. {EXPLAINED[name]}")
            else:
                wrong += 1
                print(f"DIFFERS: {where}: {text}")
    for name in sorted(unused):
        print(f"STALE: {' '.join(filter(None, name))} is explained but does not differ")
    print(f"{matched} of {total} connections match, {total - matched - wrong} explained, {wrong} not")
    return 1 if wrong or unused else 0


if __name__ == "__main__":
    sys.exit(main())
