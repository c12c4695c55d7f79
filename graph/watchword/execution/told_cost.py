"""What an answer tells a caller that asks for costs, in `extensions.cost`."""

from __future__ import annotations

from typing import Any

import orjson

from watchword.errors import WatchwordError
from watchword.execution.cost.formula import Number
from watchword.execution.cost.sent import Unfit
from watchword.execution.masking import to_json
from watchword.execution.plan import Plan, Planner

Told = dict[str, Any]


def told_cost(
    planner: Planner, plan: Plan, variables: dict[str, Any] | None, data: Any
) -> Told | None:
    """Return the estimated cost of an operation, and the actual cost of the data of its answer.

    None if its cost is not known: an extension of the schema has found its document.
    """
    if plan.estimate is None:
        return None
    try:
        actual = planner.actual_cost(plan, variables, data)
    except (Unfit, WatchwordError):
        actual = 0
    return {"estimated": _shown(planner.cost(plan, variables)), "actual": _shown(actual)}


def with_cost(json: bytes, told: Told) -> bytes:
    """Return an answer that is JSON with `extensions.cost` in it."""
    answer = orjson.loads(json)
    answer["extensions"] = {**(answer.get("extensions") or {}), "cost": told}
    return to_json(answer)


def _shown(cost: Number) -> Number:
    # Sums of tenths, which introspection costs, have digits that mean nothing.
    return round(cost, 3)
