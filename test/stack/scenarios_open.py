"""Openings: clean, lossy, refused, crossed, fast."""
import asyncio
import contextlib
import socket

from lab import IPPROTO_MPTCP, PORT, abort, close, drain, receive, send, talk, whole, writable
from packet import ACK, RST
from scenario import pause, scenario

CLEAN = ("handshake.verdict=conformant", "teardown.verdict=conformant")
TCP_REPAIR = 19


@scenario(expect=CLEAN + ("close_normal_4way", "time_wait.holder=client", "client.syn=1"))
async def clean_client_closes(lab):
    """a clean connection that the client closes"""
    await whole(lab)


@scenario(expect=CLEAN + ("close_normal_4way", "time_wait.holder=server"))
async def clean_server_closes(lab):
    """a clean connection that the server closes"""
    client, server = await lab.pair(40001, lab.listen())
    await talk(client, server)
    await close(server, client)


@scenario(expect=CLEAN, ipv6=True)
async def clean_ipv6(lab):
    """a clean connection over IPv6"""
    await whole(lab)


@scenario(expect=CLEAN + ("client.timestamps=False",), sysctls={"tcp_timestamps": 0})
async def no_timestamps(lab):
    """neither host uses timestamps"""
    await whole(lab)


@scenario(expect=CLEAN, sysctls={"tcp_timestamps": 0, "tcp_sack": 0, "tcp_window_scaling": 0})
async def no_options(lab):
    """no option but the MSS"""
    await whole(lab)


@scenario(expect=CLEAN + ("client.ecn=True",), sysctls={"tcp_ecn": 1})
async def ecn(lab):
    """ECN is negotiated"""
    await whole(lab)


@scenario(expect={"near": ("client.syn=2",), "middle": ("client.syn=1",), "far": ("client.syn=1",)})
async def lost_syn_before_tap(lab):
    """the SYN is lost before the middle tap"""
    lab.wire.drop("near", "client", "syn")
    await whole(lab)


@scenario(expect={"near": ("client.syn=2",), "middle": ("client.syn=2",), "far": ("client.syn=1",)})
async def lost_syn_beyond_tap(lab):
    """the SYN is lost beyond the middle tap"""
    lab.wire.drop("far", "client", "syn")
    await whole(lab)


@scenario(expect={"near": ("syn_unanswered",), "middle": ("syn_unanswered",)})
async def lost_syn_always(lab):
    """no SYN ever arrives"""
    lab.wire.drop("far", "client", "syn", numbers=None)
    lab.listen()
    with expected(TimeoutError):
        await lab.connect(40001)


@scenario(expect={"near": ("server.synack>0",), "middle": ("server.synack>0",), "far": ("server.synack>1",)})
async def lost_synack_before_tap(lab):
    """the SYN-ACK is lost before the middle tap"""
    lab.wire.drop("far", "server", "synack")
    await whole(lab)


@scenario(expect={"near": ("server.synack>0",), "middle": ("server.synack>1",), "far": ("server.synack>1",)})
async def lost_synack_beyond_tap(lab):
    """the SYN-ACK is lost beyond the middle tap"""
    lab.wire.drop("near", "server", "synack")
    await whole(lab)


@scenario(expect={"middle": ("handshake.verdict=incomplete",), "far": ("handshake.verdict=incomplete",)})
async def lost_synack_always(lab):
    """no SYN-ACK ever arrives, and both ends give up"""
    lab.wire.drop("near", "server", "synack", numbers=None)
    lab.listen()
    with expected(TimeoutError):
        await lab.connect(40001)
    await pause(3)


@scenario(expect=CLEAN)
async def lost_third_data_follows(lab):
    """the third ACK is lost before the middle tap, and data completes the opening"""
    lab.wire.drop("near", "client", "third")
    await whole(lab)


@scenario(expect=CLEAN)
async def lost_third_beyond_data_follows(lab):
    """the third ACK is lost beyond the middle tap, and data completes the opening"""
    lab.wire.drop("far", "client", "third")
    await whole(lab)


@scenario(expect={"near": ("synack_retransmit_after_ack", "server.synack=2"),
                  "middle": ("synack_retransmit_after_ack", "server.synack=2"), "far": ("server.synack=2",)})
async def lost_third_idle(lab):
    """the third ACK is lost and nothing follows: the SYN-ACK comes again"""
    lab.wire.drop("far", "client", "third")
    client, server = await lab.pair(40001, lab.listen())
    await talk(client, server)
    await close(client, server)


@scenario(expect=("teardown.verdict=conformant",))
async def lost_third_fin_follows(lab):
    """the third ACK is lost and the client closes: its FIN completes the opening"""
    lab.wire.drop("far", "client", "third")
    listening = lab.listen()
    (await lab.connect(40001)).close()
    server = await lab.accept(listening)
    await drain(server)
    server.close()
    await pause(0.3)


