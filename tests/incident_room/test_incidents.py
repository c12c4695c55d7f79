"""Incidents: what each principal may open, read, change and resolve."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.incident_room.documents import (
    AFFECT,
    ASSIGN,
    CHANGE_IMPACT,
    CHANGE_STATUS,
    INCIDENT,
    LIST,
    NOTES,
    OPEN,
    PEOPLE,
    POST,
    RESOLVE,
)
from tests.incident_room.filled_room import component, opened
from tests.support.clock import MovedClock
from tests.support.principals import RESPONDS, SEES_INTERNAL, Room
from watchword import encode_id


async def test_an_incident_begins_with_its_first_update(room: Room) -> None:
    part = await component(room, "Checkout")
    data = await room.data(
        "responder",
        OPEN,
        input={
            "name": " Checkout fails 🚒 ",
            "impact": "MAJOR",
            "body": "Why?",
            "components": [part],
        },
    )
    made = data["openIncident"]
    assert made["name"] == "Checkout fails 🚒"
    assert (made["status"], made["impact"]) == ("INVESTIGATING", "MAJOR")
    assert made["components"] == [{"name": "Checkout"}]
    read = (await room.data("anonymous", INCIDENT, id=made["id"]))["incident"]
    assert read["updates"] == {
        "totalCount": 1,
        "nodes": [{"body": "Why?", "visibility": "PUBLIC"}],
    }


async def test_who_may_respond(room: Room, name: str) -> None:
    id = await opened(room)
    for query, given in (
        (OPEN, {"name": "x", "body": "y"}),
        (POST, {"incident": id, "body": "y"}),
        (CHANGE_STATUS, {"incident": id, "status": "IDENTIFIED"}),
        (CHANGE_IMPACT, {"incident": id, "impact": "CRITICAL"}),
        (AFFECT, {"incident": id, "components": []}),
    ):
        if name in RESPONDS:
            await room.data(name, query, input=given)
        else:
            refusal = await room.refusal(name, query, input=given)
            code = "UNAUTHENTICATED" if name == "anonymous" else "FORBIDDEN"
            assert refusal.extensions["code"] == code
            assert {"scope": "incidents:write"} in refusal.extensions["requires"]["allOf"]


async def test_who_may_lead(room: Room, name: str) -> None:
    id = await opened(room)
    member = encode_id("Member", room.principals["responder"].subject)
    given = {"incident": id, "member": member}
    if name in ("commander", "admin"):
        data = await room.data(name, ASSIGN, input=given)
        assert data["assignCommander"]["commander"] == {"name": "Responder"}
    else:
        code = "UNAUTHENTICATED" if name == "anonymous" else "FORBIDDEN"
        assert await room.code(name, ASSIGN, input=given) == code


RESOLVING = [
    (RESOLVE, {}),
    (CHANGE_STATUS, {"status": "RESOLVED"}),
    (POST, {"status": "RESOLVED", "body": "It is over."}),
]


@pytest.mark.parametrize(
    ("query", "rest"), RESOLVING, ids=["resolveIncident", "changeStatus", "postUpdate"]
)
async def test_one_rule_says_who_resolves_whichever_mutation_does_it(
    query: str, rest: dict[str, str], room: Room, name: str
) -> None:
    id = await opened(room)
    if name in ("commander", "admin"):
        await room.data(name, query, input={"incident": id} | rest)
    else:
        code = "UNAUTHENTICATED" if name == "anonymous" else "FORBIDDEN"
        assert await room.code(name, query, input={"incident": id} | rest) == code


@pytest.mark.parametrize(
    ("query", "rest"), RESOLVING, ids=["resolveIncident", "changeStatus", "postUpdate"]
)
async def test_the_commander_of_an_incident_resolves_it_by_every_mutation(
    query: str, rest: dict[str, str], room: Room
) -> None:
    id = await opened(room)
    member = encode_id("Member", room.principals["responder"].subject)
    await room.data("admin", ASSIGN, input={"incident": id, "member": member})
    await room.data("responder", query, input={"incident": id} | rest)


async def test_a_member_is_shown_only_to_who_sees_members_however_it_is_reached(
    room: Room, name: str
) -> None:
    id = await opened(room)
    member = encode_id("Member", room.principals["commander"].subject)
    await room.data("admin", ASSIGN, input={"incident": id, "member": member})
    incident = (await room.ask(name, PEOPLE, id=id)).data["incident"]
    [said] = incident["updates"]["nodes"]
    if name in SEES_INTERNAL:
        assert incident["commander"] == {"name": "Commander", "roles": ["COMMANDER"]}
        assert said["author"] == {"name": "Responder", "roles": ["RESPONDER"]}
    else:
        assert incident["commander"] is None
        assert said["author"] is None


async def test_the_commander_of_this_incident_leads_it_and_no_other(room: Room) -> None:
    mine, other = await opened(room), await opened(room)
    member = encode_id("Member", room.principals["responder"].subject)
    await room.data("admin", ASSIGN, input={"incident": mine, "member": member})
    assert await room.code("responder", RESOLVE, input={"incident": other}) == "FORBIDDEN"
    data = await room.data("responder", RESOLVE, input={"incident": mine, "body": "Done."})
    assert data["resolveIncident"]["status"] == "RESOLVED"


async def test_internal_updates_do_not_exist_for_who_may_not_see_them(
    room: Room, name: str
) -> None:
    id = await opened(room)
    said = await room.data(
        "responder", POST, input={"incident": id, "body": "secret", "visibility": "INTERNAL"}
    )
    may_see = name in SEES_INTERNAL
    updates = (await room.data(name, INCIDENT, id=id))["incident"]["updates"]
    assert updates["totalCount"] == (2 if may_see else 1)
    assert ("secret" in str(updates)) is may_see
    node = await room.ask(
        name, "query N($id: ID!) { node(id: $id) { id } }", id=said["postUpdate"]["id"]
    )
    assert (node.data["node"] is not None) is may_see
    notes = await room.ask(name, NOTES, id=id)
    assert notes.data["incident"]["name"] == "Checkout fails"
    assert notes.data["incident"]["internalNotes"] == ([{"body": "secret"}] if may_see else None)
    assert may_see or notes.errors[0].original_error.extensions["requires"]


async def test_who_may_not_see_internal_updates_may_not_post_them(room: Room) -> None:
    id = await opened(room)
    given = {"incident": id, "body": "x", "visibility": "INTERNAL"}
    assert await room.code("narrow", POST, input=given) == "FORBIDDEN"


async def test_an_internal_update_does_not_show_in_the_incidents_times(
    room: Room, clock: MovedClock
) -> None:
    id = await opened(room)
    query = "query U($id: ID!) { incident(id: $id) { updatedAt } }"
    before = await room.data("anonymous", query, id=id)
    clock.move(60)
    given = {"incident": id, "body": "x"}
    await room.data("responder", POST, input=given | {"visibility": "INTERNAL"})
    assert await room.data("anonymous", query, id=id) == before
    await room.data("responder", POST, input=given)
    assert await room.data("anonymous", query, id=id) != before


async def test_status_follows_the_table_and_times_follow_status(
    room: Room, clock: MovedClock
) -> None:
    id = await opened(room)
    clock.move(60)
    data = await room.data(
        "responder", CHANGE_STATUS, input={"incident": id, "status": "MONITORING"}
    )
    assert data["changeStatus"]["monitoringAt"] == "2027-01-15T08:01:00+00:00"
    data = await room.data("commander", CHANGE_STATUS, input={"incident": id, "status": "RESOLVED"})
    assert data["changeStatus"]["resolvedAt"]
    refusal = await room.refusal(
        "responder", CHANGE_STATUS, input={"incident": id, "status": "VERIFYING"}
    )
    assert refusal.extensions["code"] == "BAD_USER_INPUT"
    assert refusal.extensions["allowed"] == [
        "INVESTIGATING",
        "IDENTIFIED",
        "MONITORING",
        "POSTMORTEM",
    ]
    data = await room.data(
        "responder", CHANGE_STATUS, input={"incident": id, "status": "INVESTIGATING"}
    )
    assert data["changeStatus"]["resolvedAt"] is None


async def test_maintenance_is_scheduled_and_completed(room: Room) -> None:
    id = await opened(room, impact="MAINTENANCE")
    read = (await room.data("anonymous", INCIDENT, id=id))["incident"]
    assert read["status"] == "SCHEDULED"
    data = await room.data("admin", RESOLVE, input={"incident": id})
    assert data["resolveIncident"]["status"] == "COMPLETED"
    code = await room.code(
        "responder",
        OPEN,
        input={"name": "x", "body": "y", "status": "SCHEDULED", "impact": "MINOR"},
    )
    assert code == "BAD_USER_INPUT"


async def test_an_update_may_carry_a_status(room: Room) -> None:
    id = await opened(room)
    data = await room.data(
        "responder", POST, input={"incident": id, "body": "Found it.", "status": "IDENTIFIED"}
    )
    assert data["postUpdate"]["status"] == "IDENTIFIED"
    given = {"incident": id, "body": "x", "status": "MONITORING", "visibility": "INTERNAL"}
    assert await room.code("responder", POST, input=given) == "BAD_USER_INPUT"


async def test_who_saw_an_older_version_is_told_of_the_conflict(room: Room) -> None:
    id = await opened(room)
    await room.data(
        "responder", CHANGE_IMPACT, input={"incident": id, "impact": "MAJOR", "version": 1}
    )
    given = {"incident": id, "version": 1}
    for query, rest in (
        (CHANGE_IMPACT, {"impact": "CRITICAL"}),
        (CHANGE_STATUS, {"status": "IDENTIFIED"}),
        (AFFECT, {"components": []}),
        (POST, {"body": "x"}),
    ):
        assert await room.code("responder", query, input=given | rest) == "CONFLICT"
    for query in (ASSIGN, RESOLVE):
        assert await room.code("admin", query, input=given) == "CONFLICT"
    read = (await room.data("anonymous", INCIDENT, id=id))["incident"]
    assert (read["impact"], read["version"]) == ("MAJOR", 2)


async def test_writers_that_race_with_the_same_version_lose_no_update(room: Room) -> None:
    id = await opened(room)
    impacts = ["NONE", "MAJOR", "CRITICAL", "MAINTENANCE"]
    results = await asyncio.gather(
        *(
            room.ask(
                "responder", CHANGE_IMPACT, input={"incident": id, "impact": impact, "version": 1}
            )
            for impact in impacts
        )
    )
    won = [result.data["changeImpact"] for result in results if not result.errors]
    codes = {result.errors[0].original_error.code for result in results if result.errors}
    assert len(won) == 1
    assert codes == {"CONFLICT"}
    read = (await room.data("anonymous", INCIDENT, id=id))["incident"]
    assert (read["impact"], read["version"]) == (won[0]["impact"], 2)


async def test_every_writer_of_a_race_is_counted_or_told(room: Room) -> None:
    id = await opened(room)
    results = await asyncio.gather(
        *(
            room.ask("responder", CHANGE_STATUS, input={"incident": id, "status": status})
            for status in ["IDENTIFIED", "MONITORING"] * 4
        )
    )
    won = [result.data["changeStatus"]["version"] for result in results if not result.errors]
    read = (await room.data("anonymous", INCIDENT, id=id))["incident"]
    assert read["version"] == 1 + len(won)
    assert sorted(won) == list(range(2, 2 + len(won)))


async def test_many_updates_at_once_all_arrive(room: Room) -> None:
    id = await opened(room)
    bodies = [f"update {number}" for number in range(10)]
    await asyncio.gather(
        *(room.data("responder", POST, input={"incident": id, "body": body}) for body in bodies)
    )
    query = "query U($id: ID!) { incident(id: $id) { updates(first: 50) { totalCount nodes { body } } } }"
    updates = (await room.data("anonymous", query, id=id))["incident"]["updates"]
    assert {node["body"] for node in updates["nodes"]} == {*bodies, "We are looking."}


async def test_one_document_may_hold_several_mutations_and_reads_what_they_wrote(
    room: Room,
) -> None:
    id = await opened(room)
    query = """mutation M($id: ID!) {
      a: changeStatus(input: {incident: $id, status: IDENTIFIED}) { version updates { totalCount } }
      b: postUpdate(input: {incident: $id, body: "x"}) { incident { status updates { totalCount } } }
    }"""
    data = await room.data("responder", query, id=id)
    assert data["a"] == {"version": 2, "updates": {"totalCount": 1}}
    assert data["b"] == {"incident": {"status": "IDENTIFIED", "updates": {"totalCount": 2}}}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": " "}, ["input", "name"]),
        ({"name": "x" * 256}, ["input", "name"]),
        ({"name": "a\x00b"}, ["input", "name"]),
        ({"body": ""}, ["input", "body"]),
        ({"body": "x" * 25_001}, ["input", "body"]),
        ({"components": ["nonsense"]}, ["input", "components", 0]),
        ({"components": [encode_id("Incident", "x")]}, ["input", "components", 0]),
        ({"components": [encode_id("Component", "unknown")]}, ["input", "components", 0]),
        ({"components": [encode_id("Component", "x")] * 101}, ["input", "components"]),
        ({"startedAt": "0001-01-01T00:00:00+23:59"}, ["input", "startedAt"]),
        ({"startedAt": "9999-12-31T23:59:59-23:59"}, ["input", "startedAt"]),
    ],
)
async def test_bad_input_is_named_and_nothing_is_written(
    changes: dict[str, Any], path: list[Any], room: Room
) -> None:
    given = {"name": "x", "body": "y"} | changes
    refusal = await room.refusal("responder", OPEN, input=given)
    assert (refusal.extensions["code"], refusal.extensions["path"]) == ("BAD_USER_INPUT", path)
    assert (await room.data("anonymous", LIST))["incidents"]["totalCount"] == 0
    assert room.events == []


@pytest.mark.parametrize(
    ("id", "code"),
    [
        ("", "BAD_USER_INPUT"),
        ("nonsense", "BAD_USER_INPUT"),
        ("🚒", "BAD_USER_INPUT"),
        ("x" * 5000, "BAD_USER_INPUT"),
        (encode_id("Component", "x"), "BAD_USER_INPUT"),
        (encode_id("Incident", "unknown"), "NOT_FOUND"),
        (encode_id("Incident", "é" * 10), "NOT_FOUND"),
    ],
)
async def test_an_id_that_names_no_incident_says_so(id: str, code: str, room: Room) -> None:
    assert await room.code("anonymous", INCIDENT, id=id) == code
    assert await room.code("responder", POST, input={"incident": id, "body": "x"}) == code
