"""graphql-core's executors are made of plans, or refused; a compiled run gives graphql-core's result."""

from __future__ import annotations

from inspect import iscoroutine
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import ExecutionResult, build_schema
from graphql.execution import Executor

from watchword.execution.executors import build, result_of
from watchword.execution.limits import Limits
from watchword.execution.plan import Planner, Refused

SCHEMA = build_schema("type Query { double(number: Int!): Int }")
PLANNER = Planner(SCHEMA, Limits(1000, 10, 10, 1000), 10)
CONTEXT: Any = SimpleNamespace(extensions={"trace": "1"})


def executor(variables: dict[str, Any] | None) -> Executor[Any]:
    plan = PLANNER.plan("query Q($n: Int!) { double(number: $n) }", "Q")
    return build(Executor, SCHEMA, plan, variables, CONTEXT, None, True)


def test_an_executor_has_the_variables_the_context_and_the_extensions_of_its_request() -> None:
    made = executor({"n": 3})
    assert made.variable_values.coerced == {"n": 3}
    assert made.context_value is CONTEXT
    assert made.operation_extensions == {"trace": "1"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("variables", [None, {}, {"n": "three"}, {"n": 2**40}])
def test_variables_that_do_not_fit_are_refused(variables: dict[str, Any] | None) -> None:
    with pytest.raises(Refused):
        executor(variables)


async def test_a_run_that_waits_gives_its_result_later() -> None:
    run: Any = SimpleNamespace(errors=None)

    async def later() -> dict[str, int]:
        return {"double": 6}

    assert result_of(run, {"double": 6}) == ExecutionResult({"double": 6}, None)
    waiting = result_of(run, later())
    assert iscoroutine(waiting)
    assert await waiting == ExecutionResult({"double": 6}, None)
