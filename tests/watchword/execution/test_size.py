"""Depth, aliases, root fields and directives are counted through fragments. Costs: cost/test_estimate.py."""

from __future__ import annotations

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse

from tests.support.paged_schema import SCHEMA
from watchword.execution.cost.formula import UNCOUNTED
from watchword.execution.size import Size, directives_of, size_of, weight_of


def size(query: str) -> Size:
    document = parse(query)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    return size_of(SCHEMA, document, operation)


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
    found = size(query)
    assert (found.depth, found.aliases) == (depth, aliases)


def test_introspection_counts_apart_from_the_depth_of_other_fields() -> None:
    found = size(get_introspection_query())
    assert (found.depth, found.introspection) == (0, 15)
    assert size("{ __typename toy { toy { __typename } } }").depth == 3


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("{ toy { name } }", 1),
        ("{ toy { name } toy { toy { name } } }", 1),
        ("{ toy { name } other: toy { name } all { name } }", 3),
        ("{ ...F ... { all { name } } } fragment F on Query { toy { name } ...G } fragment G on Query { ten { name } }", 3),
        ("{ ...F ...F } fragment F on Query { toy { name } }", 1),
    ],
)  # fmt: skip
def test_root_fields_are_counted_as_often_as_they_are_run(query: str, number: int) -> None:
    assert size(query).root_fields == number


def test_fragments_that_double_each_other_are_measured_at_once_and_not_without_end() -> None:
    levels = 200
    fragments = " ".join(
        f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)
    )
    query = f"{{ ...F0 }} {fragments} fragment F{levels} on Query {{ x: toy {{ name }} }}"
    found = size(query)
    assert (found.aliases, found.root_fields) == (UNCOUNTED, 1)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("{ toy { name } }", 0),
        ("query ($a: Int @a @b) @c { toy @d { ... @e { name @f } ...F @g } } fragment F on Toy @h { name @i }", 9),
        ("fragment F on Toy { name @a } fragment G on Toy { name @a }", 2),
        ("type Query @a { b: Int }", 1),
    ],
)  # fmt: skip
def test_directives_are_counted_wherever_they_are(query: str, number: int) -> None:
    assert directives_of(parse(query)) == number


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("{ a }", 3),
        ("{ a b c }", 5),
        ("{ a }" + "\n#" * 10, 3 + 10),
        ("{ a }" + " " * 495, 3 + 10),
    ],
)
def test_tokens_comments_and_characters_weigh(text: str, weight: int) -> None:
    assert weight_of(parse(text)) == weight
