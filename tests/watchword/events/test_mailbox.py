"""A mailbox is bounded and ordered. When it is full, the rest is read from the log."""

from __future__ import annotations

import asyncio

from watchword.events.event import BEGINNING, Event, Place
from watchword.events.mailbox import Mailbox


def event(position: int) -> Event:
    return Event("toys", "bear", "made", position=position)


def taken(mailbox: Mailbox) -> list[int]:
    found = []
    while each := mailbox.take():
        found.append(each.position)
    return found


def test_events_are_taken_in_order_and_move_its_place() -> None:
    mailbox = Mailbox(None, BEGINNING, 10)
    for position in (1, 2, 3):
        mailbox.put(event(position))
    assert taken(mailbox) == [1, 2, 3]
    assert mailbox.current.position == 3


def test_events_up_to_its_place_are_ignored() -> None:
    mailbox = Mailbox(None, Place(5, "m"), 10)
    for position in (4, 5, 6):
        mailbox.put(event(position))
    assert taken(mailbox) == [6]


def test_a_full_mailbox_is_behind_and_keeps_its_events() -> None:
    mailbox = Mailbox(None, BEGINNING, 2)
    for position in range(1, 6):
        mailbox.put(event(position))
    assert mailbox.behind
    assert taken(mailbox) == [1, 2]
    mailbox.put(event(6))
    assert taken(mailbox) == []


async def test_a_subscriber_is_announced_once_until_it_is_woken() -> None:
    due: list[Mailbox] = []
    mailbox = Mailbox(None, BEGINNING, 10, None, due.append)
    mailbox.put(event(1))
    assert due == []
    mailbox.take()
    waiting = asyncio.ensure_future(mailbox.wait())
    await asyncio.sleep(0)
    mailbox.put(event(2))
    mailbox.put(event(3))
    assert due == [mailbox]
    assert not waiting.done()
    mailbox.wake()
    await waiting
    assert taken(mailbox) == [2, 3]


def test_nothing_is_taken_once_the_subscriber_cannot_continue() -> None:
    mailbox = Mailbox(None, BEGINNING, 10)
    mailbox.put(event(1))
    mailbox.lose("gone")
    assert mailbox.take() is None


async def test_it_is_idle_while_its_subscriber_waits() -> None:
    told: list[str] = []
    mailbox = Mailbox(None, BEGINNING, 2, lambda: told.append("idle"))
    assert not mailbox.is_idle
    waiting = asyncio.ensure_future(mailbox.wait())
    await asyncio.to_thread(lambda: None)
    assert told == ["idle"]
    assert mailbox.is_idle
    mailbox.put(event(1))
    assert not mailbox.is_idle
    await waiting
    assert not mailbox.is_idle


async def test_a_mailbox_that_cannot_continue_wakes_its_subscriber() -> None:
    mailbox = Mailbox(None, BEGINNING, 2)
    waiting = asyncio.ensure_future(mailbox.wait())
    await asyncio.to_thread(lambda: None)
    mailbox.lose("gone")
    await waiting
    assert mailbox.lost == "gone"


def test_events_that_were_read_from_the_log_are_ignored_when_the_bus_brings_them() -> None:
    mailbox = Mailbox(None, BEGINNING, 10)
    mailbox.refill([event(1), event(2)], is_all=True)
    for position in (1, 2, 3):
        mailbox.put(event(position))
    assert taken(mailbox) == [1, 2, 3]


def behind(limit: int) -> Mailbox:
    mailbox = Mailbox(None, BEGINNING, limit)
    mailbox.behind = True
    return mailbox


def test_events_that_arrive_while_the_log_is_read_follow_what_was_read() -> None:
    mailbox = behind(10)
    mailbox.put(event(3))
    mailbox.keep()
    for position in (4, 5, 6):
        mailbox.put(event(position))
    mailbox.refill([event(position) for position in range(1, 6)], is_all=True)
    mailbox.put(event(7))
    assert not mailbox.behind
    assert taken(mailbox) == [1, 2, 3, 4, 5, 6, 7]


def test_kept_events_are_dropped_when_events_before_them_are_missing() -> None:
    mailbox = behind(10)
    mailbox.keep()
    mailbox.put(event(9))
    mailbox.refill([event(1), event(2)], is_all=False)
    assert mailbox.behind
    assert taken(mailbox) == [1, 2]
    mailbox.keep()
    mailbox.refill([event(position) for position in range(3, 10)], is_all=True)
    assert not mailbox.behind
    assert taken(mailbox) == [3, 4, 5, 6, 7, 8, 9]


def test_no_more_events_are_kept_than_the_limit() -> None:
    mailbox = behind(3)
    mailbox.keep()
    for position in range(2, 100):
        mailbox.put(event(position))
        assert len(mailbox._kept or ()) <= 4
    mailbox.refill([event(1)], is_all=True)
    assert mailbox.behind
    assert taken(mailbox) == [1]
    mailbox.keep()
    mailbox.put(event(4))
    mailbox.refill([event(2), event(3)], is_all=True)
    mailbox.put(event(5))
    assert mailbox.behind
    assert taken(mailbox) == [2, 3, 4]
