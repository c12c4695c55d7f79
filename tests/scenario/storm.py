"""The storm: many followers and many events, while everything around them is killed, cut and frozen.

Run by itself, for longer: `make soak`, which is `python -m tests.scenario.storm --events 100000`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import orjson
from sqlalchemy import text

from tests.scenario.client import EARLY, Follower
from tests.scenario.fleet import ROOT, Fleet, Node, fleet
from watchword.storage.database import Database

SAY = """mutation Say($incident: String!, $numbers: [Int!]!, $internal: Boolean!) {
  say(incident: $incident, numbers: $numbers, internal: $internal)
}"""
INCIDENTS = [f"incident-{number}" for number in range(10)]
BATCH = 10
LAST = 2_000_000_000
# The relative frequency of each failure.
USUAL = {"node": 3, "redis": 2, "postgres": 1, "cut": 4, "freeze": 3, "hang": 1}
# The database loses events: all at once, when it restarts from a copy, or gradually, by pruning.
FORGETFUL = {"go_back": 1, "save": 3, "node": 1, "redis": 1, "hang": 1, "freeze": 2, "cut": 4}
PRUNERS = 3
# Everything that was said and that the database has not lost, including what was pruned from the log.
REMEMBER = (
    "CREATE TABLE said AS SELECT * FROM watchword_log_events WHERE false",
    "CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN INSERT INTO said SELECT NEW.*; RETURN NEW; END $$",
    "CREATE TRIGGER remember AFTER INSERT ON watchword_log_events FOR EACH ROW EXECUTE FUNCTION remember()",
)

Truth = dict[str, list[tuple[int, bool]]]
"""For each incident the numbers that were said, in order, and which are internal."""


@dataclass(frozen=True, slots=True)
class Storm:
    """The size of a storm. `pause` is the average number of seconds between two failures.

    Three processes prune the log without a pause to `kept` events of each stream; None for no pruning.
    """

    clients: int
    events: int
    seed: int
    pause: float = 0.7
    nodes: int = 3
    kinds: Mapping[str, int] = field(default_factory=lambda: USUAL)
    kept: int | None = None

    @property
    def forgets(self) -> bool:
        """Whether followers may be told to fetch anew."""
        return self.kept is not None or "go_back" in self.kinds


class Weather:
    """Causes failures, and counts them."""

    def __init__(self, ground: Fleet, followers: list[Follower], dice: random.Random) -> None:
        self.done: Counter[str] = Counter()
        # The committed messages before each time the database went back.
        self.pasts: list[Truth] = []
        # The publisher holds this while it sends a message.
        self.speaking = asyncio.Lock()
        # Finish the failure in progress: otherwise the database might go back after the last message.
        self.is_over = False
        self.has_had_each = False
        self._is_saved = False
        self._fleet = ground
        self._followers = followers
        self._dice = dice
        self._starting: dict[Node, asyncio.Task[None]] = {}

    async def blow(self, pause: float, kinds: Mapping[str, int]) -> None:
        """Cause failures until `is_over`, at first one of each kind."""
        # From the end of the list, so that a copy is made before the database goes back to it.
        first = list(kinds)
        while not self.is_over:
            self.has_had_each = not first
            kind = first.pop() if first else self._dice.choices([*kinds], [*kinds.values()])[0]
            self.done[kind] += 1
            await getattr(self, f"_{kind}")()
            await asyncio.sleep(self._dice.uniform(0, 2 * pause))

    async def clear(self) -> None:
        """Start everything again that was killed."""
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
            # It started while the database was unavailable, and has exited for that reason.
            await self._start(node)

    async def _redis(self) -> None:
        self._fleet.redis.kill()
        await asyncio.sleep(self._dice.uniform(0, 0.5))
        await asyncio.to_thread(self._fleet.redis.start)

    async def _postgres(self) -> None:
        await asyncio.to_thread(self._fleet.postgres.restart)

    async def _hang(self) -> None:
        postgres = self._fleet.postgres
        postgres.hang()
        try:
            await asyncio.sleep(self._dice.uniform(0.5, 4))
        finally:
            postgres.go_on()

    async def _save(self) -> None:
        await asyncio.to_thread(self._fleet.postgres.save)
        self._is_saved = True

    async def _go_back(self) -> None:
        if not self._is_saved:
            await self._save()
            await asyncio.sleep(self._dice.uniform(0.5, 2))
        async with self.speaking:
            self.pasts.append(await truth(self._fleet, "said"))
            await asyncio.to_thread(self._fleet.postgres.go_back)

    async def _cut(self) -> None:
        for follower in self._dice.sample(self._followers, len(self._followers) // 5):
            follower.cut()

    async def _freeze(self) -> None:
        until = time.monotonic() + self._dice.uniform(1, 3)
        for follower in self._dice.sample(self._followers, len(self._followers) // 2):
            follower.is_frozen_until = until


async def publish(ground: Fleet, storm: Storm, dice: random.Random, weather: Weather) -> None:
    """Send this many messages, and more until each failure has happened, to any node that answers.

    The log shows which of them were committed.
    """
    token = ground.token("publisher", "responder", seconds=3600)
    for start in itertools.count(0, BATCH):
        if start >= storm.events and weather.has_had_each:
            return
        numbers = list(range(start, start + BATCH))
        incident, internal = dice.choice(INCIDENTS), dice.random() < 0.3
        async with weather.speaking:
            await _say(ground, dice, token, incident, numbers, internal)


async def end(ground: Fleet, dice: random.Random) -> None:
    """Send the last message of each incident."""
    token = ground.token("publisher", "responder", seconds=3600)
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


async def truth(ground: Fleet, table: str = "watchword_log_events") -> Truth:
    """Return the committed messages, from a table of the database."""
    database = Database(ground.database_url)
    said: Truth = {incident: [] for incident in INCIDENTS}
    statement = text(f"SELECT key, data FROM {table} WHERE stream = 'room' ORDER BY position")
    async with database.read() as db:
        for key, data in await db.execute(statement):
            read = orjson.loads(data) if isinstance(data, str) else data
            said.setdefault(key, []).append((read["number"], bool(read["internal"])))
    await database.close()
    return said


def check(follower: Follower, said: list[tuple[int, bool]]) -> str | None:
    """Return what is wrong with the numbers that a follower received; None if they are complete and in order."""
    expected = _visible(follower, said)
    if follower.seen == expected:
        return None
    lost = len(set(expected) - set(follower.seen))
    twice = len(follower.seen) - len(set(follower.seen))
    return f"{follower.name}: {lost} lost, {twice} twice, of {len(expected)}"


def check_pieces(follower: Follower, pasts: list[Truth], said: Truth) -> str | None:
    """Return what is wrong with the numbers of a follower that may have been told to fetch anew; else None.

    What it received between two such times must be a piece, without gaps, of what was committed then. The last
    piece must reach the end of what is committed at the end.
    """
    last = _visible(follower, said[follower.incident])
    truths = [_visible(follower, past[follower.incident]) for past in pasts]
    if not follower.seen or last[-len(follower.seen) :] != follower.seen:
        return f"{follower.name}: not the end of what was said: {follower.seen[-5:]}"
    for piece in follower.past:
        if not any(_holds(true, piece) for true in (*truths, last)):
            return f"{follower.name}: with a gap: {len(piece)} from {piece[:1]} to {piece[-1:]}"
    return None


def _holds(true: list[int], piece: list[int]) -> bool:
    if not piece:
        return True
    start = true.index(piece[0]) if piece[0] in true else len(true)
    return true[start : start + len(piece)] == piece


def _visible(follower: Follower, said: list[tuple[int, bool]]) -> list[int]:
    sees_all = "responder" in follower.roles
    numbers = [number for number, internal in said if sees_all or not internal]
    # The last message may have been sent twice, if the first answer was lost.
    return numbers[: numbers.index(LAST) + 1] if LAST in numbers else numbers


@contextmanager
def pruners(ground: Fleet, kept: int | None) -> Iterator[None]:
    """Run three processes that prune without a pause, unless `kept` is None."""
    command = [sys.executable, "-m", "tests.scenario.pruning", ground.database_url, str(kept)]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(PRUNERS) if kept is not None]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


async def remember(ground: Fleet) -> None:
    """Let the database copy all events to a table of the test, so that pruned ones are known."""
    database = Database(ground.database_url)
    async with database.write() as db:
        for statement in REMEMBER:
            await db.execute(text(statement))
    await database.close()


async def run(storm: Storm, home: Path) -> dict[str, object]:
    """Run a storm and return its figures. Raises `AssertionError` if anything was lost."""
    dice = random.Random(storm.seed)
    async with fleet(home, storm.nodes, WATCHWORD_RENEW_BEFORE_SECONDS=str(EARLY)) as ground:
        await remember(ground)
        followers = _followers(storm, ground)
        following = [asyncio.create_task(follower.run()) for follower in followers]
        await asyncio.gather(*(follower.is_ready.wait() for follower in followers))
        weather = Weather(ground, followers, dice)
        began = time.monotonic()
        with pruners(ground, storm.kept):
            blowing = asyncio.create_task(weather.blow(storm.pause, storm.kinds))
            speaker = random.Random(storm.seed + 1)
            await publish(ground, storm, speaker, weather)
            weather.is_over = True
            await blowing
            await weather.clear()
            await end(ground, speaker)
        published = time.monotonic() - began
        async with asyncio.timeout(120):
            await asyncio.gather(*following)
        said = await truth(ground, "said")
    wrong = [found for each in followers if (found := _wrong(storm, each, weather.pasts, said))]
    refused = [refusal for follower in followers for refusal in follower.refusals]
    stale = [answer for follower in followers for answer in follower.stale]
    asked = sum((follower.answers for follower in followers), Counter[str]())
    figures: dict[str, object] = {
        "seed": storm.seed,
        "clients": storm.clients,
        "committed": sum(map(len, said.values())),
        "delivered": sum(len(follower.seen) for follower in followers),
        "seconds": round(published, 1),
        "misfortunes": dict(weather.done),
        "fetched anew": sum(len(follower.past) for follower in followers),
        "closes": dict(sum((follower.closes for follower in followers), Counter())),
        "renewals": sum(follower.renewals for follower in followers),
        "refused": len(refused),
        "queries": dict(asked),
    }
    # While a database is down there is no answer, but comparing none would prove nothing.
    assert storm.forgets or asked["none"] * 2 < asked.total(), figures
    said_wrong = (wrong, refused, stale)
    assert said_wrong == ([], [], []), (figures, wrong[:5], refused[:5], stale[:5])
    return figures


def _followers(storm: Storm, ground: Fleet) -> list[Follower]:
    return [
        Follower(
            ground,
            f"follower{number}",
            ("responder",) if number % 3 == 0 else (),
            INCIDENTS[number % len(INCIDENTS)],
            LAST,
            random.Random(f"{storm.seed}/{number}"),
            may_expire=storm.forgets,
            asks=not storm.forgets,
        )
        for number in range(storm.clients)
    ]


def _wrong(storm: Storm, follower: Follower, pasts: list[Truth], said: Truth) -> str | None:
    if storm.forgets:
        return check_pieces(follower, pasts, said)
    return check(follower, said[follower.incident])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    given = parser.parse_args()
    print(f"SEED={given.seed}", flush=True)
    for kinds, kept in ((USUAL, None), (FORGETFUL, given.events // 10)):
        storm = Storm(given.clients, given.events, given.seed, kinds=kinds, kept=kept)
        with tempfile.TemporaryDirectory() as home:
            figures = asyncio.run(run(storm, Path(home)))
        print(json.dumps(figures, indent=2), flush=True)


if __name__ == "__main__":
    main()
