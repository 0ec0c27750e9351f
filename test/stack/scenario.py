"""The list of scenarios, and what each says about itself."""
import asyncio

REGISTRY = {}
LIMIT = 25.0  # seconds for one scenario
SLOW_LIMIT = 150.0


class Scenario:
    """A conversation, what the capture has to show, and which blame for an endpoint would be right.

    expect: what must be found at every tap, or {tap: what}; see compare.holds().
    allow: rules that may blame somebody although no stack did wrong: what was forged does wrong.
    """

    def __init__(self, run, expect=(), allow=(), slow=False, limit=LIMIT, random=False, **laboratory):
        self.run, self.slow, self.laboratory = run, slow, laboratory
        self.random = random
        self.limit = SLOW_LIMIT if slow else limit
        self.name = run.__name__
        self.sentence = run.__doc__
        self.expect = expect if isinstance(expect, dict) else {tap: expect for tap in ("near", "middle", "far")}
        self.allow = set(allow).union(*self.expect.values())


def scenario(**about):
    def add(run):
        REGISTRY[run.__name__] = Scenario(run, **about)
        return run
    return add


def pause(seconds):
    return asyncio.sleep(seconds)
