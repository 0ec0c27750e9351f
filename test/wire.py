"""Two network namespaces with a wire between them, the program on its near end, and frames that no kernel would send.

For the tests of an interface (live.py, faults.py, soak.py, flood.py).  Every wait is bounded.
"""
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import struct
import subprocess
import time

HERE, THERE = f'tcplint-a-{os.getpid()}', f'tcplint-b-{os.getpid()}'
OURS, PEER = '10.9.0.1', '10.9.0.2'
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
PATIENCE = 10  # seconds: how long a sanitizer on a busy machine may take for what is not measured
failures = []


def check(condition, sentence):
    if not condition:
        failures.append(sentence)
        print('FAILED:', sentence, flush=True)
    return condition


def until(condition, seconds):
    """Whether it comes true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def ip(*words):
    subprocess.run(['ip', *words], check=True, timeout=PATIENCE)


class inside:
    """Sockets made in here belong to the namespace."""

    def __init__(self, namespace):
        self.namespace = namespace

    def __enter__(self):
        self.before = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
        with open(f'/run/netns/{self.namespace}') as to:
            if LIBC.setns(to.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), 'setns')

    def __exit__(self, *unused):
        LIBC.setns(self.before, CLONE_NEWNET)
        os.close(self.before)


def link():
    """The wire: va here with OURS, vb there with PEER."""
    ip('-n', HERE, 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb', 'netns', THERE)
    for namespace, name, address in ((HERE, 'va', OURS), (THERE, 'vb', PEER)):
        ip('-n', namespace, 'address', 'add', address + '/24', 'dev', name)
        ip('-n', namespace, 'link', 'set', name, 'up')


@contextlib.contextmanager
def namespaces():
    """True inside, or False where they cannot be had."""
    try:
        if os.geteuid() != 0:
            print('skipped: not root')
            yield False
            return
        try:
            for namespace in (HERE, THERE):
                ip('netns', 'add', namespace)
                ip('netns', 'exec', namespace, 'true')  # fails where / is no mount point, as under chroot(8)
        except (OSError, subprocess.SubprocessError) as e:
            print('skipped: no network namespaces to make and enter:', e)
            yield False
            return
        yield True
    finally:
        for one in (HERE, THERE):
            subprocess.run(['ip', 'netns', 'delete', one], stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False)


def sanitized(program):
    """Whether it was built with the address sanitizer, and takes its time."""
    with open(program, 'rb') as f:
        return b'__asan_init' in f.read()


class Run:
    """The program, and its records as they come."""

    def __init__(self, program, *arguments, before=(), stdin=subprocess.DEVNULL):
        self.process = subprocess.Popen(['ip', 'netns', 'exec', HERE, *before, program, *arguments],
                                        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.buffer = b''
        self.records = []

    def wait_for(self, wanted, seconds=PATIENCE):
        """The first record that is wanted among those not looked at yet; None when it takes too long."""
        begun = time.monotonic()
        while True:
            while b'\n' in self.buffer:
                line, self.buffer = self.buffer.split(b'\n', 1)
                self.records.append(json.loads(line))
                if wanted(self.records[-1]):
                    return self.records[-1]
            left = begun + seconds - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return None
            self.buffer += more

    def of_type(self, name, seconds=PATIENCE):
        return self.wait_for(lambda r: r['type'] == name, seconds)

    def send(self, which):
        self.process.send_signal(which)

    def end(self, which=signal.SIGTERM):
        """Status, what it said, and its records, the last one of which has to be the summary."""
        if which and self.process.poll() is None:
            self.send(which)
        try:
            out, said = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, said = self.process.communicate()
            check(False, f'{self.process.args} does not end')
        self.records += [json.loads(line) for line in (self.buffer + out).splitlines()]
        check(self.records and self.records[-1]['type'] == 'summary', 'the last record is not the summary')
        return self.process.returncode, said.decode()


def finding(rule):
    return lambda r: r['type'] == 'finding' and r['rule'] == rule


def raw_socket(namespace=THERE, interface='vb'):
    """Frames as they are, to and from the far end of the wire."""
    with inside(namespace):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        wire.bind((interface, 0))
    return wire


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack('>H', ~total & 0xffff)


def ipv4(src, dst, payload, identification=1, fragment=0, protocol=6):
    """A packet; `fragment`: the flags and the offset, as the header has them."""
    head = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(payload), identification, fragment, 64, protocol, 0)
    head += socket.inet_aton(src) + socket.inet_aton(dst)
    return head[:10] + checksum(head) + head[12:] + payload


def tcp(src, dst, sport, dport, seq, ack, flags, payload=b'', options=b''):
    """A segment; src and dst are of the checksum."""
    segment = struct.pack('>HHIIBBHHH', sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                          5 + len(options) // 4 << 4, flags, 8192, 0, 0) + options + payload
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack('>HH', 6, len(segment))
    return segment[:16] + checksum(pseudo + segment) + segment[18:]


def frame_of(macs, port, seq, ack, flags, payload=b'', tag=b''):
    """What PEER sends from `port` to port 80 of OURS."""
    return macs + tag + b'\x08\x00' + ipv4(PEER, OURS, tcp(PEER, OURS, port, 80, seq, ack, flags, payload))
