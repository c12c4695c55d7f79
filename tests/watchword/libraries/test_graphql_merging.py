"""The rule finds what graphql-core's finds, and stops when it would compare more than it may."""

from __future__ import annotations

import pytest
from graphql import OverlappingFieldsCanBeMergedRule, build_schema, parse, validate

from watchword.libraries.graphql_merging import TooManyComparisons, bounded_merging

SCHEMA = build_schema(
    "type Query { toy(id: Int): Toy, hello(name: String): String } type Toy { id: Int, inner: Toy }"
)
DOCUMENTS = [
    "{ hello hello toy(id: 1) { id inner { id } } toy(id: 1) { inner { id id } } }",
    "{ a: hello a: toy(id: 1) { id } toy(id: 1) { id } toy(id: 2) { id } }",
    "{ toy { ...F id inner { id } } } fragment F on Toy { id: inner { id } inner { id: inner { id } } }",
]  # fmt: skip
FRAGMENTS = 120
MANY = {
    "fields": "{" + 'hello(name: "a") ' * 120 + "}",
    "fields that conflict": "{" + " ".join(f"a: hello(name: {n})" for n in range(120)) + "}",
    "fragments": "{"
    + " ".join(f"...F{n}" for n in range(FRAGMENTS))
    + "}"
    + " ".join(f'fragment F{n} on Query {{ a: hello(name: "{n}") }}' for n in range(FRAGMENTS)),
}


@pytest.mark.parametrize("text", DOCUMENTS)
def test_within_the_bound_the_errors_are_those_of_the_specification(text: str) -> None:
    document = parse(text)
    found, expected = (
        [(each.message, each.locations) for each in validate(SCHEMA, document, [rule])]
        for rule in (bounded_merging(1_000), OverlappingFieldsCanBeMergedRule)
    )
    assert found == expected


@pytest.mark.parametrize("name", MANY)
def test_beyond_the_bound_nothing_more_is_compared(name: str) -> None:
    document = parse(MANY[name])
    with pytest.raises(TooManyComparisons):
        validate(SCHEMA, document, [bounded_merging(10_000)])
    validate(SCHEMA, document, [bounded_merging(100_000)])


def test_too_many_errors_end_the_validation_as_before() -> None:
    document = parse("{" + " ".join(f"a{n}: hello a{n}: toy {{ id }}" for n in range(5)) + "}")
    split = parse(
        "{" + " ".join(f"toy(id: {n}) {{ id: inner {{ id }} id }}" for n in range(5)) + "}"
    )
    assert len(validate(SCHEMA, document, [bounded_merging(1_000)], max_errors=2)) == 3
    assert (
        "limit reached"
        in validate(SCHEMA, split, [bounded_merging(1_000)], max_errors=2)[-1].message
    )
