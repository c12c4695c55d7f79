"""An event goes into many mailboxes in several turns of the event loop, and nobody sees a mailbox that lacks it."""

from __future__ import annotations

import asyncio

import pytest

from tests.watchword.events.test_reader import FakeLog, event, joined, opened
from watchword.errors import CursorExpired
from watchword.events import distribution
from watchword.events.event import Event
from watchword.events.mailbox import Mailbox


class Noting(Mailbox):
    """A mailbox that notes which events are put into it."""

    __slots__ = ("noted",)

    def __init__(self) -> None:
        super().__init__(None, event(1).place._replace(position=0), 100)
        self.noted: list[int] = []

    def put(self, event: Event) -> None:
        self.noted.append(event.position)
        super().put(event)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "AT_ONCE", 2)


def served(mailboxes: list[Noting]) -> list[list[int]]:
    return [mailbox.noted for mailbox in mailboxes]


async def test_few_mailboxes_get_an_event_at_once() -> None:
    made, mailboxes = distribution.Distribution(), [Noting(), Noting()]
    made.put(event(1), mailboxes)
    assert (served(mailboxes), made.coming) == ([[1]] * 2, [])


async def test_between_so_many_mailboxes_other_tasks_have_their_turn() -> None:
    made, mailboxes = distribution.Distribution(), [Noting() for _ in range(5)]
    made.put(event(1), mailboxes)
    assert served(mailboxes) == [[1]] * 2 + [[]] * 3
    await asyncio.sleep(0)
    assert served(mailboxes) == [[1]] * 4 + [[]]
    await asyncio.sleep(0)
    assert (served(mailboxes), made.coming) == ([[1]] * 5, [])


async def test_a_later_event_comes_after_the_one_that_is_being_put_also_for_few() -> None:
    made, mailboxes = distribution.Distribution(), [Noting() for _ in range(4)]
    made.put(event(1), mailboxes)
    made.put(event(2), mailboxes[3:])
    assert mailboxes[3].noted == []
    for _ in range(3):
        await asyncio.sleep(0)
    assert served(mailboxes) == [[1]] * 3 + [[1, 2]]


async def test_a_mailbox_that_is_looked_at_before_its_turn_has_all_its_events_once() -> None:
    reader, _ = opened(FakeLog())
    bears, cars = [joined(reader, "bear") for _ in range(9)], joined(reader, "car")
    reader.receive(event(1))
    reader.receive(event(2))
    reader.receive(event(3, "car"))
    assert {each.size for each in bears} == {2}
    assert not any(each.is_empty for each in bears)
    # `next` would take an empty mailbox for one that has everything up to here.
    assert [await reader.next(each) for each in bears] == [event(1)] * 9
    for _ in range(20):
        await asyncio.sleep(0)
    assert [(each.take(), each.take()) for each in bears] == [(event(2), None)] * 9
    assert (cars.take(), cars.take()) == (event(3, "car"), None)


async def test_a_mailbox_that_joins_meanwhile_gets_only_what_comes_after() -> None:
    reader, _ = opened(FakeLog())
    before = [joined(reader) for _ in range(9)]
    reader.receive(event(1))
    late = joined(reader)
    reader.receive(event(2))
    assert (late.take(), late.take()) == (event(2), None)
    assert [each.size for each in before] == [2] * 9


async def test_after_the_log_went_back_nothing_from_before_is_put_any_more() -> None:
    reader, _ = opened(FakeLog(event(1, mark="other")))
    mailboxes = [joined(reader) for _ in range(9)]
    reader.receive(event(1))
    await reader.begin_anew(CursorExpired("it went back"))
    for _ in range(9):
        await asyncio.sleep(0)
    # Which were the first is not said.
    assert sorted(each.size for each in mailboxes) == [0] * 7 + [1] * 2
