"""Connections as a GraphQL client sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import strawberry

from watchword.execution.limits import Limits
from watchword.execution.plan import Planner
from watchword.libraries.strawberry_parts import definition
from watchword.relay.connection import Connection, connect
from watchword.relay.paginate import Order, Slice

ALL = """
{ toys {
    totalCount
    nodes { name }
    edges { cursor node { name } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
} }
"""
# A page, and the same with its number of all items under thirty names.
PAGES = "nodes { name }", " ".join(["nodes { name }", *(f"n{n}: totalCount" for n in range(30))])


@dataclass
class Shelf:
    """The resolver's slice, and how often the total was counted."""

    found: Slice[str]
    counted: list[int] = field(default_factory=list)

    async def count(self) -> int:
        self.counted.append(42)
        return 42

    async def ask(self, query: str) -> Any:
        result = await schema.execute(query, context_value=self)
        assert result.errors is None, result.errors
        assert result.data is not None
        return result.data["toys"]


@strawberry.type
class Toy:
    name: str


@strawberry.type
class Query:
    @strawberry.field
    def toys(self, info: strawberry.Info[Shelf, None]) -> Connection[Toy]:
        shelf = info.context
        return connect(shelf.found, lambda row: Toy(name=row.title()), shelf.count)


class ByLetter(Order):
    """An order in which a row's first letter is its cursor. Counts the cursors that are made."""

    made = 0

    def cursor(self, row: str) -> str:
        ByLetter.made += 1
        return row[0]


schema = strawberry.Schema(Query)
LETTERS = ByLetter("letters", (), descending=False)
THREE = Slice(["bear", "car", "doll"], LETTERS, has_next=True, has_previous=False)
NOTHING: Slice[str] = Slice([], LETTERS, has_next=False, has_previous=True)


async def test_each_node_comes_with_its_cursor_in_the_order_of_the_slice() -> None:
    answer = await Shelf(THREE).ask(ALL)
    assert answer["edges"] == [
        {"cursor": "b", "node": {"name": "Bear"}},
        {"cursor": "c", "node": {"name": "Car"}},
        {"cursor": "d", "node": {"name": "Doll"}},
    ]


async def test_nodes_are_those_of_the_edges() -> None:
    answer = await Shelf(THREE).ask(ALL)
    assert answer["nodes"] == [edge["node"] for edge in answer["edges"]]


@pytest.mark.parametrize("has_next", [False, True])
@pytest.mark.parametrize("has_previous", [False, True])
async def test_the_page_tells_what_is_around_it(has_next: bool, has_previous: bool) -> None:
    answer = await Shelf(Slice(["bear", "car"], LETTERS, has_next, has_previous)).ask(ALL)
    assert answer["pageInfo"] == {
        "hasNextPage": has_next,
        "hasPreviousPage": has_previous,
        "startCursor": "b",
        "endCursor": "c",
    }


async def test_a_page_without_nodes_has_no_cursors() -> None:
    answer = await Shelf(NOTHING).ask(ALL)
    assert (answer["nodes"], answer["edges"]) == ([], [])
    assert answer["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": True,
        "startCursor": None,
        "endCursor": None,
    }


async def test_the_total_is_of_all_and_not_of_the_page() -> None:
    assert (await Shelf(THREE).ask(ALL))["totalCount"] == 42


async def test_nothing_is_counted_until_somebody_asks() -> None:
    shelf = Shelf(THREE)
    await shelf.ask("{ toys { nodes { name } pageInfo { hasNextPage } } }")
    assert shelf.counted == []
    await shelf.ask("{ toys { totalCount } }")
    assert shelf.counted == [42]


async def test_a_page_of_everything_is_not_counted_again() -> None:
    whole = Slice(THREE.rows, LETTERS, has_next=False, has_previous=False, is_whole=True)
    shelf = Shelf(whole)
    assert (await shelf.ask(ALL))["totalCount"] == 3
    assert shelf.counted == []


async def test_cursors_are_made_only_for_clients_that_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ByLetter, "made", 0)
    await Shelf(THREE).ask("{ toys { nodes { name } edges { node { name } } } }")
    assert ByLetter.made == 0
    await Shelf(THREE).ask("{ toys { edges { cursor } } }")
    assert ByLetter.made == 3


def test_the_types_are_named_as_relay_names_them() -> None:
    sdl = str(schema)
    for line in ("type ToyConnection {", "type ToyEdge {", "type PageInfo {"):
        assert line in sdl
    for member in ("cursor: String!", "node: Toy!", "endCursor: String\n", "hasNextPage: Boolean!"):
        assert member in sdl


def test_counting_all_items_costs_as_much_as_fifty_objects() -> None:
    planner = Planner(definition(schema), Limits(2_000, 15, 50, 1_000_000), 10)
    page, counted = (planner.plan(f"{{ toys {{ {names} }} }}", None) for names in PAGES)
    assert planner.cost(counted, {}) - planner.cost(page, {}) == 30 * 50
