"""A cost is found by the variables as they were sent, and they are coerced once for each combination."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from graphql import OperationDefinitionNode, parse

from tests.support.paged_schema import SCHEMA
from watchword.execution.cost import sent
from watchword.execution.cost.estimate import MOST_KNOWN, Estimate, Estimator
from watchword.execution.cost.sent import cost_as_sent

SIZED = "query ($first: Int = 3) { toys(first: $first) { nodes { name } } }"


def estimated(query: str) -> tuple[OperationDefinitionNode, Estimate]:
    document = parse(query)
    [operation] = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    return operation, Estimator(SCHEMA).estimate(document, operation)


@pytest.mark.parametrize("variables", [None, {}, {"first": 7}, {"first": 7, "other": [1]}])
def test_it_is_the_cost_with_the_coerced_variables(variables: dict[str, Any] | None) -> None:
    operation, estimate = estimated(SIZED)
    size = (variables or {}).get("first", 3)
    alone = estimated(f"{{ toys(first: {size}) {{ nodes {{ name }} }} }}")
    found = cost_as_sent(SCHEMA, operation, estimate, variables)
    assert found == cost_as_sent(SCHEMA, *alone, None) > size


@pytest.mark.parametrize("bad", ["many", [1], {"a": 1}, 10**12])
def test_it_is_0_if_the_variables_do_not_fit(bad: object) -> None:
    assert cost_as_sent(SCHEMA, *estimated(SIZED), {"first": bad}) == 0


def test_it_is_0_without_an_estimate() -> None:
    operation, _ = estimated(SIZED)
    assert cost_as_sent(SCHEMA, operation, None, None) == 0


def test_a_combination_is_coerced_once_and_few_are_remembered() -> None:
    operation, estimate = estimated(SIZED)
    coerce = sent.get_variable_values
    with mock.patch.object(sent, "get_variable_values", side_effect=coerce) as coerced:
        for _ in range(10):
            cost_as_sent(SCHEMA, operation, estimate, {"first": 7})
        assert coerced.call_count == 1
        for size in range(1_000):
            cost_as_sent(SCHEMA, operation, estimate, {"first": size})
    assert len(estimate.sent) <= MOST_KNOWN
