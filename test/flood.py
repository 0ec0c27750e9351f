#!/usr/bin/env python3
"""Floods, scans and what else is meant to exhaust an observer: memory, time, and what becomes of the innocent.

    flood.py PROGRAM FLOOD [--full]

FLOOD is the program of test/flood.  Each of its workloads is read from a pipe and watched on an interface.  Of each:

- the peak of resident memory is below the bound that was announced;
- the records of the innocent connections in the middle of it are, byte by byte, those without the flood (their order is
  that in which connections are released, which is earlier where there is no room);
- what did not fit is counted, and a flood or a scan is one finding.

With --full the sizes are such that they hurt: 2 million connections open at once, and as many SYNs again.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import HERE, THERE, check, failures, link, namespaces, sanitized, until

INNOCENT = b'"198.18.255.1"'
WAIT = 900  # seconds; nothing takes as long
FULL = '--full' in sys.argv

# Workload: frames, and with --full; what is to be found of it, once.
WORKLOADS = {
    'syn': (40000, 4000000, 'syn_flood'),
    'scan': (40000, 4000000, 'scan_syn'),
    'hold': (40000, 8000000, None),
    'fragments': (20000, 4000000, None),
    'overlap': (20000, 4000000, None),
    'adversarial': (40000, 4000000, None),
    'again': (20000, 4000000, None),
    'gaps': (40000, 16000000, None),
}
LIVE = {'syn': 'syn_flood', 'hold': None, 'fragments': None, 'overlap': None, 'adversarial': None}


# Sanitizers take their time, and nobody learns more from a longer wait.
SCALE = 4 if len(sys.argv) > 2 and not FULL and sanitized(sys.argv[1]) else 1
CONNECTIONS = 4000 // SCALE  # that are followed at once, where the flood is small
FRAMES = 16000 // SCALE      # of which every record is written


class Done:
    """The program on a flood out of a pipe: what it wrote, how long it took, how much memory."""

    def __init__(self, program, flood, *arguments):
        source = subprocess.Popen(flood, stdout=subprocess.PIPE)
        self.out = tempfile.TemporaryFile()
        self.err = tempfile.TemporaryFile()
        process = subprocess.Popen([program, '-r', '/dev/stdin', *arguments], stdin=source.stdout, stdout=self.out,
                                   stderr=self.err)
        source.stdout.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.resident = used.ru_maxrss * 1024
        self.cpu = used.ru_utime + used.ru_stime
        self.out.seek(0)
        self.err.seek(0)
        self.said = self.err.read().decode()
        check(source.wait(WAIT) == 0 and process.returncode == 0, f'{flood}: status {process.returncode}: {self.said}')

    def innocent(self):
        """Records of connections, and findings, that are about the innocent."""
        return sorted(line for line in self.out if INNOCENT in line)


def millions(value):
    return f'{value / 2**20:.0f}'


def of_rule(records, rule):
    return [r for r in records if r['type'] == 'finding' and r['rule'] == rule]


def measure(program, flood, name, directory):
    """A row of the table: the flood alone, as little written as possible."""
    count, rule = WORKLOADS[name][FULL] // SCALE, WORKLOADS[name][2]
    metrics = os.path.join(directory, 'metrics')
    limit = [] if FULL else ['--max-connections', str(CONNECTIONS)]
    run = Done(program, [flood, name, str(count)], '--metrics-file', metrics, *limit)
    with open(metrics) as f:
        bound = int(re.search(r'^tcplint_memory_bound_bytes\S* (\d+)', f.read(), re.M)[1])
    records = [json.loads(line) for line in run.out if b'"finding"' in line or b'"summary"' in line]
    n = records[-1]['connections']
    if rule:
        check(len(of_rule(records, rule)) == 1, f'{name}: {rule} is said {len(of_rule(records, rule))} times')
    check(len(records) < max(500, count / 100), f'{name}: {len(records)} findings')
    check(SCALE > 1 or run.resident <= bound, f'{name}: {run.resident} bytes resident, {bound} announced')
    check(bool(n['evicted']) == ('no room for more' in run.said), f'{name}: {n["evicted"]} evicted, and it says: {run.said}')
    pieces = records[-1].get('fragments')
    if name == 'fragments':  # and two of an innocent datagram
        check(pieces and pieces['seen'] == count + 2 and pieces['reassembled'] == 1, f'fragments: {pieces}')
        # all but those that are still waited for; two that happen to be of one datagram overlap
        check(pieces['evicted'] + 2 * pieces['overlapping'] + 1024 >= count,
              f'fragments: not all that were given up are counted: {pieces}')
    said = ', '.join(sorted({r['rule'] for r in records[:-1] if r.get('host')}))
    print(f'{name:12} {count:9} {n["total"]:9} {n["evicted"]:9} {run.cpu * 1e9 / count:7.0f}'
          f' {millions(run.resident):>6} {millions(bound):>6}  {said}', flush=True)
    return run.cpu / count


def compare(program, flood, name):
    """The innocent in the flood, and the same capture without it."""
    count = min(FRAMES, WORKLOADS[name][0])
    limit = ['--all', '--max-connections', str(CONNECTIONS // 2)]
    flooded = Done(program, [flood, name, str(count)], *limit).innocent()
    alone = Done(program, [flood, name, str(count), '--mute'], *limit).innocent()
    check(len(alone) == 5, f'{name}: {len(alone)} records of the innocent')
    for line in alone:
        record = json.loads(line)
        check(record['type'] == 'finding' or record['end'] == 'fin', f'an innocent connection ended with {record.get("end")}')
    for one in set(flooded) ^ set(alone):
        check(False, f'{name}: only {"in the flood" if one in flooded else "without it"}: {one.decode()}')


def watch(program, flood, name, rule):
    """The same on an interface."""
    count, rate = (2000000, 200000) if FULL else (10000, 40000)
    limit = 1000000 if FULL else CONNECTIONS
    out = tempfile.TemporaryFile()  # a pipe that nobody empties would hold it up
    process = subprocess.Popen(['ip', 'netns', 'exec', HERE, program, '-i', 'va', '--max-connections', str(limit),
                                '-B', '65536'], stdout=out, stderr=subprocess.DEVNULL)
    check(until(lambda: os.fstat(out.fileno()).st_size, 10), f'{name}, live: no first record')
    subprocess.run(['ip', 'netns', 'exec', THERE, flood, name, str(count), 'vb', str(rate)], check=True, timeout=WAIT)
    time.sleep(0.5)
    with open(f'/proc/{process.pid}/status') as f:
        resident = int(re.search(r'VmHWM:\s+(\d+)', f.read())[1]) * 1024
    process.send_signal(signal.SIGTERM)
    process.wait(WAIT)
    out.seek(0)
    records = [json.loads(line) for line in out]
    bound, summary = records[0]['memory_bound'], records[-1]
    drops = summary['source'].get('kernel_drops')
    check(process.returncode == 0, f'{name}, live: status {process.returncode}')
    check(SCALE > 1 or resident <= bound, f'{name}, live: {resident} bytes resident, {bound} announced')
    if rule:
        check(len(of_rule(records, rule)) == 1, f'{name}, live: {rule} is said {len(of_rule(records, rule))} times')
    innocent = [r['rule'] for r in records if r['type'] == 'finding' and 'conn' in r and
                '198.18.255.1' in (r['conn']['client']['ip'], r['conn']['server']['ip'])]
    check(drops or innocent == ['data_after_fin'], f'{name}, live: of the innocent: {innocent}')
    print(f'{name:12} {summary["source"]["read"]:9} {summary["connections"]["total"]:9} {summary["connections"]["evicted"]:9}'
          f' {drops:7} {millions(resident):>6} {millions(bound):>6}', flush=True)


def main(argv):
    if len(argv) < 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    program, flood = os.path.abspath(argv[1]), os.path.abspath(argv[2])
    print('workload        frames connections evicted ns/frame peak/MiB bound/MiB')
    with tempfile.TemporaryDirectory() as directory:
        times = {name: measure(program, flood, name, directory) for name in WORKLOADS}
    if FULL:
        check(times['adversarial'] < 3 * times['syn'], 'chosen tuples cost more than random ones')
    for name in WORKLOADS:
        compare(program, flood, name)
    print('on an interface:   read connections evicted drops peak/MiB bound/MiB')
    with namespaces() as there:
        if there:
            link()
            for name, rule in LIVE.items():
                watch(program, flood, name, rule)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
