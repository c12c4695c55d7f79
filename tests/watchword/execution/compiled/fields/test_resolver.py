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
    schema = strawberry.Schema(Query, None, Subscription)
    document = graphql.parse(f"{operation} {{ {name} }}")
    [node] = document.definitions
    assert isinstance(node, graphql.OperationDefinitionNode)
    made = definition(schema)
    common = Compilation(
        schema, made, document, node, executor_class(schema), False, Counter(), lambda: None
    )
    root = made.get_root_type(node.operation)
    assert root is not None
    [site] = common.root_fields(root)
    return type(resolver_of(common, site))


def test_a_field_is_called_directly_where_that_is_the_same() -> None:
    assert kind_of("attribute") is Attribute
    assert kind_of("called") is Call
    assert kind_of("events", "subscription") is Event


def test_a_field_whose_permissions_or_extensions_must_be_asked_is_called_through_them() -> None:
    assert kind_of("asked") is Chain
    assert kind_of("extended") is Chain
