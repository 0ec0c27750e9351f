#!/usr/bin/env python3
"""A long watch of an interface: is every connection reported, is every line whole, does memory stay what it is?

    soak.py PROGRAM [SECONDS [CONNECTIONS-A-SECOND [OPTION...]]]

For half an hour, unless told otherwise, connections of two kernels and forged ones with faults pass; meanwhile the
files of records are rotated by time and by size, moved away with SIGHUP as logrotate does, counters are asked for
with SIGUSR1, and the interface goes down and up again.  Each file is read and removed once the program has closed it.
What the generator opened has to be what the records tell, 4-tuple by 4-tuple; where the program had to wait so long
that the kernel dropped frames, no more may be missing than it says were dropped.

Resident memory is judged over the second half of a run of five minutes or more: before, tables fill.
"""
import collections
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import (ACK, FIN, HERE, OURS, PSH, RST, SYN, THERE, check, failures, inside, ip, ipv4, link, namespaces,
                  raw_socket, tcp, until)

CLIENTS = ['10.9.0.2', '10.9.0.3', '10.9.0.4', '10.9.0.5']
NOBODY = '10.9.0.77'  # forged conversations are with this server: no kernel meddles with them
PORTS = range(1024, 65000)
SLACK = 1024  # KiB by which resident memory may grow in the second half

# Forged conversations: (from the server?, flags, seq, ack, payload length) between a plain handshake and a RST, and what
# must be found.
FAULTS = {
    'data_after_fin': [(0, FIN | ACK, 1, 1, 0), (1, ACK, 1, 2, 0), (0, PSH | ACK, 2, 1, 9)],
    'flags_xmas': [(0, FIN | PSH | 32, 1, 0, 0)],
    'flags_null': [(0, 0, 1, 0, 0)],
    'ack_flag_missing': [(0, PSH, 1, 0, 20)],
    'fin_seq_moved': [(0, FIN | ACK, 1, 1, 0), (1, ACK, 1, 2, 0), (0, FIN | ACK, 5, 1, 0)],
}


