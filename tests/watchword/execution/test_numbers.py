"""A number that a resolver would not get as it was written is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse, validate

from watchword.execution.numbers import ExactNumbers, fit
from watchword.formats.exact_json import Number

SCHEMA = build_schema("""
scalar Big
input Pair { float: Float, big: Big }
type Query { of(float: Float, floats: [Float], big: Big, pair: Pair): Int }
""")
LONG = "0.1234567890123456789"


def fitted(kind: str, value: Any) -> tuple[Any, list[str]]:
    [operation] = parse(f"query($x: {kind}) {{ of }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    variables, errors = fit(SCHEMA, operation, {"x": value})
    return variables["x"], [error.message for error in errors]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("Float", 2**60 + 1, float(2**60)),
        ("Float", Number(LONG), float(LONG)),
        ("[Float]", [1, Number(LONG)], [1.0, float(LONG)]),
        ("Pair", {"float": 2**60}, {"float": float(2**60)}),
        ("Big", 2**60 + 1, 2**60 + 1),
        ("Big", "a text", "a text"),
    ],
)
def test_a_variable_arrives_as_it_is_written_or_as_the_nearest_double(
    kind: str, value: Any, expected: Any
) -> None:
    found, errors = fitted(kind, value)
    assert (found, errors) == (expected, [])
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Big", Number(LONG)),
        ("Big", {"deep": [Number(LONG)]}),
        ("Pair", {"big": Number(LONG)}),
        ("Float", Number("1e999")),
    ],
)
def test_a_variable_that_would_change_is_refused_by_name(kind: str, value: Any) -> None:
    _, [message] = fitted(kind, value)
    assert message.startswith("Variable '$x': The number ")


@pytest.mark.parametrize(
    ("document", "count"),
    [
        ("{ of(float: 1.5) }", 0),
        (f"{{ of(float: {LONG}) }}", 0),
        (f"{{ of(big: {LONG}) }}", 1),
        ("{ of(float: 1e999, big: 1.5) }", 1),
        (f"{{ of(float: {'9' * 400}) }}", 1),
    ],
)
def test_a_number_in_the_document_is_validated(document: str, count: int) -> None:
    assert len(validate(SCHEMA, parse(document), [ExactNumbers])) == count
    assert math.isfinite(float(LONG))
