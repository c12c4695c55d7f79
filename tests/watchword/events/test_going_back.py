"""A database that goes back to an earlier state is noticed and logged, and subscribers fetch anew."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.support.backup import copied, restored
from tests.support.caught import Caught
from tests.support.clock import MovedClock
from tests.support.principals import open_services
from tests.support.toy_server import until
from watchword.context import Services
from watchword.errors import CursorExpired, WentBack
from watchword.events.event import BEGINNING, Event, Place
from watchword.events.mailbox import Mailbox
from watchword.events.reader import Reader
from watchword.storage.database import Database, mark_unavailable
from watchword.transaction import transaction

Follower = tuple[Reader, Mailbox]


@pytest.fixture
async def services(database: Database, clock: MovedClock) -> Services:
    made, _ = await open_services(database, clock, mailbox_limit=5)
    await made.hub.look()
    return made


async def happen(
    services: Services, *keys: str, heard: bool = True, stream: str = "toys"
) -> list[Event]:
    """Commit an event for each key. Without `heard`, the bus does not deliver them."""
    bus = Caught()
    async with transaction(services.database, bus, services.clock.now()) as unit:  # type: ignore[arg-type]
        for key in keys:
            unit.publish(Event(stream, key, "made"))
    if heard:
        services.bus.publish(bus.events)
    return bus.events


async def healed(services: Services) -> None:
    await until(lambda: not services.hub._healing)


async def read(follower: Follower, count: int) -> list[str]:
    async with asyncio.timeout(20):
        return [(await follower[0].next(follower[1])).key for _ in range(count)]


async def fetches_anew(follower: Follower) -> None:
    async with asyncio.timeout(20):
        with pytest.raises(CursorExpired, match="earlier state"):
            while True:
                await follower[0].next(follower[1])


@pytest.mark.parametrize("after", ["nothing", "fewer", "as many", "more"])
@pytest.mark.parametrize("heard", [True, False])
async def test_afterwards_the_events_of_the_log_are_delivered(
    after: str, heard: bool, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    await happen(services, "a", "b")
    copy = await copied(services.database)
    follower = await services.hub.follow("toys", None)
    lost = await happen(services, "lost 3", "lost 4")
    assert await read(follower, 2) == ["lost 3", "lost 4"]
    await services.hub.look()
    await restored(services.database, copy)
    keys = [
        f"new {number}" for number in range({"fewer": 1, "as many": 2, "more": 3}.get(after, 0))
    ]
    for key in keys:
        await happen(services, key, heard=heard)
    with caplog.at_level(logging.WARNING, "watchword.hub"):
        await services.hub.look()
        await healed(services)
    assert "toys went back" in caplog.text
    await fetches_anew(follower)
    # The cursors of lost events are refused, even if there is an event at their position again.
    for event in lost:
        with pytest.raises(WentBack):
            late = await services.hub.follow("toys", None, event.place)
            await late[0].next(late[1])
    fresh = await services.hub.follow("toys", None, BEGINNING)
    assert await read(fresh, 2 + len(keys)) == ["a", "b", *keys]
    now = await services.hub.follow("toys", None)
    await happen(services, "next")
    assert await read(now, 1) == await read(fresh, 1) == ["next"]


async def test_a_cursor_from_before_the_copy_is_still_valid(services: Services) -> None:
    [first, _] = await happen(services, "a", "b")
    copy = await copied(services.database)
    await services.hub.follow("toys", None)
    await happen(services, "lost")
    await restored(services.database, copy)
    await happen(services, "new", heard=False)
    await services.hub.look()
    await healed(services)
    late = await services.hub.follow("toys", None, first.place)
    assert await read(late, 2) == ["b", "new"]


async def test_an_event_from_the_bus_shows_that_the_log_went_back(
    services: Services,
) -> None:
    await happen(services, "a")
    copy = await copied(services.database)
    follower = await services.hub.follow("toys", None)
    await happen(services, "lost 2")
    assert await read(follower, 1) == ["lost 2"]
    await restored(services.database, copy)
    await happen(services, "new 2", heard=False)
    # By its position, this event comes right after the one that was received.
    [after] = await happen(services, "new 3", heard=False)
    services.hub.receive(after)
    await healed(services)
    await fetches_anew(follower)


async def test_streams_without_new_events_are_compared_too(
    services: Services,
) -> None:
    copy = await copied(services.database)
    quiet = await services.hub.follow("quiet", None)
    busy = await services.hub.follow("busy", None)
    await happen(services, "lost", stream="quiet")
    await happen(services, "lost", stream="busy")
    await services.hub.look()
    await restored(services.database, copy)
    await services.hub.look()
    await healed(services)
    await fetches_anew(quiet)
    await fetches_anew(busy)


async def test_events_that_only_the_bus_has_reported_are_compared_too(services: Services) -> None:
    await happen(services, "a")
    await services.hub.look()
    copy = await copied(services.database)
    follower = await services.hub.follow("toys", None)
    await happen(services, "lost")
    await restored(services.database, copy)
    await services.hub.look()
    await healed(services)
    await fetches_anew(follower)


async def test_a_lost_event_that_the_bus_delivers_late_is_ignored(
    services: Services,
) -> None:
    copy = await copied(services.database)
    [ghost] = await happen(services, "lost", heard=False)
    await restored(services.database, copy)
    [first, second] = await happen(services, "a", "b", heard=False)
    follower = await services.hub.follow("toys", None, BEGINNING)
    assert await read(follower, 2) == ["a", "b"]
    for event in (ghost, Event("toys", "ghost", "made", {}, 3, "0" * 16, ghost.mark)):
        services.hub.receive(event)
    await healed(services)
    [third] = await happen(services, "c")
    assert await read(follower, 1) == ["c"]
    assert (first.before, second.before, third.before) == ("", first.mark, second.mark)


async def test_a_subscriber_that_is_behind_reads_nothing_of_another_history(
    services: Services,
) -> None:
    follower = await services.hub.follow("toys", None)
    copy = await copied(services.database)
    await happen(services, *map(str, range(8)))
    await restored(services.database, copy)
    await happen(services, *(f"new {number}" for number in range(9)), heard=False)
    assert await read(follower, 5) == [*"01234"]
    with pytest.raises(WentBack):
        await follower[0].next(follower[1])


async def test_the_beginning_belongs_to_every_history(services: Services) -> None:
    follower = await services.hub.follow("toys", None)
    assert follower[1].current == BEGINNING == Place(0, "")
    copy = await copied(services.database)
    await restored(services.database, copy)
    await happen(services, "a")
    assert await read(follower, 1) == ["a"]


async def test_an_unavailable_database_is_asked_again_at_the_next_look(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(services, "a")
    copy = await copied(services.database)
    follower = await services.hub.follow("toys", None)
    await happen(services, "lost")
    await services.hub.look()
    await restored(services.database, copy)

    async def away(*_: object) -> None:
        error = OSError()
        mark_unavailable(error)
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(services.event_log, "read", away)
        await services.hub.look()
        await healed(services)
    with monkeypatch.context() as patched:
        heads = services.event_log.heads
        patched.setattr(services.event_log, "heads", away)
        services.hub._retry()
        await healed(services)
        patched.setattr(services.event_log, "heads", heads)
    # Nothing else has changed since.
    await services.hub.look()
    await healed(services)
    await fetches_anew(follower)


async def test_when_the_log_has_gone_back_no_earlier_note_holds(
    services: Services, database: Database
) -> None:
    known = services.event_log.known
    known.watch(["toys", "books"])
    await happen(services, "a")
    await services.hub.look()
    copy = await copied(database)
    await happen(services, "b", "c")
    await services.hub.look()
    note = known.note()
    await restored(database, copy)
    await services.hub.look()
    await healed(services)
    assert not known.holds(note, ["books"])
    assert known.position("toys") == 1
    note = known.note()
    await happen(services, "d")
    assert not known.holds(note, ["toys"])


async def test_an_event_of_another_past_ends_every_earlier_note_at_once(
    services: Services, database: Database
) -> None:
    known = services.event_log.known
    known.watch(["toys", "books"])
    copy = await copied(database)
    await happen(services, "b", "c")
    note = known.note()
    await restored(database, copy)
    await happen(services, "d")
    assert not known.holds(note, ["toys"])
    assert not known.holds(note, ["books"])


async def test_a_log_that_went_back_in_another_stream_ends_every_note(
    services: Services, database: Database
) -> None:
    known = services.event_log.known
    known.watch(["books"])
    await happen(services, "a")
    await services.hub.look()
    copy = await copied(database)
    await happen(services, "b")
    await services.hub.look()
    note = known.note()
    await restored(database, copy)
    await services.hub.look()
    assert not known.holds(note, ["books"])


async def test_an_event_that_was_received_and_is_gone_at_the_next_look_ends_every_note(
    services: Services, database: Database
) -> None:
    known = services.event_log.known
    known.watch(["toys", "books"])
    await happen(services, "a")
    await services.hub.look()
    copy = await copied(database)
    await happen(services, "b")
    note = known.note()
    await restored(database, copy)
    await services.hub.look()
    await healed(services)
    assert not known.holds(note, ["books"])
    assert known.position("toys") == 1
