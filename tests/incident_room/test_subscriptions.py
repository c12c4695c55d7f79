"""Subscriptions to incidents and components: each principal receives only what it may see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from incident_room import schema
from incident_room.topics import INCIDENTS
from tests.incident_room.documents import (
    ASSIGN,
    CHANGE_IMPACT,
    CHANGE_STATUS,
    POST,
    REGISTER,
    RESOLVE,
    SET_STATUS,
)
from tests.incident_room.test_incidents import opened
from tests.support.outlet import Kept, Noted
from tests.support.principals import SEES_INTERNAL, Room
from tests.support.toy_server import until
from watchword import Event, decode_id, encode_id
from watchword.delivery.groups import Groups
from watchword.delivery.lease import Lease
from watchword.delivery.run import Operation
from watchword.delivery.states import Alone, Offered
from watchword.delivery.subscription import Subscription
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.transaction import transaction

ONE = """subscription One($id: ID!) {
  incidentUpdated(incidentId: $id) { kind incident { status version } update { body visibility } }
}"""
ALL = """subscription All($filter: IncidentFilter) {
  incidentsChanged(filter: $filter) { kind incident { name } update { body } }
}"""
PARTS = "subscription { componentStatusChanged { name status } }"
FIELDS = "{ kind incident { name status } update { body } }"
LAST = f"subscription Last($id: ID!) {{ incidentUpdated(incidentId: $id, last: 3) {FIELDS} }}"
ONE_NOW = (
    f"subscription Now($id: ID!) {{ incidentUpdated(incidentId: $id, present: true) {FIELDS} }}"
)
ALL_NOW = f"subscription {{ incidentsChanged(present: true) {FIELDS} }}"
PARTS_NOW = "subscription { componentStatusChanged(present: true) { name status } }"
HIDE = """mutation Hide($input: ChangeVisibilityInput!) {
  changeVisibility(input: $input) { visibility }
}"""
ENGINE = Engine(schema, Limits(1000, 20, 20, 1000), 10)


@asynccontextmanager
async def following(
    room: Room, name: str, query: str, **variables: Any
) -> AsyncIterator[AsyncIterator[Any]]:
    lease = Lease(room.services.clock, room.principals[name], Noted())
    outlet = Kept()
    operation = Operation(ENGINE.plan(query, None), variables)
    subscription = Subscription(Groups(ENGINE, room.services), lease, operation, outlet)
    subscription.start()
    await until(lambda: outlet.is_complete or subscription.idle_at is not None)

    async def read() -> AsyncIterator[Any]:
        count = 0
        while True:
            count += 1
            await outlet.until(count)
            assert not outlet.errors, outlet.errors
            answer = outlet.seen[count - 1]
            assert "errors" not in answer, answer
            yield next(iter(answer["data"].values()))

    yield read()
    state = subscription.state
    subscription.stop()
    if isinstance(state, Alone | Offered):
        # Close the subscription before the database: it may hold a connection.
        await state.run.stopped()


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


@pytest.mark.parametrize("name", ["anonymous", "responder"])
async def test_a_kind_that_only_the_next_release_knows_is_passed_over(
    room: Room, name: str
) -> None:
    """During a rolling upgrade a server of the next release may publish it."""
    services, id = room.services, await opened(room)
    key = decode_id(id, "Incident", ["id"])
    async with following(room, name, ONE, id=id) as one, following(room, name, ALL) as all:
        async with transaction(services.database, services.bus, services.clock.now()) as unit:
            unit.publish(Event(INCIDENTS, key, "LATER", {"visibility": "PUBLIC", "later": 1}))
        await room.data("responder", POST, input={"incident": id, "body": "next"})
        assert [(await anext(heard))["update"]["body"] for heard in (one, all)] == ["next"] * 2


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
    lease = Lease(room.services.clock, room.principals["anonymous"], Noted())
    outlet = Kept()
    operation = Operation(ENGINE.plan(ONE, None), {"id": id})
    Subscription(Groups(ENGINE, room.services), lease, operation, outlet).start()
    await outlet.until(1)
    assert outlet.errors[0]["extensions"]["code"] == code


async def test_an_update_that_was_hidden_since_does_not_arrive(room: Room, name: str) -> None:
    id = await opened(room)
    said = await room.data("responder", POST, input={"incident": id, "body": "oops"})
    hide = {"update": said["postUpdate"]["id"], "visibility": "INTERNAL"}
    assert await room.data("responder", HIDE, input=hide)
    await room.data("responder", POST, input={"incident": id, "body": "fine"})
    async with following(room, name, LAST, id=id) as heard:
        events = [await anext(heard) for _ in range(3 if name in SEES_INTERNAL else 2)]
    seen = [(event["kind"], (event["update"] or {}).get("body")) for event in events]
    if name in SEES_INTERNAL:
        assert seen == [
            ("UPDATE_POSTED", "oops"), ("VISIBILITY_CHANGED", "oops"), ("UPDATE_POSTED", "fine"),
        ]  # fmt: skip
    else:
        assert seen == [
            ("VISIBILITY_CHANGED", None), ("UPDATE_POSTED", "fine"),
        ]  # fmt: skip


async def test_only_who_sees_internal_updates_may_hide_one(room: Room, name: str) -> None:
    id = await opened(room)
    said = await room.data("responder", POST, input={"incident": id, "body": "oops"})
    result = await room.ask(
        name, HIDE, input={"update": said["postUpdate"]["id"], "visibility": "INTERNAL"}
    )
    assert (result.errors is None) == (name in SEES_INTERNAL)


async def test_the_present_state_comes_first(room: Room) -> None:
    first, second = await opened(room, name="first"), await opened(room, name="second")
    async with following(room, "anonymous", ALL_NOW) as heard:
        events = [await anext(heard) for _ in range(2)]
        assert [event["kind"] for event in events] == ["PRESENT", "PRESENT"]
        assert {event["incident"]["name"] for event in events} == {"first", "second"}
        await room.data("responder", POST, input={"incident": first, "body": "one"})
        assert (await anext(heard))["update"]["body"] == "one"
    async with following(room, "anonymous", ONE_NOW, id=second) as heard:
        event = await anext(heard)
        assert (event["kind"], event["update"]) == ("PRESENT", None)
        assert event["incident"]["status"] == "INVESTIGATING"
    await room.data("responder", REGISTER, input={"name": "Search"})
    async with following(room, "anonymous", PARTS_NOW) as heard:
        assert await anext(heard) == {"name": "Search", "status": "OPERATIONAL"}
