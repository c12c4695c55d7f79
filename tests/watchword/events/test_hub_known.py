"""What a hub knows: an event is known before anybody can act on it, and a look makes known what the bus has lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.principals import open_services
from tests.watchword.events.stream import happen, read
from watchword.context import Services
from watchword.events.event import Event
from watchword.events.mailbox import Mailbox
from watchword.storage.database import Database, mark_unavailable


@pytest.fixture
async def services(database: Database, clock: MovedClock) -> Services:
    made, _ = await open_services(database, clock, mailbox_limit=5)
    return made


async def test_an_event_is_known_before_its_transaction_returns(services: Services) -> None:
    known = services.event_log.known
    known.watch(["toys"])
    note = known.note()
    await happen(services, "bear")
    assert not known.holds(note, ["toys"])
    assert known.position("toys") == 1


async def test_an_event_is_known_before_it_is_in_a_mailbox(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, positions = services.event_log.known, []
    known.watch(["toys"])
    put = Mailbox.put

    def watched(mailbox: Mailbox, event: Event) -> None:
        positions.append((event.position, known.position("toys")))
        put(mailbox, event)

    monkeypatch.setattr(Mailbox, "put", watched)
    follower = await services.hub.follow("toys", None)
    await happen(services, "a")
    [_, late] = await happen(services, "b", "c", heard=False)
    services.hub.receive(late)
    await read(*follower, 3)
    assert [known >= position for position, known in positions] == [True] * 3


async def test_replayed_events_are_known_before_they_are_delivered(services: Services) -> None:
    known = services.event_log.known
    [first, *_] = await happen(services, *"abcdef", heard=False)
    known.watch(["toys"])
    follower = await services.hub.follow("toys", None, first.place)
    known.forget()
    note = known.note()
    assert await read(*follower, 1) == ["b"]
    assert not known.holds(note, ["toys"])
    assert known.position("toys") == 6


async def test_a_look_makes_known_what_the_bus_has_lost(
    services: Services, clock: MovedClock
) -> None:
    known = services.event_log.known
    known.watch(["toys", "books"])
    assert not known.is_current(known.now())
    await happen(services, "a", heard=False)
    await services.hub.look()
    assert known.is_current(known.now())
    assert known.position("toys") == 1
    await happen(services, "b", heard=False)
    note = known.note()
    await services.hub.look()
    assert not known.holds(note, ["toys"])
    assert known.holds(note, ["books"])


async def test_a_look_that_fails_makes_nothing_current(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise mark_error()

    def mark_error() -> OSError:
        error = OSError("gone")
        mark_unavailable(error)
        return error

    monkeypatch.setattr(services.event_log, "changes", fail)
    with pytest.raises(OSError, match="gone"):
        await services.hub.look()
    assert not services.event_log.known.is_current(services.clock.now())


async def test_a_look_counts_from_before_its_query(
    services: Services, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = services.event_log.changes

    async def slow(last: Any) -> Any:
        found = await changes(last)
        clock.move(10)
        return found

    monkeypatch.setattr(services.event_log, "changes", slow)
    await services.hub.look()
    assert not services.event_log.known.is_current(services.clock.now())
