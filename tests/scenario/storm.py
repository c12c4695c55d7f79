"""The storm: many followers, many events, and everything around them is killed, cut and frozen.

Run by itself, for longer: `make soak`, which is `python -m tests.scenario.storm --events 100000`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import httpx2
import orjson
from sqlalchemy import text

from graph.database import Database
from tests.scenario.client import EARLY, Follower
from tests.scenario.fleet import Fleet, Node, fleet

SAY = """mutation Say($incident: String!, $numbers: [Int!]!, $internal: Boolean!) {
  say(incident: $incident, numbers: $numbers, internal: $internal)
}"""
INCIDENTS = [f"incident-{number}" for number in range(10)]
BATCH = 10
LAST = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Storm:
    """How much happens. `pause` is how many seconds pass between two misfortunes, on average."""

    clients: int
    events: int
    seed: int
    pause: float = 0.7
    nodes: int = 3


class Weather:
    """What goes wrong, counted."""

    def __init__(self, ground: Fleet, followers: list[Follower], dice: random.Random) -> None:
        self.done: Counter[str] = Counter()
        self._fleet = ground
        self._followers = followers
        self._dice = dice
        self._starting: dict[Node, asyncio.Task[None]] = {}

    async def blow(self, pause: float) -> None:
        """Let something go wrong, again and again, until cancelled."""
        kinds = ("node", "redis", "postgres", "cut", "freeze")
        while True:
            kind = self._dice.choices(kinds, (3, 2, 1, 4, 3))[0]
            self.done[kind] += 1
            await getattr(self, f"_{kind}")()
            await asyncio.sleep(self._dice.uniform(0, 2 * pause))

    async def clear(self) -> None:
        """Let everything that was killed come back."""
        await asyncio.gather(*self._starting.values())

    async def _node(self) -> None:
        node = self._dice.choice(self._fleet.nodes)
        if node not in self._starting and len(self._starting) < len(self._fleet.nodes) - 1:
            node.kill()
            task = asyncio.create_task(self._start(node))
            self._starting[node] = task
            task.add_done_callback(lambda _: self._starting.pop(node, None))

    async def _start(self, node: Node) -> None:
        node.start()
        try:
            await node.answers()
        except AssertionError:
            # It came up while the database was away, and says so by leaving.
            await self._start(node)

    async def _redis(self) -> None:
        self._fleet.redis.kill()
        await asyncio.sleep(self._dice.uniform(0, 0.5))
        await asyncio.to_thread(self._fleet.redis.start)

    async def _postgres(self) -> None:
        await asyncio.to_thread(self._fleet.postgres.restart)

    async def _cut(self) -> None:
        for follower in self._dice.sample(self._followers, len(self._followers) // 5):
            follower.cut()

    async def _freeze(self) -> None:
        until = time.monotonic() + self._dice.uniform(1, 3)
        for follower in self._dice.sample(self._followers, len(self._followers) // 2):
            follower.is_frozen_until = until


async def publish(ground: Fleet, storm: Storm, dice: random.Random) -> None:
    """Say so many things, to whichever node answers; what becomes of each is for the log to say."""
    token = ground.token("publisher", "responder", seconds=3600)
    for start in range(0, storm.events, BATCH):
        numbers = list(range(start, min(start + BATCH, storm.events)))
        await _say(ground, dice, token, dice.choice(INCIDENTS), numbers, dice.random() < 0.3)
    for incident in INCIDENTS:
        while not await _say(ground, dice, token, incident, [LAST], False):
            pass


async def _say(
    ground: Fleet,
    dice: random.Random,
    token: str,
    incident: str,
    numbers: list[int],
    internal: bool,
) -> bool:
    given = {"incident": incident, "numbers": numbers, "internal": internal}
    try:
        answer = await ground.ask(dice.choice(ground.nodes), SAY, token, **given)
        return not answer.get("errors")
    except httpx2.HTTPError:
        await asyncio.sleep(0.05)
        return False


async def truth(ground: Fleet) -> dict[str, list[tuple[int, bool]]]:
    """What was committed: for each incident its numbers in order, and which are internal."""
    database = Database(ground.database_url)
    said: defaultdict[str, list[tuple[int, bool]]] = defaultdict(list)
    statement = text("SELECT key, data FROM log_events WHERE stream = 'room' ORDER BY position")
    async with database.read() as session:
        for key, data in await session.execute(statement):
            read = orjson.loads(data) if isinstance(data, str) else data
            said[key].append((read["number"], bool(read["internal"])))
    await database.close()
    return said


def check(follower: Follower, said: list[tuple[int, bool]]) -> str | None:
    """Say what is wrong with what a follower saw; None when it is everything, once and in order."""
    sees_all = "responder" in follower.roles
    expected = [number for number, internal in said if sees_all or not internal]
    # The last may have been said twice, when the first time nobody heard the answer.
    expected = expected[: expected.index(LAST) + 1]
    if follower.seen == expected:
        return None
    lost = len(set(expected) - set(follower.seen))
    twice = len(follower.seen) - len(set(follower.seen))
    return f"{follower.name}: {lost} lost, {twice} twice, of {len(expected)}"


async def run(storm: Storm, home: Path) -> dict[str, object]:
    """Let the storm pass; return its figures. Raises `AssertionError` when anything was lost."""
    dice = random.Random(storm.seed)
    async with fleet(home, storm.nodes, WATCHWORD_RENEW_BEFORE_SECONDS=str(EARLY)) as ground:
        followers = [
            Follower(
                ground,
                f"follower{number}",
                ("responder",) if number % 3 == 0 else (),
                INCIDENTS[number % len(INCIDENTS)],
                LAST,
                random.Random(f"{storm.seed}/{number}"),
            )
            for number in range(storm.clients)
        ]
        following = [asyncio.create_task(follower.run()) for follower in followers]
        await asyncio.gather(*(follower.is_ready.wait() for follower in followers))
        weather = Weather(ground, followers, dice)
        blowing = asyncio.create_task(weather.blow(storm.pause))
        began = time.monotonic()
        await publish(ground, storm, random.Random(storm.seed + 1))
        blowing.cancel()
        await asyncio.gather(blowing, return_exceptions=True)
        await weather.clear()
        published = time.monotonic() - began
        async with asyncio.timeout(120):
            await asyncio.gather(*following)
        said = await truth(ground)
    wrong = [found for follower in followers if (found := check(follower, said[follower.incident]))]
    refused = [refusal for follower in followers for refusal in follower.refusals]
    figures: dict[str, object] = {
        "seed": storm.seed,
        "clients": storm.clients,
        "committed": sum(map(len, said.values())),
        "delivered": sum(len(follower.seen) for follower in followers),
        "seconds": round(published, 1),
        "misfortunes": dict(weather.done),
        "closes": dict(sum((follower.closes for follower in followers), Counter())),
        "renewals": sum(follower.renewals for follower in followers),
        "refused": len(refused),
    }
    assert (wrong, refused) == ([], []), (figures, wrong[:5], refused[:5])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    given = parser.parse_args()
    print(f"SEED={given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as home:
        figures = asyncio.run(run(Storm(given.clients, given.events, given.seed), Path(home)))
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
