"""A mailbox is bounded, ordered, and names its ending."""

from __future__ import annotations

import asyncio

from graph.ending import Ending
from graph.events import Event
from graph.fanout.mailbox import Mailbox


def event(number: int) -> Event:
    return Event("toys", str(number), "made")


async def test_events_are_read_in_order() -> None:
    mailbox = Mailbox(10, lambda ending: None)
    for number in range(3):
        mailbox.put(event(number))
    reading = mailbox.read()
    assert [(await anext(reading)).key for _ in range(3)] == ["0", "1", "2"]


async def test_a_waiting_reader_wakes_for_an_event() -> None:
    mailbox = Mailbox(10, lambda ending: None)
    waiting = asyncio.ensure_future(anext(mailbox.read()))
    await asyncio.to_thread(lambda: None)
    mailbox.put(event(1))
    assert (await waiting).key == "1"


def test_the_event_that_does_not_fit_ends_the_mailbox_once() -> None:
    endings: list[Ending] = []
    mailbox = Mailbox(2, endings.append)
    for number in range(5):
        mailbox.put(event(number))
    assert endings == [Ending.SLOW]
    assert mailbox.ending is Ending.SLOW


async def test_an_ended_mailbox_yields_nothing_more() -> None:
    mailbox = Mailbox(2, lambda ending: None)
    mailbox.put(event(1))
    mailbox.end(Ending.REVOKED)
    assert [item async for item in mailbox.read()] == []


async def test_a_waiting_reader_stops_when_the_mailbox_ends() -> None:
    mailbox = Mailbox(2, lambda ending: None)

    async def read() -> list[Event]:
        return [item async for item in mailbox.read()]

    reading = asyncio.ensure_future(read())
    await asyncio.to_thread(lambda: None)
    mailbox.end(Ending.DRAINING)
    assert await reading == []
