"""A path is made of steps and the indexes that they leave open."""

from __future__ import annotations

from watchword.execution.compiled.site import path


def test_open_steps_become_indexes_in_order() -> None:
    made = path((("a", "Query"), None, None, ("b", "Item")), (3, 4))
    assert made.as_list() == ["a", 3, 4, "b"]
    assert made.typename == "Item"
