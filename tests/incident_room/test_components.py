"""Components are registered, changed and listed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.incident_room.documents import REGISTER, SET_STATUS
from tests.support.clock import MovedClock
from tests.support.principals import SEES_INTERNAL, Room
from watchword import encode_id

KEEPERS = SEES_INTERNAL


async def registered(room: Room, **given: Any) -> Any:
    return (await room.data("responder", REGISTER, input=given))["registerComponent"]


async def test_who_may_keep_components(room: Room, name: str) -> None:
    part = await registered(room, name="Search")
    for query, given in (
        (REGISTER, {"name": "x"}),
        (SET_STATUS, {"component": part["id"], "status": "MAJOR_OUTAGE"}),
    ):
        if name in KEEPERS:
            await room.data(name, query, input=given)
        else:
            code = "UNAUTHENTICATED" if name == "anonymous" else "FORBIDDEN"
            assert await room.code(name, query, input=given) == code


async def test_everybody_sees_all_in_their_order(room: Room, name: str) -> None:
    await registered(room, name="Search", group="Shop", status="PARTIAL_OUTAGE")
    await registered(room, name="Reports")
    data = await room.data(name, "{ components { name group status position } }")
    assert [tuple(part.values()) for part in data["components"]] == [
        ("Search", "Shop", "PARTIAL_OUTAGE", 1),
        ("Reports", None, "OPERATIONAL", 2),
    ]
    data = await room.data(name, '{ components(group: "Shop") { name } }')
    assert data["components"] == [{"name": "Search"}]


async def test_an_older_version_is_a_conflict(room: Room) -> None:
    part = await registered(room, name="Search")
    given = {"component": part["id"], "version": 1}
    await room.data("admin", SET_STATUS, input=given | {"status": "MAJOR_OUTAGE"})
    assert (
        await room.code("admin", SET_STATUS, input=given | {"status": "OPERATIONAL"}) == "CONFLICT"
    )


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"component": "x", "status": "OPERATIONAL"}, "BAD_USER_INPUT"),
        ({"component": encode_id("Incident", "x"), "status": "OPERATIONAL"}, "BAD_USER_INPUT"),
        ({"component": encode_id("Component", "x"), "status": "OPERATIONAL"}, "NOT_FOUND"),
    ],
)
async def test_an_id_that_names_no_component_says_so(
    given: dict[str, Any], code: str, room: Room
) -> None:
    assert await room.code("admin", SET_STATUS, input=given) == code


@pytest.mark.parametrize(
    "given", [{"name": ""}, {"name": "x", "group": " "}, {"name": "x", "description": "\x00"}]
)
async def test_text_that_cannot_be_kept_is_named(given: dict[str, str], room: Room) -> None:
    refusal = await room.refusal("admin", REGISTER, input=given)
    assert refusal.extensions["path"] == ["input", list(given)[-1]]


async def test_a_component_remembers_when_its_status_changed_from_which(
    room: Room, clock: MovedClock
) -> None:
    made = await room.data("admin", REGISTER, input={"name": "API"})
    id = made["registerComponent"]["id"]
    for status in ("PARTIAL_OUTAGE", "PARTIAL_OUTAGE", "OPERATIONAL"):
        clock.move(60)
        await room.data("admin", SET_STATUS, input={"component": id, "status": status})
    query = "{ components { changes(first: 1) { totalCount nodes { oldStatus newStatus } pageInfo { hasNextPage } } } }"
    [component] = (await room.data("anonymous", query))["components"]
    assert component["changes"] == {
        "totalCount": 2,
        "nodes": [{"oldStatus": "PARTIAL_OUTAGE", "newStatus": "OPERATIONAL"}],
        "pageInfo": {"hasNextPage": True},
    }
