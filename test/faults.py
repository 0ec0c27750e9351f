#!/usr/bin/env python3
"""Every kind of fault that can be shown on a wire, as a finding within a second of the segment or timer that settles it.

    faults.py PROGRAM MKPCAP SCRIPTS [SECONDS]

Of each rule, the shortest of the scripts of test/script that fires it is sent over a wire between two namespaces, in its
own time: those that are over within SECONDS (3; 100 shows nearly all), all at once, each between addresses of its own;
besides, scans of five kinds, and connections of the two kernels.  The last of them stop with the last frame, so that
what is settled by a timer is settled on an interface where nothing arrives any more.

When a finding is settled is asked of the program itself, on a capture of the frames as they came, with a foreign segment
every 20 ms: the finding stands between two of these.  As they came, not as they were sent: where the machine is busy and
the sender moves to another processor, two frames may overtake each other.
"""
import collections
import concurrent.futures
import glob
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import HERE, OURS, PEER, THERE, check, failures, inside, ip, ipv4, link, namespaces, raw_socket, sanitized, tcp

# What is not shown, and why; whatever else is not shown needs more time, or only settles at the end.
NOT_SHOWN = {
    'capture_time_regression': 'the clock of a live capture does not go back',
    'mss_exceeded': 'takes -s 0',
    'truncated_capture': 'about captures cut shorter than an interface is watched',
    'syn_flood': 'flood.py does',
}
SO_TIMESTAMPNS, SO_RCVBUFFORCE, SOL_PACKET, PACKET_STATISTICS = 35, 33, 263, 6  # of Linux, on all processors but some
STAGGER = 0.004  # seconds between the beginnings of two scripts
TICK = 0.02      # of the foreign segments
LIMIT = 1.0      # seconds that a finding may take; three times that with a sanitizer
EVERYTHING = ['--min-severity', 'info', '--min-confidence', '0']
CLIENT, SERVER = socket.inet_aton('192.0.2.1'), socket.inet_aton('198.51.100.2')
TICKER = '203.0.113.250'


def frames_of(capture):
    """(time, captured whole, bytes) of a pcap file in microseconds, in this machine's order."""
    with open(capture, 'rb') as f:
        data = f.read()
    at, frames = 24, []
    while at < len(data):
        seconds, micros, captured, length = struct.unpack('=IIII', data[at:at + 16])
        frames.append((seconds + micros / 1e6, captured == length, data[at + 16:at + 16 + captured]))
        at += 16 + captured
    return frames


def play_of(program, mkpcap, script, number, directory):
    """A script as frames, and the rules that it fires; nothing when it cannot be sent."""
    capture = os.path.join(directory, f'{number}.pcap')
    # numbers of its own: one SYN on two connections would be a finding by itself
    isn = f'{(number * 2654435761 + 12345) % 2**32},{(number * 2246822519 + 54321) % 2**32}'
    if subprocess.run([mkpcap, '-i', isn, '-o', capture, script], capture_output=True, check=False).returncode:
        return None
    frames = frames_of(capture)
    times = [f[0] for f in frames]
    if times != sorted(times) or not all(f[1] for f in frames) or max(len(f[2]) for f in frames) > 65000:
        return None
    done = subprocess.run([program, '-r', capture, '--emit', 'finding', *EVERYTHING], capture_output=True, check=False)
    rules = {json.loads(line)['rule'] for line in done.stdout.splitlines()}
    return script, times[-1] - times[0], [(t - times[0], data) for t, _, data in frames], rules


def choose(program, mkpcap, scripts, seconds, directory):
    """For each rule the shortest script; all rules that any script fires."""
    paths = sorted(glob.glob(os.path.join(scripts, '*.tcp')))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        plays = list(filter(None, pool.map(lambda i: play_of(program, mkpcap, paths[i], i, directory),
                                           range(len(paths)))))
    best = {}
    for play in sorted(plays, key=lambda p: (p[1], p[0])):
        for rule in play[3]:
            best.setdefault(rule, play)
    chosen = {play[0]: play for play in best.values() if play[1] <= seconds}
    return list(chosen.values())


def readdressed(frames, number):
    """Addresses of its own, with the same sum: what was a good checksum stays one, and a bad one bad."""
    client = struct.pack('>HH', 0xc000 + number, 0x0201 - number)
    server = struct.pack('>HH', 0xc633 + number, 0x6402 - number)
    return [(t, data.replace(CLIENT, client).replace(SERVER, server)) for t, data in frames]


