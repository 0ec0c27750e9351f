#!/usr/bin/env python3
"""Packets, SYN, SYN-ACK, FIN and RST per direction of every stream that tshark lists.

tshark starts a stream at a SYN with a new number; tcplint starts an incarnation
when a SYN is accepted, and keeps a stray segment in a record of its own.  So the
records of a 4-tuple that start within a stream are added up, and where the two
cut a 4-tuple differently, all its records are compared with all its streams.

The captures and what tshark said are read in place, from $SHARED/captures (by
default ../shared/captures beside the project).  $TCPLINT is the program.  A
difference without an entry in EXPLAINED fails, and so does an entry without its
differences.
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
TOOLS = os.path.join(CAPTURES, "expect", "tools.jsonl")
TCPLINT = os.environ.get("TCPLINT") or "tcplint"

SKIPPED = 77
CLOSE_ENOUGH = 1_000_000  # ns: tshark's time stamps may have been rounded to microseconds
FIELDS = (("pkts", "segments"), ("syn", "syn"), ("synack", "synack"), ("fin", "fin"), ("rst", "rst"))

LINK_TYPES = "Its interfaces differ in link type, which libpcap refuses: what comes before the second is read."

# file: how many of its streams differ, and why.
EXPLAINED = {
    "PcapPlusPlus__Tests__file_heuristics__pcapng-example.pcapng": (14, LINK_TYPES),
    "PcapPlusPlus__Tests__ldap.pcapng": (6, LINK_TYPES),
    "libpcap__filter__AH-IPcomp-IPv4.pcap": (
        1, "Four of its packets are compressed (IPComp); tshark inflates them, we count them as not readable."),
    "suricata-verify__firewall__tcp-session-decode-malformed-ipv4__input.pcap": (
        1, "Frame 8 has IP options that do not parse (length 0); tshark stops there, we find TCP where the header"
           " length says."),
}


def endpoint(text):
    ip, _, port = text.rpartition(":")
    return f"{ipaddress.ip_address(ip.strip('[]'))}:{port}"


def nanoseconds(text):
    """Of an RFC 3339 time in UTC, or of seconds since 1970 in decimal."""
    if "T" in text:
        whole, _, fraction = text.rstrip("Z").partition(".")
        seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    else:
        whole, _, fraction = text.partition(".")
        seconds = int(whole)
    return seconds * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)


def connections(path):
    """The connection records of a capture by pair of endpoints, and what the program said on stderr."""
    run = subprocess.run([TCPLINT, "--all", "--tunnels", "--emit", "connection", "-r", path],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    if run.returncode not in (0, 1):
        return None, f"exit status {run.returncode}: {run.stderr.strip()}"
    pairs = {}
    for line in run.stdout.splitlines():
        record = json.loads(line)
        ends = {x: endpoint(f"{record['conn'][x]['ip']}:{record['conn'][x]['port']}") for x in ("client", "server")}
        pairs.setdefault(frozenset(ends.values()), []).append((nanoseconds(record["start"]), ends, record))
    return pairs, run.stderr.strip()


def ours(records, end):
    """What the records together say that `end` sent."""
    total = dict.fromkeys((name for _, name in FIELDS), 0)
    for _, ends, record in records:
        for side in ("client", "server"):
            if ends[side] == end and (side == "client" or ends["client"] != ends["server"]):
                for name in total:
                    total[name] += record[side].get(name, 0)
    return total


def difference(streams, records):
    """In words, between tshark's streams and our records of one 4-tuple."""
    a, b = endpoint(streams[0]["a"]), endpoint(streams[0]["b"])
    said = []
    for end in (a, b):
        counted = ours(records, end)
        for theirs, name in FIELDS:
            expected = 0
            for s in streams:
                if a == b:
                    expected += sum(s[theirs])
                else:
                    expected += s[theirs][0 if endpoint(s["a"]) == end else 1]
            if counted[name] != expected:
                said.append(f"{end} {theirs} {counted[name]}, tshark {expected}")
        if a == b:
            break
    return "; ".join(said)


def within(stream, records):
    first, last = nanoseconds(stream["first_ts"]), nanoseconds(stream["last_ts"])
    return [r for r in records if first - CLOSE_ENOUGH <= r[0] <= last + CLOSE_ENOUGH]


def main():
    if not os.path.exists(TOOLS):
        print(f"skipped: {TOOLS} is not here")
        return SKIPPED
    total = matched = together = explained = wrong = 0
    with open(TOOLS) as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        pairs, trouble = connections(os.path.join(CAPTURES, row["file"]))
        tuples = {}
        differing = 0
        for stream in row.get("tshark") or []:
            tuples.setdefault(frozenset((endpoint(stream["a"]), endpoint(stream["b"]))), []).append(stream)
        expected, why = EXPLAINED.get(row["file"], (0, ""))
        for pair, streams in tuples.items():
            total += len(streams)
            records = (pairs or {}).get(pair, [])
            if pairs is not None and not any(difference([s], within(s, records)) for s in streams):
                matched += len(streams)
                continue
            text = trouble if pairs is None else difference(streams, records)
            if not text:
                together += len(streams)
                continue
            differing += len(streams)
            print(f"{'explained' if why else 'DIFFERS'}: {row['file']} {' '.join(sorted(pair))}: {text}")
        if differing and differing == expected:
            explained += differing
            print(f"  {why}")
        elif differing != expected:
            wrong += max(differing, 1)
            print(f"WRONG: {row['file']}: {differing} streams differ, {expected} were explained")
    print(f"{matched + together} of {total} streams match ({together} only as the sum of their 4-tuple),"
          f" {explained} explained, {wrong} not")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
