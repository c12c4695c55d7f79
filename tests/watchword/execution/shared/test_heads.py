"""A cursor that is ahead of what is known makes the head be read, once for all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from tests.support.clock import MovedClock
from tests.support.toy_server import toy_pipeline, until
from watchword.context import Services
from watchword.errors import BadUserInput, CursorExpired
from watchword.events.cursor import Cursors
from watchword.events.event import Event, Place
from watchword.events.log.event_log import append
from watchword.events.log.tables import events, streams
from watchword.execution.shared.heads import Heads


class Reads:
    """Counts the reads of the head of `toys`. After its query, each waits for `gate`, if it is set."""

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.gate: asyncio.Event | None = None
        heads = services.event_log.heads

        async def counted(names: Iterable[str]) -> Any:
            found = await heads(names)
            if names == ["toys"]:
                self.count += 1
                if self.gate is not None:
                    await self.gate.wait()
            return found

        monkeypatch.setattr(services.event_log, "heads", counted)


@pytest.fixture
async def services(clock: MovedClock) -> AsyncIterator[Services]:
    async with toy_pipeline(clock) as (pipeline, _):
        await pipeline.services.hub.look()
        pipeline.services.event_log.known.watch(["toys"])
        yield pipeline.services


@pytest.fixture
def counted(services: Services, monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(services, monkeypatch)


@pytest.fixture
def heads(services: Services) -> Heads:
    return Heads(services.event_log, services.background)


async def happened(services: Services, stream: str = "toys") -> str:
    """Commit an event that the bus does not bring, and return its cursor."""
    async with services.database.write() as db:
        [event] = await append(db, [Event(stream, "bear", "made")], 0)
    return services.event_log.cursors.write(stream, "bear", event.place)


async def test_a_cursor_that_is_ahead_makes_the_head_known(
    services: Services, heads: Heads, counted: Reads
) -> None:
    first, second = await happened(services), await happened(services)
    await heads.reach([first])
    assert services.event_log.known.position("toys") == 2
    await heads.reach([first, second])
    assert counted.count == 1


async def test_a_cursor_of_a_stream_that_is_not_watched_reads_nothing(
    services: Services, heads: Heads, counted: Reads
) -> None:
    await heads.reach([await happened(services, "books")])
    assert counted.count == 0


async def test_all_who_wait_share_a_read_unless_it_began_before_their_event(
    services: Services, heads: Heads, counted: Reads
) -> None:
    first = await happened(services)
    counted.gate = asyncio.Event()
    early = [asyncio.create_task(heads.reach([first])) for _ in range(3)]
    await until(lambda: counted.count > 0)
    second = await happened(services)
    late = [asyncio.create_task(heads.reach([second])) for _ in range(3)]
    await asyncio.sleep(0)
    counted.gate.set()
    await asyncio.gather(*early, *late)
    assert counted.count == 2
    assert services.event_log.known.position("toys") == 2


async def test_a_cancelled_request_does_not_end_the_read_of_others(
    services: Services, heads: Heads, counted: Reads
) -> None:
    cursor = await happened(services)
    counted.gate = asyncio.Event()
    first, second = (asyncio.create_task(heads.reach([cursor])) for _ in range(2))
    await until(lambda: counted.count > 0)
    first.cancel()
    await asyncio.wait({first})
    counted.gate.set()
    await second
    assert counted.count == 1


async def test_an_event_that_the_log_does_not_have_is_expired(
    services: Services, heads: Heads, counted: Reads
) -> None:
    lost = services.event_log.cursors.write("toys", None, Place(5, "0123456789abcdef"))
    for count in (1, 2):
        with pytest.raises(CursorExpired, match="earlier state"):
            await heads.reach([lost])
        assert counted.count == count


async def went_back(services: Services, to: int) -> None:
    """Lose the newest events of `toys`, as if the database was restored from a copy."""
    async with services.database.write() as db:
        mark = await db.scalar(select(events.c.mark).where(events.c.position == to))
        await db.execute(delete(events).where(events.c.position > to))
        await db.execute(update(streams).values(position=to, mark=mark))


@pytest.mark.parametrize("more", [0, 3], ids=["at the newest known position", "before it"])
async def test_a_cursor_from_after_the_log_went_back_makes_everything_forgotten(
    more: int, services: Services, heads: Heads
) -> None:
    known = services.event_log.known
    await happened(services)
    for _ in range(1 + more):
        last = await happened(services)
    # The head alone is known, as after a start.
    await heads.reach([last])
    note = known.note()
    await went_back(services, 1)
    anew = await happened(services)
    await heads.reach([anew])
    assert not known.holds(note, ["toys"])
    assert known.position("toys") == 2
    with pytest.raises(CursorExpired):
        await heads.reach([last])


async def test_an_older_cursor_is_compared_with_the_log_once(
    services: Services, heads: Heads, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = await happened(services), await happened(services)
    await heads.reach([last])
    note = services.event_log.known.note()
    checked: list[Place] = []
    check = services.event_log.check

    async def counted(stream: str, place: Place) -> None:
        checked.append(place)
        await check(stream, place)

    monkeypatch.setattr(services.event_log, "check", counted)
    for _ in range(3):
        await heads.reach([first, last])
    assert [place.position for place in checked] == [1, 2]
    assert services.event_log.known.holds(note, ["toys"])


async def test_other_cursors_are_refused(services: Services, heads: Heads) -> None:
    with pytest.raises(BadUserInput):
        await heads.reach(["no cursor"])
    other = Cursors("other", b"s").write("toys", None, Place(5, "0123456789abcdef"))
    with pytest.raises(CursorExpired):
        await heads.reach([other])
