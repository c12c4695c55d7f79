"""Depth and aliases are counted through fragments."""

from __future__ import annotations

import pytest
from graphql import OperationDefinitionNode, parse

from graph.errors import TooComplex
from graph.execution.limits import Limits, check


def measure(query: str, depth: int, aliases: int) -> None:
    document = parse(query)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    check(document, operation, Limits(1000, depth, aliases))


@pytest.mark.parametrize(
    ("query", "depth", "aliases"),
    [
        ("{ a }", 1, 0),
        ("{ a { b { c } } d }", 3, 0),
        ("{ x: a { y: b } z: c }", 2, 3),
        ("{ ... on Q { a { ...F } } } fragment F on A { b { c } }", 3, 0),
        ("{ ...F ...F } fragment F on Q { x: a y: b }", 1, 4),
        ("{ ...F ...F } fragment F on Q { ...G ...G } fragment G on Q { x: a }", 1, 4),
    ],
)
def test_a_document_is_measured_exactly(query: str, depth: int, aliases: int) -> None:
    measure(query, depth, aliases)
    with pytest.raises(TooComplex) as deep:
        measure(query, depth - 1, aliases)
    assert deep.value.extensions["cost"] == depth
    if aliases:
        with pytest.raises(TooComplex) as many:
            measure(query, depth, aliases - 1)
        assert many.value.extensions["cost"] == aliases


def test_fragments_that_double_each_other_are_measured_at_once() -> None:
    levels = 200
    fragments = " ".join(f"fragment F{n} on Q {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels))
    with pytest.raises(TooComplex) as many:
        measure(f"{{ ...F0 }} {fragments} fragment F{levels} on Q {{ x: a }}", 10, 10)
    assert many.value.extensions["cost"] == 2**levels
