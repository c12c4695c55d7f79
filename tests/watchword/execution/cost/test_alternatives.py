"""Of the types that an object may have, those that a selection tells apart are measured each by itself."""

from __future__ import annotations

import pytest
from graphql import (
    FieldNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    parse,
)

from watchword.execution.cost import alternatives
from watchword.execution.cost.alternatives import MOST, Alternatives
from watchword.execution.cost.weights import Weights
from watchword.execution.selections import Fragments

MANY = range(MOST + 2)
SCHEMA = build_schema(
    "interface Thing { id: ID } interface Named { name: ID } type Query { thing: Thing }"
    " type A implements Thing & Named { id: ID name: ID } type B implements Thing { id: ID }"
    + "".join(f" type T{n} implements Thing {{ id: ID }}" for n in MANY)
)


def of(selection: str, marked: dict[str, frozenset[str]] | None = None) -> list[str]:
    document = parse("{ thing { " + selection + " } } fragment F on A { name }")
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    [field] = operation.selection_set.selections
    assert isinstance(field, FieldNode)
    assert isinstance(field.selection_set, SelectionSetNode)
    weights = Weights(SCHEMA)
    weights.marked = marked or {}
    made = Alternatives(SCHEMA, Fragments(document), weights)
    return [each.name for each in made.of(field.selection_set, SCHEMA.get_type("Thing"))]


def test_types_that_a_fragment_names_are_alternatives() -> None:
    assert of("id") == ["Thing"]
    assert of("...F ... on B { id }") == ["Thing", "A", "B"]


def test_one_type_stands_for_all_that_belong_to_the_same_interfaces() -> None:
    assert of("... on Named { name }") == ["Thing", "A", "B"]


def test_a_type_whose_own_field_costs_something_is_an_alternative_where_that_is_read() -> None:
    assert of("id", {"B": frozenset({"id"})}) == ["Thing", "B"]
    assert of("__typename", {"B": frozenset({"id"})}) == ["Thing"]


def test_too_many_alternatives_are_added_up() -> None:
    assert of(" ".join(f"... on T{n} {{ id }}" for n in MANY)) == ["Thing"]


def test_selections_are_added_up_once_too_many_fields_were_measured_for_alternatives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(alternatives, "MOST_MEASURED", 5)
    assert of("id ... on A { id } ... on B { id }") == ["Thing"]
    assert of("id ... on A { id name }") == ["Thing", "A"]
