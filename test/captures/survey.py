#!/usr/bin/env python3
"""Every public capture is read to its end, and what it accuses anyone of has been judged.

Each capture is read in several ways (RUNS).  Always: exit status 0 or 1, no
sanitizer report, no hang, every line of output JSON, the summary last, and all
frames accounted for:

    read = filtered_out + segments + icmp_errors + the sum of the drops

With status 1 stderr says why; when at least the file's header could be read the
summary is there too, and says so: complete false, and error.

A `violation` with confidence 0.8 or more says that somebody broke the RFC.  All
of them, whatever the severity, must be in JUDGED, where somebody who looked at
the packets says why that is right; an entry without its violation fails as well.

The captures are read in place, from $SHARED/captures (by default
../shared/captures beside the project).  $TCPLINT is the program.
"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("SHARED") or os.path.join(ROOT, "..", "shared")
CAPTURES = os.path.join(SHARED, "captures")
TCPLINT = os.environ.get("TCPLINT") or "tcplint"

SKIPPED = 77
TIMEOUT = 60  # seconds for one run: the slowest takes under one
SURE = 0.8

LOUD = ["--all", "--min-severity", "info", "--min-confidence", "0"]
RUNS = {
    "all": LOUD + ["--tunnels"],
    "segments": ["--emit", "segment,summary", "--tunnels"],
    "vlan": LOUD + ["--vlan"],
    "text": ["--format", "text"],
    "five": LOUD + ["-c", "5"],
}

# (file, rule, frames): why the verdict is right.
CRAFTED = "A crafted file: no SYN among its flags (0x2d5), and the options that belong on one: MSS, window scale, SACK-permitted."

JUDGED = {
    ("Malcolm-Test-Artifacts__other__Digital_Bond_S4__Modicon.pcap", "isn_clock_predictable", (25, 27, 154, 214)):
        "A controller that adds 64000 for each connection and some 256000 a second: 64000 at once, 3392000 after 13.06 s, 192000 after 0.2 s.",
    ("Malcolm-Test-Artifacts__protocols__DNP3.pcap", "isn_clock_predictable", (1021, 1570, 1615, 1646, 1655, 1666)):
        "A device on the clock of RFC 793: 250.1 to 250.6 thousand a second between its SYN-ACKs, over hours.",
    ("arkime__tcp-reassembly-synthetic.pcap", "isn_fixed_increment", (2, 13, 25, 36)):
        "A synthetic file: the server's numbers were written by hand, 1800 to 2000 apart.",
    ("mercury__capture2.pcap", "isn_clock_predictable", (316, 340, 449, 621, 805)):
        "An old host whose numbers grow by about a million a second (43270492 in 39.1 s, 42515061 in 32.1 s).",
    ("mercury__dns_packet.capture2.pcap", "isn_clock_predictable", (316, 340, 449, 621, 805)):
        "The same packets as in mercury__capture2.",
    ("PcapFlowLab__tcp_options__14_tcp_option_length_one_malformed.pcap", "opt_malformed", (1,)):
        "Made for this: an option whose length byte is 1.",
    ("PcapFlowLab__tcp_options__16_tcp_option_truncated_timestamp_malformed.pcap", "opt_malformed", (1,)):
        "Made for this: bytes 08 0a 00 01 and then the end of the header, six short of a timestamps option.",
    ("arkime__tcp-reassembly-synthetic.pcap", "time_wait_cut_short", (89, 90)):
        "A synthetic file: the client closes first, and 1 ms after its last ACK its SYN comes from the same port, without timestamps.",
    ("drill__contrib__format-pcapng__tcp-1.pcap", "opt_mss_on_non_syn", (1,)): CRAFTED,
    ("drill__contrib__format-pcapng__tcp-1.pcap", "opt_wscale_on_non_syn", (1,)): CRAFTED,
    ("drill__contrib__format-pcapng__tcp-1.pcap", "opt_sackperm_on_non_syn", (1,)): CRAFTED,
    ("drill__contrib__format-pcapng__tcp-2.pcap", "opt_mss_on_non_syn", (1,)): CRAFTED,
    ("drill__contrib__format-pcapng__tcp-2.pcap", "opt_wscale_on_non_syn", (1,)): CRAFTED,
    ("drill__contrib__format-pcapng__tcp-2.pcap", "opt_sackperm_on_non_syn", (1,)): CRAFTED,
    ("suricata-verify__tcp-empty-sack__tcp-opt.pcap", "opt_length_illegal", (24,)):
        "Made for this: a SACK option of length 2, without a block (RFC 2018, 3: 8n + 2, and an n of 0 says nothing).",
    ("zeek__tcp__truncated-header.pcap", "opt_length_illegal", (1,)):
        "The timestamps option has length byte 8 in the bytes that were captured; its RFC says 10.",
    ("zeek__modbus__fuzz-72.pcap", "ack_flag_missing", (11,)):
        "A fuzzed file: frame 11 carries 12 bytes in the middle of the stream, its checksum is good, and ACK is off.",
}


def captures():
    return sorted(name for name in os.listdir(CAPTURES) if not name.endswith((".md", ".csv"))
                  and os.path.isfile(os.path.join(CAPTURES, name)))


def run(name, options):
    """The process, and what is wrong with it as a process."""
    done = subprocess.run([TCPLINT, *options, "-r", os.path.join(CAPTURES, name)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
    complaint = done.stderr.decode(errors="replace").strip()
    if "Sanitizer" in complaint or "runtime error" in complaint:
        return done, f"sanitizer: {complaint}"
    if done.returncode not in (0, 1):
        return done, f"exit status {done.returncode}: {complaint}"
    if done.returncode == 1 and not complaint:
        return done, "exit status 1 and not a word about it"
    return done, ""


def unaccounted(summary):
    seen = summary["source"]["filtered_out"] + summary["segments"] + summary["icmp_errors"]
    seen += sum(summary["drops"].values())
    read = summary["source"]["read"]
    return "" if seen == read else f"{read} frames read, {seen} accounted for"


def check(done, way):
    """The records, and what is wrong with them."""
    if way == "text":
        try:
            done.stdout.decode()
        except UnicodeDecodeError as trouble:
            return [], f"text: {trouble}"
        return [], ""
    try:
        records = [json.loads(line) for line in done.stdout.decode().splitlines()]
    except ValueError as trouble:
        return [], f"not NDJSON: {trouble}"
    if not records:
        return [], "" if done.returncode == 1 else "no output"
    last = records[-1]
    if last["type"] != "summary":
        return records, f"the last record is a {last['type']}"
    if last["complete"] != (done.returncode == 0) or ("error" in last) == last["complete"]:
        return records, f"exit status {done.returncode}, complete {last['complete']}, error {last.get('error')}"
    if way == "segments":
        lines = sum(r["type"] == "segment" for r in records)
        if lines != last["segments"]:
            return records, f"{lines} segment records, {last['segments']} segments"
    if way == "five" and last["source"]["read"] > 5:
        return records, f"read {last['source']['read']} frames with -c 5"
    return records, unaccounted(last)


def main():
    if not os.path.isdir(CAPTURES):
        print(f"skipped: {CAPTURES} is not here")
        return SKIPPED
    runs = wrong = sure = 0
    unused = set(JUDGED)
    for name in captures():
        for way, options in RUNS.items():
            runs += 1
            try:
                done, trouble = run(name, options)
            except subprocess.TimeoutExpired:
                done, trouble = None, f"still running after {TIMEOUT} s"
            records, other = check(done, way) if done and not trouble else ([], "")
            if trouble or other:
                wrong += 1
                print(f"WRONG: {name} ({way}): {trouble or other}")
            if way != "all":
                continue
            for r in records:
                if r["type"] != "finding" or r["verdict"] != "violation" or r["confidence"] < SURE:
                    continue
                sure += 1
                key = (name, r["rule"], tuple(r.get("frames", [])))
                known = key in JUDGED
                unused.discard(key)
                wrong += not known
                print(f"{'judged' if known else 'UNJUDGED'}: {name} {r['rule']} {r['confidence']}"
                      f" frames {','.join(map(str, r['frames']))}: {r['message']}")
    for name, rule, frames in sorted(unused):
        wrong += 1
        print(f"STALE: {name} {rule} {frames} is judged but not reported")
    print(f"{runs} runs, {sure} violations at {SURE} or more, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
