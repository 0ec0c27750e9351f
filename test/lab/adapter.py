"""tcplint's records in the form that the lab's scorer compares.

The command to run is `tcplint -r {pcap} --all --min-severity info --min-confidence 0`.
A passive endpoint that goes back to LISTEN (RFC 9293, MUST-11) is what the
kernel calls CLOSED: its request socket is removed.
"""
import datetime

NAME = 'tcplint'

MAP = {
    'simultaneous_open': 'simultaneous_open',
    'close_simultaneous': 'simultaneous_close',
    'close_3seg': 'three_segment_close',
    'half_close_data': 'half_close_data',
    'syn_unanswered': 'syn_unanswered',
    'syn_refused': 'connection_refused',
    'fin_retransmitted': 'fin_retransmission',
    'fin_unacked': 'fin_unanswered',
    'keepalive_probe': 'keepalive',
    'synack_ack_mismatch': 'bad_synack_ack',
    'hs_ack_ack_wrong': 'bad_handshake_ack',
    'synack_retransmit_after_ack': 'synack_after_established',
    'syn_in_synchronized': 'syn_on_open_connection',
    'checksum_bad': 'bad_checksum',
    'ack_beyond_sent': 'ack_of_unsent_data',
    'old_duplicate_syn': 'old_duplicate_syn',
    'teardown_incomplete': 'close_incomplete',
    'challenge_ack': 'challenge_ack',
    'time_wait_assassinated': 'time_wait_assassination',
    'time_wait_reopened': 'time_wait_reuse',
    'time_wait_cut_short': 'time_wait_reuse',
    'rst_to_synsent_unacceptable': 'forged_rst_ignored',
    'rst_out_of_window': 'forged_rst_ignored',
    'rst_in_window_inexact': 'forged_rst_ignored',
    'rst_then_sender_continues': 'forged_rst_accepted',
}

FINDINGS = set(MAP.values()) | {'syn_retransmission', 'synack_retransmission', 'rst_in_handshake'}


def seconds(stamp):
    whole, fraction = stamp.rstrip('Z').split('.')
    t = datetime.datetime.strptime(whole, '%Y-%m-%dT%H:%M:%S').replace(tzinfo=datetime.timezone.utc)
    return t.timestamp() + float('0.' + fraction)


def path(end, start):
    out = []
    for s in end.get('states', []):
        name = s['state']
        if name == 'LISTEN' and out:
            name = 'CLOSED'
        out.append((name, start + s['t']))
    return out


def found(r):
    names = {MAP[f['rule']] for f in r['findings'] if f['rule'] in MAP}
    if any('challenge_ack' in f.get('related', []) for f in r['findings']):
        names.add('challenge_ack')
    client, server = r['client'], r['server']
    if client['syn'] > 1 or server['syn'] > 1:
        names.add('syn_retransmission')
    if client['synack'] > 1 or server['synack'] > 1:
        names.add('synack_retransmission')
    opened = [any(s['state'] == 'ESTABLISHED' for s in end.get('states', [])) for end in (client, server)]
    rst = client['rst'] or server['rst']
    if rst and not opened[1]:
        names.add('rst_in_handshake')
    if r['end'] == 'rst' and any(opened):
        names.add('rst_after_fin' if client['fin'] or server['fin'] else 'rst_close')
    for f in r['findings']:
        if f['rule'] == 'half_open_discovery' and f['offender'] == 'client':
            names |= {'syn_on_open_connection', 'rst_in_handshake'}  # it was in SYN_SENT again
        if f['rule'] == 'synack_ack_mismatch' and client['rst']:
            names.add('rst_in_handshake')
    return sorted(names)


def adapt(r):
    if r.get('type') != 'connection' or r['origin'] == 'stray':
        return None
    c, s = r['conn']['client'], r['conn']['server']
    start = seconds(r['start'])
    return {
        'tuple': (c['ip'], c['port'], s['ip'], s['port']),
        'client': path(r['client'], start),
        'server': path(r['server'], start),
        'anomalies': found(r),
        'start': start,
    }
