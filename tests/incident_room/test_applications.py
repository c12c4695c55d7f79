"""A third party's application may do in the incident room what its person allowed it, and no more than the person."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from incident_room import domain
from incident_room.scopes import (
    INCIDENTS_COMMAND,
    INCIDENTS_INTERNAL,
    INCIDENTS_WRITE,
    MEMBERS_READ,
)
from tests.incident_room.documents import (
    AFFECT,
    ASSIGN,
    CHANGE_IMPACT,
    CHANGE_STATUS,
    NOTES,
    OPEN,
    POST,
    REGISTER,
    RESOLVE,
    SET_ROLES,
)
from tests.support.principals import Room
from watchword import Grants, Principal, encode_id

MEMBERS = "{ members { nodes { name email } } }"
AUDIT = "{ auditLog(first: 1) { nodes { action } } }"


def allow(room: Room, role: str, scopes: Iterable[str] | None = None) -> None:
    """Return the principal of an application that acts for a person of this role, with some or all scopes."""
    own = domain.roles[role]
    grants = Grants(scopes=own & frozenset(own if scopes is None else scopes), is_delegated=True)
    person = room.principals[role].subject
    room.principals["app"] = Principal(person, grants, client="client_app", session="s")


async def opened(room: Room) -> str:
    data = await room.data("responder", OPEN, input={"name": "Checkout fails", "body": "Why?"})
    return str(data["openIncident"]["id"])


async def test_an_application_does_what_its_person_allowed_it(room: Room) -> None:
    id = await opened(room)
    allow(room, "responder")
    for query, given in (
        (OPEN, {"name": "x", "body": "y"}),
        (POST, {"incident": id, "body": "y", "visibility": "INTERNAL"}),
        (CHANGE_STATUS, {"incident": id, "status": "IDENTIFIED"}),
        (CHANGE_IMPACT, {"incident": id, "impact": "CRITICAL"}),
        (AFFECT, {"incident": id, "components": []}),
        (REGISTER, {"name": "Checkout"}),
    ):
        await room.data("app", query, input=given)
    notes = (await room.data("app", NOTES, id=id))["incident"]["internalNotes"]
    assert [note["body"] for note in notes] == ["y"]


@pytest.mark.parametrize(
    ("role", "scopes", "resolves"),
    [
        ("commander", None, True),
        ("admin", None, True),
        ("responder", None, False),
        # The person may do it, but has not allowed the application to.
        ("commander", {INCIDENTS_WRITE}, False),
        # It may resolve the incident, but not change it.
        ("commander", {INCIDENTS_COMMAND}, False),
    ],
)
async def test_it_leads_incidents_where_its_person_may_and_allowed_it(
    role: str, scopes: set[str] | None, resolves: bool, room: Room
) -> None:
    id = await opened(room)
    allow(room, role, scopes)
    member = encode_id("Member", room.principals["responder"].subject)
    for query, given in (
        (ASSIGN, {"incident": id, "member": member}),
        (RESOLVE, {"incident": id}),
    ):
        result = await room.ask("app", query, input=given)
        assert (result.errors is None) is resolves


@pytest.mark.parametrize("query", [ASSIGN, RESOLVE])
async def test_it_leads_the_incident_that_its_person_commands(query: str, room: Room) -> None:
    id = await opened(room)
    member = encode_id("Member", room.principals["responder"].subject)
    await room.data("commander", ASSIGN, input={"incident": id, "member": member})
    allow(room, "responder", {INCIDENTS_WRITE, MEMBERS_READ})
    given = {"incident": id} | ({"member": member} if query == ASSIGN else {})
    await room.data("app", query, input=given)


async def test_what_its_person_did_not_allow_is_refused(room: Room) -> None:
    id = await opened(room)
    allow(room, "admin", {INCIDENTS_INTERNAL})
    assert await room.code("app", POST, input={"incident": id, "body": "y"}) == "FORBIDDEN"
    assert await room.code("app", REGISTER, input={"name": "Checkout"}) == "FORBIDDEN"
    assert await room.code("app", AUDIT) == "FORBIDDEN"


async def test_it_reads_the_audit_log_and_the_members_for_an_admin_and_changes_neither(
    room: Room,
) -> None:
    allow(room, "admin")
    assert (await room.data("app", AUDIT))["auditLog"]["nodes"]
    seen = (await room.ask("app", MEMBERS)).data
    assert seen is not None
    # Applications do not see e-mail addresses.
    assert {node["email"] for node in seen["members"]["nodes"]} == {None}
    member = encode_id("Member", room.principals["viewer"].subject)
    assert await room.code("app", SET_ROLES, input={"member": member, "roles": []}) == "FORBIDDEN"


async def test_no_role_gives_an_application_what_no_person_of_that_role_may(room: Room) -> None:
    """If a rule asks for a scope and a role, only that rule's roles may give the scope."""
    for role, scopes in domain.roles.items():
        person, id = room.principals[role], await opened(room)
        room.principals["person"] = person
        allow(room, role)
        for query, variables in (
            (OPEN, {"input": {"name": "x", "body": "y"}}),
            (CHANGE_IMPACT, {"input": {"incident": id, "impact": "CRITICAL"}}),
            (NOTES, {"id": id}),
            (REGISTER, {"input": {"name": role}}),
            (AUDIT, {}),
            (RESOLVE, {"input": {"incident": id}}),
        ):
            mine, its = [await room.ask(name, query, **variables) for name in ("person", "app")]
            if its.errors is None:
                assert mine.errors is None, (role, scopes, query)
