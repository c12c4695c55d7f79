"""The event log numbers events without holes, in the order of commits, on both databases."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa

import watchword.events.log.event_log
from watchword.errors import CursorExpired, WentBack
from watchword.events.event import BEGINNING, Event, Place
from watchword.events.log.event_log import EventLog, append
from watchword.events.log.tables import events, streams
from watchword.storage.database import Database

NOW = 1_800_000_000.0


@pytest.fixture
async def event_log(database: Database) -> EventLog:
    made = EventLog(database)
    await made.open()
    return made


async def happen(database: Database, *keys: str, stream: str = "toys", now: float = NOW) -> None:
    async with database.write() as db:
        await append(db, [Event(stream, key, "made", {"n": 1}) for key in keys], now)


async def place(database: Database, position: int, stream: str = "toys") -> Place:
    """Return the place of an event that is kept, or of the last one that was pruned."""
    if position == 0:
        return BEGINNING
    async with database.read() as db:
        row = (await db.execute(sa.select(streams).where(streams.c.name == stream))).one()
        here = (events.c.stream == stream, events.c.position == position)
        mark = (await db.execute(sa.select(events.c.mark).where(*here))).scalar()
    return Place(position, mark or row.pruned_mark)


async def positions(event_log: EventLog, key: str | None = None, after: int = 0) -> list[int]:
    start = await place(event_log._database, after)
    return [event.position for event in await event_log.read("toys", key, start, 1000)]


async def head(event_log: EventLog, stream: str = "toys") -> int:
    return (await event_log.heads([stream]))[stream].position


async def test_an_event_names_the_span_that_published_it(
    event_log: EventLog, database: Database
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with database.write() as db:
        await append(db, [Event("toys", "a", "made", trace=trace), Event("toys", "b", "made")], NOW)
    assert [each.trace for each in await event_log.read("toys", None, BEGINNING, 10)] == [
        trace,
        None,
    ]


async def test_events_are_read_as_they_were_appended(
    event_log: EventLog, database: Database
) -> None:
    await happen(database, "bear", "car")
    assert await event_log.read("toys", None, BEGINNING, 10) == [
        Event("toys", "bear", "made", {"n": 1}, 1),
        Event("toys", "car", "made", {"n": 1}, 2),
    ]
    assert [event.key for event in await event_log.read("toys", "car", BEGINNING, 10)] == ["car"]
    assert await positions(event_log, after=1) == [2]
    assert [event.position for event in await event_log.read("toys", None, BEGINNING, 1)] == [1]
    assert await event_log.heads(["toys", "none"]) == {
        "toys": await place(database, 2),
        "none": BEGINNING,
    }


async def test_an_event_that_is_committed_while_the_last_ones_are_searched_is_not_missed(
    event_log: EventLog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(database, "car")
    asked = watchword.events.log.event_log._bounds

    async def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(watchword.events.log.event_log, "_bounds", asked)
        await happen(database, "bear")
        return await asked(*given)

    monkeypatch.setattr(watchword.events.log.event_log, "_bounds", meanwhile)
    start = await event_log.before_last("toys", "bear", 10)
    assert [event.position for event in await event_log.read("toys", "bear", start, 10)] == [2]


async def test_the_same_event_twice_has_two_positions(
    event_log: EventLog, database: Database
) -> None:
    event = Event("toys", "bear", "made")
    async with database.write() as db:
        written = await append(db, [event, event], NOW)
    assert [each.position for each in written] == [1, 2]


async def test_streams_count_by_themselves(event_log: EventLog, database: Database) -> None:
    async with database.write() as db:
        mixed = [Event(stream, "x", "made") for stream in ("b", "a", "b")]
        written = await append(db, mixed, NOW)
    assert [(each.stream, each.position) for each in written] == [("b", 1), ("a", 1), ("b", 2)]


async def test_a_rollback_gives_the_position_back(event_log: EventLog, database: Database) -> None:
    await happen(database, "a")
    with pytest.raises(RuntimeError):
        async with database.write() as db:
            await append(db, [Event("toys", "b", "made")], NOW)
            raise RuntimeError
    await happen(database, "c")
    assert await positions(event_log) == [1, 2]


async def test_concurrent_writers_leave_no_hole_and_no_reader_sees_one_that_is_filled_later(
    event_log: EventLog, database: Database
) -> None:
    seen: list[list[int]] = []
    done = asyncio.Event()

    async def look() -> None:
        while not done.is_set():
            seen.append(await positions(event_log))

    async def write(number: int) -> None:
        try:
            async with database.write() as db:
                await append(db, [Event("toys", str(number), "made")] * 2, NOW)
                if number % 5 == 0:
                    raise RuntimeError
        except RuntimeError:
            pass

    looking = asyncio.create_task(look())
    await asyncio.gather(*(write(number) for number in range(60)))
    done.set()
    await looking
    assert await positions(event_log) == list(range(1, 97))
    for each in seen:
        assert each == list(range(1, len(each) + 1))


async def test_writers_to_the_same_streams_in_any_order_do_not_deadlock(
    database: Database, event_log: EventLog
) -> None:
    async def write(*streams: str) -> None:
        async with database.write() as db:
            await append(db, [Event(stream, "x", "made") for stream in streams], NOW)

    await asyncio.gather(*(write(*pair) for pair in (("a", "b"), ("b", "a")) for _ in range(20)))
    assert [await head(event_log, stream) for stream in "ab"] == [40, 40]


async def test_the_last_events_begin_right_after_a_position(
    event_log: EventLog, database: Database
) -> None:
    await happen(database, "a", "b", "a", "b", "a")
    assert await event_log.before_last("toys", None, 2) == await place(database, 3)
    assert await event_log.before_last("toys", "a", 2) == await place(database, 2)
    assert await event_log.before_last("toys", "a", 100) == await place(database, 0)
    assert await event_log.before_last("toys", "nobody", 5) == await place(database, 5)
    assert await event_log.before_last("none", None, 5) == BEGINNING


async def test_the_place_before_an_event_is_known_while_the_event_is_kept(
    event_log: EventLog, database: Database
) -> None:
    await happen(database, "bear", "doll", "bear")
    places = [await place(database, position) for position in range(4)]
    assert [await event_log.before("toys", each) for each in places[1:]] == places[:3]
    with pytest.raises(WentBack):
        await event_log.before("toys", Place(2, "other"))
    await event_log.prune(NOW - 1, 2)
    assert await event_log.before("toys", places[2]) == places[1]
    with pytest.raises(CursorExpired):
        await event_log.before("toys", places[1])


async def test_pruning_by_age_and_by_count_keeps_the_newest(
    event_log: EventLog, database: Database
) -> None:
    for age in (300, 200, 100, 0):
        await happen(database, "a", now=NOW - age)
    assert await event_log.prune(NOW - 150, 100) == 2
    assert await positions(event_log, after=2) == [3, 4]
    assert await event_log.prune(0, 1) == 1
    assert await positions(event_log, after=3) == [4]
    assert await event_log.prune(0, 1) == 0
    await happen(database, "b")
    assert await positions(event_log, after=3) == [4, 5]


@pytest.mark.parametrize("key", [None, "a", "b"])
async def test_reading_after_a_pruned_place_fails(
    key: str | None, event_log: EventLog, database: Database
) -> None:
    await happen(database, "a", "a", "a")
    await event_log.prune(0, 2)
    with pytest.raises(CursorExpired):
        await event_log.read("toys", key, BEGINNING, 10)
    await event_log.read("toys", key, await place(database, 1), 10)
    with pytest.raises(WentBack):
        await event_log.read("toys", key, Place(4, "0" * 16), 10)


async def test_needed_events_are_kept_however_many_there_are(
    event_log: EventLog, database: Database
) -> None:
    for age in (300, 200, 100, 50, 0):
        for stream in ("toys", "others"):
            await happen(database, "a", stream=stream, now=NOW - age)
    assert await event_log.prune(0, 1, {"toys": NOW - 100}) == 2 + 4
    assert await positions(event_log, after=2) == [3, 4, 5]
    assert await event_log.prune(0, 1, {"toys": NOW - 100}) == 0
    # Events that are needed no more are pruned by their number.
    assert await event_log.prune(0, 1, {"toys": NOW + 1}) == 2
    assert await positions(event_log, after=4) == [5]


async def test_needed_events_are_kept_even_if_a_clock_was_behind(
    event_log: EventLog, database: Database
) -> None:
    for age in (300, 0, 300):
        await happen(database, "a", now=NOW - age)
    assert await event_log.prune(NOW - 200, 100, {"toys": NOW - 100}) == 1
    assert await positions(event_log, after=1) == [2, 3]


async def test_an_event_is_told_from_another_at_its_position_by_its_mark(
    event_log: EventLog, database: Database
) -> None:
    await happen(database, "a", "b", "c")
    [_, second, third] = await event_log.read("toys", None, BEGINNING, 10)
    for key in (None, "a", "b"):
        await event_log.read("toys", key, second.place, 10)
        with pytest.raises(WentBack):
            await event_log.read("toys", key, Place(2, third.mark), 10)
    with pytest.raises(WentBack):
        await event_log.check("toys", Place(1, ""))
    await event_log.prune(0, 1)
    await event_log.check("toys", second.place)
    with pytest.raises(WentBack):
        await event_log.check("toys", Place(2, third.mark))
    with pytest.raises(WentBack):
        await event_log.check("none", second.place)
    await event_log.check("none", BEGINNING)


async def test_each_event_names_the_one_before(event_log: EventLog, database: Database) -> None:
    written: list[Event] = []
    for stream in ("toys", "others", "toys"):
        async with database.write() as db:
            written += await append(db, [Event(stream, "a", "made")] * 2, NOW)
    for stream in ("toys", "others"):
        of_stream = [event for event in written if event.stream == stream]
        found = await event_log.read(stream, None, BEGINNING, 10)
        marks = ["", *(event.mark for event in of_stream)]
        for each in (of_stream, found):
            assert [(event.before, event.mark) for event in each] == list(pairwise(marks))
        assert await event_log.read(stream, None, found[0].place, 1) == found[1:2]


async def test_any_number_of_streams_can_be_asked_for(
    event_log: EventLog, database: Database
) -> None:
    await happen(database, "a", stream="39999")
    found = await event_log.heads(map(str, range(40_000)))
    assert len(found) == 40_000
    assert found["39999"] == await place(database, 1, "39999")


async def test_everything_can_be_pruned_and_positions_continue(
    event_log: EventLog, database: Database
) -> None:
    await happen(database, "a", "b")
    await event_log.prune(NOW + 1, 1000)
    assert await positions(event_log, after=2) == []
    assert await event_log.before_last("toys", None, 5) == await place(database, 2)
    await happen(database, "c")
    assert await positions(event_log, after=2) == [3]


async def test_recent_events_come_with_the_head(event_log: EventLog, database: Database) -> None:
    await happen(database, "old", now=NOW - 100)
    await happen(database, "new")
    happened, last = await event_log.since("toys", NOW - 50)
    assert [(event.key, at) for event, at in happened] == [("new", NOW)]
    assert last == await place(database, 2)


async def test_a_log_has_a_name_and_a_secret_of_its_own(
    event_log: EventLog, database: Database
) -> None:
    again = EventLog(database)
    await again.open()
    assert again.cursors == event_log.cursors
    assert event_log.cursors.epoch
