"""Nothing after the end, nothing lost before it: many random lives of subscribers, step by step.

A model says what each subscriber must have seen: every event that was committed while its lease was
good and its grants allowed it. Everything that can happen to it happens, in any order, at any moment
of an execution; the clock is moved, so that nothing waits. `SEED=n` repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from graph.context import Context
from graph.delivery.lease import Lease, narrowed
from graph.delivery.run import Operation
from graph.delivery.subscription import Subscription
from graph.ending import Ending
from graph.events import Event
from graph.execution.engine import Answer, Source
from graph.principal import Grants, Principal
from graph.transaction import transaction
from graph.transports.door import Door
from tests.support.clock import MovedClock
from tests.support.outlet import Kept
from tests.support.toy_schema import STREAM
from tests.support.toy_server import toy_door, until

KEEPER = Grants(frozenset({"keeper"}), frozenset({"toys:price"}))
CHILD = Grants(frozenset({"child"}))
QUERY = "subscription { since }"
GUARDED = "subscription { guarded { id price } }"
PERSONAL = 'subscription { mine(ask: "some") { key owner } }'
LIFE = 100.0


@dataclass
class Person:
    """A subscriber, and what the model says that it must have seen."""

    name: str
    query: str
    lease: Lease = field(init=False)
    outlet: Kept = field(default_factory=Kept)
    subscription: Subscription = field(init=False)
    expected: list[str] = field(default_factory=list)
    is_over: bool = False
    cursor: str | None = None

    def ended(self, ending: Ending) -> None:
        self.subscription.stop()

    def reminded(self) -> None:
        pass

    def regranted(self) -> None:
        self.subscription.regrant()

    @property
    def is_there(self) -> bool:
        """Tell whether it hears what happens from now on, by itself or in a group."""
        course = self.subscription.course
        in_group = self.subscription._group is not None
        return self.outlet.is_complete or in_group or bool(course and course.is_idle)

    @property
    def seen(self) -> list[str]:
        answers = [next(iter(answer["data"].values())) for answer in self.outlet.seen]
        if self.query == QUERY:
            return [str(answer).removeprefix("made ") for answer in answers]
        return [answer.get("id") or answer.get("key") for answer in answers]

    @property
    def is_allowed(self) -> bool:
        is_guarded = self.query == GUARDED
        return not is_guarded or "keeper" in self.lease.principal.grants.roles


class World:
    """A door, a clock, and everybody who follows."""

    def __init__(self, door: Door, clock: MovedClock, dice: random.Random) -> None:
        self.door, self.clock, self.dice = door, clock, dice
        self.people: list[Person] = []
        self.count = 0

    async def arrive(self) -> None:
        """Somebody new subscribes, and hears what happens from when it waits."""
        await self.arrive_for(self.dice.choice((QUERY, GUARDED, PERSONAL)))

    async def arrive_for(self, query: str) -> Person:
        """Somebody new subscribes to this."""
        person = Person(f"p{len(self.people)}", query)
        principal = Principal(
            person.name, KEEPER, session="s", expires_at=self.clock.now() + LIFE, version=1
        )
        person.lease = Lease(self.clock, principal, person)
        operation = Operation(self.door.engine.plan(person.query, None), None)
        person.subscription = Subscription(self.door.groups, person.lease, operation, person.outlet)
        person.subscription.start()
        await until(lambda: person.is_there)
        self.people.append(person)
        return person

    async def happen(self) -> None:
        self.count += 1
        key = f"{'secret' if self.dice.random() < 0.1 else 'plain'}{self.count}"
        services = self.door.services
        alive = [person for person in self.people if person.lease.ending is None]
        async with transaction(services.database, services.bus, self.clock.now()) as unit:
            unit.publish(Event(STREAM, key, "made"))
        for person in alive:
            person.is_over = person.is_over or not person.is_allowed
            if not person.is_over:
                person.expected.append(key)

    def someone(self) -> Person:
        return self.dice.choice(self.people)

    async def step(self) -> None:
        """Let one thing happen, and then a few turns of the event loop."""
        kind = self.dice.choices(
            ("event", "arrive", "expire", "revoke", "narrow", "renew", "outdate", "settle"),
            (50, 6, 2, 2, 4, 8, 2, 10),
        )[0]
        match kind:
            case "event":
                await self.happen()
            case "arrive":
                await self.arrive()
            case "expire":
                self.clock.move(LIFE / 4)
            case "settle":
                await self.settle()
            case _ if self.people:
                self.change(kind, self.someone())
        for _ in range(self.dice.randrange(4)):
            await asyncio.to_thread(lambda: None)

    def change(self, kind: str, person: Person) -> None:
        """Change a lease at any moment: before, while or after an event is on its way to it."""
        lease = person.lease
        match kind:
            case "revoke":
                lease.end(Ending.REVOKED)
            case "narrow":
                lease.narrow(narrowed(lease.principal, CHILD))
            case "outdate":
                lease.outdate(self.clock.now() + LIFE / 10)
            case "renew":
                grants = self.dice.choice((KEEPER, KEEPER, CHILD))
                until_then = self.clock.now() + LIFE
                lease.renew(
                    Principal(person.name, grants, session="s", expires_at=until_then, version=1)
                )
        if lease.ending is None and not person.is_allowed:
            person.is_over = True

    async def settle(self) -> None:
        """Wait until everybody has what it must have."""
        try:
            await until(lambda: not self.waiting)
        except TimeoutError:
            raise AssertionError(f"these wait in vain: {self.waiting}") from None

    @property
    def waiting(self) -> list[Person]:
        """Those who have not seen everything yet."""
        return [
            person
            for person in self.people
            if person.lease.ending is None
            and not person.is_over
            and len(person.seen) < len(person.expected)
        ]

    def check(self) -> None:
        for person in self.people:
            # What was on its way when it ended may be lost to it, and is the last that may be.
            is_over = person.is_over or person.lease.ending is not None
            owed = person.expected[: len(person.seen)] if is_over else person.expected
            assert person.seen == owed, person
            if person.query == PERSONAL:
                owners = [answer["data"]["mine"] for answer in person.outlet.seen]
                secrets = [mine["owner"] for mine in owners if mine["key"].startswith("secret")]
                assert set(secrets) <= {person.name}
                assert {mine["owner"] for mine in owners} <= {person.name, ""}


@pytest.fixture
async def world(clock: MovedClock, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    seed = int(os.environ.get("SEED", request.param))
    print(f"SEED={seed}")
    async with toy_door(clock, mailbox_limit=3) as (door, _):
        yield World(door, clock, random.Random(seed))


@pytest.mark.parametrize("world", range(10), indirect=True)
async def test_everybody_sees_what_was_committed_while_it_might_and_nothing_else(
    world: World,
) -> None:
    # Ten lives of a thousand steps are ten thousand interleavings.
    for _ in range(1_000):
        await world.step()
    await world.settle()
    world.check()


async def test_who_comes_in_ahead_of_the_group_is_not_told_what_it_has_had(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    answer = Source.answer

    async def held(self: Source, event: object, context: Context) -> Answer:
        await gate.wait()
        return await answer(self, event, context)

    async with toy_door(clock) as (door, _):
        world = World(door, clock, random.Random(4))
        members = [await world.arrive_for(QUERY) for _ in range(2)]
        await until(lambda: door.groups.sizes == [2])
        monkeypatch.setattr(Source, "answer", held)
        await world.happen()
        late = await world.arrive_for(QUERY)
        await until(lambda: door.groups.sizes == [3])
        gate.set()
        await world.happen()
        await world.settle()
        assert [len(one.seen) for one in (*members, late)] == [2, 2, 1]
        world.check()
