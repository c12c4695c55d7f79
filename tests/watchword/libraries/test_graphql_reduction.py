"""A reduced schema has no name of what is left out, and is a valid schema."""

from __future__ import annotations

import pytest
from graphql import GraphQLSchema, build_schema, print_schema, validate_schema

from watchword.libraries.graphql_reduction import reduced

SHOP = build_schema("""
type Query {
  book(filter: Filter): Book
  item: Item
  search: [[Either!]!]
  orphanage: Int
  loop: Loop
}
interface Node { id: ID! }
interface Item implements Node { id: ID! label: String related: Item }
type Book implements Item & Node { id: ID! label: String related: Book pages: Int }
type Coin implements Item & Node { id: ID! label: String related: Coin metal: Metal }
union Either = Book | Coin
enum Metal { GOLD }
input Filter { nested: Nested }
input Nested { metal: Metal }
type Loop { again: Loop }
type Orphan { word: String }
type Mutation { melt(metal: Metal): Coin }
""")


def names(schema: GraphQLSchema) -> set[str]:
    return {name for name in schema.type_map if not name.startswith("__")}


def lost(*hidden: str) -> set[str]:
    """The names of the types that are left out, of a copy that is valid."""
    made = reduced(SHOP, frozenset(hidden))
    checked = GraphQLSchema(**{**made.to_kwargs(), "assume_valid": False})
    assert validate_schema(checked) == []
    return names(SHOP) - names(made)


def test_nothing_is_lost_if_nothing_is_hidden() -> None:
    assert sorted(print_schema(reduced(SHOP, frozenset())).split("\n\n")) == sorted(
        print_schema(SHOP).split("\n\n")
    )


@pytest.mark.parametrize(
    ("hidden", "gone"),
    [
        (["Query.orphanage"], set()),
        (["Mutation.melt"], {"Mutation"}),
        (["Query.book"], {"Filter", "Nested"}),
        (["Query.book", "Coin.metal", "Mutation.melt"], {"Filter", "Nested", "Metal", "Mutation"}),
        (["Loop.again"], {"Loop"}),
        (["Coin.id", "Coin.label", "Coin.related", "Coin.metal"], {"Coin", "Mutation"}),
        (["Query.item", "Query.search"], {"Either"}),
        (["Query.item", "Query.search", "Mutation.melt"], {"Mutation", "Either"}),
    ],
)
def test_types_go_with_the_fields_that_led_to_them(hidden: list[str], gone: set[str]) -> None:
    assert lost(*hidden) == gone


def test_field_of_a_type_that_is_gone_is_gone_too() -> None:
    made = reduced(SHOP, frozenset({"Loop.again"}))
    assert "loop" not in made.query_type.fields  # type: ignore[union-attr]


def test_union_loses_the_types_that_are_gone() -> None:
    hidden = {"Coin.id", "Coin.label", "Coin.related", "Coin.metal"}
    made = reduced(SHOP, frozenset(hidden))
    assert [each.name for each in made.type_map["Either"].types] == ["Book"]  # type: ignore[attr-defined]


def test_type_keeps_what_its_interface_promises() -> None:
    made = reduced(SHOP, frozenset({"Coin.label", "Coin.related"}))
    coin = made.type_map["Coin"]
    assert [*coin.fields] == ["id", "label", "related", "metal"]  # type: ignore[attr-defined]
    # Its own type is known from elsewhere; the promise is the interface's.
    assert str(coin.fields["related"].type) == "Item"  # type: ignore[attr-defined]


def test_interface_loses_what_none_of_its_types_has() -> None:
    made = reduced(SHOP, frozenset({"Coin.label", "Book.label"}))
    assert [*made.type_map["Item"].fields] == ["id", "related"]  # type: ignore[attr-defined]


def test_interface_without_fields_is_gone() -> None:
    hidden = {f"{kind}.{name}" for kind in ("Book", "Coin") for name in ("id", "label", "related")}
    made = reduced(SHOP, frozenset(hidden))
    assert not {"Node", "Item"} & names(made)
    assert made.type_map["Book"].interfaces == ()  # type: ignore[attr-defined]
    assert "item" not in made.query_type.fields  # type: ignore[union-attr]


def test_query_stays_without_fields() -> None:
    hidden = {f"Query.{name}" for name in SHOP.query_type.fields}  # type: ignore[union-attr]
    made = reduced(SHOP, frozenset(hidden))
    assert made.query_type is not None
    assert made.query_type.fields == {}


def test_types_that_nothing_led_to_before_stay() -> None:
    assert "Orphan" in reduced(SHOP, frozenset({"Query.book"})).type_map


def test_whole_schema_is_not_changed() -> None:
    before = print_schema(SHOP)
    reduced(SHOP, frozenset({"Query.book", "Coin.id", "Book.id"}))
    assert print_schema(SHOP) == before


INPUTS = build_schema("""
type Query { shelf(matching: Filter, on: [Shelf!], deep: Deep): Shelf must(matching: Filter!): Int }
type Mutation { put(on: Shelf! = OPEN, kept: Kept = {level: HIGH}): Int }
interface Asked { asked(level: Level): Int }
type Asking implements Asked { asked(level: Level): Int other(secret: Int, plain: Int): Int }
input Filter { text: String level: Level nested: Deep }
input Deep { must: Int! free: Int }
input Kept { level: Kind }
enum Level { LOW HIGH }
enum Kind { LOW HIGH }
enum Shelf { OPEN LOCKED }
""")


def reduced_inputs(*hidden: str) -> str:
    """The SDL of what is left, in one line; the copy is valid."""
    made = reduced(INPUTS, frozenset(hidden))
    checked = GraphQLSchema(**{**made.to_kwargs(), "assume_valid": False})
    assert validate_schema(checked) == []
    return " ".join(print_schema(made).split())


@pytest.mark.parametrize(
    ("hidden", "there", "gone"),
    [
        ("Asking.other(secret:)", "other(plain: Int)", "secret"),
        ("Asking.asked(level:)", "asked(level: Level): Int other", "nothing"),
        ("Filter.text", "input Filter { level: Level nested: Deep }", "text"),
        ("Filter", "shelf(on: [Shelf!], deep: Deep)", "Filter"),
        ("Filter", "type Query", "must(matching"),
        ("Deep.free", "input Deep { must: Int! }", "free"),
        ("Deep.must", "input Filter { text: String level: Level }", "Deep"),
        ("Level.HIGH", "enum Level { LOW }", "nothing"),
        ("Shelf.LOCKED", "enum Shelf { OPEN LOCKED }", "nothing"),
        ("Kind.HIGH", "enum Kind { LOW HIGH }", "nothing"),
        ("Kept.level", "input Kept { level: Kind }", "nothing"),
    ],
)
def test_hidden_inputs_go_with_what_needs_them(hidden: str, there: str, gone: str) -> None:
    left = reduced_inputs(hidden)
    assert there in left
    assert gone not in left


def test_enum_without_values_takes_its_fields_with_it() -> None:
    left = reduced_inputs("Level.LOW", "Level.HIGH")
    assert "Level" not in left
    assert "input Filter { text: String nested: Deep }" in left
