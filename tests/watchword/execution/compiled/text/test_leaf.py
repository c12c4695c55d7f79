"""Values that the text takes as they are, are those that graphql-core completes to themselves."""

from __future__ import annotations

import enum
import math
from typing import Any

import pytest
from graphql import specified_scalar_types
from graphql.execution import Executor

from watchword.execution.compiled.text.leaf import unlikely
from watchword.libraries.graphql_core import checking_executor


class Text(str):
    __slots__ = ()


class Whole(enum.IntEnum):
    ONE = 1


VALUES: list[Any] = [
    *("", "a", "é", "\ud800", Text("a"), 0, 1, -(2**31), 2**31, 2**70, True, False, Whole.ONE),
    *(0.0, -0.0, 1.5, 3.0, math.inf, -math.inf, math.nan, None, [], {}, object(), b"a"),
]
complete = checking_executor(Executor).complete_leaf_value


@pytest.mark.parametrize("kind", specified_scalar_types.values(), ids=lambda kind: kind.name)
def test_what_is_taken_as_it_is_would_not_change(kind: Any) -> None:
    condition = unlikely(kind, "v")
    assert condition is not None
    taken = [value for value in VALUES if not eval(condition, {"v": value, "T": type, "S": str})]
    assert taken
    for value in taken:
        done = complete(kind, value)
        assert done is value or (done == value and type(done) is type(value))


def test_other_types_are_always_completed() -> None:
    assert unlikely(object(), "v") is None