def scans():
    """(time, frame) of hosts that send SYN, FIN, no flag, many, or ACK, to sixty ports that all answer with a RST."""
    target, frames = '198.18.0.7', []
    for kind, flags in enumerate((2, 1, 0, 41, 16)):
        scanner = f'198.18.1.{kind + 1}'
        for port in range(1, 61):
            acked = 1000 if flags & 16 else 0
            probe = tcp(scanner, target, 40000, port, 5000, acked, flags)
            answer = tcp(target, scanner, port, 40000, acked, 5000 + bool(flags & 3), 4 if acked else 20)
            for src, dst, segment in ((scanner, target, probe), (target, scanner, answer)):
                frames.append((0.01 * port + 0.001 * kind, b'\x02' * 12 + b'\x08\x00' + ipv4(src, dst, segment)))
    return frames


class Neighbours(threading.Thread):
    """Connections of the two kernels, until they are told to stop."""

    def __init__(self):
        super().__init__()
        self.over, self.count = threading.Event(), 0
        with inside(HERE):
            self.listener = socket.create_server((OURS, 80))

    def run(self):
        with inside(THERE):
            while not self.over.is_set():
                client = socket.create_connection((OURS, 80), 5)
                server = self.listener.accept()[0]
                client.send(b'question')
                server.recv(100)
                server.send(b'answer' * 500)
                client.recv(5000)
                client.close()
                server.recv(1)
                server.close()
                self.count += 1
                time.sleep(0.02)


class Lines(threading.Thread):
    """What the program writes, with the time at which it came."""

    def __init__(self, process):
        super().__init__()
        self.process, self.lines, self.begun = process, [], threading.Event()

    def run(self):
        buffer = b''
        fd = self.process.stdout.fileno()
        while True:
            select.select([fd], [], [])
            more, now = os.read(fd, 1 << 20), time.time()
            if not more:
                return
            buffer += more
            self.begun.set()
            *whole, buffer = buffer.split(b'\n')
            self.lines += [(now, line) for line in whole]


