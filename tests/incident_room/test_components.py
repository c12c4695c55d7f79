"""Components are registered, changed and listed."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from incident_room import schema
from incident_room.components import store
from incident_room.pages import documents
from tests.incident_room.documents import REGISTER, SET_STATUS
from tests.support.clock import MovedClock
from tests.support.principals import SEES_INTERNAL, Room
from watchword import encode_id
from watchword.config.settings import Settings
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.plan import Refused

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


def test_what_asks_for_very_many_histories_costs_too_much() -> None:
    engine = Engine(schema, Limits.of(Settings(_env_file=None)), 100)
    asked = " ".join(f"a{days}: history(days: {days}) {{ uptime }}" for days in range(1, 46))
    with pytest.raises(Refused, match="costs"):
        engine.plan(f"{{ components {{ {asked} }} }}", None)
    page = engine.plan(documents.PAGE, None)
    limit = Settings(_env_file=None).max_cost
    assert engine.planner.cost(page, {"since": "2026-01-01T00:00:00Z", "zone": "UTC"}) < limit / 2


async def test_others_get_turns_while_many_histories_are_made(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        await registered(room, name=f"Part {number}")
    make, made, seen = store._history, list[Any](), [0]
    monkeypatch.setattr(store, "_history", lambda *given: made.append(given) or make(*given))

    async def others() -> None:
        while True:
            seen.append(len(made))
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await room.data(
        "anonymous", "{ components { a: history { uptime } b: history(days: 1) { uptime } } }"
    )
    task.cancel()
    assert len(made) == 24
    assert (
        max(after - before for before, after in pairwise([*seen, len(made)]))
        <= store.HISTORIES_AT_ONCE
    )
