#!/usr/bin/env python3
"""However the program ends, and whatever becomes of its files meanwhile, no record is lost or torn.

    endings.py TCPLINT

Faulty connections come through a pipe while the program is stopped, killed, told that its file was moved, or
left without room on the disk; what is in the files is compared with what an undisturbed run writes.
"""
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import packets  # its frames

CONNECTIONS = 300
WAIT = 60  # seconds; nothing takes as long


def capture():
    """A capture of many faulty connections, one after the other: its header, and each connection's frames."""
    frame = packets.conversation(1, 1, True)
    header = b"\xd4\xc3\xb2\xa1\2\0\4\0" + bytes(8) + (262144).to_bytes(4, "little") + (1).to_bytes(4, "little")
    parts = []
    for i in range(CONNECTIONS):
        part = b""
        for k, data in enumerate(packets.conversation(20000 + i, 1, True)):
            micros = (i * len(frame) + k) * 1000
            sizes = [1700000000 + micros // 10**6, micros % 10**6, len(data), len(data)]
            part += b"".join(n.to_bytes(4, "little") for n in sizes) + data
        parts.append(part)
    return header, parts


class Run:
    """The program, reading a pipe."""

    def __init__(self, program, arguments):
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen([program, "-r", "-", *arguments], stdin=subprocess.PIPE,
                                        stdout=self.out, stderr=self.err)

    def feed(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def end(self):
        self.process.communicate(timeout=WAIT)
        self.out.seek(0)
        return self.process.returncode, self.out.read(), self.said()

    def said(self):
        """What is on standard error by now."""
        return os.pread(self.err.fileno(), 65536, 0).decode()


def until(condition):
    """Wait for it."""
    for _ in range(WAIT * 100):
        if condition():
            return True
        time.sleep(0.01)
    return False


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


class Test:
    def __init__(self, program, directory):
        self.program, self.dir, self.failed = program, directory, 0
        self.header, self.parts = capture()
        run = Run(program, [])
        run.feed(self.header + b"".join(self.parts))
        status, out, err = run.end()
        lines = out.splitlines(keepends=True)
        self.capture, self.reference, self.summary = lines[0], lines[1:-1], lines[-1]
        self.check(status == 0 and not err and len(self.reference) >= 2 * CONNECTIONS, "an undisturbed run")

    def check(self, good, what):
        if not good:
            self.failed += 1
            print("FAILED:", what)

    def path(self, name):
        return os.path.join(self.dir, name)

    def lines(self, path, what, tail=False):
        """The lines of a file, after its capture record; with `tail` the last one may be torn."""
        with open(path, "rb") as f:
            lines = f.read().splitlines(keepends=True)
        if tail and lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        for line in lines:
            try:
                json.loads(line)
                good = line.endswith(b"\n")
            except ValueError:
                good = False
            self.check(good, f"{what}: a torn line in {path}: {line[-60:]}")
        self.check(lines[:1] == [self.capture] or (tail and not lines), f"{what}: {path} does not begin with the capture")
        return lines[1:]

    def series(self, stem, what, tail=False):
        """The lines of all files of -C, in order."""
        files = sorted(glob.glob(stem + "*"), key=lambda name: int(name[len(stem):] or 0))
        joined = []
        for path in files:
            joined += self.lines(path, what, tail and path == files[-1])
        return len(files), joined

    # ---- signals ----

    def terminated(self):
        path = self.path("terminated")
        run = Run(self.program, ["-o", path])
        feeder = threading.Thread(target=run.feed, args=(self.header + b"".join(self.parts),))
        feeder.start()
        self.check(until(lambda: size(path) > 20000), "SIGTERM: nothing is written")
        run.process.send_signal(signal.SIGTERM)
        feeder.join(1)
        status, _, err = run.end()
        lines = self.lines(path, "SIGTERM")
        summary = json.loads(lines[-1])
        findings = sum(b'"type":"finding"' in line for line in lines)
        self.check(status == 0 and not err, f"SIGTERM: status {status}: {err}")
        self.check(summary["type"] == "summary" and summary["interrupted"], "SIGTERM: no summary of an interrupted run")
        self.check(summary["findings"]["reported"] == findings > 0, "SIGTERM: findings are missing")

    def killed(self):
        stem = self.path("killed")
        run = Run(self.program, ["-o", stem, "-C", "8k"])
        feeder = threading.Thread(target=run.feed, args=(self.header + b"".join(self.parts),))
        feeder.start()
        self.check(until(lambda: os.path.exists(stem + "4")), "SIGKILL: no series of files")
        run.process.kill()
        feeder.join(1)
        run.end()
        count, joined = self.series(stem, "SIGKILL", True)
        self.check(count >= 5, "SIGKILL: too few files")
        self.check(joined == (self.reference + [self.summary])[:len(joined)], "SIGKILL: other lines than of an undisturbed run")

    def moved(self):
        path = self.path("moved")
        run = Run(self.program, ["-o", path])
        run.feed(self.header)
        step = CONNECTIONS // 10
        for i in range(10):
            run.feed(b"".join(self.parts[i * step:(i + 1) * step - step // 2]))
            until(lambda: size(path) > 0)
            os.rename(path, f"{path}-{i}")
            run.process.send_signal(signal.SIGHUP)
            run.feed(b"".join(self.parts[(i + 1) * step - step // 2:(i + 1) * step]))
            self.check(until(lambda: size(path) > 0), "SIGHUP: no new file")
        status, _, err = run.end()
        self.check(status == 0 and not err, f"SIGHUP: status {status}: {err}")
        joined = [line for i in range(10) for line in self.lines(f"{path}-{i}", "SIGHUP")] + self.lines(path, "SIGHUP")
        self.check(joined == self.reference + [self.summary], "SIGHUP: other lines than of an undisturbed run")

    def turned_back(self):
        """A clock that is set back by an hour stops no counters."""
        frame = packets.conversation(20000, 1, False)[0]
        data = self.header
        for seconds in (*range(5), *range(-3600, -3595)):
            sizes = [1700000000 + seconds, 0, len(frame), len(frame)]
            data += b"".join(n.to_bytes(4, "little") for n in sizes) + frame
        run = Run(self.program, ["--stats-interval", "1", "--emit", "stats"])
        run.feed(data)
        status, out, _ = run.end()
        self.check(status == 0 and len(out.splitlines()) == 8, f"counters when the clock goes back: {len(out.splitlines())}")

    # ---- outputs ----

    def closed(self):
        path = self.path("closed.pcap")
        for arguments in ([], ["-w", path]):
            done = subprocess.run(["/bin/sh", "-c", 'exec "$@" >&-', "sh", self.program, "-r", "-", *arguments],
                                  input=self.header + self.parts[0], capture_output=True, timeout=WAIT, check=False)
            self.check(done.returncode == 1 and b"cannot write" in done.stderr, f"standard output closed: {done}")
        self.check(b"{" not in open(path, "rb").read(), "standard output closed: records in the file of packets")

    def full(self):
        """On a file system of 2 MiB, of which something takes all but 64 KiB, for a while."""
        disk = self.path("disk")
        stop, drop = os.path.join(disk, "stop"), os.path.join(disk, "drop")
        filler = os.path.join(disk, "filler")
        with open(filler, "wb") as f:
            f.write(bytes((2 << 20) - (64 << 10)))
        run = Run(self.program, ["-o", stop])
        run.feed(self.header + b"".join(self.parts))
        status, _, err = run.end()
        self.check(status == 1 and "No space left" in err, f"a full disk: status {status}: {err}")
        lines = self.lines(stop, "a full disk")
        self.check(0 < len(lines) and lines == self.reference[:len(lines)], "a full disk: other lines")
        os.unlink(stop)

        pcap = os.path.join(disk, "pcap")
        run = Run(self.program, ["-w", pcap])
        run.feed(self.header + b"".join(self.parts))
        status, _, err = run.end()
        self.check(status == 1 and "No space left" in err, f"a full disk, packets: status {status}: {err}")
        packets.pcap_read(pcap)
        os.unlink(pcap)

        run = Run(self.program, ["-o", drop, "--on-write-error", "drop"])
        run.feed(self.header + b"".join(self.parts[:100]))
        self.check(until(lambda: "No space left" in run.said()), "a full disk, drop: nothing is said")
        os.unlink(filler)
        run.feed(b"".join(self.parts[100:110]))
        status, _, err = run.end()
        self.check(status == 0 and err.count("No space left") == 1, f"a full disk, drop: status {status}: {err}")
        lines = self.lines(drop, "a full disk, drop")
        summary = json.loads(lines[-1])
        whole = Run(self.program, [])
        whole.feed(self.header + b"".join(self.parts[:110]))
        expected = whole.end()[1].splitlines(keepends=True)[1:-1]
        self.check([line for line in expected if line in lines] == lines[:-1], "a full disk, drop: other lines")
        self.check(summary["output"]["lost"] == len(expected) - (len(lines) - 1) > 0, "a full disk, drop: not all counted")
        os.unlink(drop)


def main(argv):
    if len(argv) == 3 and argv[2] == "--full": # inside a name space of its own
        directory = os.environ["DIRECTORY"]
        test = Test(argv[1], directory)
        test.full()
        return 1 if test.failed else 0
    if len(argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    program = os.path.abspath(argv[1])
    with tempfile.TemporaryDirectory() as directory:
        test = Test(program, directory)
        for part in (test.terminated, test.killed, test.moved, test.turned_back, test.closed):
            part()
        disk = os.path.join(directory, "disk")
        os.mkdir(disk)
        mount = f'mount -t tmpfs -o size=2m tcplint "{disk}"'
        unshare = ["unshare", "-m", "sh", "-c"]
        if subprocess.run([*unshare, mount], capture_output=True, check=False).returncode:
            print("skipped: a full disk: no file system can be mounted here")
        else:
            done = subprocess.run([*unshare, f'{mount} && exec "$@"', "sh", sys.executable, os.path.abspath(__file__),
                                   program, "--full"], env=dict(os.environ, DIRECTORY=directory), check=False)
            test.failed += done.returncode != 0
        print(f"{test.failed} failed")
        return 1 if test.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
