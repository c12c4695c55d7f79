"""Lists of incidents: what orders, pages and filters show, and what of them is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.incident_room.documents import (
    ASSIGN,
    EVERYTHING,
    LIST,
    POST,
    RESOLVE,
)
from tests.incident_room.filled_room import component, opened
from tests.support.clock import MovedClock
from tests.support.principals import Room
from watchword import encode_id


@pytest.mark.parametrize(
    ("filter", "path"),
    [
        ({"startedAfter": "0001-01-01T00:00:00+23:59"}, ["filter", "startedAfter"]),
        ({"startedBefore": "9999-12-31T23:59:59-23:59"}, ["filter", "startedBefore"]),
        ({"sourceId": "a\0"}, ["filter", "sourceId"]),
        ({"sourceId": "a" * 65}, ["filter", "sourceId"]),
        ({"components": [encode_id("Component", f"{n}") for n in range(101)]}, ["filter", "components"]),
        ({"components": ["x"]}, ["filter", "components", 0]),
    ],
)  # fmt: skip
async def test_a_filter_that_cannot_be_is_named(
    filter: dict[str, Any], path: list[Any], room: Room
) -> None:
    refusal = await room.refusal("anonymous", LIST, filter=filter)
    assert refusal.extensions == {"code": "BAD_USER_INPUT", "path": path}


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"first": 10**9}, "first"),
        ({"first": -1}, "first"),
        ({"last": 101}, "last"),
        ({"first": 1, "last": 1}, "last"),
        ({"after": "nonsense"}, "after"),
        ({"before": "W10"}, "before"),
        ({"after": "x" * 10_000}, "after"),
        ({"after": "🚒"}, "after"),
    ],
)
async def test_a_page_that_cannot_be_is_named(
    arguments: dict[str, Any], path: str, room: Room
) -> None:
    refusal = await room.refusal("anonymous", LIST, **arguments)
    assert refusal.extensions == {"code": "BAD_USER_INPUT", "path": [path]}


async def test_a_cursor_of_another_order_is_refused(room: Room) -> None:
    await opened(room)
    data = await room.data("anonymous", LIST, first=1)
    cursor = data["incidents"]["pageInfo"]["endCursor"]
    assert (
        await room.code("anonymous", LIST, orderBy="UPDATED_AT_ASC", after=cursor)
        == "BAD_USER_INPUT"
    )


@pytest.mark.parametrize("forward", [True, False])
async def test_paging_goes_through_everything_in_order(
    forward: bool, room: Room, clock: MovedClock
) -> None:
    names = [f"incident {number:02}" for number in range(23)]
    for number, name in enumerate(names):
        # Three incidents begin at the same moment each time: pages must not lose or repeat one.
        clock.move(60 if number % 3 == 0 else 0)
        await opened(room, name=name)
    seen: list[str] = []
    arguments: dict[str, Any] = {"first": 5} if forward else {"last": 5}
    while True:
        page = (await room.data("anonymous", LIST, orderBy="STARTED_AT_ASC", **arguments))[
            "incidents"
        ]
        found = [edge["node"]["name"] for edge in page["edges"]]
        seen = seen + found if forward else found + seen
        info = page["pageInfo"]
        if forward:
            if not info["hasNextPage"]:
                break
            arguments["after"] = info["endCursor"]
        else:
            if not info["hasPreviousPage"]:
                break
            arguments["before"] = info["startCursor"]
    assert sorted(seen) == names
    assert [each[:11] for each in seen][0] in names[:3]
    groups = [set(seen[at : at + 3]) for at in range(0, 21, 3)]
    assert groups == [set(names[at : at + 3]) for at in range(0, 21, 3)]


async def test_a_page_of_none_is_empty(room: Room) -> None:
    await opened(room)
    page = (await room.data("anonymous", LIST, first=0))["incidents"]
    assert (page["edges"], page["totalCount"]) == ([], 1)
    assert page["pageInfo"]["hasNextPage"] is True


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ({"open": True}, {"b", "c"}),
        ({"open": False}, {"a"}),
        ({"statuses": ["RESOLVED"]}, {"a"}),
        ({"impacts": ["CRITICAL", "NONE"]}, {"b"}),
        ({"statuses": []}, set()),
        ({"open": True, "impacts": ["MINOR"]}, {"c"}),
        ({"startedAfter": "2030-01-01T00:00:00Z"}, set()),
        ({"startedBefore": "2030-01-01T00:00:00+02:00"}, {"a", "b", "c"}),
    ],
)
async def test_a_filter_narrows_the_list_and_its_count(
    filter: dict[str, Any], names: set[str], room: Room
) -> None:
    first = await opened(room, name="a")
    await opened(room, name="b", impact="CRITICAL")
    await opened(room, name="c")
    await room.data("admin", RESOLVE, input={"incident": first})
    page = (await room.data("anonymous", LIST, filter=filter))["incidents"]
    assert {edge["node"]["name"] for edge in page["edges"]} == names
    assert page["totalCount"] == len(names)


async def test_a_filter_by_component(room: Room) -> None:
    part, other = await component(room, "Checkout"), await component(room, "Search")
    await opened(room, name="a", components=[part, other])
    await opened(room, name="b", components=[other])
    page = (await room.data("anonymous", LIST, filter={"components": [part]}))["incidents"]
    assert [edge["node"]["name"] for edge in page["edges"]] == ["a"]
    assert await room.code("anonymous", LIST, filter={"components": ["x"]}) == "BAD_USER_INPUT"


async def test_the_number_of_statements_does_not_grow_with_the_rows(
    room: Room, statements: list[str]
) -> None:
    parts = [await component(room, f"part {number}") for number in range(3)]
    member = encode_id("Member", room.principals["commander"].subject)
    for number in range(30):
        id = await opened(room, name=f"incident {number}", components=parts)
        await room.data("admin", ASSIGN, input={"incident": id, "member": member})
        for visibility in ("PUBLIC", "INTERNAL"):
            given = {"incident": id, "body": "x", "visibility": visibility}
            await room.data("responder", POST, input=given)
    counts = []
    for first in (2, 29):
        statements.clear()
        data = await room.data("admin", EVERYTHING, first=first)
        assert len(data["incidents"]["nodes"]) == first
        counts.append(len(statements))
    assert counts == [9, 9]
