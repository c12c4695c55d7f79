"""Subscriptions to incidents and components: each principal receives only what it may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from incident_room.topics import INCIDENTS
from tests.incident_room.documents import (
    ASSIGN,
    CHANGE_IMPACT,
    CHANGE_STATUS,
    OPEN,
    POST,
    REGISTER,
    RESOLVE,
    SET_STATUS,
)
from tests.support.mounted_room import (  # noqa: F401
    watchword_app,
    watchword_database_url,
    watchword_settings,
)
from tests.support.principals import ROLES, SEES_INTERNAL
from watchword import Event, decode_id, encode_id
from watchword.testing import App, Caller, Subscription

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
READ, WRITE = "incidents:read", "incidents:write"
Callers = Mapping[str, Caller]


@pytest.fixture
def callers(watchword: App) -> Callers:
    """A caller for each of `NAMES`."""
    return {
        "anonymous": watchword.anonymous,
        "machine": watchword.as_user(scopes=[READ]),
        "narrow": watchword.as_user(roles=["responder"], scopes=[READ, WRITE]),
        **{role: watchword.as_user(roles=[role]) for role in ROLES},
    }


@pytest.fixture
def responder(callers: Callers) -> Caller:
    return callers["responder"]


async def opened(responder: Caller, **changes: Any) -> str:
    given = {"name": "Checkout fails", "body": "We are looking."} | changes
    return str((await responder.mutate(OPEN, input=given))["openIncident"]["id"])


async def heard(following: Subscription) -> Any:
    """Return what the next answer says."""
    [said] = (await following.next()).values()
    return said


async def test_every_change_arrives_in_order_as_it_was(callers: Callers, responder: Caller) -> None:
    id = await opened(responder)
    member = encode_id("Member", callers["commander"].id)
    async with callers["anonymous"].subscribe(ONE, id=id) as events:
        await responder.mutate(POST, input={"incident": id, "body": "one"})
        await responder.mutate(CHANGE_STATUS, input={"incident": id, "status": "IDENTIFIED"})
        await responder.mutate(CHANGE_IMPACT, input={"incident": id, "impact": "CRITICAL"})
        await callers["admin"].mutate(ASSIGN, input={"incident": id, "member": member})
        await callers["admin"].mutate(RESOLVE, input={"incident": id, "body": "done"})
        seen = [await heard(events) for _ in range(5)]
        await events.quiet()
    assert [event["kind"] for event in seen] == [
        "UPDATE_POSTED", "STATUS_CHANGED", "IMPACT_CHANGED", "COMMANDER_ASSIGNED", "RESOLVED",
    ]  # fmt: skip
    assert seen[0]["update"] == {"body": "one", "visibility": "PUBLIC"}
    assert seen[1]["update"] is None
    assert seen[4]["update"]["body"] == "done"
    assert seen[4]["incident"]["status"] == "RESOLVED"


async def test_an_internal_update_reaches_only_who_may_see_it(
    callers: Callers, responder: Caller, name: str
) -> None:
    id = await opened(responder)
    async with callers[name].subscribe(ONE, id=id) as events:
        given = {"incident": id, "body": "secret", "visibility": "INTERNAL"}
        await responder.mutate(POST, input=given)
        await responder.mutate(POST, input={"incident": id, "body": "public"})
        bodies = ["secret", "public"] if name in SEES_INTERNAL else ["public"]
        assert [(await heard(events))["update"]["body"] for _ in bodies] == bodies
        await events.quiet()


@pytest.mark.parametrize("name", ["anonymous", "responder"])
async def test_a_kind_that_only_the_next_release_knows_is_passed_over(
    watchword: App, callers: Callers, responder: Caller, name: str
) -> None:
    """During a rolling upgrade a server of the next release may publish it."""
    id = await opened(responder)
    key = decode_id(id, "Incident", ["id"])
    async with callers[name].subscribe(ONE, id=id) as one, callers[name].subscribe(ALL) as all:
        watchword.publish(Event(INCIDENTS, key, "LATER", {"visibility": "PUBLIC", "later": 1}))
        await responder.mutate(POST, input={"incident": id, "body": "next"})
        for events in (one, all):
            assert (await heard(events))["update"]["body"] == "next"
            await events.quiet()


async def test_one_incident_is_followed_and_no_other(callers: Callers, responder: Caller) -> None:
    mine, other = await opened(responder), await opened(responder)
    async with callers["anonymous"].subscribe(ONE, id=mine) as events:
        await responder.mutate(POST, input={"incident": other, "body": "other"})
        await responder.mutate(POST, input={"incident": mine, "body": "mine"})
        assert (await heard(events))["update"]["body"] == "mine"
        await events.quiet()


async def test_what_fits_the_filter_is_heard(callers: Callers, responder: Caller) -> None:
    async with callers["anonymous"].subscribe(ALL, filter={"impacts": ["CRITICAL"]}) as events:
        await opened(responder, name="small")
        await opened(responder, name="big", impact="CRITICAL")
        event = await heard(events)
        assert (event["kind"], event["incident"]["name"]) == ("OPENED", "big")
        await events.quiet()


async def test_without_a_filter_everything_is_heard(callers: Callers, responder: Caller) -> None:
    async with callers["viewer"].subscribe(ALL) as events:
        await opened(responder, name="small")
        assert (await heard(events))["update"]["body"] == "We are looking."


async def test_a_mutation_that_fails_is_not_heard(callers: Callers, responder: Caller) -> None:
    id = await opened(responder)
    async with callers["anonymous"].subscribe(ONE, id=id) as events:
        await responder.refusal(POST, input={"incident": id, "body": " "})
        await responder.refusal(CHANGE_STATUS, input={"incident": id, "status": "VERIFYING"})
        await responder.mutate(CHANGE_IMPACT, input={"incident": id, "impact": "MINOR"})
        await responder.mutate(POST, input={"incident": id, "body": "one"})
        assert (await heard(events))["update"]["body"] == "one"


async def test_components_are_heard_when_their_status_changes(
    callers: Callers, responder: Caller
) -> None:
    async with callers["anonymous"].subscribe(PARTS) as events:
        made = await responder.mutate(REGISTER, input={"name": "Search"})
        id = made["registerComponent"]["id"]
        assert await heard(events) == {"name": "Search", "status": "OPERATIONAL"}
        for status in ("OPERATIONAL", "MAJOR_OUTAGE"):
            await responder.mutate(SET_STATUS, input={"component": id, "status": status})
        assert await heard(events) == {"name": "Search", "status": "MAJOR_OUTAGE"}
        await events.quiet()


@pytest.mark.parametrize(
    ("id", "code"),
    [
        ("x", "BAD_USER_INPUT"),
        (encode_id("Component", "x"), "BAD_USER_INPUT"),
        (encode_id("Incident", "x"), "NOT_FOUND"),
    ],
)
async def test_what_is_no_incident_cannot_be_followed(id: str, code: str, watchword: App) -> None:
    async with watchword.anonymous.subscribe(ONE, id=id) as events:
        assert (await events.refused()).code == code


async def test_an_update_that_was_hidden_since_does_not_arrive(
    callers: Callers, responder: Caller, name: str
) -> None:
    id = await opened(responder)
    said = await responder.mutate(POST, input={"incident": id, "body": "oops"})
    hide = {"update": said["postUpdate"]["id"], "visibility": "INTERNAL"}
    assert await responder.mutate(HIDE, input=hide)
    await responder.mutate(POST, input={"incident": id, "body": "fine"})
    async with callers[name].subscribe(LAST, id=id) as events:
        said = [await heard(events) for _ in range(3 if name in SEES_INTERNAL else 2)]
        await events.quiet()
    seen = [(event["kind"], (event["update"] or {}).get("body")) for event in said]
    if name in SEES_INTERNAL:
        assert seen == [
            ("UPDATE_POSTED", "oops"), ("VISIBILITY_CHANGED", "oops"), ("UPDATE_POSTED", "fine"),
        ]  # fmt: skip
    else:
        assert seen == [
            ("VISIBILITY_CHANGED", None), ("UPDATE_POSTED", "fine"),
        ]  # fmt: skip


async def test_only_who_sees_internal_updates_may_hide_one(
    callers: Callers, responder: Caller, name: str
) -> None:
    id = await opened(responder)
    said = await responder.mutate(POST, input={"incident": id, "body": "oops"})
    hide = {"update": said["postUpdate"]["id"], "visibility": "INTERNAL"}
    answer = await callers[name].ask(HIDE, input=hide)
    assert (not answer.problems) == (name in SEES_INTERNAL)


async def test_the_present_state_comes_first(callers: Callers, responder: Caller) -> None:
    first, second = await opened(responder, name="first"), await opened(responder, name="second")
    async with callers["anonymous"].subscribe(ALL_NOW) as events:
        now = [await heard(events) for _ in range(2)]
        assert [event["kind"] for event in now] == ["PRESENT", "PRESENT"]
        assert {event["incident"]["name"] for event in now} == {"first", "second"}
        await responder.mutate(POST, input={"incident": first, "body": "one"})
        assert (await heard(events))["update"]["body"] == "one"
    async with callers["anonymous"].subscribe(ONE_NOW, id=second) as events:
        event = await heard(events)
        assert (event["kind"], event["update"]) == ("PRESENT", None)
        assert event["incident"]["status"] == "INVESTIGATING"
    await responder.mutate(REGISTER, input={"name": "Search"})
    async with callers["anonymous"].subscribe(PARTS_NOW) as events:
        assert await heard(events) == {"name": "Search", "status": "OPERATIONAL"}
