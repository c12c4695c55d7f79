"""Members: permissions to see them and their addresses, and to set their roles."""

from __future__ import annotations

import pytest
from graphql import GraphQLObjectType, get_named_type

from incident_room import schema
from tests.incident_room.documents import SET_ROLES
from tests.support.principals import SEES_INTERNAL, Room
from watchword import encode_id
from watchword.permissions.guarded import guards_of

# The permission is declared on the field that returns the connection.
PARTS_OF_A_PAGE = {"MemberConnection", "MemberEdge"}
MEMBERS = "{ members { totalCount nodes { id name email roles } } }"


async def test_who_sees_members_and_whose_address(room: Room, name: str) -> None:
    result = await room.ask(name, MEMBERS)
    if name not in SEES_INTERNAL:
        assert result.data["members"] is None
        return
    members = {member["name"]: member for member in result.data["members"]["nodes"]}
    assert set(members) == {"Viewer", "Responder", "Commander", "Admin"}
    for who, member in members.items():
        may_see = name == "admin" or who.lower() == name
        assert member["email"] == (f"{who.lower()}@example.com" if may_see else None)
    assert members["Admin"]["roles"] == ["ADMIN"]


async def test_a_commanders_address_is_guarded_everywhere(room: Room) -> None:
    id = encode_id("Member", room.principals["commander"].subject)
    query = "query N($id: ID!) { node(id: $id) { ... on Member { name email } } }"
    assert await room.code("anonymous", query, id=id) == "NOT_FOUND"
    result = await room.ask("responder", query, id=id)
    assert result.data["node"] == {"name": "Commander", "email": None}
    [error] = result.errors
    assert error.original_error.extensions["code"] == "FORBIDDEN"


def test_every_field_that_leads_to_a_member_declares_a_permission() -> None:
    leading = {
        f"{named.name}.{name}": field.extensions["strawberry-definition"].permission_classes
        or guards_of(named.extensions["strawberry-definition"].origin)
        for named in schema._schema.type_map.values()
        if isinstance(named, GraphQLObjectType) and named.name not in PARTS_OF_A_PAGE
        for name, field in named.fields.items()
        if get_named_type(field.type).name in ("Member", "MemberConnection")
    }
    assert {"Incident.commander", "IncidentUpdate.author"} <= set(leading)
    assert all(leading.values()), leading


async def test_only_admins_give_roles(room: Room, name: str) -> None:
    id = encode_id("Member", room.principals["viewer"].subject)
    given = {"member": id, "roles": ["RESPONDER", "VIEWER"]}
    if name == "admin":
        data = await room.data(name, SET_ROLES, input=given)
        assert data["setRoles"] == {
            "name": "Viewer",
            "roles": ["RESPONDER", "VIEWER"],
            "version": 2,
        }
        assert await room.code(name, SET_ROLES, input=given | {"version": 1}) == "CONFLICT"
    else:
        code = "UNAUTHENTICATED" if name == "anonymous" else "FORBIDDEN"
        assert await room.code(name, SET_ROLES, input=given) == code


async def test_a_disabled_member_is_shown_as_such_until_it_is_enabled(room: Room) -> None:
    id = encode_id("Member", room.principals["viewer"].subject)
    listed = "{ members { nodes { id disabled } } }"

    async def disabled() -> list[str]:
        found = (await room.data("responder", listed))["members"]["nodes"]
        return [member["id"] for member in found if member["disabled"]]

    assert await disabled() == []
    for field, is_disabled in (("disableAccount", True), ("enableAccount", False)):
        mutation = f"mutation M($id: ID!) {{ {field}(account: $id) {{ disabled }} }}"
        assert (await room.data("admin", mutation, id=id))[field] == {"disabled": is_disabled}
        assert await disabled() == ([id] if is_disabled else [])


@pytest.mark.parametrize(
    ("id", "code"),
    [
        ("x", "BAD_USER_INPUT"),
        (encode_id("Incident", "x"), "BAD_USER_INPUT"),
        (encode_id("Member", "x"), "NOT_FOUND"),
    ],
)
async def test_an_id_that_names_no_member_says_so(id: str, code: str, room: Room) -> None:
    assert await room.code("admin", SET_ROLES, input={"member": id, "roles": []}) == code


async def test_the_last_admin_keeps_the_role(room: Room) -> None:
    id = encode_id("Member", room.principals["admin"].subject)
    assert (
        await room.code("admin", SET_ROLES, input={"member": id, "roles": []}) == "BAD_USER_INPUT"
    )
