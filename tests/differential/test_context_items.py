"""What extensions and resolvers set on the context is read by every field, as under Strawberry's own view: also by the
fields of each event of a subscription, and where nothing makes the context."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.fastapi import BaseContext

from tests.support.clock import MovedClock
from tests.support.strawberry_view import Operation, own_view, watchword_view
from watchword import Domain, Public

OF_ITEMS = (
    Operation("{ leaf { name noted } }"),
    Operation("subscription { leaves(marking: false) { name noted } }"),
)
OF_ATTRIBUTES = (
    Operation("{ leaf { name marked } }"),
    Operation("subscription { leaves(marking: true) { name marked } }"),
)


class Noting(SchemaExtension):
    def on_operation(self) -> Iterator[None]:
        self.execution_context.context["noted"] = ["begun"]
        yield
        self.execution_context.context["noted"].append("over")


class Marking(SchemaExtension):
    def on_operation(self) -> Iterator[None]:
        self.execution_context.context.marked = ["begun"]
        yield


@strawberry.type
class Leaf:
    name: str

    @strawberry.field
    def noted(self, info: strawberry.Info) -> list[str]:
        return info.context["noted"]  # type: ignore[no-any-return]

    @strawberry.field
    def marked(self, info: strawberry.Info) -> list[str]:
        return info.context.marked  # type: ignore[no-any-return]


@strawberry.type
class Query:
    @strawberry.field
    def leaf(self) -> Leaf:
        return Leaf(name="a")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def leaves(self, info: strawberry.Info, marking: bool) -> AsyncIterator[Leaf]:
        for name in ("a", "b"):
            (info.context.marked if marking else info.context["noted"]).append(name)
            yield Leaf(name=name)


def schema(extension: type[SchemaExtension]) -> strawberry.Schema:
    return strawberry.Schema(Query, None, Subscription, extensions=[extension])


class OwnContext(BaseContext):
    marked: list[str]


MADE: dict[str, tuple[Any, tuple[Operation, Operation], Callable[[], Any], Any]] = {
    "items, and nothing makes the context": (Noting, OF_ITEMS, dict, None),
    "items of a dict": (Noting, OF_ITEMS, dict, lambda _: {}),
    "attributes": (Marking, OF_ATTRIBUTES, OwnContext, lambda _: SimpleNamespace()),
    "attributes of a class of BaseContext": (
        Marking,
        OF_ATTRIBUTES,
        OwnContext,
        lambda _: OwnContext(),
    ),
}


@pytest.mark.parametrize("transport", ["http", "websocket", "sse", "multipart"])
@pytest.mark.parametrize("name", MADE)
async def test_what_is_set_on_the_context_is_read_in_every_field(
    name: str, transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    extension, (query, subscription), getter, hook = MADE[name]
    # Strawberry's view takes no queries over multipart, and answers no subscription as JSON.
    operations = [] if transport == "multipart" else [query]
    if transport != "http":
        operations.append(subscription)
    made = Domain(default_permissions=[Public], context=hook)
    for operation in operations:
        async with own_view(schema(extension), context_getter=lambda: getter()) as view:
            theirs = [await view.ask(operation, transport) for _ in range(3)]
        async with watchword_view(schema(extension), sqlite_url, clock, made) as view:
            ours = [await view.ask(operation, transport) for _ in range(3)]
        assert ours == theirs
        assert "errors" not in str(ours)
