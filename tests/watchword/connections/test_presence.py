"""Presence: everybody at a place, of all processes, each once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from tests.support.clock import MovedClock
from tests.support.processes import Process, process
from watchword.connections.presence import CHANGED, LEAVE_SECONDS, PRESENCE
from watchword.connections.processes import BEAT_SECONDS, DEAD_SECONDS
from watchword.events.mailbox import Mailbox
from watchword.events.reader import Reader
from watchword.process.clock import SystemClock

PLACE = "incident/1"
PATIENCE = 30


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
        async with one.directory.presence.joined(PLACE, "alice"):
            await heard(follower)
            async with other.directory.presence.joined(PLACE, "bob"):
                assert await names(one) == await names(other) == ["alice", "bob"]
                assert await names(one, "incident/2") == []


async def test_several_windows_of_one_person_count_once(sqlite_url: str, clock: MovedClock) -> None:
    async with process(sqlite_url, clock) as one, AsyncExitStack() as windows:
        presence = one.directory.presence
        for _ in range(3):
            await windows.enter_async_context(presence.joined(PLACE, "alice"))
        assert await names(one) == ["alice"]
        follower = await changed(one)
        await windows.aclose()
        await _moved(clock, LEAVE_SECONDS)
        await heard(follower)
        assert await names(one) == []


async def test_one_who_comes_back_at_once_has_not_left(sqlite_url: str, clock: MovedClock) -> None:
    async with process(sqlite_url, clock) as one:
        presence = one.directory.presence
        async with presence.joined(PLACE, "alice"):
            [before] = await presence.who(PLACE)
        await _moved(clock, LEAVE_SECONDS / 2)
        async with presence.joined(PLACE, "alice"):
            await _moved(clock, LEAVE_SECONDS)
            assert await presence.who(PLACE) == [before]


async def test_an_earlier_leave_does_not_end_a_later_presence(
    sqlite_url: str, clock: MovedClock
) -> None:
    async with process(sqlite_url, clock) as one:
        presence = one.directory.presence
        async with presence.joined(PLACE, "alice"):
            pass
        await _moved(clock, LEAVE_SECONDS / 2)
        async with presence.joined(PLACE, "alice"):
            pass
        # The first leave is due, and the second is not.
        await _moved(clock, LEAVE_SECONDS / 2)
        assert await names(one) == ["alice"]
        follower = await changed(one)
        await _moved(clock, LEAVE_SECONDS / 2)
        await heard(follower)
        assert await names(one) == []


async def test_a_process_that_ends_takes_its_people_along(sqlite_url: str) -> None:
    clock = SystemClock()
    async with process(sqlite_url, clock) as one:
        async with process(sqlite_url, clock) as other:
            stack = AsyncExitStack()
            await stack.enter_async_context(other.directory.presence.joined(PLACE, "bob"))
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
        await stack.enter_async_context(other.directory.presence.joined(PLACE, "bob"))
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
        other.directory.presence.joined(PLACE, "bob"),
    ):
        clock.move(DEAD_SECONDS + 1)
        await one.directory._beat()
        await other.directory._beat()
        assert await names(one) == ["bob"]


async def _moved(clock: MovedClock, seconds: float) -> None:
    """Let tasks begin to sleep, move the clock, and let them go on."""
    for _ in range(20):
        await asyncio.sleep(0)
    clock.move(seconds)
    for _ in range(20):
        await asyncio.sleep(0)
