"""Values that the text takes as they are, are those that graphql-core completes to themselves."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import uuid
from typing import Any

import orjson
import pytest
import strawberry
from graphql import specified_scalar_types
from graphql.execution import Executor

from watchword.execution.compiled.text.leaf import converted, is_text, text_test, unlikely
from watchword.execution.compiled.text.unit import Unit
from watchword.libraries import strawberry_parts
from watchword.libraries.graphql_core import checking_executor


class Text(str):
    __slots__ = ()


class Word(enum.StrEnum):
    """Members whose value is another than their characters."""

    ONE = "one", 1

    def __new__(cls, characters: str, value: object) -> Word:
        made = str.__new__(cls, characters)
        made._value_ = value
        return made


class Whole(enum.IntEnum):
    ONE = 1


VALUES: list[Any] = [
    *(
        "",
        "a",
        "é",
        "\ud800",
        Text("a"),
        Word.ONE,
        0,
        1,
        -(2**31),
        2**31,
        2**70,
        True,
        False,
        Whole.ONE,
    ),
    *(0.0, -0.0, 1.5, 3.0, math.inf, -math.inf, math.nan, None, [], {}, object(), b"a"),
]
complete = checking_executor(Executor).complete_leaf_value


TEXTS = [kind for kind in specified_scalar_types.values() if is_text(kind)]
OTHERS = [kind for kind in specified_scalar_types.values() if not is_text(kind)]


@pytest.mark.parametrize("kind", OTHERS, ids=lambda kind: kind.name)
def test_what_is_taken_as_it_is_would_not_change(kind: Any) -> None:
    condition = unlikely(kind, "v")
    assert condition is not None
    taken = [value for value in VALUES if not eval(condition, {"v": value, "T": type})]
    assert taken
    for value in taken:
        done = complete(kind, value)
        assert done is value or (done == value and type(done) is type(value))


@pytest.mark.parametrize("kind", TEXTS, ids=lambda kind: kind.name)
def test_texts_that_are_taken_as_they_are_are_written_as_they_would_be(kind: Any) -> None:
    taken = [value for value in VALUES if is_taken(Unit("test"), value)]
    assert taken == ["", "a", Text("a"), Word.ONE]
    for value in taken:
        assert orjson.dumps(value) == orjson.dumps(complete(kind, value))


def test_a_place_that_has_met_another_class_asks_for_the_class_and_raises_nothing() -> None:
    unit = Unit("test")
    test, ask = text_test(unit)
    assert unit.names[ask](None) is False
    assert unit.names[test]("a"), "null is no class of its own"
    assert unit.names[ask](3) is False
    assert [unit.names[test](value) for value in ("a", "é", 3, None)] == [True, False, False, False]


def is_taken(unit: Unit, value: object) -> bool:
    test, ask = text_test(unit)
    try:
        return bool(unit.names[test](value))
    except TypeError:
        return bool(unit.names[ask](value))


@strawberry.enum
class Size(enum.Enum):
    SMALL = 1
    LARGE = strawberry.enum_value(2, name="BIG")


@strawberry.type
class Query:
    size: Size
    at: datetime.datetime
    day: datetime.date
    time: datetime.time
    id: uuid.UUID
    price: decimal.Decimal


TYPES = strawberry_parts.definition(strawberry.Schema(Query)).type_map
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.UTC)


@pytest.mark.parametrize(
    ("name", "usual"),
    [
        ("Size", [Size.SMALL, Size.LARGE]),
        ("DateTime", [MOMENT, MOMENT.replace(tzinfo=None)]),
        ("Date", [MOMENT.date()]),
        ("Time", [MOMENT.time(), MOMENT.timetz()]),
    ],
)
def test_values_of_the_usual_class_become_what_they_would(name: str, usual: list[Any]) -> None:
    kind, unit = TYPES[name], Unit("test")
    found = converted(unit, kind, "v")
    assert found is not None
    condition, expression = found
    for value in [*usual, *VALUES]:
        names = {**unit.names, "v": value, "T": type}
        is_usual = eval(condition, names)
        assert is_usual == (value in usual)
        assert not is_usual or eval(expression, names) == complete(kind, value)


def test_other_types_have_no_usual_class() -> None:
    for name in ("UUID", "Decimal", "String"):
        assert converted(Unit("test"), TYPES[name], "v") is None


def test_other_types_are_always_completed() -> None:
    assert unlikely(object(), "v") is None