class Load:
    """Opens connections, and remembers which."""

    def __init__(self):
        self.opened = collections.Counter()
        self.kinds = collections.Counter()
        self.held = []  # [when to close, client, server]
        self.next = self.steps = 0
        with inside(HERE):
            self.listener = socket.create_server((OURS, 80), backlog=100)
        self.listener.settimeout(5)
        self.wire = raw_socket()
        self.real = [self.client_first, self.server_first, self.half_close, self.reset, self.refused, self.hold]

    def tuple(self):
        """The next address and port; a quarter of a million of them pass before one comes again."""
        n = self.next
        self.next += 1
        return CLIENTS[n % len(CLIENTS)], PORTS[n // len(CLIENTS) % len(PORTS)]

    def connect(self, port=80):
        where = self.tuple()
        client = socket.socket()
        client.settimeout(5)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(where)
        self.opened[where] += 1
        client.connect((OURS, port))
        server = self.listener.accept()[0]
        client.send(b'q' * 200)
        server.recv(1000)
        server.send(b'a' * 2000)
        client.recv(4000)
        return client, server

    @staticmethod
    def close(first, second):
        first.close()
        second.recv(10)
        second.close()

    def client_first(self):
        self.close(*self.connect())

    def server_first(self):
        self.close(*reversed(self.connect()))

    def half_close(self):
        client, server = self.connect()
        client.shutdown(socket.SHUT_WR)
        server.recv(10)
        server.send(b'more')
        self.close(server, client)

    def reset(self):
        client, server = self.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.close()
        server.close()

    def refused(self):
        try:
            self.connect(81)
            check(False, 'a closed port takes a connection')
        except ConnectionRefusedError:
            pass

    def hold(self):
        if len(self.held) < 500:
            self.held.append([time.monotonic() + 5 + self.next % 50, *self.connect()])

    def forge(self, rule):
        where = self.tuple()
        isn = [random.getrandbits(32), random.getrandbits(32)]
        self.opened[where] += 1
        steps = [(0, SYN, 0, 0, 0), (1, SYN | ACK, 0, 1, 0), (0, ACK, 1, 1, 0), *FAULTS[rule], (1, RST | ACK, 1, 1, 0)]
        for back, flags, seq, ack, length in steps:
            ends = [(where[0], where[1]), (NOBODY, 80)]
            (src, sport), (dst, dport) = reversed(ends) if back else ends
            segment = tcp(src, dst, sport, dport, isn[back] + seq, isn[not back] + ack if ack else 0, flags, b'x' * length)
            self.wire.send(b'\x02' * 12 + b'\x08\x00' + ipv4(src, dst, segment))

    def step(self, some=True):
        """One connection of the kernels, every fifth time a forged one, and the end of those that were held long enough."""
        with inside(THERE):
            if some:
                kind = self.real[self.steps % len(self.real)]
                kind()
                self.kinds[kind.__name__] += 1
            now = time.monotonic()
            for one in [one for one in self.held if one[0] <= now]:
                self.held.remove(one)
                self.close(*one[1:])
        if some and self.steps % 5 == 0:
            rule = list(FAULTS)[self.steps // 5 % len(FAULTS)]
            self.forge(rule)
            self.kinds[rule] += 1
        self.steps += some


class Reader:
    """Takes in the files that the program has closed."""

    def __init__(self, directory, pid):
        self.directory, self.pid = directory, pid
        self.reported, self.findings, self.types = collections.Counter(), collections.Counter(), collections.Counter()
        self.interface, self.summary, self.bound, self.files, self.bytes = [], None, 0, 0, 0

    def open_now(self):
        names = set()
        for fd in os.listdir(f'/proc/{self.pid}/fd'):
            try:
                names.add(os.path.basename(os.readlink(f'/proc/{self.pid}/fd/{fd}')))
            except OSError:
                pass
        return names

    def take(self, all_of_them=False):
        names = sorted(n for n in os.listdir(self.directory) if n.startswith('records'))
        busy = set() if all_of_them else self.open_now()
        for name in names:
            if name not in busy:
                self.read(os.path.join(self.directory, name))

    def read(self, path):
        with open(path, 'rb') as f:
            lines = f.read().splitlines(keepends=True)
        os.unlink(path)
        self.files += 1
        self.bytes += sum(map(len, lines))
        for i, line in enumerate(lines):
            try:
                record = json.loads(line)
            except ValueError:
                check(False, f'{path}: no JSON: {line[:80]}')
                continue
            check(line.endswith(b'\n'), f'{path}: a torn line')
            check((i == 0) == (record['type'] == 'capture'), f'{path}: line {i + 1} is a {record["type"]}')
            self.note(record)

    def note(self, record):
        self.types[record['type']] += 1
        if record['type'] == 'capture':
            self.bound = record['memory_bound']
        elif record['type'] == 'connection':
            self.reported[record['conn']['client']['ip'], record['conn']['client']['port']] += 1
        elif record['type'] == 'finding':
            self.findings[record['rule']] += 1
        elif record['type'] == 'stats':
            state = record['source'].get('interface')
            self.interface += [state] if state and self.interface[-1:] != [state] else []
        elif record['type'] == 'summary':
            self.summary = record


class Soak:
    def __init__(self, program, directory, seconds, rate, options):
        self.directory, self.seconds, self.rate = directory, seconds, rate
        self.load = Load()
        self.err = open(os.path.join(directory, 'stderr'), 'w+')
        self.process = subprocess.Popen(
            ['ip', 'netns', 'exec', HERE, program, '-i', 'va', '--wait', '--all', '--stats-interval', '10',
             '-G', '30', '-C', '1', '-W', '100', '-o', os.path.join(directory, 'records-%s-'),
             '--metrics-file', os.path.join(directory, 'metrics.prom'), *options],
            stdin=subprocess.DEVNULL, stdout=self.err, stderr=self.err,
            env=dict(os.environ, ASAN_OPTIONS='quarantine_size_mb=4:detect_leaks=1', UBSAN_OPTIONS='halt_on_error=1'))
        self.reader = Reader(directory, self.process.pid)
        self.resident = []  # (second, KiB)
        self.metrics = 0
        self.asked = self.downs = self.moves = 0

    # ---- what an operator does meanwhile ----

    def ask(self):
        self.process.send_signal(signal.SIGUSR1)
        self.asked += 1

    def move(self):
        for name in self.reader.open_now():
            if name.startswith('records'):
                self.moves += 1
                os.rename(os.path.join(self.directory, name), os.path.join(self.directory, f'records-moved-{self.moves}'))
        self.process.send_signal(signal.SIGHUP)

    def down_and_up(self):
        time.sleep(0.3)  # delayed acknowledgments
        for state in ('down', 'up'):
            before = self.said()
            ip('-n', HERE, 'link', 'set', 'va', state)
            check(until(lambda before=before: self.said() > before, 5), f'it does not say that the interface is {state}')
        self.downs += 1

    def said(self):
        return os.fstat(self.err.fileno()).st_size

    def look(self, now):
        with open(f'/proc/{self.process.pid}/status') as f:
            self.resident.append((now, int(re.search(r'VmRSS:\s+(\d+)', f.read())[1])))
        try:
            with open(os.path.join(self.directory, 'metrics.prom')) as f:
                text = f.read()
        except FileNotFoundError:
            return
        check(text.endswith('# EOF\n'), 'a torn file of metrics')
        value = int(re.search(r'^tcplint_connections_total\S* (\d+)', text, re.M)[1])
        check(value >= self.metrics, 'a counter went back')
        self.metrics = value

    def run(self):
        begun = time.monotonic()
        scale = min(1.0, self.seconds / 600)
        chores = [[self.seconds * 0.02, 20 * scale, self.ask], [self.seconds * 0.05, 47 * scale, self.move],
                  [self.seconds * 0.1, 150 * scale, self.down_and_up], [0, 1, self.reader.take]]
        looked, done = -1.0, 0
        while time.monotonic() - begun < self.seconds and self.process.poll() is None:
            now = time.monotonic() - begun
            for chore in chores:
                if now >= chore[0]:
                    chore[0] = now + chore[1]
                    chore[2]()
            if now - looked >= 1:
                looked = now
                self.look(now)
            due = int((time.monotonic() - begun) * self.rate)
            for _ in range(min(due - done, 20)):
                self.load.step()
            done = due
            time.sleep(0.01)
        self.load.step(False)
        time.sleep(0.5)
        self.end()

    def end(self):
        if check(self.process.poll() is None, f'it ended by itself: {self.process.returncode}'):
            self.process.send_signal(signal.SIGTERM)
            check(self.process.wait(60) == 0, f'status {self.process.returncode}')
        self.reader.take(True)
        self.err.seek(0)
        said = self.err.read().splitlines()
        odd = [line for line in said if not re.search(r': (the interface (went down|is up again))', line)]
        check(not odd, 'it said: ' + '\n'.join(odd[:30]))

    # ---- the account ----

    def account(self):
        load, reader = self.load, self.reader
        opened, reported = sum(load.opened.values()), sum(reader.reported.values())
        print('opened:', opened, dict(load.kinds))
        print('reported:', reported, 'findings:', dict(reader.findings.most_common()))
        print(f'records: {dict(reader.types)} in {reader.files} files, {reader.bytes / 1e6:.1f} MB;'
              f' {self.asked} SIGUSR1, {self.moves} files moved, {self.downs} times down and up')
        missing, extra = load.opened - reader.reported, reader.reported - load.opened
        drops = reader.summary['source'].get('kernel_drops') if reader.summary else None
        if drops:
            self.excuse(drops, missing, extra)
        else:
            self.compare(missing, extra, opened)
        check(reader.types['stats'] >= self.asked, 'a SIGUSR1 was not answered')
        check(reader.interface.count('down') == self.downs,
              f'the interface was {reader.interface}, and {self.downs} times down')
        self.judge_memory()

    @staticmethod
    def excuse(drops, missing, extra):
        """The program had to wait for the processor or for the disk: then what is missing has to be counted."""
        print(f'the kernel dropped {drops} frames, and says so: {sum(missing.values())} connections are missing for it')
        check(sum(missing.values()) + sum(extra.values()) <= drops, 'more is missing than was dropped')

    def compare(self, missing, extra, opened):
        load, reader = self.load, self.reader
        check(not missing, f'{sum(missing.values())} connections are not reported: {list(missing)[:5]}')
        check(not extra, f'{sum(extra.values())} connections are reported that nobody opened: {list(extra)[:5]}')
        for rule in FAULTS:
            check(reader.findings[rule] == load.kinds[rule], f'{rule}: {load.kinds[rule]} made, {reader.findings[rule]} found')
        if check(reader.summary, 'there is no summary'):
            check(reader.summary['connections']['total'] == opened, 'the summary counts other connections')
            check(reader.summary['source'].get('kernel_drops') == 0, f'drops: {reader.summary["source"]}')

    def judge_memory(self):
        steps = max(1, len(self.resident) // 12)
        print('resident, KiB:', ' '.join(f'{int(t)}s:{kib}' for t, kib in self.resident[::steps]), self.resident[-1][1])
        bound = self.reader.bound
        check(max(kib for _, kib in self.resident) * 1024 < bound, f'more memory than the announced {bound}')
        if self.seconds < 300:
            return
        half = [kib for t, kib in self.resident if t >= self.seconds / 2]
        third = len(half) // 3
        grown = max(half[-third:]) - max(half[:third])
        print(f'grown in the second half: {grown} KiB')
        check(grown <= SLACK, f'resident memory grows: {grown} KiB in the second half')


def main(argv):
    if len(argv) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    seconds = float(argv[2]) if len(argv) > 2 else 1800
    rate = float(argv[3]) if len(argv) > 3 else 100
    with namespaces() as there, tempfile.TemporaryDirectory() as directory:
        if not there:
            return 77
        link()
        for address in CLIENTS[1:]:
            ip('-n', THERE, 'address', 'add', address + '/24', 'dev', 'vb')
        os.chmod(directory, 0o755)
        os.chown(directory, 65534, 65534)
        soak = Soak(os.path.abspath(argv[1]), directory, seconds, rate, argv[4:])
        try:
            time.sleep(1)
            soak.run()
            soak.account()
        finally:
            if soak.process.poll() is None:
                soak.process.kill()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
