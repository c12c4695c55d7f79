"""A masked schema runs as the whole one, and tells of itself what the reduced copy has."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import ExecutionResult, build_schema, execute, get_introspection_query, parse

from watchword.libraries.graphql_masking import MOST_REMEMBERED, MaskedSchema
from watchword.libraries.graphql_reduction import reduced

WHOLE = build_schema("""
type Query { search: [Either!]! item: Item query: Query }
interface Item { id: ID! related: Item }
type Book implements Item { id: ID! related: Item }
type Coin implements Item { id: ID! related: Coin carats: Int }
union Either = Book | Coin
""")
HIDDEN = frozenset({"Coin.id", "Coin.related", "Coin.carats"})
COIN: dict[str, Any] = {"__typename": "Coin", "id": "2"}
COIN["related"] = COIN
ROOT = {"search": [{"__typename": "Book", "id": "1"}, COIN], "item": COIN, "query": {}}


def masked(hidden: frozenset[str] = HIDDEN) -> MaskedSchema:
    return MaskedSchema(WHOLE, reduced(WHOLE, hidden))


def run(query: str, schema: MaskedSchema | None = None) -> Any:
    result = execute(schema or masked(), parse(query), ROOT)
    assert isinstance(result, ExecutionResult)
    assert result.errors is None
    return result.data


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("{ search { __typename } }", ["Book", "Either"]),
        ("{ search { ... on Item { __typename } } }", ["Book", "Item"]),
        ("{ search { ...F } } fragment F on Item { __typename }", ["Book", "Item"]),
        (
            "{ search { ...F ... on Item { __typename } } } fragment F on Either { __typename }",
            None,
        ),
        ("{ search { ... { __typename } } }", ["Book", "Either"]),
    ],
)
def test_hidden_type_is_named_as_where_it_is_asked(query: str, names: list[str] | None) -> None:
    found = [each["__typename"] for each in run(query)["search"]]
    assert found == (names or ["Book", "Either"])


def test_objects_below_a_hidden_type_are_named_as_the_copy_shows_them() -> None:
    shown = masked(frozenset({"Coin.id", "Coin.related"}))
    assert run("{ item { related { __typename } } }", shown) == {
        "item": {"related": {"__typename": "Coin"}}
    }
    assert run("{ item { related { __typename } } }") == {
        "item": {"related": {"__typename": "Item"}}
    }


def test_all_else_is_answered_as_by_the_whole_schema() -> None:
    query = parse("{ search { ... on Item { id } } item { id } query { __typename } }")
    assert execute(masked(), query, ROOT) == execute(WHOLE, query, ROOT)


def test_introspection_tells_of_the_copy() -> None:
    whole = execute(reduced(WHOLE, HIDDEN), parse(get_introspection_query()))
    assert isinstance(whole, ExecutionResult)
    assert run(get_introspection_query()) == whole.data
    assert "Coin" not in str(whole.data)


def test_possible_types_of_an_interface_are_those_of_the_copy() -> None:
    query = '{ __type(name: "Item") { possibleTypes { name } } }'
    assert run(query) == {"__type": {"possibleTypes": [{"name": "Book"}]}}


def test_hidden_type_is_not_found_by_its_name() -> None:
    assert run('{ hidden: __type(name: "Coin") { name } none: __type(name: "Nope") { name } }') == {
        "hidden": None,
        "none": None,
    }


def test_static_types_of_few_documents_are_remembered() -> None:
    schema = masked()
    for _ in range(MOST_REMEMBERED + 1):
        run("{ search { __typename } }", schema)
    assert len(schema._remembered) == 1
