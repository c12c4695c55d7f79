"""A root field that asks no permission stops the server, by name; the domain's default permissions are for those."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
import strawberry
from graphql import InterfaceTypeDefinitionNode, ObjectTypeDefinitionNode, parse, print_ast
from strawberry.permission import PermissionExtension

from tests.support import toy_schema
from watchword.config.cost_directives import cost, list_size
from watchword.domain import Domain
from watchword.errors import Unsafe
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.additions import uncovered
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, Public, SignedIn
from watchword.permissions.guards import permissions_of


@strawberry.type
class Query:
    plain: str = "x"

    @strawberry.field(permission_classes=[Public])
    def declared(self) -> str:
        return "x"

    @strawberry.field(extensions=[PermissionExtension(permissions=[])])
    def empty(self) -> str:
        return "x"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def forgotten(self) -> str:
        return "x"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def missed(self) -> AsyncIterator[int]:
        yield 1


FORGOTTEN = ["Query.plain", "Query.empty", "Mutation.forgotten", "Subscription.missed"]
DEFAULT = Domain(default_permissions=[SignedIn])


@pytest.fixture
def schema() -> strawberry.Schema:
    return strawberry.Schema(Query, Mutation, Subscription)


def asked(schema: strawberry.Schema) -> dict[str, list[type]]:
    made = definition(schema)
    roots = [made.query_type, made.mutation_type, made.subscription_type]
    return {
        f"{root}.{name}": [type(each) for each in permissions_of(field)]
        for root in roots
        if root
        for name, field in root.fields.items()
    }


def test_a_schema_that_declares_everything_passes() -> None:
    cover(toy_schema.schema, Domain())


def test_every_forgotten_root_field_is_named_with_what_to_do(schema: strawberry.Schema) -> None:
    with pytest.raises(
        Unsafe, match=rf"(?s)^{', '.join(FORGOTTEN)}: .*default_permissions=\[SignedIn\]"
    ):
        cover(schema, Domain())


def test_the_default_permissions_are_asked_by_those_that_declare_none_and_the_start_names_them(
    schema: strawberry.Schema, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "watchword.permissions")
    cover(schema, DEFAULT)
    assert uncovered(schema) == {}
    assert asked(schema) == {"Query.declared": [Public], **dict.fromkeys(FORGOTTEN, [SignedIn])}
    assert caplog.messages == [f"default_permissions=[SignedIn] covers {', '.join(FORGOTTEN)}"]


def test_a_field_that_the_domain_names_asks_those_permissions_and_not_the_default_ones(
    schema: strawberry.Schema, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "watchword.permissions")
    named = {"Query.plain": [Public], "Subscription.missed": [HasRole("keeper")]}
    cover(schema, Domain(permissions=named, default_permissions=[SignedIn]))
    assert asked(schema) == {
        "Query.declared": [Public],
        "Query.plain": [Public],
        "Query.empty": [SignedIn],
        "Mutation.forgotten": [SignedIn],
        "Subscription.missed": [HasRole("keeper")],
    }
    assert caplog.messages == [
        "default_permissions=[SignedIn] covers Query.empty, Mutation.forgotten"
    ]


def test_permissions_of_named_fields_alone_may_be_enough(schema: strawberry.Schema) -> None:
    named = dict.fromkeys(FORGOTTEN, [SignedIn])
    cover(schema, Domain(permissions=named))
    assert uncovered(schema) == {}
    with pytest.raises(
        Unsafe, match=r"^The schema is mounted already with permissions=\{'Query\.pl"
    ):
        cover(schema, Domain(permissions={**named, "Query.plain": [Public]}))


def test_another_schema_of_the_same_classes_is_not_covered(schema: strawberry.Schema) -> None:
    other = strawberry.Schema(Query, Mutation, Subscription)
    cover(schema, DEFAULT)
    assert [*uncovered(other)] == FORGOTTEN
    cover(other, Domain(default_permissions=[Public]))
    assert asked(schema)["Query.plain"] == [SignedIn]


def test_a_schema_that_is_covered_twice_asks_once(schema: strawberry.Schema) -> None:
    cover(schema, DEFAULT)
    cover(schema, Domain(default_permissions=(SignedIn,)))
    assert asked(schema)["Query.plain"] == [SignedIn]


@pytest.mark.parametrize("others", [[], [Public], [SignedIn, Public]])
def test_a_schema_is_not_covered_with_other_permissions_for_another_server(
    others: list[type[Public]], schema: strawberry.Schema
) -> None:
    cover(schema, DEFAULT)
    with pytest.raises(
        Unsafe, match=r"already with permissions=\{\}, default_permissions=\[SignedIn\]"
    ):
        cover(schema, Domain(default_permissions=others))
    # The advice can be followed.
    cover(strawberry.Schema(Query, Mutation, Subscription), Domain(default_permissions=[Public]))


def test_a_schema_that_needs_no_default_may_be_mounted_with_any() -> None:
    cover(toy_schema.schema, DEFAULT)
    cover(toy_schema.schema, Domain(default_permissions=[Public]))


def test_a_field_whose_function_was_replaced_is_named_and_nothing_is_changed(
    schema: strawberry.Schema,
) -> None:
    root = definition(schema).query_type
    assert root is not None
    root.fields["plain"].resolve = lambda *_: "y"
    with pytest.raises(Unsafe, match=r"^Query\.plain: the function of the field was replaced"):
        cover(schema, DEFAULT)
    assert [*uncovered(schema)] == FORGOTTEN


@strawberry.interface
class Vessel:
    name: str = strawberry.field(directives=[cost(10)])
    crew: list[str] = strawberry.field(directives=[list_size(assumed_size=9)])


@strawberry.type
class Ship(Vessel):
    pass


def test_the_sdl_has_the_weights_of_an_interface_at_the_types_that_inherit_them() -> None:
    @strawberry.type(name="Query")
    class Sailing:
        vessel: Vessel

    schema, other = (strawberry.Schema(Sailing, types=[Ship]) for _ in range(2))
    before = other.as_str()
    cover(schema, Domain(default_permissions=[Public]))
    printed = {
        kind.name.value: print_ast(kind)
        for kind in parse(schema.as_str()).definitions
        if isinstance(kind, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode)
    }
    assert 'name: String! @cost(weight: "10")\n' in printed["Ship"]
    assert "name: String!\n" in printed["Vessel"]
    assert "@listSize(assumedSize: 9" in printed["Vessel"]
    assert other.as_str() == before, "another schema of the same classes is as it was"
