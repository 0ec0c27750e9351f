#!/usr/bin/env python3
"""The program on an interface: two network namespaces of our own, real connections between them, and forged segments.

    live.py PROGRAM

Skipped (status 77) where namespaces cannot be made.  Every wait is bounded.
"""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import (ACK, FIN, HERE, OURS, PATIENCE, PEER, PSH, SYN, THERE, Run, check, failures, finding, frame_of,
                  inside, ip, ipv4, link, namespaces, raw_socket, tcp)

PROGRAM = os.path.abspath(sys.argv[1])


def watch(*more, program=PROGRAM, interface='va', arguments=(), **options):
    arguments = [*more, *arguments]
    run = Run(program, '-i', interface, *arguments, **options)
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
    check(len(threads) == 3, f'{len(threads)} threads')
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


def without_permission(peer):
    run = Run(PROGRAM, '-i', 'va', before=['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'])
    out, said = run.process.communicate(timeout=PATIENCE)
    check(run.process.returncode == 1 and not out and b'setcap cap_net_raw+ep' in said and said.count(b'\n') == 1,
          f'a plain user without permission: {said}')


def talk(namespace=THERE, to=OURS, **where):
    """One clean connection, as the records of `where` have it; None when there is none."""
    run = watch('--all', **where)
    with inside(HERE):
        listener = socket.create_server((to, 8080))
    with inside(namespace):
        client = socket.create_connection((to, 8080), PATIENCE)
    server = listener.accept()[0]
    client.send(b'question')
    server.recv(100)
    server.send(b'answer')
    client.recv(100)
    for one in (client, server, listener):
        one.close()
    time.sleep(0.4)
    status, said = run.end()
    check(status == 0 and not said, f'{where}: status {status}: {said}')
    bad = [r['message'] for r in run.records if r['type'] == 'finding']
    check(not bad, f'{where}: findings about a clean connection: {bad}')
    return run, next((r for r in run.records if r['type'] == 'connection' and r['conn']['server']['port'] == 8080), None)


def vlan_interfaces():
    """One for VLAN 5 on either end; whether the kernel has them."""
    try:
        for namespace, name, address in ((HERE, 'va', '10.9.5.1'), (THERE, 'vb', '10.9.5.2')):
            ip('-n', namespace, 'link', 'add', 'link', name, 'name', name + '.5', 'type', 'vlan', 'id', '5')
            ip('-n', namespace, 'address', 'add', address + '/24', 'dev', name + '.5')
            ip('-n', namespace, 'link', 'set', name + '.5', 'up')
    except subprocess.CalledProcessError:
        print('skipped: VLAN interfaces: this kernel has none')
        return False
    return True


def interfaces_of_every_kind(peer):
    kinds = [('va', THERE, OURS, None), ('any', THERE, OURS, None), ('lo', HERE, '127.0.0.1', None)]
    if vlan_interfaces():
        kinds += [('va.5', THERE, '10.9.5.1', None), ('va', THERE, '10.9.5.1', [5])]
    ip('-n', HERE, 'link', 'set', 'lo', 'up')
    for interface, namespace, to, vlan in kinds:
        run, conn = talk(namespace, to, interface=interface)
        what = f'{interface}, a connection to {to}'
        if not check(conn, f'{what}: no record'):
            continue
        check(conn['end'] == 'fin' and conn['conn'].get('vlan') == vlan, f'{what}: {conn["end"]}, {conn["conn"]}')
        source = run.records[-1]['source']
        check(source['kernel_drops'] == 0, f'{what}: {source}')
        check(('interface_drops' in source) == (interface != 'any'), f'{what}: drops that nobody can know: {source}')


