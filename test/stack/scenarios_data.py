"""Open connections: idle, stalled, in bulk, disturbed by losses and by what others forge."""
import asyncio
import socket

from lab import close, drain, receive, send, talk
from packet import RST, SYN
from scenario import pause, scenario
from scenarios_close import FOUR_WAY, opened


def keep_alive(s, idle=1, interval=1, count=2):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", idle), ("TCP_KEEPINTVL", interval), ("TCP_KEEPCNT", count)):
        s.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@scenario(expect=("keepalive_probe", *FOUR_WAY))
async def keepalive(lab):
    """an idle connection is probed, and the probes are answered"""
    client, server = await opened(lab)
    keep_alive(client)
    await pause(3.5)
    await close(client, server)


@scenario(expect={"near": ("keepalive_probe", "end=rst"), "middle": ("keepalive_probe", "end=rst")})
async def keepalive_unanswered(lab):
    """an idle connection is probed, and nobody answers: a RST ends it"""
    client, _ = await opened(lab)
    keep_alive(client)
    await pause(0.3)
    lab.wire.drop("far", "client", "not-syn", numbers=None)
    await pause(5)


@scenario(expect=FOUR_WAY)
async def zero_window(lab):
    """the server does not read for a while, and its window closes"""
    listening = lab.listen()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client, server = await lab.pair(40001, listening)
    sending = asyncio.ensure_future(send(client, b"q" * 300000))
    await pause(1.5)
    await receive(server, 300000)
    await sending
    await close(client, server)


@scenario(expect=("teardown.verdict=conformant",))
async def close_into_zero_window(lab):
    """the client closes while the window is closed: its FIN has to wait"""
    listening = lab.listen()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client, server = await lab.pair(40001, listening)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    task = asyncio.ensure_future(send(client, b"q" * 20000))
    await task
    client.close()
    await pause(1.2)
    await drain(server)
    server.close()
    await pause(0.5)


@scenario(expect=FOUR_WAY)
async def data_lost_and_reordered(lab):
    """some data are lost, some repeated, some late"""
    client, server = await opened(lab)
    lab.wire.drop("near", "client", "data", numbers=(3, 9, 10))
    lab.wire.drop("far", "client", "data", numbers=(5, 14))
    lab.wire.rule("far", "client", "data", "delay", numbers=(7, 12, 20), by=0.01)
    lab.wire.rule("near", "client", "data", "repeat", numbers=(16, 18), after=0.005)
    await asyncio.gather(send(client, b"q" * 60000), receive(server, 60000))
    await close(client, server)


@scenario(expect=FOUR_WAY, offload=True)
async def bulk_offload(lab):
    """a bulk of data each way, with segments cut and merged by the interfaces"""
    client, server = await opened(lab)
    size = 400000
    await asyncio.gather(send(client, b"q" * size), send(server, b"a" * size),
                         receive(client, size), receive(server, size))
    await close(client, server)


@scenario(expect=FOUR_WAY, offload=True)
async def bulk_offload_lossy(lab):
    """large segments of the interfaces, and every ninth is lost"""
    client, server = await opened(lab)
    lab.wire.drop("near", "server", "data", numbers=range(4, 100, 9))
    await asyncio.gather(send(server, b"a" * 300000), receive(client, 300000))
    await close(server, client)


@scenario(expect={"middle": ("rst_out_of_window",), "far": ("rst_out_of_window",)})
async def forged_rst_outside(lab):
    """a forged RST far outside the window is ignored"""
    client, server = await opened(lab)
    flow = lab.wire.flow(40001)
    lab.wire.inject("client", 40001, flow["client"].top + (1 << 29), flow["server"].top, RST)
    await pause(0.1)
    await talk(client, server)
    await close(client, server)


@scenario(expect={tap: ("rst_in_window_inexact", "challenge_ack") for tap in ("middle", "far")},
          allow=("rst_then_sender_continues",))
async def forged_rst_inside(lab):
    """a forged RST in the window but not exact is challenged"""
    client, server = await opened(lab)
    flow = lab.wire.flow(40001)
    lab.wire.inject("client", 40001, flow["client"].top + 100, flow["server"].top, RST)
    await pause(0.1)
    await talk(client, server)
    await close(client, server)


@scenario(allow=("rst_then_sender_continues",))
async def forged_rst_exact(lab):
    """a forged RST with the exact number ends the server's connection; the client goes on, and gets a RST"""
    client, server = await opened(lab)
    flow = lab.wire.flow(40001)
    lab.wire.inject("client", 40001, flow["client"].top, flow["server"].top, RST)
    await pause(0.1)
    await send(client, b"q" * 10)
    await pause(0.2)
    client.close()
    server.close()
    await pause(0.1)


@scenario(expect={tap: ("syn_in_synchronized", "challenge_ack") for tap in ("middle", "far")})
async def forged_syn(lab):
    """a forged SYN into an open connection is challenged"""
    client, server = await opened(lab)
    flow = lab.wire.flow(40001)
    lab.wire.inject("client", 40001, flow["client"].top + 5000, 0, SYN)
    await pause(0.3)
    await talk(client, server)
    await close(client, server)


@scenario(expect=FOUR_WAY)
async def old_data_again(lab):
    """a copy of the first data comes late, in the middle and into TIME_WAIT"""
    client, server = await opened(lab)
    lab.wire.rule("near", "client", "data", "repeat", after=0.4)
    lab.wire.rule("far", "server", "data", "repeat", after=0.7)
    await talk(client, server)
    await pause(0.5)
    await close(client, server)
    await pause(0.5)


@scenario(allow=("time_wait_cut_short",))
async def time_wait_assassinated(lab):
    """an exact RST ends TIME_WAIT"""
    client, server = await opened(lab)
    await close(client, server)
    flow = lab.wire.flow(40001)
    lab.wire.inject("server", 40001, flow["server"].top, flow["client"].top, RST)
    await pause(0.2)