@scenario(expect=CLEAN)
async def opening_copies(lab):
    """the network repeats the SYN, the SYN-ACK and the third ACK, 10 ms later"""
    for side, kind in (("client", "syn"), ("server", "synack"), ("client", "third")):
        lab.wire.rule("near", side, kind, "repeat", after=0.01)
    await whole(lab)


@scenario(expect=CLEAN)
async def late_synack(lab):
    """the SYN-ACK takes longer than the client waits: the SYN comes again"""
    lab.wire.rule("far", "server", "synack", "delay", by=1.3)
    await whole(lab)


@scenario(expect=("syn_refused", "end=rst"))
async def refused(lab):
    """nobody listens"""
    with expected(ConnectionRefusedError):
        await lab.connect(40001, PORT + 1)


@scenario(expect=("syn_refused",), ipv6=True)
async def refused_then_open(lab):
    """refused, and open at the second try from the same port"""
    with expected(ConnectionRefusedError):
        await lab.connect(40001)
    await whole(lab)


@scenario(expect=("end=rst",))
async def given_up_by_client(lab):
    """the client closes in SYN_SENT, and answers the SYN-ACK with a RST"""
    lab.wire.rule("far", "server", "synack", "delay", by=0.4)
    lab.listen()
    s = lab.socket("client", 40001)
    task = asyncio.ensure_future(lab.connect(0, s=s))
    await pause(0.2)
    task.cancel()
    await pause(0)
    s.close()
    await pause(0.6)


@scenario(expect=("simultaneous_open", "handshake.kind=simultaneous"))
async def simultaneous_open(lab):
    """both ends connect to each other's port, and their SYNs cross"""
    a, b = await crossed(lab)
    await talk(a, b)
    await close(a, b)


@scenario(expect=("simultaneous_open", "close_simultaneous", "time_wait.holder=both"))
async def simultaneous_open_and_close(lab):
    """crossing SYNs, and in the end crossing FINs"""
    a, b = await crossed(lab)
    await talk(a, b)
    a.close()
    b.close()
    await pause(0.2)


@scenario(expect={"middle": ("simultaneous_open",), "near": (), "far": ()})
async def simultaneous_open_synack_lost(lab):
    """crossing SYNs, and the first SYN-ACK of either end is lost"""
    lab.wire.drop("far", "client", "synack")
    lab.wire.drop("near", "server", "synack")
    a, b = await crossed(lab)
    await talk(a, b)
    await close(a, b)


@scenario(expect={tap: ("client.fast_open=True",) for tap in ("near", "middle", "far")})
async def fast_open(lab):
    """Fast Open: the cookie is asked for, and then used with data in the SYN"""
    listening = lab.listen(TCP_FASTOPEN=16)
    await fast(lab, 40001, listening)
    await fast(lab, 40002, listening)


@scenario(expect=("syn_carries_data",), sysctls={"tcp_fastopen": 0x207})
async def fast_open_no_cookie(lab):
    """Fast Open without a cookie: plain data in the SYN, accepted"""
    await fast(lab, 40001, lab.listen(TCP_FASTOPEN=16))


@scenario()
async def fast_open_syn_lost(lab):
    """the SYN with the cookie and data is lost, and comes again without them"""
    listening = lab.listen(TCP_FASTOPEN=16)
    await fast(lab, 40001, listening)
    lab.wire.drop("far", "client", "syn", port=40002)
    await fast(lab, 40002, listening)


@scenario(expect=("syn_carries_data",), sysctls={"tcp_fastopen": 0x205})
async def fast_open_refused(lab):
    """data in the SYN that the server does not take: it comes again after the handshake"""
    await fast(lab, 40001, lab.listen())


@scenario(expect=CLEAN, sysctls={"tcp_syncookies": 2})
async def syn_cookies(lab):
    """SYN cookies: the server keeps nothing before the third ACK"""
    await whole(lab)


@scenario(sysctls={"tcp_syncookies": 2})
async def syn_cookies_third_lost(lab):
    """SYN cookies, and the third ACK is lost: data completes the opening a second later"""
    lab.wire.drop("far", "client", "third")
    listening = lab.listen()
    client = await lab.connect(40001)
    await pause(1.2)
    await send(client, b"q")
    server = await lab.accept(listening)
    await close(client, server)


@scenario(expect={"near": ("synack_retransmit_after_ack",), "middle": ("synack_retransmit_after_ack",)},
          sysctls={"tcp_syncookies": 0, "tcp_synack_retries": 4})
