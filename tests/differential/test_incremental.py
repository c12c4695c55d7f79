"""Answers in parts, put together, are those of Strawberry's own view; so are the parts that are announced.

The form of a part differs: Strawberry repeats `path` and `label` in each part and adds `extensions`
(docs/explanation/strawberry.md). What a client puts together from the parts must not.
"""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig

from tests.differential.leaf import Leaf, Mutation
from tests.support.clock import MovedClock
from tests.support.parts_schema import Part, asked, merged
from tests.support.strawberry_view import comparable, own_view, watchword_view
from watchword import Public


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def leaf(self) -> Leaf:
        return Leaf(name="a")

    @strawberry.field(permission_classes=[Public])
    async def leaves(self, names: list[str]) -> strawberry.Streamable[Leaf]:
        for name in names:
            yield Leaf(name=name)

    @strawberry.field(permission_classes=[Public])
    async def cut(self, names: list[str]) -> strawberry.Streamable[Leaf]:
        for name in names:
            yield Leaf(name=name)
        raise GraphQLError("No more.")


def schema() -> strawberry.Schema:
    config = StrawberryConfig(enable_experimental_incremental_execution=True)
    return strawberry.Schema(Query, Mutation, config=config)


OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "a deferred field": ('{ leaf { name ... @defer(label: "l") { later(times: 2) } } }', {}),
    "several levels": (
        "{ leaf { ... @defer { name twin { ... @defer { later twin { name } } } } } }",
        {},
    ),
    "the same field twice": (
        "{ leaf { twin { name } ... @defer { twin { name later } } ... @defer { twin { later } } } }",
        {},
    ),
    "a condition": (
        "query($is: Boolean!) { leaf { name ... @defer(if: $is) { later } } }",
        {"is": False},
    ),
    "a fragment": ("{ leaf { ...F @defer } } fragment F on Leaf { name later }", {}),
    "a deferred error": ("{ leaf { name ... @defer { broken later } } }", {}),
    "a deferred part that is null": ("{ leaf { name ... @defer { brokenForGood } } }", {}),
    "an error before": ("{ leaf { broken ... @defer { later } } }", {}),
    "a mutation": ('mutation { grow(name: "b") { name ... @defer { later } } }', {}),
    "a stream": (
        "query($names: [String!]!) { leaves(names: $names) @stream(initialCount: 1) { later } }",
        {"names": ["a", "b", "c"]},
    ),
    "a stream of nothing": ("{ leaves(names: []) @stream { name } }", {}),
    "a stream that is cut": ('{ cut(names: ["a", "b"]) @stream(initialCount: 1) { name } }', {}),
    "a stream of deferred parts": (
        '{ leaves(names: ["a", "b"]) @stream { name ... @defer { later broken } } }',
        {},
    ),
    "neither": ("{ leaf { later } }", {}),
    "invalid": ("{ leaf { ... @defer { colour } } }", {}),
}


async def answered(url: str, transport: str, name: str) -> tuple[list[Part], Part]:
    """Return what is announced in order, and the answer that a client puts together."""
    query, variables = OPERATIONS[name]
    async with asked(transport, url, query, **variables) as answers:
        told = [each async for each in answers]
    announced = [
        {"path": each["path"], "label": each.get("label")}
        for part in told
        for each in part.get("pending", ())
    ]
    whole = merged(told) if "hasNext" in told[0] else told[0]
    shown = comparable({k: v for k, v in whole.items() if k != "extensions"})
    if "errors" in shown:
        # Two parts may fail in either order.
        shown["errors"].sort(key=str)
    return sorted(announced, key=str), shown


@pytest.mark.parametrize("transport", ["multipart", "sse"])
@pytest.mark.parametrize("name", OPERATIONS)
async def test_the_parts_make_the_answer_of_strawberry_s_view(
    name: str, transport: str, sqlite_url: str, clock: MovedClock
) -> None:
    async with own_view(schema()) as view:
        theirs = await answered(view.url, transport, name)
    async with watchword_view(schema(), sqlite_url, clock) as view:
        # Three times, so that what can be compiled is interpreted first and then compiled.
        ours = [await answered(view.url, transport, name) for _ in range(3)]
    assert ours == [theirs] * 3
