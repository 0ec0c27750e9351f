#!/usr/bin/env python3
"""The program on an interface: two network namespaces of our own, real connections between them, and forged segments.

    live.py PROGRAM

Skipped (status 77) where namespaces cannot be made.  Every wait is bounded.
"""
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import (ACK, FIN, HERE, OURS, PATIENCE, PEER, PSH, SYN, THERE, Run, check, failures, finding, frame_of,
                  inside, ip, link, namespaces, raw_socket)

PROGRAM = os.path.abspath(sys.argv[1])


def watch(*arguments, program=PROGRAM, **options):
    run = Run(program, '-i', 'va', *arguments, **options)
    check(run.of_type('capture'), 'no first record: ' + ' '.join(arguments))
    return run


class Peer:
    """A host beyond the wire: its kernel's connections, and frames of ours in its name."""

    def __init__(self):
        self.wire = raw_socket()
        self.wire.settimeout(0)
        with inside(HERE):
            self.listener = socket.create_server((OURS, 80))
        self.listener.settimeout(PATIENCE)

    def close(self):
        self.wire.close()
        self.listener.close()

    def connect(self):
        with inside(THERE):
            client = socket.socket()
            client.settimeout(PATIENCE)
        client.connect((OURS, 80))
        return client, self.listener.accept()[0]

    def last_sent(self, port):
        """Addresses, and the numbers that the client's kernel used last."""
        found = None
        time.sleep(0.1)
        try:
            while True:
                frame = self.wire.recv(2048)
                if frame[12:14] == b'\x08\x00' and frame[23] == 6 and frame[34:36] == struct.pack('>H', port):
                    seq, ack, offset, flags = struct.unpack('>IIBB', frame[38:48])
                    length = struct.unpack('>H', frame[16:18])[0] - 20 - (offset >> 4) * 4
                    found = frame[:12], (seq + length + (flags & 3 != 0)) & 0xffffffff, ack
        except BlockingIOError:
            return found

    def forge(self, *fields, **more):
        self.wire.send(frame_of(*fields, **more))


def faults_show_at_once(peer):
    run = watch()
    client, server = peer.connect()
    port = client.getsockname()[1]
    client.send(b'question')
    server.recv(100)
    macs, seq, ack = peer.last_sent(port)

    peer.forge(macs, port, seq, ack, SYN | FIN)
    check(run.wait_for(finding('flags_syn_fin'), 1), 'no flags_syn_fin within a second')

    for end in (client, server):
        end.close()
    macs, seq, ack = peer.last_sent(port)
    peer.forge(macs, port, seq, ack, PSH | ACK, b'more')
    check(run.wait_for(finding('data_after_fin'), 1), 'no data_after_fin within a second')

    peer.forge(macs, 4711, 1, 0, SYN | FIN, tag=b'\x81\x00\x00\x05')
    tagged = run.wait_for(finding('flags_syn_fin'), 1)
    check(tagged and tagged['conn'].get('vlan') == [5], f'no finding in VLAN 5 within a second, but {tagged}')

    run.send(signal.SIGUSR1)
    check(run.of_type('stats', 1), 'no counters within a second of SIGUSR1')
    status, said = run.end()
    check(status == 0 and not said, f'status {status} after SIGTERM: {said}')
    check(run.records[-1]['source'].get('kernel_drops') == 0, 'kernel_drops is not 0')


def privileges_are_gone(peer):
    run = watch()
    sandbox = run.records[0]['sandbox']
    with open(f'/proc/{run.process.pid}/status') as f:
        status = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
    print('sandbox:', sandbox, {k: status[k] for k in ('Uid', 'CapEff', 'NoNewPrivs', 'Seccomp')}, flush=True)
    check(status['Uid'].split()[:3] == [str(sandbox['uid'])] * 3 and sandbox['uid'] != 0, f'uid {status["Uid"]}')
    check(int(status['CapEff'], 16) == 0 and int(status['CapPrm'], 16) == 0, f'capabilities {status["CapEff"]}')
    check(status['NoNewPrivs'] == '1' and sandbox['no_new_privs'], 'it could gain privileges')
    check(status['Seccomp'] == ('2' if sandbox['seccomp'] else '0'), f'seccomp {status["Seccomp"]}: {sandbox}')
    client, server = peer.connect()
    client.send(b'open')
    server.recv(100)
    time.sleep(0.3)
    check(run.end()[0] == 0, 'no good end')
    summary = run.records[-1]
    check(summary['interrupted'] and summary['connections']['by_end']['interrupted'] == 1,
          f'an open connection after SIGTERM: {summary["connections"]}')
    client.close()
    server.close()


