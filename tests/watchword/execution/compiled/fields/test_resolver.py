"""What a field does besides calling its function decides how it is compiled."""

from __future__ import annotations

from collections import Counter
from typing import Any

import graphql
import strawberry
from strawberry.extensions import FieldExtension

from watchword.execution.compiled.compilation import Compilation
from watchword.execution.compiled.fields.resolver import (
    Attribute,
    Call,
    Chain,
    Event,
    resolver_of,
)
from watchword.libraries.strawberry_parts import definition, executor_class
from watchword.permissions.field import Public, RecentlyAuthenticated


class Plain(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return next_(source, info, **arguments)


@strawberry.type
class Query:
    attribute: str = "a"

    @strawberry.field
    def plain(self) -> str:
        return "p"

    @strawberry.field(permission_classes=[Public])
    def called(self) -> str:
        return "c"

    @strawberry.field(permission_classes=[RecentlyAuthenticated(60)])
    def asked(self) -> str:
        return "a"

    @strawberry.field(extensions=[Plain()])
    def extended(self) -> str:
        return "e"


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def events(self) -> str:
        return "e"


def kind_of(name: str, operation: str = "query") -> type:
    return type(resolver(name, operation))


def resolver(name: str, operation: str = "query", is_wrapped: bool = False) -> Any:
    schema = strawberry.Schema(Query, None, Subscription)
    document = graphql.parse(f"{operation} {{ {name} }}")
    [node] = document.definitions
    assert isinstance(node, graphql.OperationDefinitionNode)
    made = definition(schema)
    common = Compilation(
        *(schema, made, document, node, executor_class(schema), False, Counter()),
        lambda: None,
        is_wrapped,
    )
    root = made.get_root_type(node.operation)
    assert root is not None
    [site] = common.root_fields(root)
    return resolver_of(common, site)


def test_a_field_is_called_directly_where_that_is_the_same() -> None:
    assert kind_of("attribute") is Attribute
    assert kind_of("called") is Call
    assert kind_of("events", "subscription") is Event


def test_a_field_whose_permissions_or_extensions_must_be_asked_is_called_through_them() -> None:
    assert kind_of("asked") is Chain
    assert kind_of("extended") is Chain


def test_hooks_are_called_around_a_shorter_way_only_if_it_does_the_same() -> None:
    def inner(name: str) -> Any:
        return resolver(name, is_wrapped=True).inner

    fields = definition(strawberry.Schema(Query)).type_map["Query"].fields  # type: ignore[union-attr]
    query = Query()
    info: Any = None
    assert inner("attribute")(query, info) == fields["attribute"].resolve(query, info) == "a"
    # A permission may be asked, an extension may do anything, an argument must be converted.
    for name in ("called", "asked", "extended"):
        assert inner(name).__qualname__.endswith("_resolver")
    assert inner("plain")(query, info) == "p"
    # A hook may pass on what the field does not know.
    assert inner("plain")(query, info, more=1) == fields["plain"].resolve(query, info, more=1)
