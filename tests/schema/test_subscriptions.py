"""Incidents and components, live: each principal hears what it may hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from graph import encode_id
from graph.delivery.lease import Lease
from graph.delivery.stream import stream
from graph.execution.engine import Engine
from graph.execution.limits import Limits
from graph.execution.plan import Refused
from schema import schema
from tests.schema.documents import (
    ASSIGN,
    CHANGE_IMPACT,
    CHANGE_STATUS,
    POST,
    REGISTER,
    RESOLVE,
    SET_STATUS,
)
from tests.schema.test_incidents import opened
from tests.support.principals import SEES_INTERNAL, Room

ONE = """subscription One($id: ID!) {
  incidentUpdated(incidentId: $id) { kind incident { status version } update { body visibility } }
}"""
ALL = """subscription All($filter: IncidentFilter) {
  incidentsChanged(filter: $filter) { kind incident { name } update { body } }
}"""
PARTS = "subscription { componentStatusChanged { name status } }"
ENGINE = Engine(schema, Limits(1000, 20, 20, 1000), 10)


@asynccontextmanager
async def following(
    room: Room, name: str, query: str, **variables: Any
) -> AsyncIterator[AsyncIterator[Any]]:
    lease = Lease(room.services.clock, room.principals[name], lambda ending: None)
    answers = stream(ENGINE, room.services, lease, ENGINE.plan(query, None), variables)
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def pump() -> None:
        async for answer in answers:
            queue.put_nowait(answer)

    task = asyncio.create_task(pump())
    before = len(room.services.hub)
    while len(room.services.hub) == before:
        if task.done():
            task.result()
        await asyncio.to_thread(lambda: None)

    async def read() -> AsyncIterator[Any]:
        while True:
            answer = await asyncio.wait_for(queue.get(), 10)
            assert "errors" not in answer, answer
            yield next(iter(answer["data"].values()))

    yield read()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_every_change_arrives_in_order_as_it_was(room: Room) -> None:
    id = await opened(room)
    member = encode_id("Member", room.principals["commander"].subject)
    async with following(room, "anonymous", ONE, id=id) as heard:
        await room.data("responder", POST, input={"incident": id, "body": "one"})
        await room.data("responder", CHANGE_STATUS, input={"incident": id, "status": "IDENTIFIED"})
        await room.data("responder", CHANGE_IMPACT, input={"incident": id, "impact": "CRITICAL"})
        await room.data("admin", ASSIGN, input={"incident": id, "member": member})
        await room.data("admin", RESOLVE, input={"incident": id, "body": "done"})
        events = [await anext(heard) for _ in range(5)]
    assert [event["kind"] for event in events] == [
        "UPDATE_POSTED", "STATUS_CHANGED", "IMPACT_CHANGED", "COMMANDER_ASSIGNED", "RESOLVED",
    ]  # fmt: skip
    assert events[0]["update"] == {"body": "one", "visibility": "PUBLIC"}
    assert events[1]["update"] is None
    assert events[4]["update"]["body"] == "done"
    assert events[4]["incident"]["status"] == "RESOLVED"


async def test_an_internal_update_reaches_only_who_may_see_it(room: Room, name: str) -> None:
    id = await opened(room)
    async with following(room, name, ONE, id=id) as heard:
        given = {"incident": id, "body": "secret", "visibility": "INTERNAL"}
        await room.data("responder", POST, input=given)
        await room.data("responder", POST, input={"incident": id, "body": "public"})
        first = await anext(heard)
    assert first["update"]["body"] == ("secret" if name in SEES_INTERNAL else "public")


async def test_one_incident_is_followed_and_no_other(room: Room) -> None:
    mine, other = await opened(room), await opened(room)
    async with following(room, "anonymous", ONE, id=mine) as heard:
        await room.data("responder", POST, input={"incident": other, "body": "other"})
        await room.data("responder", POST, input={"incident": mine, "body": "mine"})
        assert (await anext(heard))["update"]["body"] == "mine"


async def test_what_fits_the_filter_is_heard(room: Room) -> None:
    async with following(room, "anonymous", ALL, filter={"impacts": ["CRITICAL"]}) as heard:
        await opened(room, name="small")
        await opened(room, name="big", impact="CRITICAL")
        event = await anext(heard)
    assert (event["kind"], event["incident"]["name"]) == ("OPENED", "big")


async def test_without_a_filter_everything_is_heard(room: Room) -> None:
    async with following(room, "viewer", ALL) as heard:
        await opened(room, name="small")
        assert (await anext(heard))["update"]["body"] == "We are looking."


async def test_a_mutation_that_fails_is_not_heard(room: Room) -> None:
    id = await opened(room)
    async with following(room, "anonymous", ONE, id=id) as heard:
        await room.code("responder", POST, input={"incident": id, "body": " "})
        await room.code("responder", CHANGE_STATUS, input={"incident": id, "status": "VERIFYING"})
        await room.data("responder", CHANGE_IMPACT, input={"incident": id, "impact": "MINOR"})
        await room.data("responder", POST, input={"incident": id, "body": "one"})
        assert (await anext(heard))["update"]["body"] == "one"


async def test_components_are_heard_when_their_status_changes(room: Room) -> None:
    async with following(room, "anonymous", PARTS) as heard:
        made = await room.data("responder", REGISTER, input={"name": "Search"})
        id = made["registerComponent"]["id"]
        assert await anext(heard) == {"name": "Search", "status": "OPERATIONAL"}
        for status in ("OPERATIONAL", "MAJOR_OUTAGE"):
            await room.data("responder", SET_STATUS, input={"component": id, "status": status})
        assert await anext(heard) == {"name": "Search", "status": "MAJOR_OUTAGE"}


@pytest.mark.parametrize(
    ("id", "code"),
    [
        ("x", "BAD_USER_INPUT"),
        (encode_id("Component", "x"), "BAD_USER_INPUT"),
        (encode_id("Incident", "x"), "NOT_FOUND"),
    ],
)
async def test_what_is_no_incident_cannot_be_followed(id: str, code: str, room: Room) -> None:
    lease = Lease(room.services.clock, room.principals["anonymous"], lambda ending: None)
    answers = stream(ENGINE, room.services, lease, ENGINE.plan(ONE, None), {"id": id})
    with pytest.raises(Exception) as refused:  # noqa: PT011 - refused at once, or by its source
        await anext(answers)
    error = refused.value
    if isinstance(error, Refused):
        error = error.errors[0].original_error or error
    assert getattr(error, "code", None) == code
