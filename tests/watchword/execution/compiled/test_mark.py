"""A mark gives the path of a line; a trail follows an error through generated text and no further."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLString, NameNode

from watchword.execution.compiled.mark import Mark, Marks, passed_by, trail
from watchword.execution.compiled.site import Site
from watchword.execution.compiled.text.unit import Unit

FIELD = GraphQLField(GraphQLString)
ITEM = GraphQLObjectType("Item", {"a": FIELD})
NODE = SimpleNamespace(node=FieldNode(name=NameNode(value="a")))
SITE = Site(1, "a", ITEM, FIELD, [NODE], (("list", "Query"), None))


def fail(*_: Any) -> None:
    raise ValueError("here")


@passed_by
def go_through(function: Any) -> None:
    function(None, ())


def marks_of(error: BaseException, marks: Marks) -> list[list[str | int]]:
    found = trail(error.__traceback__.tb_next, marks)  # type: ignore[union-attr]
    return [mark.path(frame).as_list() for mark, frame in found]


def made(marks: Marks, called: Any) -> Any:
    unit = Unit("test")
    unit.names["called"] = called
    function = unit.function("def made(s, p)")
    function.line("r = ['first', 'second']")
    function.line("called(s)", Mark(SITE, 0, ("r",)))
    unit.build(marks)
    return unit.names["made"]


def test_the_path_has_the_indexes_of_the_lists_that_were_being_filled() -> None:
    marks: Marks = {}
    with pytest.raises(ValueError, match="here") as caught:
        made(marks, fail)(None, ())
    assert marks_of(caught.value, marks) == [["list", 2, "a"]]


def test_a_trail_goes_on_below_a_function_that_is_passed_by() -> None:
    marks: Marks = {}
    inner = made(marks, fail)
    with pytest.raises(ValueError, match="here") as caught:
        made(marks, lambda _: None) and go_through(inner)
    assert marks_of(caught.value, marks) == [["list", 2, "a"]]


def test_a_trail_ends_where_other_code_was_called() -> None:
    marks: Marks = {}
    inner = made(marks, fail)
    outer = made(marks, lambda _: inner(None, ()))
    with pytest.raises(ValueError, match="here") as caught:
        outer(None, ())
    assert len(marks_of(caught.value, marks)) == 1
