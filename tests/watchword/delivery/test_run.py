"""A run sends each answer once, with its cursor, and continues after the database was unavailable."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest

from tests.support.clock import MovedClock
from tests.support.settled import settled
from tests.support.toy_schema import STREAM
from tests.support.toy_server import WATCHES, toy_pipeline, until
from watchword.context import Context, Guard
from watchword.delivery.run import MOST_AT_ONCE, Batch, Operation, Run, Sent, as_errors
from watchword.errors import Forbidden, TimedOut
from watchword.events.event import Event, Place
from watchword.events.follow import Follow, Progress
from watchword.execution.engine import Engine
from watchword.execution.masking import to_json
from watchword.execution.plan import Refused
from watchword.execution.response import Answer
from watchword.execution.source import DatabaseUnavailable, Source
from watchword.permissions.guards import pass_by_grants, recheck
from watchword.principal import ANONYMOUS, Grants, Principal
from watchword.process.background import LONGEST_PAUSE
from watchword.transaction import transaction
from watchword.transports.pipeline import Pipeline

KEEPER = Principal("alice", Grants(frozenset({"keeper"}), frozenset({"toys:price"})))
SINCE = "subscription { since(last: 100) }"
SCRIPTED = "subscription { scripted }"


class Holder:
    """Has a principal that a test may change."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal


class Runner:
    """Makes runs on one pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.services = pipeline.services
        self.holder = Holder(KEEPER)
        # How often the run has waited for its client.
        self.waits = 0

    async def happen(self, *keys: str) -> None:
        services = self.services
        async with transaction(services.database, services.bus, services.clock.now()) as unit:
            for key in keys:
                unit.publish(Event(STREAM, key, "made"))

    def run(
        self, query: str, cursor: str | None = None, resume_from: Progress | None = None
    ) -> AsyncGenerator[Sent, None]:
        async def ready() -> None:
            self.waits += 1

        services, engine = self.services, self.pipeline.engine
        follow = Follow(services.hub, services.event_log, resume_from, cursor)
        operation = Operation(engine.plan(query, None), None)
        return Run(engine, services, self.holder, operation, follow, ready).answers()

    async def waiting(self, answers: AsyncGenerator[Sent, None]) -> asyncio.Task[Sent]:
        """Ask for the next answer, and return once the run follows its stream."""
        size = self.services.hub.size
        task = asyncio.create_task(anext(answers))  # type: ignore[arg-type]
        await until(lambda: self.services.hub.size > size)
        return task


@pytest.fixture
async def runner(clock: MovedClock) -> AsyncIterator[Runner]:
    async with toy_pipeline(clock, event_seconds=30) as (pipeline, _):
        await until(lambda: pipeline.services.hub.size == WATCHES)
        yield Runner(pipeline)


def value(sent: Sent) -> object:
    return next(iter(json.loads(sent.json)["data"].values()))


async def test_each_answer_continues_where_the_one_before_ended(runner: Runner) -> None:
    await runner.happen(*"abc")
    async with aclosing(runner.run(SINCE)) as answers:
        sent = [await anext(answers) for _ in range(3)]
    assert [value(each) for each in sent] == ["made a", "made b", "made c"]
    steps = [step for each in sent for step in (each.resume_from, each.answered_to)]
    assert steps == sorted(steps)  # type: ignore[type-var]
    assert len(set(steps)) == 6


async def test_a_run_after_a_cursor_begins_with_the_next_answer(runner: Runner) -> None:
    await runner.happen(*"abc")
    async with aclosing(runner.run(SINCE)) as answers:
        first = await anext(answers)
    assert json.loads(first.json)["extensions"] == {"cursor": first.cursor}
    async with aclosing(runner.run(SINCE, first.cursor)) as answers:
        assert [value(await anext(answers)) for _ in range(2)] == ["made b", "made c"]


async def test_a_run_after_one_of_several_answers_begins_with_the_next_of_them(
    runner: Runner,
) -> None:
    async with aclosing(runner.run(SCRIPTED)) as answers:
        coming = await runner.waiting(answers)
        await runner.happen("thrice1")
        first = await coming
    async with aclosing(runner.run(SCRIPTED, first.cursor)) as answers:
        assert [value(await anext(answers)) for _ in range(2)] == ["thrice1/1", "thrice1/2"]


async def test_it_ends_with_its_resolver(runner: Runner) -> None:
    answers = runner.run("subscription { numbers(to: 3) }")
    assert [value(sent) async for sent in answers] == [0, 1, 2]


async def test_it_waits_for_the_client_before_all_answers_but_the_first(runner: Runner) -> None:
    await runner.happen(*"ab")
    async with aclosing(runner.run(SINCE)) as answers:
        await anext(answers)
        assert runner.waits == 0
        await anext(answers)
        assert runner.waits == 1


async def test_it_gives_its_mailbox_back(runner: Runner) -> None:
    await runner.happen("a")
    async with aclosing(runner.run(SINCE)) as answers:
        await anext(answers)
        assert runner.services.hub.size == WATCHES + 1
    assert runner.services.hub.size == WATCHES


async def test_a_subscription_that_may_not_be_opened_is_refused(runner: Runner) -> None:
    runner.holder.principal = ANONYMOUS
    with pytest.raises(Refused):
        await anext(runner.run("subscription { guarded { id } }"))


async def test_the_rules_are_asked_again_for_each_answer_with_the_present_principal(
    runner: Runner,
) -> None:
    async with aclosing(runner.run("subscription { guarded { id } }")) as answers:
        coming = await runner.waiting(answers)
        await runner.happen("a")
        await coming
        runner.holder.principal = Principal("alice", Grants(frozenset({"child"})))
        coming = asyncio.create_task(anext(answers))  # type: ignore[arg-type]
        await runner.happen("b")
        with pytest.raises(Forbidden):
            await coming


async def test_grants_are_looked_at_once_for_each_principal(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = list[Principal]()

    def look(guards: Sequence[Guard], principal: Principal) -> bool:
        looked.append(principal)
        return pass_by_grants(guards, principal)

    monkeypatch.setattr("watchword.delivery.run.pass_by_grants", look)
    renewed = replace(KEEPER, expires_at=2_000_000_000.0)
    async with aclosing(runner.run("subscription { guarded { id } }")) as answers:
        coming = await runner.waiting(answers)
        await runner.happen(*"ab")
        await coming
        await anext(answers)
        assert looked == [KEEPER]
        runner.holder.principal = renewed
        await runner.happen("c")
        await anext(answers)
    assert looked == [KEEPER, renewed]


async def test_permissions_that_read_more_than_grants_are_asked_for_each_answer(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[Context]()

    async def ask(guards: Sequence[Guard], context: Context) -> None:
        asked.append(context)
        await recheck(guards, context)

    monkeypatch.setattr("watchword.delivery.run.recheck", ask)
    runner.holder.principal = Principal("bob")
    async with aclosing(runner.run("subscription { conditional }")) as answers:
        coming = await runner.waiting(answers)
        await runner.happen(*"ab")
        await coming
        await anext(answers)
    assert len(asked) == 2


async def test_other_tasks_get_a_turn_while_it_answers_many_waiting_events(runner: Runner) -> None:
    await runner.happen(*(f"toy{number}" for number in range(100)))
    turns = [0]

    async def others() -> None:
        while True:
            turns[-1] += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(others())
    seen = list[int]()
    async with aclosing(runner.run(SINCE)) as answers:
        for _ in range(100):
            await anext(answers)
            seen.append(turns[-1])
    counting.cancel()
    assert max(Counter(seen).values()) == MOST_AT_ONCE


async def test_it_opens_again_when_the_database_is_available(
    runner: Runner, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe, failures = Engine.subscribe, iter([DatabaseUnavailable(), DatabaseUnavailable()])

    async def flaky(self: Engine, *arguments: object) -> Source:
        if error := next(failures, None):
            raise error
        return await subscribe(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "subscribe", flaky)
    await runner.happen("a")
    async with aclosing(runner.run(SINCE)) as answers:
        coming = asyncio.create_task(anext(answers))  # type: ignore[arg-type]
        await until(lambda: (clock.move(LONGEST_PAUSE), coming.done())[1])
        assert value(await coming) == "made a"


async def test_an_answer_that_the_database_could_not_give_is_made_again(
    runner: Runner, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, failures = Source.answer, iter([None, DatabaseUnavailable()])

    async def flaky(self: Source, event: object, context: Context) -> Answer:
        if error := next(failures, None):
            raise error
        return await settled(answer(self, event, context))

    monkeypatch.setattr(Source, "answer", flaky)
    await runner.happen(*"abc")
    async with aclosing(runner.run(SINCE)) as answers:
        assert value(await anext(answers)) == "made a"
        coming = asyncio.create_task(anext(answers))  # type: ignore[arg-type]
        await until(lambda: (clock.move(LONGEST_PAUSE), coming.done())[1])
        assert [value(await coming), value(await anext(answers))] == ["made b", "made c"]


async def test_a_resolver_that_is_too_slow_costs_one_event(
    runner: Runner, clock: MovedClock
) -> None:
    async with aclosing(runner.run("subscription { madeSlowly { id } }")) as answers:
        coming = await runner.waiting(answers)
        await runner.happen("slow1", "bear2")
        await until(lambda: clock.is_waiting_for(100))
        clock.move(30)
        late = json.loads((await coming).json)
        assert [error["extensions"]["code"] for error in late["errors"]] == ["TIMEOUT"]
        assert value(await anext(answers)) == {"id": "bear2"}


@pytest.mark.parametrize(
    ("error", "code"),
    [(TimedOut(3), "TIMEOUT"), (ValueError("secret"), "INTERNAL"), (KeyError(), "INTERNAL")],
)
def test_an_error_that_ends_a_subscription_is_shown_without_secrets(
    error: Exception, code: str
) -> None:
    [shown] = as_errors(error)
    assert shown["extensions"]["code"] == code
    assert "secret" not in str(shown)


def test_all_errors_of_a_refusal_are_shown(runner: Runner) -> None:
    with pytest.raises(Refused) as refused:
        runner.pipeline.engine.plan("subscription { none nothing }", None)
    assert len(as_errors(refused.value)) == len(refused.value.errors)


def test_an_answer_without_a_cursor_has_no_extensions() -> None:
    assert Sent({"data": None}).json == to_json({"data": None})


def batch(*positions: int) -> Batch:
    """Return the answers to the events at these positions, each after the one before."""
    at = [Progress(Place(position, "m")) for position in (positions[0] - 1, *positions)]
    return Batch(
        [
            Sent(b"%d" % position, None, at[number], at[number + 1])
            for number, position in enumerate(positions)
        ]
    )


def test_a_subscriber_lacks_the_answers_after_its_progress() -> None:
    some = batch(1, 2, 4)
    at = [some.after(Progress(Place(position, "m"))) for position in range(5)]
    assert [each and [sent.json for sent in each.answers] for each in at] == [
        [b"1", b"2", b"4"],
        [b"2", b"4"],
        [b"4"],
        None,
        None,
    ]
    assert at[0] is some
    assert some.answered_to == Progress(Place(4, "m"))


def test_messages_are_made_once_for_those_who_name_their_operation_alike() -> None:
    made: list[Sequence[bytes]] = []

    def packing(messages: Sequence[bytes]) -> list[bytes]:
        made.append(messages)
        return list(messages)

    some = batch(1, 2)
    packed = some.packed(b"<a ", b">", packing)
    assert packed == [b"<a 1>", b"<a 2>"]
    assert some.packed(b"<a ", b">", packing) is packed
    assert some.packed(b"<b ", b">", packing) == [b"<b 1>", b"<b 2>"]
    assert some.packed(b"<b ", b">", list) == [b"<b 1>", b"<b 2>"]
    assert len(made) == 2