class Tap:
    """A second one, whose frames wait in its socket until they are asked for."""

    def __init__(self):
        self.socket = raw_socket(HERE, 'va')
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 28)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def frames(self):
        """(time, bytes) of what came and is not between the kernels; closes the tap."""
        kernels, frames = {socket.inet_aton(OURS), socket.inet_aton(PEER)}, []
        self.socket.setblocking(False)
        while True:
            try:
                data, ((_, _, stamp),), _, _ = self.socket.recvmsg(1 << 17, 64)
            except BlockingIOError:
                break
            if data[12:14] != b'\x08\x00' or {data[26:30], data[30:34]} != kernels:
                seconds, nanoseconds = struct.unpack('@qq', stamp)
                frames.append((seconds + nanoseconds / 1e9, data))
        _, dropped = struct.unpack('@II', self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        check(not dropped, f'the second tap dropped {dropped} frames')
        self.socket.close()
        return frames


def send(schedule):
    """At their times."""
    wire, begun = raw_socket(), time.monotonic()
    for t, data in schedule:
        left = begun + t - time.monotonic()
        if left > 0.0005:
            time.sleep(left)
        wire.send(data)
    wire.close()


def key_of(record):
    """What a finding is about."""
    conn = record.get('conn')
    about = json.dumps(conn and [conn['client'], conn['server']['ip']] or record.get('host'))
    return record['rule'], about, record['offender']


def seconds_of(record):
    """`ts`, in seconds since 1970."""
    whole, _, rest = record['ts'].rstrip('Z').partition('.')
    return time.mktime(time.strptime(whole + 'UTC', '%Y-%m-%dT%H:%M:%S%Z')) - time.timezone + float('0.' + rest)


def settled(program, frames, until, directory):
    """When each finding was settled, at the earliest."""
    begun = min(t for t, _ in frames)
    t, n = begun, 0
    while t < until:
        rst = tcp(TICKER, PEER, 1 + n % 60000, 9, n, 0, 4)
        frames.append((t, b'\x02' * 12 + b'\x08\x00' + ipv4(TICKER, PEER, rst)))
        t, n = t + TICK, n + 1
    path = os.path.join(directory, 'came.pcap')
    with open(path, 'wb') as f:
        f.write(struct.pack('=IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for t, data in sorted(frames, key=lambda one: one[0]):
            f.write(struct.pack('=IIII', int(t), int(t % 1 * 1e6), len(data), len(data)) + data)
    out = subprocess.run([program, '-r', path, '--emit', 'finding,segment', *EVERYTHING],
                         stdout=subprocess.PIPE, check=True)
    when, now = {}, begun
    for line in out.stdout.splitlines():
        record = json.loads(line)
        if record['type'] == 'segment':
            now = seconds_of(record)
        elif TICKER.encode() not in line and record['rule'] not in NOT_SHOWN and now < until - 2 * TICK:
            when.setdefault(key_of(record), max(now, seconds_of(record) if 'ts' in record else 0))
    return when


def judge(lines, when, neighbours, limit):
    """Compare, and print the table."""
    came, odd, connections = {}, [], 0
    for now, line in lines:
        record = json.loads(line)
        if record['type'] == 'connection':
            connections += record['conn']['server'] == {'ip': OURS, 'port': 80}
        if record['type'] != 'finding':
            continue
        came.setdefault(key_of(record), now)
        if OURS in line.decode() and record['severity'] != 'info':
            odd.append(record['message'])
    check(not odd, f'findings about connections of the kernels: {odd}')
    check(connections == neighbours, f'{neighbours} connections of the kernels, {connections} reported')
    rules = collections.defaultdict(list)
    for key, t in when.items():
        if not check(key in came, f'{key} was not found on the wire'):
            continue
        rules[key[0]].append(came[key] - t)
    for rule, delays in sorted(rules.items()):
        print(f'{rule:32} {len(delays):3}  {max(delays):6.3f} s')
        check(max(delays) <= limit, f'{rule} came {max(delays):.3f} s after it was settled')
    delays = sorted(d for ds in rules.values() for d in ds)
    check(delays, 'nothing was found')
    print(f'{len(rules)} rules, {len(delays)} findings; seconds until they came: median {delays[len(delays) // 2]:.3f},'
          f' greatest {delays[-1]:.3f}; {neighbours} connections of the kernels beside')
    return set(rules)


def main(argv):
    if len(argv) < 4:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    program, mkpcap, scripts = (os.path.abspath(a) for a in argv[1:4])
    seconds = float(argv[4]) if len(argv) > 4 else 3
    with namespaces() as there, tempfile.TemporaryDirectory() as directory:
        if not there:
            return 77
        plays = choose(program, mkpcap, scripts, seconds, directory)
        schedule = [(t + STAGGER * i, data) for i, play in enumerate(plays) for t, data in readdressed(play[2], i + 1)]
        schedule += scans()
        schedule.sort(key=lambda one: one[0])
        link()
        for namespace, name in ((HERE, 'va'), (THERE, 'vb')):
            ip('-n', namespace, 'link', 'set', name, 'mtu', '65535')
        process = subprocess.Popen(['ip', 'netns', 'exec', HERE, program, '-i', 'va', '--all', *EVERYTHING],
                                   stdout=subprocess.PIPE)
        lines, neighbours = Lines(process), Neighbours()
        lines.start()
        if not check(lines.begun.wait(10), 'no first record'):
            process.kill()
            return 1
        tap = Tap()
        neighbours.start()
        send(schedule)
        neighbours.over.set()
        neighbours.join()
        time.sleep(min(seconds, 100) + LIMIT + 0.5)
        until = time.time() - LIMIT
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        lines.join()
        frames = tap.frames()
        came, due = (collections.Counter(data for _, data in f) for f in (frames, schedule))
        check(not due - came, 'frames that were sent did not come')
        when = settled(program, frames, until, directory)
        found = judge(lines.lines, when, neighbours.count, 3 * LIMIT if sanitized(program) else LIMIT)
        catalogue = [json.loads(line)['rule'] for line in subprocess.run([program, '--rules'], stdout=subprocess.PIPE,
                                                                         check=True).stdout.splitlines()]
        rest = [r for r in catalogue if r not in found]
        print('not shown here:', ', '.join(f'{r} ({NOT_SHOWN[r]})' if r in NOT_SHOWN else r for r in rest))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
