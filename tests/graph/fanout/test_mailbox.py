"""A mailbox is bounded and ordered, and a full one leaves the rest to the log."""

from __future__ import annotations

import asyncio

from graph.events import Event
from graph.fanout.mailbox import Mailbox


def event(position: int) -> Event:
    return Event("toys", "bear", "made", position=position)


def taken(mailbox: Mailbox) -> list[int]:
    found = []
    while each := mailbox.take():
        found.append(each.position)
    return found


def test_events_are_taken_in_order_and_move_its_position() -> None:
    mailbox = Mailbox(None, 0, 10)
    for position in (1, 2, 3):
        mailbox.put(event(position))
    assert taken(mailbox) == [1, 2, 3]
    assert mailbox.position == 3


def test_what_it_has_had_is_not_taken_again() -> None:
    mailbox = Mailbox(None, 5, 10)
    for position in (4, 5, 6):
        mailbox.put(event(position))
    assert taken(mailbox) == [6]


def test_a_full_one_falls_behind_and_keeps_what_it_has() -> None:
    mailbox = Mailbox(None, 0, 2)
    for position in range(1, 6):
        mailbox.put(event(position))
    assert mailbox.behind
    assert taken(mailbox) == [1, 2]
    mailbox.put(event(6))
    assert taken(mailbox) == []


async def test_it_is_idle_while_its_reader_waits_for_what_has_not_happened() -> None:
    told: list[str] = []
    mailbox = Mailbox(None, 0, 2, lambda: told.append("idle"))
    assert not mailbox.is_idle
    waiting = asyncio.ensure_future(mailbox.wait())
    await asyncio.to_thread(lambda: None)
    assert told == ["idle"]
    assert mailbox.is_idle
    mailbox.put(event(1))
    assert not mailbox.is_idle
    await waiting
    assert not mailbox.is_idle


async def test_one_that_lost_something_wakes_its_reader() -> None:
    mailbox = Mailbox(None, 0, 2)
    waiting = asyncio.ensure_future(mailbox.wait())
    await asyncio.to_thread(lambda: None)
    mailbox.lose()
    await waiting
    assert mailbox.lost


def test_what_came_from_the_log_is_not_taken_again_when_it_is_told_of_later() -> None:
    mailbox = Mailbox(None, 0, 10)
    mailbox.refill([event(1), event(2)])
    for position in (1, 2, 3):
        mailbox.put(event(position))
    assert taken(mailbox) == [1, 2, 3]
