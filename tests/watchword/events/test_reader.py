"""A reader hands on each event once and in order, and says when the log must be read."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from watchword.errors import CursorExpired
from watchword.events.event import BEGINNING, Event, Place
from watchword.events.mailbox import Mailbox
from watchword.events.reader import EARLY, Reader


def event(position: int, key: str = "bear", mark: str = "m") -> Event:
    before = mark if position > 1 else ""
    return Event("toys", key, "made", position=position, mark=mark, before=before)


class FakeLog:
    """A log of one stream in memory. `meanwhile` is called while it is read."""

    def __init__(self, *events: Event) -> None:
        self.events = list(events)
        self.error: Exception | None = None
        self.meanwhile = lambda: None

    async def heads(self, names: Iterable[str]) -> dict[str, Place]:
        if self.error is not None:
            raise self.error
        head = self.events[-1].place if self.events else BEGINNING
        return dict.fromkeys(names, head)

    async def read(self, _: str, key: str | None, resume_from: Place, limit: int) -> list[Event]:
        if self.error is not None:
            raise self.error
        later = [each for each in self.events if each.position > resume_from.position]
        self.meanwhile()
        return [each for each in later if key in (None, each.key)][:limit]


def opened(log: FakeLog, head: Place = BEGINNING) -> tuple[Reader, list[Reader]]:
    """Return an open reader, and the list of its calls of `heal`."""
    calls: list[Reader] = []
    reader = Reader("toys", log, calls.append)  # type: ignore[arg-type]
    reader.open(head)
    return reader, calls


def joined(reader: Reader, key: str | None = None, limit: int = 100) -> Mailbox:
    mailbox = Mailbox(key, reader.current, limit)
    reader.join(mailbox)
    return mailbox


def test_events_reach_the_mailboxes_of_the_stream_and_of_their_key() -> None:
    reader, calls = opened(FakeLog())
    everything, bears, cars = joined(reader), joined(reader, "bear"), joined(reader, "car")
    reader.receive(event(1, "bear"))
    assert [mailbox.take() for mailbox in (everything, bears, cars)] == [event(1), event(1), None]
    assert (reader.current, calls) == (Place(1, "m"), [])


def test_early_events_wait_for_their_turn_and_repeated_ones_are_ignored() -> None:
    reader, calls = opened(FakeLog())
    mailbox = joined(reader)
    for position in (2, 3, 1, 2, 1):
        reader.receive(event(position))
    assert [mailbox.take() for _ in range(4)] == [event(1), event(2), event(3), None]
    assert calls == [reader, reader]


def test_events_that_arrive_before_it_is_open_count_from_the_head() -> None:
    calls: list[Reader] = []
    reader = Reader("toys", FakeLog(), calls.append)  # type: ignore[arg-type]
    for position in (1, 2, 3):
        reader.receive(event(position))
    assert (reader.current, calls) == (BEGINNING, [])
    reader.open(Place(2, "m"))
    assert (reader.current, calls) == (Place(3, "m"), [])
    late = Reader("toys", FakeLog(), calls.append)  # type: ignore[arg-type]
    late.receive(event(2))
    late.open(BEGINNING)
    assert (late.current, calls) == (BEGINNING, [late])


async def test_missing_events_are_read_from_the_log() -> None:
    reader, calls = opened(FakeLog(*map(event, range(1, 6))))
    mailbox = joined(reader)
    reader.receive(event(4))
    assert calls == [reader]
    assert reader.has_hole
    await reader.catch_up()
    assert not reader.has_hole
    assert [mailbox.take() for _ in range(5)] == [*map(event, range(1, 6))]


async def test_no_more_early_events_are_kept_than_the_limit() -> None:
    log = FakeLog(*map(event, range(1, EARLY + 10)))
    reader, _ = opened(log)
    for position in range(2, EARLY + 10):
        reader.receive(event(position))
    assert len(reader._early) == EARLY
    await reader.catch_up()
    assert reader.current.position == EARLY + 9


async def test_a_reported_head_that_is_not_in_the_log_is_forgotten() -> None:
    reader, calls = opened(FakeLog())
    reader.look(Place(5, "m"))
    assert calls == [reader]
    await reader.catch_up()
    assert not reader.has_hole


async def test_a_head_that_is_reported_during_a_read_is_not_lost() -> None:
    log = FakeLog(event(1))
    reader, _ = opened(log)
    log.meanwhile = lambda: reader.look(Place(2, "m"))
    reader.look(Place(1, "m"))
    log.events.append(event(2))
    await reader.catch_up()
    assert reader.current == Place(2, "m")


async def test_a_read_that_fails_is_needed_still() -> None:
    log = FakeLog(event(1))
    reader, _ = opened(log)
    log.error = ConnectionError()
    reader.look(Place(1, "m"))
    with pytest.raises(ConnectionError):
        await reader.catch_up()
    assert reader.has_hole
    log.error = None
    await reader.catch_up()
    assert reader.current == Place(1, "m")


@pytest.mark.parametrize(
    "doubt",
    [
        lambda reader: reader.receive(event(2, mark="other")),
        lambda reader: reader.receive(event(3, mark="other")),
        lambda reader: reader.look(Place(2, "other")),
        lambda reader: reader.look(Place(1, "m")),
    ],
    ids=["another event here", "another event before", "another head", "an earlier head"],
)
def test_what_contradicts_it_has_the_log_checked(doubt: object) -> None:
    reader, calls = opened(FakeLog(), Place(2, "m"))
    doubt(reader)  # type: ignore[operator]
    assert reader in calls
    assert reader.has_hole


async def test_after_the_log_went_back_it_begins_at_the_head_and_tells_each_mailbox() -> None:
    log = FakeLog(event(1, mark="new"))
    reader, _ = opened(log, Place(5, "old"))
    mailbox = joined(reader)
    await reader.begin_anew(CursorExpired("Fetch anew."))
    assert reader.current == Place(1, "new")
    with pytest.raises(CursorExpired, match="Fetch anew"):
        await reader.next(mailbox)


async def test_a_mailbox_from_before_the_reader_is_filled_from_the_log() -> None:
    reader, _ = opened(FakeLog(*map(event, range(1, 6))), Place(5, "m"))
    mailbox = Mailbox(None, BEGINNING, 2)
    reader.join(mailbox)
    assert mailbox.behind
    assert [await reader.next(mailbox) for _ in range(5)] == [*map(event, range(1, 6))]


async def test_events_that_arrive_while_a_mailbox_is_filled_follow_what_was_read() -> None:
    log = FakeLog(event(1))
    reader, _ = opened(log, Place(1, "m"))
    mailbox = Mailbox(None, BEGINNING, 5)
    reader.join(mailbox)
    log.meanwhile = lambda: reader.receive(event(2))
    assert [await reader.next(mailbox) for _ in range(2)] == [event(1), event(2)]


def test_the_last_mailbox_that_leaves_is_reported() -> None:
    calls: list[Reader] = []
    reader = Reader("toys", FakeLog(), lambda _: None, calls.append)  # type: ignore[arg-type]
    reader.open(BEGINNING)
    first, second = joined(reader), joined(reader, "bear")
    reader.leave(first)
    assert (reader.size, calls) == (1, [])
    reader.leave(second)
    assert (reader.size, calls) == (0, [reader])
