"""Permissions are added to a field of one schema, as if its author had declared them, and to no other schema."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
import strawberry
from graphql import GraphQLField
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from watchword.events.sources import Sources, declared_by, reads
from watchword.libraries.strawberry_parts import definition, definition_of, permission_extensions
from watchword.libraries.strawberry_permissions import (
    add_permissions,
    has_added_permissions,
    is_made_by_strawberry,
)


class Never(BasePermission):
    message = "never"

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return False


class Always(BasePermission):
    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return True


class Later(BasePermission):
    async def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return bool(arguments["of"] == 1)

    message = "later"


class Numbered(FieldExtension):
    """Adds a number to the field's description when it is applied, and to its value."""

    def apply(self, field: Any) -> None:
        field.description = f"{field.description or ''}1"

    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return next_(source, info, **arguments) + 1


@strawberry.type
class Ship(strawberry.relay.Node):
    id: strawberry.relay.NodeID[int]

    @classmethod
    def resolve_nodes(cls, *, info: Any, node_ids: Iterable[str], required: bool = False) -> Any:
        return [Ship(id=int(each)) for each in node_ids]


@strawberry.type
class Query:
    @strawberry.relay.connection(strawberry.relay.ListConnection[Ship])
    def ships(self) -> list[Ship]:
        return [Ship(id=1)]

    @strawberry.field(extensions=[Numbered()])
    def number(self, of: int = 1) -> int:
        return of

    @reads("numbers")
    @strawberry.field
    async def later(self, of: int = 1) -> int:
        return of


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def numbers(self, of: int = 1) -> AsyncIterator[int]:
        yield of


NODE = '{ node(id: "U2hpcDox") { id } }'


def made() -> strawberry.Schema:
    # Strawberry applies `relay.node()` to a field once, so each schema has a field of its own.
    @strawberry.type
    class WithNode(Query):
        node: strawberry.relay.Node = strawberry.relay.node()

    return strawberry.Schema(WithNode, None, Subscription, types=[Ship])


def field(schema: strawberry.Schema, name: str) -> GraphQLField:
    whole = definition(schema)
    root = whole.subscription_type if name == "numbers" else whole.query_type
    assert root is not None
    return root.fields[name]


async def said(schema: strawberry.Schema, query: str) -> Any:
    result = await schema.execute(query)
    return [error.message for error in result.errors] if result.errors else result.data


ASKED = [
    (NODE, "node", {"node": {"id": "U2hpcDox"}}),
    ("{ ships { edges { node { id } } } }", "ships",
     {"ships": {"edges": [{"node": {"id": "U2hpcDox"}}]}}),
    ("{ number(of: 4) }", "number", {"number": 5}),
    ("{ later(of: 4) }", "later", {"later": 4}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "name", "answer"), ASKED)
async def test_a_field_asks_before_all_else_and_does_the_same_as_before(
    query: str, name: str, answer: Any
) -> None:
    open_, closed, other = made(), made(), made()
    printed = open_.as_str()
    add_permissions(open_, field(open_, name), [Always()])
    add_permissions(closed, field(closed, name), [Always(), Never()])
    assert await said(open_, query) == await said(other, query) == answer
    assert await said(closed, query) == ["never"]
    assert open_.as_str() == printed


async def test_a_permission_that_waits_is_asked_with_the_arguments() -> None:
    schema = made()
    for name in ("number", "later"):
        add_permissions(schema, field(schema, name), [Later()])
        assert await said(schema, f"{{ {name}(of: 4) }}") == ["later"]
        assert isinstance(await said(schema, f"{{ {name}(of: 1) }}"), dict)


async def test_a_subscription_asks_before_it_opens() -> None:
    schema = made()
    add_permissions(schema, field(schema, "numbers"), [Later()])
    opened = [each async for each in await schema.subscribe("subscription { numbers(of: 1) }")]  # type: ignore[union-attr]
    assert [each.data for each in opened] == [{"numbers": 1}]
    refused = [each async for each in await schema.subscribe("subscription { numbers(of: 2) }")]  # type: ignore[union-attr]
    assert [error.message for each in refused for error in each.errors or []] == ["later"]


def test_the_definition_of_the_field_has_the_permission_and_keeps_the_rest() -> None:
    schema = made()
    later, number = field(schema, "later"), field(schema, "number")
    add_permissions(schema, later, [Never()])
    add_permissions(schema, number, [Never()])
    assert declared_by(definition_of(later)) == Sources(frozenset({"numbers"}))
    assert [type(each) for each in definition_of(number).extensions[:1]] == [Numbered]
    assert [len(permission_extensions(each)) for each in (later, number)] == [1, 1]
    assert has_added_permissions(later)
    assert not has_added_permissions(field(schema, "ships"))


def test_a_function_that_others_have_put_there_is_told_apart() -> None:
    schema = made()
    assert all(is_made_by_strawberry(field(schema, name)) for name in ("later", "numbers", "node"))
    field(schema, "later").resolve = lambda *_: 1
    field(schema, "numbers").subscribe = lambda *_: 1
    assert not any(is_made_by_strawberry(field(schema, name)) for name in ("later", "numbers"))
