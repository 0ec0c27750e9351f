"""Endings: lossy, half, simultaneous, abrupt, and what comes after."""
import asyncio
import contextlib
import socket

from lab import abort, close, drain, receive, send, talk
from scenario import pause, scenario

FOUR_WAY = ("teardown.verdict=conformant", "teardown.kind=four_way")


async def opened(lab, port=40001):
    """A connection over which both ends have said something."""
    client, server = await lab.pair(port, lab.listen())
    await talk(client, server)
    await pause(0.1)
    return client, server


async def later(lab):
    """Something in the capture that shows that time has passed."""
    with contextlib.suppress(ConnectionRefusedError):
        await lab.connect(40999, 9)


@scenario(expect=("close_3seg", "teardown.kind=three_segment"))
async def three_segments(lab):
    """the server closes at once when it reads the client's FIN: FIN, FIN-ACK, ACK"""
    listening = lab.listen()
    for port in range(40001, 40006):  # if we are slow, the kernel's delayed ACK comes before the FIN
        client, server = await lab.pair(port, listening)
        await talk(client, server)
        await close(client, server, between=0)


@scenario(expect=("half_close_data",))
async def half_close(lab):
    """the client sends its FIN, and the server goes on for a while"""
    client, server = await opened(lab)
    client.shutdown(socket.SHUT_WR)
    await drain(server)
    for _ in range(4):
        await send(server, b"a" * 2000)
        await pause(0.05)
    server.close()
    await drain(client)
    client.close()
    await pause(0.2)


@scenario(expect=("half_close_data", "time_wait.holder=server"))
async def half_close_by_server(lab):
    """the server sends its FIN, and the client goes on for a while"""
    client, server = await opened(lab)
    server.shutdown(socket.SHUT_WR)
    await drain(client)
    await send(client, b"q" * 5000)
    await receive(server, 5000)
    client.close()
    await pause(0.2)
    server.close()
    await pause(0.1)


@scenario(expect=("close_simultaneous", "teardown.kind=simultaneous", "time_wait.holder=both"))
async def simultaneous_close(lab):
    """the FINs cross"""
    client, server = await opened(lab)
    client.close()
    server.close()
    await pause(0.3)


@scenario(expect={"middle": ("close_simultaneous",)})
async def simultaneous_close_lossy(lab):
    """the FINs cross, and one of them is lost the first time"""
    client, server = await opened(lab)
    lab.wire.drop("far", "client", "fin")
    client.close()
    server.close()
    await pause(1.5)


@scenario(expect={"near": ("fin_retransmitted", *FOUR_WAY), "middle": FOUR_WAY, "far": FOUR_WAY})
async def lost_fin_before_tap(lab):
    """the client's FIN is lost before the middle tap"""
    client, server = await opened(lab)
    lab.wire.drop("near", "client", "fin")
    await close(client, server)


@scenario(expect={"near": ("fin_retransmitted", *FOUR_WAY), "middle": ("fin_retransmitted", *FOUR_WAY),
                  "far": FOUR_WAY})
async def lost_fin_beyond_tap(lab):
    """the client's FIN is lost beyond the middle tap"""
    client, server = await opened(lab)
    lab.wire.drop("far", "client", "fin")
    await close(client, server)


@scenario(expect={"far": ("fin_retransmitted",), "middle": ("fin_retransmitted",), "near": FOUR_WAY})
async def lost_second_fin(lab):
    """the server's FIN is lost beyond the middle tap"""
    client, server = await opened(lab)
    lab.wire.drop("near", "server", "fin", numbers=(1, 2))
    await close(client, server)
    await pause(1.5)


@scenario(expect={"near": ("fin_retransmitted",)})
async def lost_ack_of_fin(lab):
    """the ACK of the client's FIN is lost before the middle tap"""
    client, server = await opened(lab)
    lab.wire.drop("far", "server", "ack-of-fin")
    await close(client, server, between=1.0)


@scenario(expect={"far": ("fin_retransmitted",), "middle": ("fin_retransmitted", "time_wait_fin_reacked")})
async def lost_last_ack_beyond_tap(lab):
    """the last ACK is lost beyond the middle tap: the FIN comes again, into TIME_WAIT"""
    client, server = await opened(lab)
    lab.wire.drop("far", "client", "ack-of-fin", numbers=(1, 2))
    await close(client, server)
    await pause(1.5)


@scenario(expect={"far": ("fin_retransmitted",), "middle": ("fin_retransmitted",)})
async def lost_last_ack_before_tap(lab):
    """the last ACK is lost before the middle tap"""
    client, server = await opened(lab)
    lab.wire.drop("near", "client", "ack-of-fin", numbers=(1, 2))
    await close(client, server)
    await pause(1.5)


@scenario(expect={"far": ("last_ack_unanswered",), "middle": ("last_ack_unanswered",)})
async def lost_last_ack_always(lab):
    """no last ACK ever arrives, and the server gives up in LAST_ACK"""
    client, server = await opened(lab)
    lab.wire.drop("near", "client", "ack-of-fin", numbers=None)
    await close(client, server)
    await pause(9)
    await later(lab)


@scenario(sysctls={"tcp_fin_timeout": 2})
async def lost_second_fin_always(lab):
    """no FIN of the server ever arrives: both ends give up"""
    client, server = await opened(lab)
    lab.wire.drop("near", "server", "fin", numbers=None)
    await close(client, server)
    await pause(9)


@scenario()
async def fin_repeated_by_network(lab):
    """the network repeats the client's FIN"""
    client, server = await opened(lab)
    lab.wire.rule("near", "client", "fin", "repeat", after=0.02)
    await close(client, server)


