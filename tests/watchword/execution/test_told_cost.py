"""What an answer tells of costs is put beside what else is in its extensions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.paged_schema import SCHEMA
from watchword.execution.limits import Limits
from watchword.execution.plan import Planner
from watchword.execution.told_cost import told_cost, with_cost

TOLD = {"estimated": 7, "actual": 2}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"data": None}, {"cost": TOLD}),
        ({"data": {}, "extensions": None}, {"cost": TOLD}),
        ({"data": {}, "extensions": {"cursors": {"a": "b"}}}, {"cursors": {"a": "b"}, "cost": TOLD}),
    ],
)  # fmt: skip
def test_the_rest_of_an_answer_stays_as_it_is(answer: Any, expected: dict[str, Any]) -> None:
    told = json.loads(with_cost(json.dumps(answer).encode(), TOLD))
    assert told == {**answer, "extensions": expected}


def test_the_estimate_is_told_and_what_the_data_holds() -> None:
    planner = Planner(SCHEMA, Limits(1_000, 10, 10, 1_000), 10)
    plan = planner.plan("query ($n: Int) { some(first: $n) { name } }", None)
    data = {"some": [{"name": "a"}, {"name": "b"}]}
    assert told_cost(planner, plan, {"n": 7}, data) == TOLD
    # Without data, because the variables do not fit.
    assert told_cost(planner, plan, {"n": "x"}, None) == {"estimated": 0, "actual": 0}
    draft = planner.draft(None, None, None)
    assert told_cost(planner, draft, None, data) is None


def test_tenths_are_told_without_digits_that_mean_nothing() -> None:
    planner = Planner(SCHEMA, Limits(1_000, 10, 10, 1_000), 10)
    plan = planner.plan("{ __schema { types { name } } }", None)
    data = {"__schema": {"types": [{"name": str(each)} for each in range(6)]}}
    told = told_cost(planner, plan, None, data)
    assert told is not None
    assert told["actual"] == 0.7
