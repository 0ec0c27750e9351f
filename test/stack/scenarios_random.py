"""Random conversations over random paths: what they say, who closes and how, what is lost, all from one seed.

The kernel's timers are not ours, so a seed repeats what is asked for and which segments of a flow are lost, and not
the whole run to the last segment.
"""
import asyncio
import contextlib
import random

import scenario
from lab import abort, drain, receive, send
from scenario import pause
from wire import Chaos

FIRST_PORT = 41000
AT_ONCE = 40
PATIENCE = 8.0  # seconds for each end of a conversation
LINGER = 4.0  # seconds after the last, for what is still repeated
SIZES = (0, 1, 100, 1448, 3000, 20000)
ENDINGS = ("client", "client", "server", "server", "both", "half client", "half server", "abort client", "abort server",
           "unread", "late data")

# Name: share of all connections, and what the path does.
PATHS = {
    "clean": (0.2, {}, False),
    "lossy": (0.4, {"loss": 0.04, "duplicate": 0.02, "reorder": 0.03}, False),
    "heavy": (0.2, {"loss": 0.12, "duplicate": 0.03, "reorder": 0.05}, False),
    "ipv6": (0.2, {"loss": 0.05, "duplicate": 0.02, "reorder": 0.03}, True),
}


class Plan:
    """One conversation."""

    def __init__(self, seed, port):
        r = random.Random(f"{seed}/{port}")
        self.port = port
        self.rounds = [(r.choice(SIZES), r.choice(SIZES)) for _ in range(r.choice((0, 1, 1, 2, 3)))]
        self.ending = r.choice(ENDINGS)
        self.gap = r.choice((0, 0, 0.001, 0.02, 0.1, 0.3))

    def speaks_last(self, side):
        """Whether this end is the one that the ending is about."""
        return self.ending.endswith(side) or self.ending == "both"


async def speak(plan, s, side):
    """One end's part of the conversation, up to the ending."""
    for question, answer in plan.rounds:
        mine, yours = (question, answer) if side == "client" else (answer, question)
        if side == "client":
            await send(s, b"q" * mine)
            await receive(s, yours)
        else:
            await receive(s, yours)
            await send(s, b"a" * mine)
    await pause(plan.gap)
    await finish(plan, s, side)


async def finish(plan, s, side):
    ending = plan.ending
    if ending == "unread" and side == "server":
        await send(s, b"a" * 700)
        await pause(0.05)
    elif ending == "unread":
        await pause(0.1)  # and close with data unread
    elif ending == "late data" and side == "server":
        await drain(s)
        await send(s, b"a" * 700)
    elif not plan.speaks_last(side) and ending != "late data":
        await drain(s)
        if ending.startswith("half"):
            await send(s, b"h" * 3000)
        await pause(plan.gap)
    elif ending.startswith("abort"):
        abort(s)
        return
    elif ending.startswith("half"):
        s.shutdown(1)
        await drain(s)
    s.close()


async def part(plan, s, side):
    """Speak until done, reset or out of patience; the socket is closed in any case."""
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        await asyncio.wait_for(speak(plan, s, side), PATIENCE)
    s.close()


async def serve(lab, listening, plans, parts):
    while True:
        s = await lab.accept(listening)
        with contextlib.suppress(OSError, KeyError):
            parts.append(asyncio.ensure_future(part(plans[s.getpeername()[1]], s, "server")))


async def call(lab, plan, places):
    async with places:
        try:
            s = await asyncio.wait_for(lab.connect(plan.port), PATIENCE)
        except (OSError, asyncio.TimeoutError):
            return
        await part(plan, s, "client")


async def crowd(lab, path, count, seed):
    """All the conversations of one path."""
    impair = PATHS[path][1]
    if impair:
        lab.wire.chaos = Chaos(seed, **impair)
    plans = {FIRST_PORT + i: Plan(f"{seed}/{path}", FIRST_PORT + i) for i in range(count)}
    parts, places = [], asyncio.Semaphore(AT_ONCE)
    server = asyncio.ensure_future(serve(lab, lab.listen(), plans, parts))
    await asyncio.gather(*(call(lab, plan, places) for plan in plans.values()))
    await asyncio.gather(*parts)
    await pause(LINGER if impair else 0.5)
    server.cancel()


def register(seed, total, limit):
    """Make the scenarios, of so many connections together."""
    for path, (share, _, ipv6) in PATHS.items():
        count = round(total * share)
        if not count:
            continue

        async def run(lab, path=path, count=count):
            await crowd(lab, path, count, seed)

        run.__name__ = f"random_{path}"
        run.__doc__ = f"{count} random connections over a path that is {path}"
        scenario.REGISTRY[run.__name__] = scenario.Scenario(run, limit=limit, random=True, ipv6=ipv6)
