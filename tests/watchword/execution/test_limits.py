"""Depth, aliases and fields of one name are counted through fragments. What an operation costs: cost/test_estimate.py."""

from __future__ import annotations

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse

from tests.support.paged_schema import SCHEMA
from watchword.errors import TooComplex
from watchword.execution.cost.formula import UNCOUNTED
from watchword.execution.limits import (
    INTROSPECTION_DEPTH,
    Limits,
    check_cost,
    check_names,
    check_size,
)

PLENTY = 10**12


def measure(query: str, **limits: int) -> None:
    document = parse(query)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    full = {"tokens": PLENTY, "depth": PLENTY, "aliases": PLENTY, "cost": PLENTY} | limits
    check_size(SCHEMA, document, operation, Limits(**full))


def cost(limit: str, query: str) -> int:
    with pytest.raises(TooComplex) as refused:
        measure(query, **{limit: -1})
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
    assert cost("aliases", query) == UNCOUNTED


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


def test_a_cost_is_refused_above_the_limit_only() -> None:
    check_cost(9, Limits(0, 0, 0, 9))
    with pytest.raises(TooComplex, match="The operation costs 10; 9 is allowed") as refused:
        check_cost(9.1, Limits(0, 0, 0, 9))
    assert refused.value.extensions == {"code": "TOO_COMPLEX", "cost": 10, "limit": 9}
