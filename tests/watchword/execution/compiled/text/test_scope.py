"""A scope knows the indexes of its place, and what is unfinished there."""

from __future__ import annotations

from watchword.execution.compiled.mark import Open
from watchword.execution.compiled.text.scope import Scope
from watchword.execution.compiled.text.unit import Unit


def test_the_indexes_are_those_of_the_function_and_its_lists() -> None:
    scope = Scope(Unit("test").function("def made(p)"))
    assert scope.indexes == "p"
    within = scope.opened("w1", iterator="i1", blocks=2)._replace(loops=("r1", "r2"))
    assert eval(within.indexes, {"p": (7,), "r1": [0], "r2": []}) == (7, 1, 0)
    assert within.opens == (Open("w1", False), Open("i1", True))
    assert within.depth == 2
