"""The directory lists and ends the connections of all processes on one database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import func, select

from tests.support.processes import FakeConnection, Process, process
from tests.support.redis import live_redis
from watchword.connections.directory import STREAM, Directory
from watchword.connections.live import Wanted
from watchword.connections.tables import reports
from watchword.errors import Ending
from watchword.events.bus.memory import MemoryBus
from watchword.events.event import Event
from watchword.events.log.tables import events
from watchword.principal import Principal
from watchword.process.background import Supervised
from watchword.process.clock import SystemClock
from watchword.transaction import transaction

ALICE, BOB = Principal("alice"), Principal("bob")
PATIENCE = 30


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with live_redis() as running:
        yield running.url


@pytest.fixture(params=["memory", "redis"])
def bus_url(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return "memory://"
    return str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def two(database_url: str, bus_url: str) -> AsyncIterator[tuple[Process, Process]]:
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        one = await stack.enter_async_context(process(database_url, clock, bus_url))
        other = await stack.enter_async_context(process(database_url, clock, bus_url))
        yield one, other


async def end(process: Process, id: str) -> None:
    directory, now = process.directory, SystemClock().now()
    async with transaction(process.database, process.bus, now) as unit:
        directory.end(unit, id)


async def ended(connection: FakeConnection) -> None:
    async with asyncio.timeout(PATIENCE):
        await connection.is_ended.wait()


async def test_connections_of_all_processes_are_listed_the_newest_first(
    two: tuple[Process, Process],
) -> None:
    one, other = two
    one.opened(ALICE, at=1.0)
    other.opened(BOB, at=2.0)
    one.opened(None, at=3.0)
    found = await one.directory.page(Wanted(2))
    assert [each.subject for each in found.found] == ["", "bob"]
    assert (found.total, found.processes, found.silent) == (3, 2, 0)
    rest = await other.directory.page(Wanted(2, before=found.found[-1].place))
    assert [each.subject for each in rest.found] == ["alice"]
    async with one.database.read() as db:
        assert (await db.execute(select(func.count()).select_from(reports))).scalar_one() == 0


async def test_a_connection_is_found_and_ended_wherever_it_is(two: tuple[Process, Process]) -> None:
    one, other = two
    here, there, kept = one.opened(ALICE), other.opened(BOB), other.opened()
    for connection in (here, there):
        page = await one.directory.page(Wanted(9, subject=connection.principal.subject))  # type: ignore[union-attr]
        [listed] = page.found
        assert await one.directory.find(listed.id) == listed
        await end(one, listed.id)
        await ended(connection)
        assert connection.endings == [Ending.ENDED]
    assert kept.endings == []


async def test_what_is_not_there_is_not_found(two: tuple[Process, Process]) -> None:
    one, other = two
    gone = f"{other.directory.registry.process}-77"
    for id in ("", "x", "0123456789ab-1", f"{one.directory.registry.process}-77", gone):
        assert await one.directory.find(id) is None
        await end(one, id or "-")


async def test_a_process_that_does_not_answer_is_counted(sqlite_url: str) -> None:
    clock = SystemClock()
    async with process(sqlite_url, clock) as one, process(sqlite_url, clock) as other:
        one.opened(ALICE)
        other.opened(BOB)
        await other.die()
        found = await one.directory.page(Wanted(9))
        assert [each.subject for each in found.found] == ["alice"]
        assert (found.processes, found.silent) == (2, 1)


async def test_one_process_alone_writes_nothing_to_list_its_connections(sqlite_url: str) -> None:
    async with process(sqlite_url, SystemClock()) as one:
        one.opened(ALICE)
        found = await one.directory.page(Wanted(9))
        assert (found.total, found.processes) == (1, 1)
        of_stream = select(func.count()).select_from(events).where(events.c.stream == STREAM)
        async with one.database.read() as db:
            assert (await db.execute(of_stream)).scalar_one() == 0


async def test_a_process_that_ends_is_not_asked_any_more(sqlite_url: str) -> None:
    clock = SystemClock()
    async with process(sqlite_url, clock) as one:
        async with process(sqlite_url, clock) as other:
            other.opened(BOB)
        found = await one.directory.page(Wanted(9))
        assert (found.total, found.processes, found.silent) == (0, 1, 0)


async def test_a_sign_of_life_after_the_end_does_not_bring_a_process_back(
    sqlite_url: str,
) -> None:
    clock = SystemClock()
    async with process(sqlite_url, clock) as one, process(sqlite_url, clock) as other:
        async with other.directory.presence.joined(other.opened(BOB), "incident/1"):
            await other.directory.close()
            await other.directory._beat()
            await other.directory.presence.write()
        found = await one.directory.page(Wanted(9))
        assert (found.processes, found.silent) == (1, 0)
        assert await one.directory.presence.who("incident/1") == []


async def test_an_answer_that_fails_loses_no_ending(sqlite_url: str) -> None:
    clock = SystemClock()
    async with process(sqlite_url, clock) as one, process(sqlite_url, clock) as other:

        async def failing(_: Event) -> None:
            raise RuntimeError("the disk is full")

        other.directory._answer = failing  # type: ignore[method-assign]
        made = other.opened(BOB)
        found = await one.directory.page(Wanted(9))
        assert found.silent == 1
        await end(one, other.directory.registry.id(made))
        await ended(made)


async def test_questions_that_it_does_not_know_do_not_stop_it(sqlite_url: str) -> None:
    async with process(sqlite_url, SystemClock()) as one:
        for kind in ("ASKED", "OF_A_LATER_RELEASE"):
            async with transaction(one.database, MemoryBus(), 1.0) as unit:
                unit.publish(Event(STREAM, "q", kind))
        made = one.opened(ALICE)
        await end(one, one.directory.registry.id(made))
        await ended(made)


async def test_an_ending_is_heard_that_follows_an_event_at_which_the_directory_fails(
    sqlite_url: str,
) -> None:
    async with process(sqlite_url, SystemClock()) as one:
        take, failed = one.directory._take, asyncio.Event()

        async def failing(event: Event) -> None:
            if event.kind == "BAD":
                failed.set()
                raise RuntimeError("a defect")
            await take(event)

        one.directory._take = failing  # type: ignore[method-assign]
        made = one.opened(ALICE)
        async with transaction(one.database, one.bus, 1.0) as unit:
            unit.publish(Event(STREAM, "q", "BAD"))
            one.directory.end(unit, one.directory.registry.id(made))
        await failed.wait()
        await ended(made)


async def test_an_ending_is_heard_that_comes_before_the_background_has_begun(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = asyncio.Event()
    follow = Directory._follow

    async def late(directory: Directory, task: Supervised) -> None:
        await begin.wait()
        await follow(directory, task)

    monkeypatch.setattr(Directory, "_follow", late)
    async with process(sqlite_url, SystemClock()) as one:
        made = one.opened(ALICE)
        await end(one, one.directory.registry.id(made))
        begin.set()
        await ended(made)
