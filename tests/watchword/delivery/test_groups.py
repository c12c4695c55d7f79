"""Nothing after the end, nothing lost before it: many random lives of subscribers, step by step.

A model says what each subscriber must have seen: every answer to every event that was committed while
its lease was good and its grants allowed it, and then the end that its resolver came to. Everything
that can happen to it happens, in any order, at any moment of an execution: clients are cut and come
back with their cursor, do not read, and are told of other grants; resolvers answer more than once,
pause, end and fail. The clock is moved, so that nothing waits. `SEED=n` repeats a run.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
from collections.abc import AsyncIterator
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.outlet import Reading
from tests.support.toy_schema import ONCE, SCRIPTS, STREAM, Script, unset, whisper
from tests.support.toy_server import toy_door, until
from watchword.asgi.backlog import BacklogLimits
from watchword.context import Context
from watchword.delivery import group
from watchword.delivery.lease import Lease, narrowed
from watchword.delivery.run import Operation
from watchword.delivery.states import Grouped
from watchword.delivery.subscription import Subscription
from watchword.delivery.troubles import LONGEST_PAUSE
from watchword.errors import Ending
from watchword.events.event import PRESENT, Event
from watchword.execution.engine import Answer, Source
from watchword.principal import Grants, Principal
from watchword.transaction import transaction
from watchword.transports.pipeline import Pipeline

KEEPER = Grants(frozenset({"keeper"}), frozenset({"toys:price"}))
CHILD = Grants(frozenset({"child"}))
QUERY = "subscription { since }"
GUARDED = "subscription { guarded { id price } }"
PERSONAL = 'subscription { mine(ask: "some") { key owner } }'
SCRIPTED = "subscription { scripted }"
NOW = "subscription { scripted(present: true) }"
WHISPERED = "subscription { whispered }"
QUERIES = (QUERY, GUARDED, PERSONAL, SCRIPTED, SCRIPTED, NOW, WHISPERED)
KINDS = {"plain": 60, "secret": 10, "never": 3, "thrice": 10, "slowly": 10} | dict.fromkeys(
    ("ends", "leaves", "fails", "crashes"), 1
)
PRESENT_LINES = [f"now/{number}" for number in range(SCRIPTS[PRESENT].answers)]
LIFE = 100.0
PATIENCE = BacklogLimits(writes=10, size=10_000, seconds=LIFE / 2)


@dataclass(eq=False)
class Person:
    """A subscriber, and what the model says that it must have seen.

    `end` is how its resolver ends: None while it does not, else the code of its error, or "".
    """

    name: str
    query: str
    lease: Lease = field(init=False)
    outlet: Reading = field(init=False)
    subscription: Subscription = field(init=False)
    expected: list[str] = field(default_factory=list)
    is_over: bool = False
    is_away: bool = False
    end: str | None = None

    def ended(self, ending: Ending) -> None:
        self.subscription.stop()

    def reminded(self) -> None:
        pass

    def regranted(self) -> None:
        self.subscription.regrant()

    @property
    def is_there(self) -> bool:
        """Tell whether it hears what happens from now on, by itself or in a group."""
        subscription = self.subscription
        has_begun = self.query == NOW and self.outlet.seen
        is_grouped = isinstance(subscription.state, Grouped)
        waits = subscription.idle_at is not None
        return bool(has_begun or self.outlet.is_complete or is_grouped or waits)

    @property
    def seen(self) -> list[str]:
        """What it has seen of events, however often the present state came before them."""
        answers = [next(iter(answer["data"].values())) for answer in self.outlet.seen]
        match self.query:
            case "subscription { since }":
                return [str(answer).removeprefix("made ") for answer in answers]
            case "subscription { whispered }":
                return [answer.split()[0] for answer in answers]
            case "subscription { scripted }" | "subscription { scripted(present: true) }":
                return [answer for answer in answers if answer not in PRESENT_LINES]
        return [answer.get("id") or answer.get("key") for answer in answers]

    @property
    def present(self) -> list[str]:
        """What it has seen before the first event."""
        answers = [next(iter(answer["data"].values())) for answer in self.outlet.seen]
        first = next((at for at, line in enumerate(answers) if line not in PRESENT_LINES), None)
        return answers[:first]

    @property
    def cursor(self) -> str | None:
        """The cursor of the last answer that it has seen."""
        return self.outlet.seen[-1]["extensions"]["cursor"] if self.outlet.seen else None

    @property
    def is_allowed(self) -> bool:
        is_guarded = self.query == GUARDED
        return not is_guarded or "keeper" in self.lease.principal.grants.roles

    @property
    def is_live(self) -> bool:
        """Tell whether it is owed everything: nothing but its resolver has ended it."""
        return self.lease.ending is None and not self.is_over

    @property
    def waits(self) -> bool:
        """Tell whether it has not seen yet all that it must see."""
        lacks = len(self.seen) < len(self.expected)
        is_open = self.end is not None and not self.outlet.is_complete
        is_early = self.query == NOW and self.present[-3:] != PRESENT_LINES
        return self.is_live and (lacks or is_open or is_early)

    def expect(self, key: str) -> None:
        """Expect what an event gives it."""
        if self.end is not None or self.is_over:
            return
        if self.query not in (SCRIPTED, NOW):
            self.expected.append(key)
            return
        script = script_of(key)
        self.expected += [f"{key}/{number}" for number in range(script.answers)]
        if script.ends or script.error is not None:
            self.end = getattr(script.error, "code", "INTERNAL") if script.error else ""


def script_of(key: str) -> Script:
    return SCRIPTS.get(key.rstrip("0123456789"), ONCE)


class World:
    """A pipeline, a clock, and everybody who follows."""

    def __init__(self, pipeline: Pipeline, clock: MovedClock, dice: random.Random) -> None:
        self.pipeline, self.clock, self.dice = pipeline, clock, dice
        self.people: list[Person] = []
        self.count = 0

    async def arrive(self) -> None:
        """Somebody new subscribes, and hears what happens from when it waits."""
        await self.arrive_for(self.dice.choice(QUERIES))

    async def arrive_for(self, query: str) -> Person:
        """Somebody new subscribes to this."""
        person = Person(f"p{len(self.people)}", query)
        principal = Principal(
            person.name, KEEPER, session="s", expires_at=self.clock.now() + LIFE, version=1
        )
        person.lease = Lease(self.clock, principal, person)
        person.outlet = Reading(self.clock, PATIENCE, lambda: person.lease.end(Ending.SLOW))
        self.subscribe(person)
        await until(lambda: person.is_there)
        self.people.append(person)
        return person

    def subscribe(self, person: Person, resume: str | None = None) -> None:
        """Subscribe, in a request of its own, for which a middleware has set something."""
        operation = Operation(self.pipeline.engine.plan(person.query, None), None)

        def ask() -> None:
            whisper.set(person.name)
            unset.set(person.name)
            person.subscription = Subscription(
                self.pipeline.groups, person.lease, operation, person.outlet, resume
            )
            person.subscription.start()

        copy_context().run(ask)

    async def happen(self) -> None:
        self.count += 1
        [kind] = self.dice.choices(tuple(KINDS), tuple(KINDS.values()))
        await self.happen_to(f"{kind}{self.count}")

    async def happen_to(self, key: str) -> None:
        services = self.pipeline.services
        alive = [person for person in self.people if person.lease.ending is None]
        async with transaction(services.database, services.bus, self.clock.now()) as unit:
            unit.publish(Event(STREAM, key, "made"))
        for person in alive:
            person.is_over = person.is_over or not person.is_allowed
            person.expect(key)

    def someone(self) -> Person:
        return self.dice.choice(self.people)

    async def step(self) -> None:
        """Let one thing happen, and then a few turns of the event loop."""
        kinds = {
            "event": 50, "arrive": 6, "expire": 2, "revoke": 2, "narrow": 4, "renew": 8, "outdate": 2,
            "settle": 10, "cut": 8, "come back": 8, "stick": 4, "read": 4,
        }  # fmt: skip
        [kind] = self.dice.choices(tuple(kinds), tuple(kinds.values()))
        match kind:
            case "event":
                await self.happen()
            case "arrive":
                await self.arrive()
            case "expire":
                self.clock.move(LIFE / 4)
            case "settle":
                await self.settle()
            case "cut" | "come back" | "stick" | "read" if self.people:
                self.disturb(kind, self.someone())
            case _ if self.people:
                self.change(kind, self.someone())
        for _ in range(self.dice.randrange(4)):
            await asyncio.to_thread(lambda: None)

    def disturb(self, kind: str, person: Person) -> None:
        """Let a client go or come back, or not read what it is sent."""
        is_open = person.is_live and not person.outlet.is_complete
        match kind:
            case "cut" if is_open and person.cursor is not None:
                person.is_away = True
                person.subscription.stop()
            case "come back" if is_open and person.is_away:
                person.is_away = False
                self.subscribe(person, person.cursor)
            case "stick":
                person.outlet.stick()
            case "read":
                person.outlet.read()

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
                # One that is refused would be let in again if it were asked later than this.
                grants = CHILD if person.is_over else self.dice.choice((KEEPER, KEEPER, CHILD))
                until_then = self.clock.now() + LIFE
                lease.renew(
                    Principal(person.name, grants, session="s", expires_at=until_then, version=1)
                )
        if lease.ending is None and not person.is_allowed:
            person.is_over = True

    async def settle(self) -> None:
        """Let everybody come back and read, and wait until each has what it must have."""
        for person in self.people:
            self.disturb("read", person)
            self.disturb("come back", person)
        try:
            await until(lambda: not self.waiting)
        except TimeoutError:
            raise AssertionError(f"these wait in vain: {self.waiting}") from None

    @property
    def waiting(self) -> list[Person]:
        return [person for person in self.people if person.waits]

    def check(self) -> None:
        for person in self.people:
            # What was on its way when it ended may be lost to it, and is the last that may be.
            owed = person.expected if person.is_live else person.expected[: len(person.seen)]
            assert person.seen == owed, person
            if person.end is not None and person.is_live:
                codes = [error["extensions"]["code"] for error in person.outlet.errors]
                assert person.outlet.is_complete, person
                assert codes == ([person.end] if person.end else []), person
            self.check_what_is_personal(person)
            if person.query == NOW and person.seen:
                assert person.present[-3:] == PRESENT_LINES, person

    def check_what_is_personal(self, person: Person) -> None:
        answers: list[Any] = [next(iter(a["data"].values())) for a in person.outlet.seen]
        if person.query == PERSONAL:
            secrets = [mine["owner"] for mine in answers if mine["key"].startswith("secret")]
            assert set(secrets) <= {person.name}
            assert {mine["owner"] for mine in answers} <= {person.name, ""}
        if person.query == WHISPERED:
            assert {answer.partition(" ")[2] for answer in answers} <= {person.name, ""}


@pytest.fixture
async def world(clock: MovedClock, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    seed = int(os.environ.get("SEED", request.param))
    print(f"SEED={seed}")
    async with toy_door(clock, mailbox_limit=3) as (pipeline, _):
        yield World(pipeline, clock, random.Random(seed))


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

    async with toy_door(clock) as (pipeline, _):
        world = World(pipeline, clock, random.Random(4))
        members = [await world.arrive_for(QUERY) for _ in range(2)]
        await until(lambda: pipeline.groups.sizes == [2])
        monkeypatch.setattr(Source, "answer", held)
        await world.happen()
        late = await world.arrive_for(QUERY)
        await until(lambda: pipeline.groups.sizes == [3])
        gate.set()
        await world.happen()
        await world.settle()
        assert [len(one.seen) for one in (*members, late)] == [2, 2, 1]
        world.check()


async def test_subscribers_of_two_keys_are_not_run_for_as_one(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with toy_door(clock) as (pipeline, _):
        world = World(pipeline, clock, random.Random(11))
        people = []
        for key in ("a", "b", "a", "b"):
            # The resolver looks it up, so that nothing else in what they ask for differs.
            monkeypatch.setattr(toy_schema, "looked_up", [key])
            people.append(await world.arrive_for("subscription { looked }"))
        for key in ("a", "b", "b", "a", "b"):
            await world.happen_to(key)
        await until(lambda: [len(one.outlet.seen) for one in people] == [2, 3, 2, 3])
    lines = [[answer["data"]["looked"] for answer in one.outlet.seen] for one in people]
    assert lines == [["a"] * 2, ["b"] * 3, ["a"] * 2, ["b"] * 3]


async def test_a_run_that_comes_to_another_key_takes_nobody_in(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Found:
        """What is looked up changes before a group is formed."""

        keys = ["a", "a"]

        def __getitem__(self, _index: int) -> str:
            return self.keys.pop() if self.keys else "b"

    async with toy_door(clock) as (pipeline, _):
        world = World(pipeline, clock, random.Random(11))
        monkeypatch.setattr(toy_schema, "looked_up", Found())
        people = [await world.arrive_for("subscription { looked }") for _ in range(2)]
        for _ in range(3):
            await world.happen_to("b")
            await world.happen_to("a")
        await until(lambda: [len(one.outlet.seen) for one in people] == [3, 3])
    answers = [answer["data"]["looked"] for one in people for answer in one.outlet.seen]
    assert set(answers) == {"a"}


async def test_a_group_that_failed_is_formed_again_after_a_pause(clock: MovedClock) -> None:
    async with toy_door(clock) as (pipeline, _):
        world = World(pipeline, clock, random.Random(12))
        members = [await world.arrive_for(PERSONAL) for _ in range(3)]
        await until(lambda: pipeline.groups.sizes == [3])
        await world.happen_to("secret1")
        await world.settle()
        await world.happen_to("plain2")
        await world.settle()
        assert pipeline.groups.sizes == []
        for member in members:
            member.lease.renew(replace(member.lease.principal, expires_at=math.inf))
        clock.move(LONGEST_PAUSE)
        await world.happen_to("plain3")
        await until(lambda: pipeline.groups.sizes == [3])
        await world.settle()
        world.check()


async def test_an_answer_to_many_lets_others_run_in_between(
    clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "AT_ONCE", 2)
    async with toy_door(clock) as (pipeline, _):
        world = World(pipeline, clock, random.Random(17))
        members = [await world.arrive_for(QUERY) for _ in range(7)]
        await until(lambda: pipeline.groups.sizes == [7])
        reached: list[int] = []
        leaver, regranted = members[5], members[6]

        async def look() -> None:
            while (count := sum(len(member.seen) for member in members)) < 6:
                if count == 2:
                    # In the midst of an answer, one goes and one gets other grants.
                    leaver.subscription.stop()
                    world.change("narrow", regranted)
                reached.append(count)
                await asyncio.sleep(0)

        looking = asyncio.create_task(look())
        await world.happen()
        await looking
        await world.happen()
        await until(lambda: [len(one.seen) for one in members] == [2, 2, 2, 2, 2, 0, 2])
    assert {2, 4} <= set(reached)
    assert regranted.seen == members[0].seen
    assert leaver.seen == []


async def test_a_reader_that_does_not_read_holds_up_nobody_and_loses_nothing(
    clock: MovedClock,
) -> None:
    async with toy_door(clock) as (pipeline, _):
        world = World(pipeline, clock, random.Random(10))
        slow, *others = [await world.arrive_for(QUERY) for _ in range(3)]
        await until(lambda: pipeline.groups.sizes == [3])
        slow.outlet.stick()
        for _ in range(5):
            await world.happen()
        await until(lambda: [len(one.seen) for one in others] == [5, 5])
        # By itself it waits until it can read, and then gets what it has not had.
        world.change("narrow", slow)
        for _ in range(5):
            await world.happen()
        await until(lambda: [len(one.seen) for one in others] == [10, 10])
        assert len(slow.seen) == 6
        slow.outlet.read()
        await world.settle()
        world.check()
        slow.outlet.stick()
        await world.happen()
        await until(lambda: [len(one.seen) for one in others] == [11, 11])
        clock.move(1.5 * PATIENCE.seconds)
        assert slow.lease.ending is Ending.SLOW
        assert others[0].lease.ending is others[1].lease.ending is None


async def test_a_timeout_of_a_field_is_its_error_and_the_group_goes_on(clock: MovedClock) -> None:
    async with toy_door(clock) as (pipeline, _):
        world = World(pipeline, clock, random.Random(8))
        late = 'subscription { mine(ask: "elsewhere") { key owner } }'
        members = [await world.arrive_for(late) for _ in range(2)]
        await until(lambda: pipeline.groups.sizes == [2])
        for _ in range(2):
            await world.happen()
        await world.settle()
        assert pipeline.groups.sizes == [2]
    answers = [answer for member in members for answer in member.outlet.seen]
    assert {answer["errors"][0]["extensions"]["code"] for answer in answers} == {"INTERNAL"}
    assert {answer["data"]["mine"]["owner"] for answer in answers} == {None}


async def test_a_field_that_reads_a_variable_of_a_request_is_run_for_each(
    clock: MovedClock,
) -> None:
    async with toy_door(clock) as (pipeline, _):
        world = World(pipeline, clock, random.Random(6))
        query = 'subscription { mine(ask: "unset") { key owner } }'
        members = [await world.arrive_for(query) for _ in range(2)]
        await until(lambda: pipeline.groups.sizes == [2])
        await world.happen()
        await world.settle()
        assert pipeline.groups.sizes == []
    owners = [answer["data"]["mine"]["owner"] for one in members for answer in one.outlet.seen]
    assert owners == [member.name for member in members]
