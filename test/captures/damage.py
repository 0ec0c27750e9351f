#!/usr/bin/env python3
"""Public captures cut off at pseudo-random bytes: what precedes the cut is reported, and the cut is named.

Of every cut: exit status 0 or 1, no sanitizer report, no hang; every line of
output JSON; the segment records are, byte for byte, the first ones of the whole
file.  A cut within the file's header yields no output, a message, and status 1;
any other a summary with `complete` false and `error`, and status 1, unless the
cut falls between two packets.  Of a pcap file this program counts the packets
before the cut itself, and the summary must have read exactly these.

Where to cut is the same in every run.  $CUTS is the number of cuts of a file:
6 by default, which takes a sanitizer build less than a minute; with 100 or more
the captures above 1 MB are cut too.

The captures are read in place, from $SHARED/captures (by default
../shared/captures beside the project).  $TCPLINT is the program.
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("SHARED") or os.path.join(ROOT, "..", "shared")
CAPTURES = os.path.join(SHARED, "captures")
TCPLINT = os.environ.get("TCPLINT") or "tcplint"
CUTS = int(os.environ.get("CUTS") or 6)

SKIPPED = 77
TIMEOUT = 60
LARGE = 1 << 20
MANY = 100
PCAP_HEADER = 24
MAGICS = {0xA1B2C3D4, 0xA1B23C4D}


def captures():
    for name in sorted(os.listdir(CAPTURES)):
        path = os.path.join(CAPTURES, name)
        if not name.endswith((".md", ".csv")) and os.path.isfile(path):
            if os.path.getsize(path) <= LARGE or CUTS >= MANY:
                yield name, path


def packet_ends(data):
    """Where each packet of a pcap file ends, its header counting as the first; None of another format."""
    for order in "<>":
        if len(data) >= PCAP_HEADER and struct.unpack(order + "I", data[:4])[0] in MAGICS:
            ends, at = [PCAP_HEADER], PCAP_HEADER
            while at + 16 <= len(data):
                at += 16 + struct.unpack(order + "I", data[at + 8:at + 12])[0]
                if at > len(data):
                    break
                ends.append(at)
            return ends
    return None


def run(path):
    """Exit status, lines of segments, the summary; or what went wrong."""
    try:
        done = subprocess.run([TCPLINT, "--emit", "segment,summary", "--tunnels", "-r", path],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return None, [], None, f"still running after {TIMEOUT} s"
    complaint = done.stderr.decode(errors="replace").strip()
    if done.returncode not in (0, 1) or "Sanitizer" in complaint or "runtime error" in complaint:
        return None, [], None, f"exit status {done.returncode}: {complaint}"
    if (done.returncode == 1) != bool(complaint):
        return None, [], None, f"exit status {done.returncode}, and it says '{complaint}'"
    lines = done.stdout.decode(errors="replace").splitlines()
    try:
        records = [json.loads(line) for line in lines]
    except ValueError as trouble:
        return None, [], None, f"not NDJSON: {trouble}"
    if not records:
        return done.returncode, [], None, ""
    if records[-1]["type"] != "summary":
        return None, [], None, "no summary at the end"
    return done.returncode, lines[:-1], records[-1], ""


def judge(cut, ends, whole, part):
    """What is wrong with the output of a cut file."""
    status, lines, summary, trouble = part
    if trouble:
        return trouble
    if ends and cut < PCAP_HEADER:
        return "" if status == 1 and not summary else "a header cut short was read"
    if not summary:
        return "" if status == 1 and not ends else "no summary"
    if summary["complete"] != (status == 0) or ("error" in summary) == summary["complete"]:
        return f"exit status {status}, complete {summary['complete']}, error {summary.get('error')}"
    if lines != whole[1][:len(lines)]:
        return "its segments are not the first ones of the whole file"
    read = summary["source"]["read"]
    if read > whole[2]["source"]["read"]:
        return f"{read} frames read, the whole file has {whole[2]['source']['read']}"
    if ends and not whole[0]:
        complete = sum(end <= cut for end in ends) - 1
        if read != complete:
            return f"{read} frames read, {complete} precede the cut"
        if (cut in ends) != (status == 0):
            return f"exit status {status}, and the cut is {'between' if cut in ends else 'within'} packets"
    return ""


def main():
    if not os.path.isdir(CAPTURES):
        print(f"skipped: {CAPTURES} is not here")
        return SKIPPED
    files = cuts = wrong = 0
    with tempfile.TemporaryDirectory() as directory:
        cut_file = os.path.join(directory, "cut")
        for name, path in captures():
            whole = run(path)
            if not whole[2]:
                continue  # nothing in it can be read: survey.py sees to that
            files += 1
            with open(path, "rb") as f:
                data = f.read()
            ends = packet_ends(data)
            where = random.Random(name)
            for _ in range(CUTS):
                cut = where.randrange(len(data))
                with open(cut_file, "wb") as f:
                    f.write(data[:cut])
                cuts += 1
                trouble = judge(cut, ends, whole, run(cut_file))
                if trouble:
                    wrong += 1
                    print(f"WRONG: {name} cut at byte {cut}: {trouble}")
    print(f"{files} captures, {cuts} cuts, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
