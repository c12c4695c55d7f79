"""Every root field declares a permission, and `node` finds every object by its id."""

from __future__ import annotations

import pytest
from graphql.execution import VariableValues

from incident_room import domain, schema
from tests.incident_room.documents import REGISTER
from tests.incident_room.test_incidents import opened
from tests.support.principals import Room
from watchword import encode_id
from watchword.execution.limits import Limits
from watchword.execution.plan import Planner, Refused
from watchword.permissions.coverage import cover

NODE = "query N($id: ID!) { node(id: $id) { __typename id } }"


def test_every_root_field_declares_a_permission() -> None:
    cover(schema, domain)


def test_every_mutation_asks_for_more_than_being_there() -> None:
    mutation = schema._schema.mutation_type
    assert mutation is not None
    for name, field in mutation.fields.items():
        [permission] = field.extensions["strawberry-definition"].permission_classes
        assert permission.rule.requires, name


def test_a_default_of_a_variable_multiplies_pages_as_a_literal_does() -> None:
    planner = Planner(schema._schema, Limits(2_000, 15, 50, 20_000), 1)
    query = """query($n: Int = 100) { incidents(first: $n) { nodes { updates(first: $n) { nodes {
        incident { updates(first: $n) { nodes { body } } } } } } } }"""
    with pytest.raises(Refused, match="costs 1030201;"):
        planner.plan(query.replace("$n)", "100)").replace("($n: Int = 100)", ""), None)
    with pytest.raises(Refused, match="costs 1030201;"):
        planner.check(planner.plan(query, None), VariableValues({}, {"n": 100}))


async def test_anything_is_found_by_its_global_id(room: Room) -> None:
    incident = await opened(room)
    component = (await room.data("admin", REGISTER, input={"name": "x"}))["registerComponent"]["id"]
    member = encode_id("Member", room.principals["viewer"].subject)
    for type_name, id in (("Incident", incident), ("Component", component), ("Member", member)):
        data = await room.data("admin", NODE, id=id)
        assert data["node"] == {"__typename": type_name, "id": id}


@pytest.mark.parametrize(
    "type_name", ["Incident", "Component", "IncidentUpdate", "Member", "Query"]
)
async def test_what_is_not_there_is_not_found(type_name: str, room: Room) -> None:
    assert await room.code("admin", NODE, id=encode_id(type_name, "unknown")) == "NOT_FOUND"


def test_every_role_has_scopes_and_admin_has_all() -> None:
    assert set(domain.roles) == {"viewer", "responder", "commander", "admin"}
    assert frozenset().union(*domain.roles.values()) == domain.roles["admin"]