def options_of_a_capture(peer):
    for direction, silent in (('in', 'server'), ('out', 'client')):
        conn = talk(arguments=['-Q', direction])[1]
        check(conn and conn[silent]['segments'] == 0 and conn['quality']['one_sided'], f'-Q {direction}: {conn}')
    conn = talk(arguments=['-Q', 'inout', '-j', 'host', '--immediate-mode'])[1]
    check(conn and conn['end'] == 'fin', f'--immediate-mode: {conn}')
    times = [conn['ts'][-4:-1], conn['start'][-4:-1]] if conn else []
    check(any(digits != '000' for digits in times), f'no nanoseconds: {times}')
    for arguments, promiscuous in (([], 1), (['-p'], 0)):
        run = watch(*arguments)
        shown = subprocess.run(['ip', '-n', HERE, '-d', 'link', 'show', 'va'], capture_output=True, timeout=PATIENCE,
                               check=True).stdout.decode()
        check(f'promiscuity {promiscuous}' in shown, f'{arguments}: {shown}')
        run.end()
    for arguments, word in ((['-j', 'adapter'], 'not supported'), (['-j', 'nobody'], 'nobody'), (['-Q', 'up'], '-Q'),
                            (['-y', 'PPP'], 'PPP')):
        run = Run(PROGRAM, '-i', 'va', *arguments)
        said = run.process.communicate(timeout=PATIENCE)[1].decode()
        check(run.process.returncode in (1, 2) and word in said, f'{arguments}: {said}')


def conversations():
    """Forged conversations with data beyond the FIN, each from another address: lists of frames, without end."""
    n = 0
    while True:
        n += 1
        client, server, port = f'10.9.{100 + n // 250 % 100}.{n % 250 + 1}', '10.9.0.77', 1024 + n % 60000
        steps = ((0, SYN, 0, 0, 0), (1, SYN | ACK, 0, 1, 0), (0, ACK, 1, 1, 0), (0, FIN | ACK, 1, 1, 0),
                 (1, ACK, 1, 2, 0), (0, PSH | ACK, 2, 1, 9))
        for back, flags, seq, ack, length in steps:
            ends = ((client, port), (server, 80))
            (src, sport), (dst, dport) = ends[::-1] if back else ends
            segment = tcp(src, dst, sport, dport, 7919 * n + seq, 7919 * n + ack, flags, b'x' * length)
            yield b'\x02' * 12 + b'\x08\x00' + ipv4(src, dst, segment)


class Load(threading.Thread):
    """Faulty conversations as fast as they can be made, for so many seconds."""

    def __init__(self, peer, seconds):
        super().__init__()
        self.wire, self.until = peer.wire, time.monotonic() + seconds
        self.start()

    def run(self):
        for frame in conversations():
            if time.monotonic() > self.until:
                return
            self.wire.send(frame)


def lines_of(paths):
    """The records of files, none of which has half a line but perhaps the last."""
    records = []
    for path in paths:
        with open(path, 'rb') as f:
            lines = f.read().splitlines(keepends=True)
        if lines and path == paths[-1] and not lines[-1].endswith(b'\n'):
            lines.pop()
        records.append([json.loads(line) for line in lines])
        check(all(line.endswith(b'\n') for line in lines), f'a torn line in {path}')
    return records


def ends_under_load(peer):
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        stem = os.path.join(directory, 'killed')
        for which in (signal.SIGTERM, signal.SIGKILL):
            run = Run(PROGRAM, '-i', 'va', '-o', stem, '-C', '32k')
            time.sleep(0.4)
            load = Load(peer, 0.6)
            time.sleep(0.5)
            run.send(which)
            said = run.process.communicate(timeout=PATIENCE)[1]
            load.join()
            names = sorted((n for n in os.listdir(directory)), key=lambda n: int(n[6:] or 0))
            files = lines_of([os.path.join(directory, n) for n in names])
            findings = sum(r['type'] == 'finding' for records in files for r in records)
            check(not said and len(files) > 3 and findings > 100, f'{which}: {len(files)} files, {findings} findings: {said}')
            check(all(records[0]['type'] == 'capture' for records in files if records), f'{which}: a file without its beginning')
            if which == signal.SIGTERM:
                summary = files[-1][-1]
                check(run.process.returncode == 0 and summary['type'] == 'summary', 'SIGTERM under load: no summary')
                check(summary['findings']['reported'] == findings, f'SIGTERM under load: findings are missing: {findings}')
            for name in names:
                os.unlink(os.path.join(directory, name))
    run = watch()
    load = Load(peer, 0.5)
    run.process.stdout.close()
    try:
        status = run.process.wait(PATIENCE)
    finally:
        run.process.kill()
        load.join()
    check(status in (0, -signal.SIGPIPE) and not run.process.stderr.read(), f'status {status} when the reader goes')


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
        for test in (faults_show_at_once, privileges_are_gone, threads_share_the_work, a_capability_is_enough,
                     without_permission, interfaces_of_every_kind, options_of_a_capture, ends_under_load, drops_are_counted,
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
