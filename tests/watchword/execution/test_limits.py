"""Depth, aliases, objects and fields of one name are counted through fragments."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, get_introspection_query, parse
from graphql.execution import VariableValues, get_variable_values

from watchword.errors import TooComplex
from watchword.execution.limits import (
    INTROSPECTION_DEPTH,
    UNCOUNTED,
    Limits,
    check_names,
    check_size,
)
from watchword.execution.pages import PLAIN_LIST
from watchword.relay.page import DEFAULT

SCHEMA = build_schema("""
type Query {
  toy: Toy some(first: Int): [Toy!]! toys(first: Int, last: Int, after: String): Toys! all: [Toy!]!
  ten(first: Int = 50): [Toy!]! limited(limit: Int): [Toy!]! floating(first: Float): [Toy!]!
  worded(first: String): [Toy!]! huge(first: Big): [Toy!]! sized(of: Sized, all: [Sized!]): [Toy!]!
  nodes(ids: [ID!]!): [Toy]! found(in: Found!): Toys! wished(below: Int): [Toy!]!
}
scalar Big
input Sized { first: Int = 40, deeper: Sized, ids: [ID!] }
input Found { ids: [[ID!]!]! }
type Toys { nodes: [Toy!]! edges: [Edge!]! count: Int! }
type Edge { node: Toy! }
type Toy { name: String! toy: Toy toys(first: Int, last: Int): Toys! parts: [Toy] }
""")
PLENTY = 10**12


def measure(query: str, variables: dict[str, Any] | None = None, **limits: int) -> frozenset[str]:
    document = parse(query)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    full = {"tokens": PLENTY, "depth": PLENTY, "aliases": PLENTY, "objects": PLENTY} | limits
    values = None
    if variables is not None:
        values = get_variable_values(SCHEMA, operation.variable_definitions or (), variables)
        assert isinstance(values, VariableValues)
    return check_size(SCHEMA, document, operation, Limits(**full), values)


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
        ("{ toys(first: 1000000) { nodes { name } } }", 1 + 1000000),
        ("{ some(first: 2147483648) { name } }", DEFAULT),
        ("{ toys(first: null) { nodes { name } } }", 1 + DEFAULT),
        ("{ __schema { types { fields { name } } } }", 3),
        ("{ ten { name } }", 50),
        ("{ ten(first: null) { name } }", DEFAULT),
        ("{ limited(limit: 70) { name } }", 70),
        ("{ floating(first: 7.5) { name } }", 7),
        ('{ worded(first: "7") { name } }', 7),
        ("{ huge(first: 123456789012345678901234567890) { name } }", UNCOUNTED),
        ("{ wished(below: 1000) { name } }", PLAIN_LIST),
        ("{ nodes(ids: [1, 2]) { name } }", PLAIN_LIST),
        ("{ nodes(ids: [" + "1," * 30 + "]) { name } }", 30),
        ("{ found(in: {ids: [[1, 2], [" + "1," * 30 + "]]}) { nodes { name } } }", 1 + 32),
        ("{ sized(of: {}) { name } }", 40),
        ("{ sized(of: {first: 5}) { name } }", 5),
        ("{ sized(of: {first: 5, deeper: {first: 60}}) { name } }", 60),
        ("{ sized(all: [{first: 50}, {first: 60}]) { name } }", 110),
        ("{ sized { name } }", DEFAULT),
        ("{ toys(first: 7) @include(if: true) { nodes { name } } }", 1 + 7),
        ("{ ... @skip(if: false) { toys(first: 7) { nodes { name } } } }", 1 + 7),
    ],
)  # fmt: skip
def test_objects_are_counted_and_pages_multiplied(query: str, objects: int) -> None:
    assert cost("objects", query) == objects
    measure(query, objects=objects)


@pytest.mark.parametrize(
    ("declared", "where", "variables", "objects"),
    [
        ("$n: Int", "some(first: $n)", {"n": 5}, 5),
        ("$n: Int", "some(first: $n)", {"n": 5.0}, 5),
        ("$n: Int", "some(first: $n)", {"n": 1_000_000}, 1_000_000),
        ("$n: Int", "some(first: $n)", {"n": None}, DEFAULT),
        ("$n: Int", "some(first: $n)", {}, DEFAULT),
        ("$n: Int", "ten(first: $n)", {}, 50),
        ("$n: Int = 100", "some(first: $n)", {}, 100),
        ("$n: Int = 100", "some(first: $n)", {"n": 5}, 5),
        ("$n: Float", "floating(first: $n)", {"n": 70.9}, 70),
        ("$n: String", "worded(first: $n)", {"n": "70"}, 70),
        ("$n: Big", "huge(first: $n)", {"n": 10**30}, UNCOUNTED),
        ("$n: Int = 90", "sized(of: {deeper: {first: $n}})", {}, 90),
        ("$n: Sized", "sized(of: $n)", {"n": {"deeper": {"first": 90}}}, 90),
        ("$n: Sized = {first: 90}", "sized(of: $n)", {}, 90),
        ("$n: Sized", "sized(of: $n)", {"n": {}}, 40),
        ("$n: [Sized!]", "sized(all: $n)", {"n": [{"first": 90}, {"first": 90}]}, 180),
        ("$n: [ID!]!", "nodes(ids: $n)", {"n": ["x"] * 90}, 90),
        ("$n: ID!", "nodes(ids: [$n])", {"n": "x"}, PLAIN_LIST),
        ("$n: Int", "some(first: $n) @include(if: true)", {"n": 5}, 5),
    ],
)
def test_a_page_set_by_a_variable_is_measured_as_the_resolver_gets_it(
    declared: str, where: str, variables: dict[str, Any], objects: int
) -> None:
    query = f"query({declared}) {{ {where} {{ name }} }}"
    assert measure(query, objects=0) == {"n"}, "without variables it is not known yet"
    assert cost("objects", query, variables) == objects
    assert measure(query, variables, objects=objects) == set()


def test_variables_that_set_no_page_are_not_waited_for() -> None:
    query = "query($n: Int, $s: String) { wished(below: $n) { name } toys(after: $s) { count } }"
    assert measure(query) == set()


def test_the_schema_may_be_asked_as_deep_as_tools_do_whatever_the_limit_of_depth() -> None:
    whole = get_introspection_query(
        directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    measure(whole, depth=0)
    deep = "{ __schema { types { ofType " + "{ ofType " * 100 + "{ name }" + " }" * 103
    with pytest.raises(TooComplex) as refused:
        measure(deep)
    assert refused.value.extensions["limit"] == INTROSPECTION_DEPTH
    assert cost("depth", "{ __typename toy { toy { __typename } } }") == 3


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