@scenario()
async def last_fin_repeated_by_network(lab):
    """the network repeats the server's FIN: TIME_WAIT answers the copy, and the closed server that with a RST"""
    client, server = await opened(lab)
    lab.wire.rule("near", "server", "fin", "repeat", after=0.05)
    await close(client, server)


@scenario(expect=FOUR_WAY)
async def fin_overtakes_data(lab):
    """the last data come after the FIN"""
    client, server = await opened(lab)
    lab.wire.rule("near", "client", "data", "delay", by=0.03)
    await send(client, b"q" * 500)
    await close(client, server)


@scenario(expect=FOUR_WAY)
async def last_data_lost(lab):
    """the last data before the FIN are lost"""
    client, server = await opened(lab)
    lab.wire.drop("far", "client", "data")
    await send(client, b"q" * 500)
    await close(client, server)


@scenario(expect=("rst_abort", "end=rst"))
async def abort_client(lab):
    """the client aborts"""
    client, server = await opened(lab)
    abort(client)
    await pause(0.1)
    server.close()
    await pause(0.1)


@scenario(expect=("rst_abort", "end=rst"), ipv6=True)
async def abort_server(lab):
    """the server aborts, over IPv6"""
    client, server = await opened(lab)
    abort(server)
    await pause(0.1)
    client.close()
    await pause(0.1)


@scenario(expect=("end=rst",))
async def unread_data(lab):
    """the client closes with data unread: a RST instead of a FIN"""
    client, server = await opened(lab)
    await send(server, b"a" * 1000)
    await pause(0.1)
    client.close()
    await pause(0.1)
    server.close()
    await pause(0.1)


@scenario(expect=("half_duplex_close_reset",))
async def data_to_closed(lab):
    """data come after the client closed for good: answered with a RST"""
    client, server = await opened(lab)
    client.close()
    await pause(0.1)
    await send(server, b"a" * 1000)
    await pause(0.2)
    server.close()
    await pause(0.1)


@scenario(expect=("end=rst",))
async def fin_then_rst(lab):
    """FIN, and a RST right behind it"""
    client, server = await opened(lab)
    client.shutdown(socket.SHUT_WR)
    abort(client)
    await pause(0.2)
    server.close()
    await pause(0.1)


@scenario(expect={"near": ("end=rst",), "middle": ("end=rst",)})
async def lost_rst(lab):
    """the client's RST is lost: the server learns of it when it sends data"""
    client, server = await opened(lab)
    lab.wire.drop("far", "client", "rst")
    abort(client)
    await pause(0.3)
    await send(server, b"a" * 100)
    await pause(0.3)
    server.close()
    await pause(0.1)


@scenario(expect={"near": ("fin_unacked",), "middle": ("fin_unacked",)})
async def server_silent(lab):
    """the path breaks, and the client closes: its FIN is repeated until it gives up"""
    client, _ = await opened(lab)
    lab.wire.drop("far", "client", "not-syn", numbers=None)
    client.close()
    await pause(9)
    await later(lab)


@scenario(expect=("end=rst",), sysctls={"tcp_fin_timeout": 1})
async def fin_wait_2_gone(lab):
    """the server stays in CLOSE_WAIT until the client's FIN_WAIT_2 is over: its FIN is answered with a RST"""
    client, server = await opened(lab)
    client.close()
    await pause(3.5)
    server.close()
    await pause(0.2)


@scenario()
async def close_wait_for_ever(lab):
    """the server never closes"""
    client, _ = await opened(lab)
    client.shutdown(socket.SHUT_WR)
    await pause(1)


@scenario(expect=("close_wait_stall", "fin_wait_2_stall"), slow=True)
async def stalls(lab):
    """half closed for longer than a minute"""
    client, server = await opened(lab)
    client.shutdown(socket.SHUT_WR)
    await pause(75)
    server.close()
    await drain(client)
    client.close()
    await pause(0.2)


@scenario(expect=FOUR_WAY, slow=True)
async def whole_time_wait(lab):
    """TIME_WAIT from its beginning to its end, and the same ports again"""
    listening = lab.listen()
    for _ in range(2):
        client, server = await lab.pair(40001, listening)
        await talk(client, server)
        await close(client, server)
        await pause(62)


@scenario(expect=("time_wait.reuse_after>1",), sysctls={"tcp_tw_reuse": 1})
async def time_wait_reused_by_client(lab):
    """the client opens the same ports out of its TIME_WAIT (tcp_tw_reuse)"""
    listening = lab.listen()
    client, server = await lab.pair(40001, listening)
    await talk(client, server)
    await close(client, server)
    await pause(2.2)
    client, server = await lab.pair(40001, listening)
    await talk(client, server)
    await close(client, server)


@scenario(expect=("time_wait_reopened",))
async def time_wait_reused_at_server(lab):
    """the server is in TIME_WAIT, and the client opens the same ports again"""
    listening = lab.listen()
    client, server = await lab.pair(40001, listening)
    await talk(client, server)
    await close(server, client)
    await pause(0.5)
    client, server = await lab.pair(40001, listening)
    await talk(client, server)
    await close(client, server)


@scenario(expect=("end=rst",))
async def reuse_after_rst(lab):
    """aborted, and the same ports again at once"""
    listening = lab.listen()
    client, _ = await lab.pair(40001, listening)
    abort(client)
    await pause(0.05)
    client, server = await lab.pair(40001, listening)
    await talk(client, server)
    await close(client, server)


@scenario(allow=("time_wait_not_held",), sysctls={"tcp_max_tw_buckets": 0})
async def no_time_wait(lab):
    """the host keeps no TIME_WAIT, which RFC 9293 wants: the repeated FIN is answered with a RST"""
    client, server = await opened(lab)
    lab.wire.drop("far", "client", "ack-of-fin", numbers=(1, 2))
    await close(client, server)
    await pause(1.5)
