"""A document whose fragments select too many fields is not compiled."""

from __future__ import annotations

import pytest
import strawberry

from tests.support.both_executions import Both
from watchword.execution.compiled import compilation
from watchword.permissions.field import Public


@strawberry.type
class Node:
    @strawberry.field
    def next(self) -> Node | None:
        return None

    @strawberry.field
    def other(self) -> Node | None:
        return None


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def node(self) -> Node:
        return Node()


async def test_exponentially_many_fields_are_left_to_graphql_core() -> None:
    fragments = [
        f"fragment F{n} on Node {{ next {{ ...F{n + 1} }} other {{ ...F{n + 1} }} }}"
        for n in range(9)
    ]
    document = f"{{ node {{ ...F0 }} }} {' '.join(fragments)} fragment F9 on Node {{ __typename }}"
    assert 2**9 < compilation.MOST_FIELDS < 2**10
    data, _ = await Both(Query).execute(document, falls_back="too many fields")
    assert data == {"node": {"next": None, "other": None}}


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Person(Named):
    @strawberry.field
    async def later(self) -> str:
        return self.name


@strawberry.type
class Staff:
    @strawberry.field(permission_classes=[Public])
    def people(self) -> list[Named]:
        return [Person(name="a"), Person(name="b")]

    @strawberry.field(permission_classes=[Public])
    def person(self) -> Person:
        async def find() -> Person:
            return Person(name="c")

        return find()  # type: ignore[return-value]


@pytest.mark.parametrize("most", [2, 3])
async def test_values_whose_types_turn_up_too_late_are_left_to_graphql_core(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(compilation, "MOST_FIELDS", most)
    document = "{ people { name ... on Person { later __typename } } }"
    data, _ = await Both(Staff, types=[Person]).execute(document, falls_back="too many fields")
    assert data["people"][1] == {"name": "b", "later": "b", "__typename": "Person"}


async def test_an_awaitable_that_turns_up_too_late_is_left_to_graphql_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compilation, "MOST_FIELDS", 2)
    both = Both(Staff, types=[Person])
    data, _ = await both.execute("{ person { name } }", falls_back="too many fields")
    assert data == {"person": {"name": "c"}}
