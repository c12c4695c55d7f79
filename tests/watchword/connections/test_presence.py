"""Presence: everybody at a place, of all processes, each once."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import sqlalchemy as sa

from tests.support.away import away
from tests.support.clock import MovedClock
from tests.support.processes import FakeConnection, Process, process
from tests.support.statements import recorded
from watchword.connections.presence import CHANGED, LEAVE_SECONDS, LONGEST_PLACE, PRESENCE, Presence
from watchword.connections.processes import BEAT_SECONDS, DEAD_SECONDS
from watchword.connections.registry import Registry
from watchword.connections.tables import presence
from watchword.errors import BadUserInput, Conflict, Unauthenticated
from watchword.events.bus.memory import MemoryBus
from watchword.events.log.tables import events
from watchword.events.mailbox import Mailbox
from watchword.events.reader import Reader
from watchword.principal import ANONYMOUS, Principal
from watchword.process.clock import SystemClock
from watchword.transaction import Transaction, transaction

PLACE = "incident/1"
AWAY = away(ConnectionError("no route to the host"))
PATIENCE = 30


@asynccontextmanager
async def joined(
    process: Process, subject: str, place: str = PLACE, connection: FakeConnection | None = None
) -> AsyncIterator[FakeConnection]:
    """Be present for a block by a subscription, of a connection of its own or of the one that is given."""
    connection = connection or process.opened(Principal(subject))
    async with process.directory.presence.joined(connection, place):
        yield connection


async def names(process: Process, place: str = PLACE) -> list[str]:
    return [each.subject for each in await process.directory.presence.who(place)]


async def changed(process: Process) -> tuple[Reader, Mailbox]:
    return await process.hub.follow(PRESENCE, PLACE)


async def heard(follower: tuple[Reader, Mailbox]) -> None:
    reader, mailbox = follower
    async with asyncio.timeout(PATIENCE):
        assert (await reader.next(mailbox)).kind == CHANGED


async def test_those_who_joined_are_seen_by_all_processes(database_url: str) -> None:
    clock = SystemClock()
    async with process(database_url, clock) as one, process(database_url, clock) as other:
        follower = await changed(other)
        async with joined(one, "alice"):
            await heard(follower)
            async with joined(other, "bob"):
                assert await names(one) == await names(other) == ["alice", "bob"]
                assert await names(one, "incident/2") == []


async def test_several_windows_of_one_person_count_once(sqlite_url: str, clock: MovedClock) -> None:
    async with process(sqlite_url, clock) as one, AsyncExitStack() as windows:
        for _ in range(3):
            await windows.enter_async_context(joined(one, "alice"))
        assert await names(one) == ["alice"]
        follower = await changed(one)
        await windows.aclose()
        await _moved(clock, LEAVE_SECONDS)
        await heard(follower)
        assert await names(one) == []


async def test_subscriptions_of_one_connection_count_once_and_leave_with_the_last(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with process(sqlite_url, clock) as one:
        async with joined(one, "alice") as connection:
            async with joined(one, "alice", connection=connection):
                assert await names(one) == ["alice"]
            await _moved(clock, LEAVE_SECONDS)
            assert await names(one) == ["alice"]
            follower = await changed(one)
        await _moved(clock, LEAVE_SECONDS)
        await heard(follower)
        assert await names(one) == []


async def test_a_connection_that_an_admin_ends_leaves_its_places_on_all_processes(
    database_url: str, clock: MovedClock
) -> None:
    async with (
        process(database_url, clock) as one,
        process(database_url, clock) as other,
        joined(other, "alice") as connection,
        joined(one, "bob"),
    ):
        assert await names(one) == ["alice", "bob"]
        follower, id = await changed(other), other.directory.registry.id(connection)
        async with transaction(one.database, one.bus, clock.now()) as unit:
            one.directory.end(unit, id)
        await other.hub.look()
        async with asyncio.timeout(PATIENCE):
            await connection.is_ended.wait()
        # The resolver has not ended yet. It may take as long as it likes.
        await _moved(clock, LEAVE_SECONDS)
        await heard(follower)
        assert await names(one) == await names(other) == ["bob"]


async def test_one_who_comes_back_at_once_has_not_left(sqlite_url: str, clock: MovedClock) -> None:
    async with process(sqlite_url, clock) as one:
        async with joined(one, "alice"):
            [before] = await one.directory.presence.who(PLACE)
        await _moved(clock, LEAVE_SECONDS / 2)
        async with joined(one, "alice"):
            await _moved(clock, LEAVE_SECONDS)
            assert await one.directory.presence.who(PLACE) == [before]


async def test_one_who_comes_back_to_another_process_has_been_there_all_the_time(
    database_url: str, clock: MovedClock
) -> None:
    async with process(database_url, clock) as one, process(database_url, clock) as other:
        async with joined(one, "alice") as connection:
            [before] = await one.directory.presence.who(PLACE)
        one.directory.registry.discard(connection)
        await _moved(clock, LEAVE_SECONDS / 2)
        async with joined(other, "alice"):
            follower = await changed(one)
            await _moved(clock, LEAVE_SECONDS / 2)
            await heard(follower)
            assert await other.directory.presence.who(PLACE) == [before]


async def test_an_earlier_leave_does_not_end_a_later_presence(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with process(sqlite_url, clock) as one:
        async with joined(one, "alice"):
            pass
        await _moved(clock, LEAVE_SECONDS / 2)
        async with joined(one, "alice"):
            pass
        # The first leave is due, and the second is not.
        await _moved(clock, LEAVE_SECONDS / 2)
        assert await names(one) == ["alice"]
        follower = await changed(one)
        await _moved(clock, LEAVE_SECONDS / 2)
        await heard(follower)
        assert await names(one) == []


async def test_one_who_leaves_twice_in_a_moment_leaves_once(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with process(sqlite_url, clock) as one:
        for _ in range(2):
            async with joined(one, "alice"):
                pass
        follower = await changed(one)
        await _moved(clock, LEAVE_SECONDS)
        await heard(follower)
        assert await names(one) == []


async def test_a_process_that_ends_takes_its_people_along(sqlite_url: str) -> None:
    clock = SystemClock()
    async with process(sqlite_url, clock) as one:
        async with process(sqlite_url, clock) as other:
            stack = AsyncExitStack()
            await stack.enter_async_context(joined(other, "bob"))
            assert await names(one) == ["bob"]
            follower = await changed(one)
        await heard(follower)
        assert await names(one) == []
        await stack.aclose()


async def test_a_process_that_died_takes_its_people_along(
    database_url: str, clock: MovedClock
) -> None:
    async with process(database_url, clock) as one, process(database_url, clock) as other:
        stack = AsyncExitStack()
        await stack.enter_async_context(joined(other, "bob"))
        await other.die()
        follower = await changed(one)
        for _ in range(int(DEAD_SECONDS / BEAT_SECONDS) + 1):
            clock.move(BEAT_SECONDS)
            await one.directory._beat()
        await heard(follower)
        assert await names(one) == []
        await stack.aclose()


async def test_a_process_that_was_taken_for_dead_brings_its_people_back(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with (
        process(sqlite_url, clock) as one,
        process(sqlite_url, clock) as other,
        joined(other, "bob"),
    ):
        before = await one.directory.presence.who(PLACE)
        clock.move(DEAD_SECONDS + 1)
        await one.directory._beat()
        assert await names(one) == []
        await other.directory._beat()
        assert await one.directory.presence.who(PLACE) == before


async def test_a_crowd_that_comes_at_once_is_written_in_a_few_transactions(
    database_url: str,
) -> None:
    crowd = [f"person {number:03}" for number in range(200)]
    async with process(database_url, SystemClock()) as one, AsyncExitStack() as all_of_them:
        await asyncio.gather(
            *(all_of_them.enter_async_context(joined(one, each)) for each in crowd)
        )
        assert sorted(await names(one)) == crowd
        count = sa.select(sa.func.count()).select_from(events).where(events.c.stream == PRESENCE)
        async with one.database.read() as db:
            assert (await db.execute(count)).scalar_one() < 5


async def test_all_that_ask_at_once_who_is_there_share_two_readings(
    database_url: str,
) -> None:
    async with process(database_url, SystemClock()) as one, joined(one, "alice"):
        with recorded(one.database) as statements:
            found = await asyncio.gather(*(names(one) for _ in range(100)))
        assert found == [["alice"]] * 100
        assert len([each for each in statements if presence.name in each]) == 2


class Outage:
    """Presence in a process that cannot write to its database while there is an `error`."""

    def __init__(self, process: Process, clock: MovedClock) -> None:
        self._process = process
        self._clock = clock
        self.error: Exception | None = None
        self.registry = Registry(clock)
        self.presence = Presence(
            self.registry, process.database, self._write, clock, process.background
        )

    def connection(self, subject: str) -> FakeConnection:
        made = FakeConnection(Principal(subject))
        self.registry.add(made)
        return made

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[Transaction]:
        if self.error is not None:
            raise self.error
        async with transaction(self._process.database, MemoryBus(), self._clock.now()) as unit:
            yield unit


@pytest.fixture
async def outage(sqlite_url: str, clock: MovedClock) -> AsyncIterator[Outage]:
    async with process(sqlite_url, clock) as one:
        yield Outage(one, clock)


async def test_one_who_joined_in_vain_is_there_when_the_subscription_is_tried_again(
    outage: Outage,
) -> None:
    connection, outage.error = outage.connection("alice"), AWAY
    with pytest.raises(ConnectionError):
        async with outage.presence.joined(connection, PLACE):
            pass
    outage.error = None
    async with outage.presence.joined(connection, PLACE) as who:
        assert [each.subject for each in await who()] == ["alice"]


@pytest.mark.parametrize("error", [AWAY, Conflict("Another writer was faster.")])
async def test_one_who_left_during_an_outage_is_gone_after_it(
    outage: Outage, clock: MovedClock, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with outage.presence.joined(outage.connection("alice"), PLACE):
        outage.error = error
    await _moved(clock, LEAVE_SECONDS)
    assert [each.subject for each in await outage.presence.who(PLACE)] == ["alice"]
    # asyncio logs an error that nobody has retrieved when its task is collected.
    gc.collect()
    assert caplog.messages == []
    outage.error = None
    await outage.presence.write()
    assert await outage.presence.who(PLACE) == []


@pytest.mark.parametrize("place", ["", "x" * (LONGEST_PLACE + 1), "a\x00b", "\ud800"])
async def test_a_name_that_no_place_can_have_is_refused(outage: Outage, place: str) -> None:
    with pytest.raises(BadUserInput, match="name of a place"):
        async with outage.presence.joined(outage.connection("alice"), place):
            pass
    assert outage.registry.places == []


async def test_a_place_may_have_a_long_name_of_any_script(database_url: str) -> None:
    async with process(database_url, SystemClock()) as one:
        place = "\N{GRINNING FACE}" * LONGEST_PLACE
        async with joined(one, "alice", place):
            assert await names(one, place) == ["alice"]


async def test_an_anonymous_caller_is_present_nowhere(outage: Outage) -> None:
    connection = FakeConnection(ANONYMOUS)
    outage.registry.add(connection)
    with pytest.raises(Unauthenticated):
        async with outage.presence.joined(connection, PLACE):
            pass


async def test_an_operation_that_is_no_subscription_is_present_nowhere(outage: Outage) -> None:
    with pytest.raises(RuntimeError, match="only a subscription's own resolver"):
        async with outage.presence.joined(None, PLACE):
            pass


async def _moved(clock: MovedClock, seconds: float) -> None:
    """Let tasks begin to sleep, move the clock, and let them go on."""
    for _ in range(20):
        await asyncio.sleep(0)
    clock.move(seconds)
    for _ in range(20):
        await asyncio.sleep(0)
