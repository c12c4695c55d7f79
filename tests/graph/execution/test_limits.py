"""Depth, aliases, objects and fields of one name are counted through fragments."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse

from graph.errors import TooComplex
from graph.execution.limits import PLAIN_LIST, UNCOUNTED, Limits, check, check_names
from graph.relay.page import DEFAULT, MAXIMUM

SCHEMA = build_schema("""
type Query { toy: Toy some(first: Int): [Toy!]! toys(first: Int, last: Int, after: String): Toys! all: [Toy!]! }
type Toys { nodes: [Toy!]! edges: [Edge!]! count: Int! }
type Edge { node: Toy! }
type Toy { name: String! toy: Toy toys(first: Int, last: Int): Toys! parts: [Toy] }
""")
PLENTY = 10**12


def measure(query: str, variables: dict[str, Any] | None = None, **limits: int) -> bool:
    document = parse(query)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    full = {"tokens": PLENTY, "depth": PLENTY, "aliases": PLENTY, "objects": PLENTY} | limits
    return check(SCHEMA, document, operation, Limits(**full), variables)


def cost(limit: str, query: str, variables: dict[str, Any] | None = None) -> int:
    with pytest.raises(TooComplex) as refused:
        measure(query, variables, **{limit: -1})
    return int(refused.value.extensions["cost"])


@pytest.mark.parametrize(
    ("query", "depth", "aliases"),
    [
        ("{ toy { name } }", 2, 0),
        ("{ toy { toy { name } } all { name } }", 3, 0),
        ("{ x: toy { y: name } z: toy { name } }", 2, 3),
        ("{ ... on Query { toy { ...F } } } fragment F on Toy { toy { name } }", 3, 0),
        ("{ ...F ...F } fragment F on Query { x: toy { y: name } }", 2, 4),
        (
            "{ ...F ...F } fragment F on Query { ...G ...G } fragment G on Query { x: toy { name } }",
            2,
            4,
        ),
    ],
)
def test_depth_and_aliases_are_measured_exactly(query: str, depth: int, aliases: int) -> None:
    assert cost("depth", query) == depth
    assert cost("aliases", query) == aliases
    measure(query, depth=depth, aliases=aliases)


@pytest.mark.parametrize(
    ("query", "objects"),
    [
        ("{ toy { name } }", 1),
        ("{ all { name } }", PLAIN_LIST),
        ("{ all { toy { name } parts { name } } }", PLAIN_LIST * (2 + PLAIN_LIST)),
        ("{ some(first: 7) { name } }", 7),
        ("{ some(first: 7) { parts { name } } }", 7 * (1 + PLAIN_LIST)),
        ("{ some(first: 0) { parts { name } } }", 0),
        ("{ toys { count } }", 1),
        ("{ toys { nodes { name } } }", 1 + DEFAULT),
        ("{ toys(first: 7) { nodes { name } } }", 1 + 7),
        ("{ toys(last: 7) { edges { node { name } } } }", 1 + 7 * 2),
        ("{ toys(first: 7) { ...T } } fragment T on Toys { nodes { toys(first: 3) { nodes { name } } } }", 1 + 7 * (2 + 3)),
        ("{ toys(first: 7) { nodes { parts { name } } } }", 1 + 7 * (1 + PLAIN_LIST)),
        ("{ a: toys(first: 2) { nodes { name } } b: toys(first: 3) { nodes { name } } }", 7),
        ("{ toys(first: -1) { nodes { name } } }", 1),
        ("{ toys(first: 1000000000) { nodes { name } } }", 1 + 10 * MAXIMUM),
        ("{ toys(first: null) { nodes { name } } }", 1 + DEFAULT),
        ("{ __schema { types { fields { name } } } }", 3),
    ],
)  # fmt: skip
def test_objects_are_counted_and_pages_multiplied(query: str, objects: int) -> None:
    assert cost("objects", query) == objects
    measure(query, objects=objects)


def test_a_page_set_by_a_variable_is_measured_with_the_variable() -> None:
    query = "query($n: Int) { toys(first: $n) { nodes { name } } }"
    assert measure(query, objects=MAXIMUM) is True
    assert measure(query, objects=1 + MAXIMUM) is False
    assert cost("objects", query, {"n": 5}) == 6
    assert cost("objects", query, {}) == 1 + DEFAULT
    assert cost("objects", query, {"n": "many"}) == 1 + DEFAULT


def test_fragments_that_double_each_other_are_measured_at_once_and_not_without_end() -> None:
    levels = 200
    fragments = " ".join(
        f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)
    )
    query = f"{{ ...F0 }} {fragments} fragment F{levels} on Query {{ x: toy {{ name }} }}"
    assert cost("aliases", query) == cost("objects", query) == UNCOUNTED


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("{ toy { name } }", 2),
        ("{ toy { name name } toy { name } }", 4 + 9),
        ("{ a: toy { a: name } ...F } fragment F on Query { ... { a: toy { name } } }", 9 + 1),
    ],
)
def test_fields_of_one_name_are_counted_for_what_comparing_them_costs(
    query: str, pairs: int
) -> None:
    check_names(parse(query), Limits(0, 0, 0, 0, comparisons=pairs))
    with pytest.raises(TooComplex) as refused:
        check_names(parse(query), Limits(0, 0, 0, 0, comparisons=pairs - 1))
    assert refused.value.extensions["cost"] == pairs