async def accept_queue_full(lab):
    """the accept queue is full: a third ACK is ignored until there is a place again"""
    listening, clients = await crowd(lab)
    await pause(1.5)
    servers = [await lab.accept(listening) for _ in clients]
    for s in clients:
        s.close()
    await asyncio.gather(*(drain(s) for s in servers))
    for s in servers:
        s.close()
    await pause(0.3)


@scenario(sysctls={"tcp_syncookies": 0, "tcp_syn_retries": 4})
async def accept_queue_full_for_syn(lab):
    """the accept queue is full: a SYN is ignored until there is a place again"""
    listening = lab.listen(backlog=0)
    first = await lab.connect(40001)
    later = asyncio.ensure_future(lab.connect(40002))
    await pause(0.5)
    await close(first, await lab.accept(listening))
    await close(await later, await lab.accept(listening))


@scenario(expect=("end=rst",), sysctls={"tcp_syncookies": 0, "tcp_abort_on_overflow": 1})
async def accept_queue_abort(lab):
    """the accept queue is full: a third ACK is answered with a RST"""
    await crowd(lab)
    await pause(0.3)


@scenario(expect=("teardown.verdict=conformant",))
async def defer_accept(lab):
    """TCP_DEFER_ACCEPT: the third ACK is ignored until data comes"""
    listening = lab.listen(TCP_DEFER_ACCEPT=5)
    client = await lab.connect(40001)
    await pause(1.5)
    await send(client, b"q" * 10)
    server = await lab.accept(listening)
    await receive(server, 10)
    await close(client, server)


@scenario(expect=("half_open_discovery", "syn_in_synchronized"))
async def half_open_discovery(lab):
    """the client's host forgets the connection and opens the same ports again: challenge, RST, another SYN"""
    listening = lab.listen()
    client, server = await lab.pair(40001, listening)
    await talk(client, server)
    client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    client.close()
    await pause(0.1)
    again, fresh = await lab.pair(40001, listening)
    await talk(again, fresh)
    await close(again, fresh)
    server.close()


@scenario(expect={tap: ("rst_to_synsent_unacceptable",) for tap in ("near", "middle")},
          allow=("rst_reply_fields_wrong",))
async def forged_rst_to_syn(lab):
    """a forged RST with a wrong acknowledgment number meets a client in SYN_SENT, which ignores it"""
    lab.wire.drop("far", "client", "syn")
    task = asyncio.ensure_future(whole(lab))
    await pause(0.2)
    flow = lab.wire.flow(40001)
    flow["server"].like = lab.wire.mirrored(flow["client"].like)
    lab.wire.inject("server", 40001, 0, flow["client"].isn + 77, RST | ACK)
    await task


@scenario(expect=("handshake.verdict=conformant",))
async def mptcp(lab):
    """Multipath TCP on both sides"""
    listening = lab.listen(kind=IPPROTO_MPTCP)
    client, server = await lab.pair(40001, listening, kind=IPPROTO_MPTCP)
    await talk(client, server)
    await close(client, server)
    await pause(0.3)


@scenario(expect=CLEAN)
async def mptcp_fallback(lab):
    """Multipath TCP meets a host that does not speak it"""
    await whole(lab, kind=IPPROTO_MPTCP)


@scenario(expect=("end=rst",))
async def abort_right_after_open(lab):
    """connected and aborted at once: SYN, SYN-ACK, ACK, RST"""
    lab.listen()
    abort(await lab.connect(40001))
    await pause(0.2)


async def crowd(lab):
    """Four openings, of which only three have a place in the accept queue, and two come at the same time."""
    listening = lab.listen(backlog=2)
    clients = [await lab.connect(40001), await lab.connect(40002)]
    return listening, clients + list(await asyncio.gather(lab.connect(40003), lab.connect(40004)))


async def crossed(lab):
    a, b = lab.socket("client", 40001), lab.socket("server", 40002)
    await asyncio.gather(lab.connect(0, 40002, s=a), lab.connect(0, 40001, side="server", s=b))
    return a, b


async def fast(lab, port, listening):
    """Open with MSG_FASTOPEN, ask, answer, close."""
    s = lab.socket("client", port)
    try:
        sent = s.sendto(b"q" * 100, socket.MSG_FASTOPEN, (lab.addresses["server"], PORT))
    except BlockingIOError:  # there is no cookie yet: only the SYN went
        sent = 0
    await writable(s)
    await send(s, b"q" * (100 - sent))
    server = await lab.accept(listening)
    if await receive(server, 100) < 100:
        raise AssertionError("the data did not arrive")
    await send(server, b"a" * 100)
    await receive(s, 100)
    await close(s, server)


@contextlib.contextmanager
def expected(error):
    try:
        yield
    except error:
        return
    raise AssertionError(f"no {error.__name__}")
