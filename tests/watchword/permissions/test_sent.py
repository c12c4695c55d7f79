"""What an operation sends is found in literals and variables, however deep; what it leaves out is not."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import FieldNode, GraphQLObjectType, OperationDefinitionNode, parse
from graphql.execution import VariableValues, get_variable_values

from tests.support.payroll import payroll
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.inputs import Inputs
from watchword.permissions.sent import Sent

SCHEMA = definition(payroll())
INPUTS = Inputs(SCHEMA)


def found(document: str, **variables: Any) -> list[str]:
    """Return the coordinates of what the first field of a document sends."""
    [operation] = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    [node] = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), variables)
    assert isinstance(values, VariableValues)
    return [each.name for each in sent(node).found(node, values)]


def sent(node: FieldNode) -> Sent:
    query = SCHEMA.query_type
    assert isinstance(query, GraphQLObjectType)
    name = node.name.value
    return Sent(INPUTS, INPUTS.of_field(query, name, query.fields[name]))


def nested(depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {"bonus": 1}
    for _ in range(depth):
        made = {"either": [made]}
    return made


def test_all_that_is_sent_is_found_once() -> None:
    document = (
        "query($f: Filter) { people(first: 1, page: {first: 2},"
        " filter: {bonus: 1, level: BOARD, either: [{bonus: 2}, $f]}) { name } }"
    )
    assert found(document, f={"salary": {"low": None}}) == [
        *("Query.people(first:)", "Page", "Filter.bonus", "Level.BOARD", "Between.low")
    ]


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("query($f: Filter) { people(filter: $f) { name } }", {}),
        ("query($f: Filter) { people(filter: $f) { name } }", {"f": None}),
        ("query($f: Filter = {bonus: 1}) { people(filter: $f) { name } }", {"f": {}}),
        ("query($n: Int) { people(filter: {bonus: $n}) { name } }", {}),
        ("{ people(filter: null, page: null) { name } }", {}),
        ('{ people(filter: {name: "BOARD"}) { name } }', {}),
    ],
)
def test_what_is_left_out_is_not_found(document: str, variables: dict[str, Any]) -> None:
    assert found(document, **variables) == []


def test_a_default_of_a_variable_is_sent_only_if_the_variable_is_not() -> None:
    document = "query($f: Filter = {bonus: 1}) { people(filter: $f) { name } }"
    assert found(document) == ["Filter.bonus"]
    assert found(document, f={"name": "x"}) == []


def test_one_value_stands_for_a_list_of_it() -> None:
    document = "query($f: Filter) { people(filter: $f) { name } }"
    assert found(document, f={"either": {"salary": {"low": 1}}}) == ["Between.low"]
    assert found("{ byLevel(levels: BOARD) }") == ["Level.BOARD"]


def test_nesting_uses_up_no_stack() -> None:
    document = "query($f: Filter) { people(filter: $f) { name } }"
    assert found(document, f=nested(90)) == ["Filter.bonus"]


def test_a_field_that_gives_none_of_the_arguments_may_have_nothing() -> None:
    for document, expected in (("{ people { name } }", False), ("{ people(first: 1) }", True)):
        node = parse(document).definitions[0].selection_set.selections[0]  # type: ignore[attr-defined]
        assert sent(node).may_have(node) is expected
