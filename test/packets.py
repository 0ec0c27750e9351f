#!/usr/bin/env python3
"""-w writes the packets of the connections that have findings, and no others.

    packets.py TCPLINT ROOT

What is written is compared with what the segment records say of the same capture; read in one pass
(standard input) and in two (a file), with fragments, with a connection longer than what is remembered of
it, with several link types, in a series of files.
"""
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile

FIRST, LATEST = 4, 12  # src/history.h
SYN, FIN, ACK, PSH = 2, 1, 16, 8


def pcap_read(path):
    """[(time in ns, wire length, bytes)] and the link type."""
    with open(path, "rb") as f:
        data = f.read()
    magic = struct.unpack_from("<I", data)[0]
    unit = {0xA1B23C4D: 1, 0xA1B2C3D4: 1000}[magic]
    packets, at = [], 24
    while at < len(data):
        sec, sub, captured, wire = struct.unpack_from("<IIII", data, at)
        packets.append((sec * 10**9 + sub * unit, wire, data[at + 16:at + 16 + captured]))
        assert len(packets[-1][2]) == captured, f"{path} is torn"
        at += 16 + captured
    return packets, struct.unpack_from("<I", data, 20)[0]


def pcap_write(path, packets):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for ts, data in packets:
            f.write(struct.pack("<IIII", ts // 10**9, ts % 10**9, len(data), len(data)) + data)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_frame(src, dst, ident, fragment, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, 6, 0, src, dst)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return bytes.fromhex("020000000002020000000001") + b"\x08\x00" + head + payload


def frames_of(ident, up, port, seq, ack, flags, payload=b"", pieces=1):
    """One TCP segment between 192.0.2.1:port and 192.0.2.2:80, in so many IP fragments."""
    src, dst = b"\xc0\0\2\1", b"\xc0\0\2\2"
    ports = (port, 80)
    if not up:
        src, dst, ports = dst, src, ports[::-1]
    tcp = struct.pack("!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0) + payload
    pseudo = src + dst + struct.pack("!HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    size = -(-len(tcp) // pieces + 7) // 8 * 8 if pieces > 1 else len(tcp)
    made = []
    for at in range(0, len(tcp), size or 1):
        more = 0x2000 if at + size < len(tcp) else 0
        made.append(ip_frame(src, dst, ident, more | at // 8, tcp[at:at + size]))
    return made


def conversation(port, data_segments, faulty, pieces=1):
    """A handshake, data, FINs; data in so many fragments; faulty: data beyond the FIN."""
    seq, ack, out = 1001, 5001, []

    def send(up, s, a, flags, payload=b""):
        out.extend(frames_of(len(out) + 1, up, port, s, a, flags, payload, pieces if payload else 1))

    send(True, 1000, 0, SYN)
    send(False, 5000, 1001, SYN | ACK)
    send(True, seq, ack, ACK)
    for _ in range(data_segments):
        send(True, seq, ack, ACK | PSH, b"x" * 500)
        seq += 500
        send(False, ack, seq, ACK)
    send(True, seq, ack, FIN | ACK)
    send(False, ack, seq + 1, ACK)
    if faulty:
        send(True, seq + 1, ack, ACK | PSH, b"y" * 500)
    send(False, ack, seq + 1, FIN | ACK)
    send(True, seq + 1, ack + 1, ACK)
    return out


class Test:
    def __init__(self, program, root, directory):
        self.program, self.root, self.dir, self.failed = program, root, directory, 0

    def check(self, good, what):
        if not good:
            self.failed += 1
            print("FAILED:", what)

    def run(self, *arguments, stdin=None):
        done = subprocess.run([self.program, *arguments], stdin=stdin, capture_output=True, timeout=60, check=False)
        if done.returncode:
            self.check(False, f"exit {done.returncode}: {arguments}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def both(self, path):
        """What is written in two passes, and in one."""
        outs = [os.path.join(self.dir, name) for name in ("two", "one")]
        summaries = [self.run("-r", path, "-w", outs[0])[-1]]
        with open(path, "rb") as f:
            cat = subprocess.Popen(["cat"], stdin=f, stdout=subprocess.PIPE)
            summaries.append(self.run("-r", "-", "-w", outs[1], stdin=cat.stdout)[-1])
            cat.stdout.close()
            cat.wait()
        written = [pcap_read(out)[0] for out in outs]
        for packets, summary in zip(written, summaries):
            self.check(summary["packets"]["written"] == len(packets), f"{path}: the summary counts otherwise")
        return written

    def against_segments(self, path):
        name = os.path.basename(path)
        frames, linktype = pcap_read(path)
        records = self.run("-r", path, "--emit", "segment,finding")
        found = {r["conn"]["id"] for r in records if r["type"] == "finding" and "conn" in r}
        # Connections on the same addresses and ports as one with findings may come along.
        tuples = {r["conn"]["community_id"] for r in records if "conn" in r and r["conn"]["id"] in found}
        must = [r["frame"] for r in records if r["type"] == "segment" and r["conn"]["id"] in found]
        may = {r["frame"] for r in records if r["type"] == "segment" and r["conn"]["community_id"] in tuples}
        expected = [frames[i - 1] for i in must]
        allowed = [frames[i - 1] for i in sorted(may)]
        for how, written in zip(("two passes", "one pass"), self.both(path)):
            if len(must) <= FIRST + LATEST or how == "two passes":
                self.check(all(p in written for p in expected), f"{name}, {how}: packets are missing")
            self.check(all(p in allowed for p in written), f"{name}, {how}: packets that do not belong there")
            self.check([p for p in frames if p in written] == written, f"{name}, {how}: not in the order of the capture")
        self.check(pcap_read(os.path.join(self.dir, "two"))[1] == linktype, f"{name}: another link type")
        return len(found)

    def captures(self):
        found = 0
        for path in sorted(glob.glob(os.path.join(self.root, "pcaps", "*.pcap"))):
            found += self.against_segments(path)
        self.check(found >= 8, f"only {found} connections with findings: nothing was compared")

    def made(self, packets):
        path = os.path.join(self.dir, "made.pcap")
        pcap_write(path, [((i + 1) * 10**7, data) for i, data in enumerate(packets)])
        return path

    def fragments(self):
        bad, good = conversation(40000, 1, True, 3), conversation(40001, 1, False, 3)
        good = [p[:18] + b"\x77" + p[19:24] + b"\0\0" + p[26:] for p in good]  # other identifications
        mixed = [p for pair in zip(good, bad) for p in pair] + bad[len(good):]
        for how, written in zip(("two passes", "one pass"), self.both(self.made(mixed))):
            got = [p[2] for p in written]
            self.check(got == bad, f"fragments, {how}: others than those of the connection")

    def long(self):
        bad, good = conversation(40000, 100, True), conversation(40001, 100, False)
        mixed = [p for pair in zip(bad, good) for p in pair] + bad[len(good):]
        two, one = ([p[2] for p in written] for written in self.both(self.made(mixed)))
        self.check(two == bad, "a long connection, two passes: not all of it")
        fault = len(bad) - 3
        self.check(one == bad[:FIRST] + bad[fault + 1 - LATEST:], "a long connection, one pass: other packets than remembered")

    def link_types(self):
        out = os.path.join(self.dir, "mixed")
        inputs = [os.path.join(self.root, "pcaps", name) for name in ("data-after-fin.pcap", "raw-ip.pcap", "rst-abort.pcap")]
        arguments = [word for path in inputs for word in ("-r", path)]
        self.run(*arguments, "--min-severity", "info", "-w", out)
        with open(out, "rb") as f:
            data = f.read()
        at, blocks = 0, []
        while at < len(data):
            kind, length = struct.unpack_from("<II", data, at)
            self.check(struct.unpack_from("<I", data, at + length - 4)[0] == length, "a block's two lengths differ")
            blocks.append((kind, data[at + 8:at + length - 4]))
            at += length
        kinds = [kind for kind, _ in blocks]
        self.check(kinds[:3] == [0x0A0D0D0A, 1, 1] and set(kinds[3:]) == {6}, "not a section, two interfaces, packets")
        self.check([struct.unpack_from("<H", body)[0] for kind, body in blocks if kind == 1] == [1, 101], "other link types")
        original = [p for path in inputs for p in pcap_read(path)[0]]
        for kind, body in blocks:
            if kind != 6:
                continue
            interface, high, low, captured, wire = struct.unpack_from("<IIIII", body)
            packet = (high << 32 | low, wire, body[20:20 + captured])
            self.check(packet in original, "a packet that no input has")
            self.check((packet[2][:1] == b"\x45") == (interface == 1), "a packet of the wrong interface")

    def series(self):
        out = os.path.join(self.dir, "series")
        path = self.made(conversation(40000, 20, True))
        self.run("-r", path, "-w", out, "-C", "2k")
        files = sorted(glob.glob(out + "*"), key=lambda name: int(name[len(out):] or 0))
        self.check(len(files) > 3, "-C makes no series of -w")
        joined = [packet for name in files for packet in pcap_read(name)[0]]
        self.check(joined == pcap_read(path)[0], "the series has other packets")


def main(argv):
    if len(argv) != 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory:
        test = Test(os.path.abspath(argv[1]), argv[2], directory)
        for part in (test.captures, test.fragments, test.long, test.link_types, test.series):
            part()
        print(f"{test.failed} failed")
        return 1 if test.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
