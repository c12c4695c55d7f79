"""A frozen object is equal to the same JSON and to nothing else, and nothing in it can be changed."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from watchword.formats.exact_json import Unwritable
from watchword.formats.frozen_json import DEEPEST, EMPTY, FrozenObject

NESTED = {"teams": ["a", {"b": [1]}], "org": {"unit": None}}


def test_it_reads_as_a_mapping() -> None:
    made = FrozenObject({"a": 1, "b": [True, "x"]})
    assert made == {"a": 1, "b": [True, "x"]}
    assert dict(made) == {"a": 1, "b": (True, "x")}
    assert (len(made), made.get("c"), "a" in made) == (2, None, True)
    assert made.size == len('{"a":1,"b":[true,"x"]}')


def test_what_it_was_made_of_may_change_without_it() -> None:
    source: dict[str, Any] = {"teams": ["a"]}
    made = FrozenObject(source)
    source["teams"].append("b")
    assert made["teams"] == ("a",)


def test_nothing_in_it_can_be_changed() -> None:
    made: Any = FrozenObject(NESTED)
    for each in (made, made["org"], made["teams"][1]):
        with pytest.raises(TypeError):
            each["x"] = 1
        with pytest.raises(AttributeError):
            each._members = {}
        with pytest.raises(AttributeError):
            del each._members
    assert type(made["teams"]) is type(made["teams"][1]["b"]) is tuple


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (0, False), (1, 1.0), ("1", 1), ([1], [True]), ({"a": 1}, {"a": True}), (None, "")],
)
def test_values_that_json_tells_apart_are_not_equal(one: Any, other: Any) -> None:
    assert FrozenObject({"a": one}) != FrozenObject({"a": other})
    assert FrozenObject({"a": one}) != {"a": other}
    assert len({FrozenObject({"a": one}), FrozenObject({"a": other})}) == 2


def test_equal_objects_are_the_same_key_whatever_their_order() -> None:
    one, other = (
        FrozenObject({"a": 1, "b": {"c": 2, "d": 3}}),
        FrozenObject({"b": {"d": 3, "c": 2}, "a": 1}),
    )
    assert one == other
    assert hash(one) == hash(other)
    assert one != {"a": {1}}
    assert one != 1


def test_only_keeps_what_is_named() -> None:
    made = FrozenObject({"a": 1, "b": 2})
    assert made.only(frozenset({"a", "z"})) == {"a": 1}
    assert made.only(frozenset()) is EMPTY
    assert EMPTY.only(frozenset({"a"})) is EMPTY


def test_it_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(FrozenObject(NESTED))) == FrozenObject(NESTED)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [{1, 2}, object(), float("nan"), float("inf"), "\ud800", {1: 2}, nested(DEEPEST)]
)
def test_what_json_cannot_represent_is_refused(value: Any) -> None:
    with pytest.raises(Unwritable):
        FrozenObject({"a": value})


def test_the_deepest_allowed_value_is_frozen() -> None:
    assert FrozenObject({"a": nested(DEEPEST - 1)}).size > 0