def threads_share_the_work(peer):
    """Several rings and engines: nothing is lost, all threads are confined, and a fault still shows at once."""
    run = watch('--threads', '3', '--all')
    ports = set()
    for _ in range(40):
        client, server = peer.connect()
        port = client.getsockname()[1]
        ports.add(port)
        client.send(b'question')
        server.recv(100)
        client.close()
        server.close()
    macs = peer.last_sent(port)[0]
    peer.forge(macs, 4712, 1, 0, SYN | FIN)
    check(run.wait_for(finding('flags_syn_fin'), 1.2), 'threads: no flags_syn_fin at once')
    threads = os.listdir(f'/proc/{run.process.pid}/task')
    check(len(threads) == 4, f'{len(threads)} threads')
    for thread in threads:
        with open(f'/proc/{run.process.pid}/task/{thread}/status') as f:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
        check(int(status['CapEff'], 16) == 0 and status['NoNewPrivs'] == '1' and
              status['Seccomp'] == ('2' if run.records[0]['sandbox']['seccomp'] else '0'), f'a thread is not confined: {status}')
    time.sleep(0.5)
    status, said = run.end()
    seen = [r['conn']['client']['port'] for r in run.records if r['type'] == 'connection']
    check(status == 0 and not said, f'threads: status {status}: {said}')
    check(all(seen.count(p) == 1 for p in ports), f'threads: {len(ports)} connections, {len(seen)} records')
    rules = {r['rule'] for r in run.records if r['type'] == 'finding'}
    check(rules <= {'flags_syn_fin'}, f'threads: {rules}')


def a_capability_is_enough(peer):
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        program = shutil.copy(PROGRAM, directory)
        os.chmod(program, 0o755)
        try:  # cap_net_raw+ep, as setcap(8) would write it
            os.setxattr(program, 'security.capability', struct.pack('<5I', 0x02000001, 1 << 13, 0, 0, 0))
        except OSError as e:
            print('skipped: a plain user with a capability:', e)
            return
        run = watch(program=program, before=['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'])
        check(run.records[0]['sandbox']['uid'] == 65534, 'a plain user is another one')
        client, server = peer.connect()
        client.close()
        server.close()
        time.sleep(0.3)
        status, said = run.end()
        check(status == 0 and run.records[-1]['connections']['total'] == 1, f'a plain user: {status} {said}')


def drops_are_counted(peer):
    run = watch('-B', '1024')
    run.send(signal.SIGSTOP)
    for i in range(6000):
        peer.forge(b'\x02' * 12, 1024 + i, 1, 1, ACK, b'x' * 300)
    run.send(signal.SIGCONT)
    time.sleep(0.5)
    check(run.end()[0] == 0, 'no good end')
    source = run.records[-1]['source']
    check(source['kernel_drops'] > 0 and source['read'] + source['kernel_drops'] >= 6000, f'drops: {source}')


def states(run, *wanted):
    for state in wanted:
        check(run.wait_for(lambda r: r['type'] == 'stats' and r['source'].get('interface') == state),
              f'the interface is not {state}')


def interfaces_come_back(peer):
    run = watch('--wait', '--all')
    ip('-n', HERE, 'link', 'set', 'va', 'down')
    states(run, 'down')
    ip('-n', HERE, 'link', 'set', 'va', 'up')
    states(run, 'up')
    ip('-n', HERE, 'link', 'delete', 'va')
    states(run, 'gone')
    link()
    states(run, 'up')
    peer.close()
    peer = Peer()
    client, server = peer.connect()
    client.close()
    server.close()
    time.sleep(0.3)
    status, said = run.end()
    check(status == 0 and len(said.splitlines()) == 4, f'status {status}: {said}')
    check(any(r['type'] == 'connection' and r['conn']['server']['port'] == 80 for r in run.records),
          'no connection after the interface came back')
    peer.close()


def interfaces_go(peer):
    for words, sentence in ((('set', 'va', 'down'), 'went down'), (('delete', 'va'), 'disappeared')):
        run = watch()
        ip('-n', HERE, 'link', *words)
        status, said = run.end(None)
        check(status == 1 and sentence in said and len(said.splitlines()) == 1, f'{words}: status {status}: {said}')
        check(run.records[-1].get('error') and not run.records[-1]['complete'], 'the summary does not say so')
        if words[0] == 'set':
            ip('-n', HERE, 'link', 'set', 'va', 'up')
    run = Run(PROGRAM, '-i', 'va', '--wait')  # and is waited for from the start
    time.sleep(0.3)
    check(run.process.poll() is None, 'it does not wait for an interface')
    link()
    check(run.of_type('capture'), 'no first record when the interface has come')
    check(run.end()[0] == 0, 'no good end')


def pipes_are_heard(peer):
    end, to = os.pipe()
    os.write(to, struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    run = Run(PROGRAM, '-r', '-', '--stats-interval', '1', stdin=end)
    os.close(end)
    check(run.of_type('capture'), 'no first record of a pipe')
    run.send(signal.SIGUSR1)
    check(run.of_type('stats', 1), 'no counters within a second of SIGUSR1: a quiet pipe')
    now = time.time()
    frame = frame_of(b'\x02' * 12, 4711, 1, 0, SYN)
    os.write(to, struct.pack('<IIII', int(now), int(now % 1 * 1e6), len(frame), len(frame)) + frame)
    check(run.of_type('stats', 4), 'no timer runs while a pipe is quiet')
    os.close(to)
    check(run.end(None)[0] == 0, 'no good end of a pipe')


def main():
    with namespaces() as there:
        if not there:
            return 77
        link()
        for test in (faults_show_at_once, privileges_are_gone, threads_share_the_work, a_capability_is_enough, drops_are_counted,
                     pipes_are_heard, interfaces_come_back, interfaces_go):
            begun = time.monotonic()
            if test == interfaces_go:
                test(None)
            else:
                peer = Peer()
                test(peer)
                peer.close()
            print(f'{test.__name__}: {time.monotonic() - begun:.1f} s', flush=True)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
