"""A stream yields an answer for each event, and gives everything back when it ends."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from graph.context import Ended
from graph.delivery.lease import Lease
from graph.delivery.stream import stream
from graph.ending import Ending
from graph.errors import NotFound
from graph.events import Event
from graph.execution.engine import Answer
from graph.execution.plan import Refused
from graph.principal import ANONYMOUS
from tests.support import toy_schema
from tests.support.clock import MovedClock
from tests.support.toy_server import door


async def answers(clock: MovedClock, query: str) -> list[Answer]:
    made = door(clock)
    lease = Lease(clock, ANONYMOUS, lambda ending: None)
    plan = made.engine.plan(query, None)
    return [answer async for answer in stream(made.engine, made.services, lease, plan, None)]


async def test_each_event_has_an_answer(clock: MovedClock) -> None:
    seen = await answers(clock, "subscription { numbers(to: 2) }")
    assert seen == [{"data": {"numbers": 0}}, {"data": {"numbers": 1}}]


@pytest.mark.parametrize(("field", "error"), [("refusing", NotFound), ("failing", RuntimeError)])
async def test_a_failure_of_the_source_is_raised(
    field: str, error: type[Exception], clock: MovedClock
) -> None:
    with pytest.raises(error):
        await answers(clock, f"subscription {{ {field} }}")


async def test_what_is_not_allowed_is_refused(clock: MovedClock) -> None:
    with pytest.raises(Refused):
        await answers(clock, "subscription { guarded { id } }")


async def test_a_slow_reader_ends_its_lease_and_holds_nothing(clock: MovedClock) -> None:
    made = door(clock, mailbox_limit=1)
    hub = made.services.hub
    endings: list[Ending] = []
    lease = Lease(clock, ANONYMOUS, endings.append)
    plan = made.engine.plan("subscription { made { id } }", None)
    async with aclosing(stream(made.engine, made.services, lease, plan, None)) as following:
        first = asyncio.ensure_future(anext(following))
        while not len(hub):
            await asyncio.to_thread(lambda: None)
        for number in range(4):
            hub.receive(Event(toy_schema.STREAM, str(number), "made"))
        with pytest.raises(Ended):
            await first
    assert endings == [Ending.SLOW]
    assert len(hub) == 0
