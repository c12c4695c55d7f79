"""Variables of the usual scalars are coerced here when they fit, and by graphql-core when they do not."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse
from graphql.execution import VariableValues
from graphql.execution.values import get_variable_values

from watchword.execution.compiled.variables import Variables

SCHEMA = build_schema(
    "type Query { a(i: Int, f: Float, s: String, d: ID, b: Boolean, n: In, k: Kind, o: Other): Int }"
    " input In { a: Int } enum Kind { A } scalar Other"
)
GIVEN: list[Any] = [
    *(0, -5, 2**31, 2**31 - 1, 1.5, 3.0, float("inf"), float("nan"), True, "", "a", "é", None),
    *([1], {"a": 1}, "A"),
]


@pytest.mark.parametrize("default", ["", " = null", " = 3", ' = "x"'])
@pytest.mark.parametrize("kind", ["Int", "Float", "String", "ID", "Boolean", "In", "Kind", "Other"])
@pytest.mark.parametrize("required", ["", "!"])
def test_what_is_coerced_is_what_graphql_core_makes_of_it(
    kind: str, required: str, default: str
) -> None:
    document = parse(f"query($v: {kind}{required}{default}) {{ a }}")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    variables = Variables(SCHEMA, operation)
    for values in [{}, *({"v": each, "other": object()} for each in GIVEN)]:
        expected = get_variable_values(SCHEMA, operation.variable_definitions or (), values)
        found = variables.coerce(values)
        if found is not None:
            assert isinstance(expected, VariableValues)
            assert found == expected.coerced
            assert [*map(type, found.values())] == [*map(type, expected.coerced.values())]


def test_the_usual_values_are_coerced() -> None:
    operation: Any = parse("query($i: Int!, $s: String, $b: Boolean = true) { a }").definitions[0]
    variables = Variables(SCHEMA, operation)
    assert variables.coerce({"i": 1, "s": "é"}) == {"i": 1, "s": "é", "b": True}
    assert variables.coerce(None) is None
