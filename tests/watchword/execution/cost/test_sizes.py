"""The size of a page is found wherever a client may write it. How sizes multiply: test_estimate.py."""

from __future__ import annotations

import pytest
from graphql import FieldNode, OperationDefinitionNode, build_schema, parse
from graphql.execution import VariableValues

from tests.support.work import calls_in
from watchword.execution.cost.sizes import PLAIN_LIST, Sizes
from watchword.relay.page import DEFAULT, MAXIMUM

SCHEMA = build_schema("""
scalar Big
input Filter { first: Int = 40, deeper: Filter, ids: [ID!] }
type Query {
  plain: [Int] paged(first: Int, last: Int): [Int] few(limit: Int = 3): [Int]
  ids(ids: [ID!]): [Int] filtered(by: Filter): [Int] odd(first: Big): [Int] other(below: Int): [Int]
}
""")


def only_field(text: str) -> FieldNode:
    [operation] = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    [node] = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    return node


def length(text: str) -> tuple[int | None, set[str]]:
    node = only_field(text)
    root = SCHEMA.query_type
    assert root is not None
    reading = Sizes(SCHEMA).read(root.fields[node.name.value], node)
    if reading is None:
        return None, set()
    return reading.read(VariableValues({}, {})), set(reading.names)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("plain", None),
        ("other(below: 1000)", None),
        ("paged", DEFAULT),
        ("paged(first: 7)", 7),
        ("paged(first: 3, last: 5)", 5),
        ("paged(first: -1)", 0),
        ("few", 3),
        ("ids(ids: [1, 2])", PLAIN_LIST),
        ("ids(ids: [" + "1, " * 30 + "])", 30),
        ("filtered(by: {})", 40),
        ("filtered(by: {deeper: {first: 60}})", 60),
        ('odd(first: "many")', MAXIMUM),
    ],
)
def test_the_length_of_a_page(field: str, expected: int | None) -> None:
    assert length(f"{{ {field} }}") == (expected, set())


@pytest.mark.parametrize(
    "field", ["paged(first: $n)", "filtered(by: {first: $n})", "ids(ids: [$n])"]
)
def test_a_variable_that_sets_a_page_is_named(field: str) -> None:
    assert length(f"query($n: Int) {{ {field} }}")[1] == {"n"}


def test_a_variable_that_sets_no_page_is_not_named() -> None:
    assert length("query($n: Int) { other(below: $n) }") == (None, set())


def test_filters_that_all_contain_each_other_are_looked_at_once() -> None:
    kinds = range(9)
    members = " ".join(f"m{n}: F{n}" for n in kinds)
    filters = " ".join(f"input F{n} {{ {members} has: Int }}" for n in kinds)
    schema = build_schema(
        f"{filters} type Query {{ found(by: F0): [Int] sized(by: F0, first: Int): [Int] }}"
    )
    root, sizes = schema.query_type, Sizes(schema)
    assert root is not None

    def look() -> None:
        for name, expected in {"found": None, "sized": DEFAULT}.items():
            reading = sizes.read(root.fields[name], only_field(f"{{ {name} }}"))
            assert (reading and reading.read(VariableValues({}, {}))) == expected

    assert calls_in(look) < 10_000, "there are a million ways from one to another"
