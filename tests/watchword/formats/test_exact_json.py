"""JSON is read and written without changing a value; a value that JSON cannot represent is refused."""

from __future__ import annotations

import datetime
import enum
import json
import uuid
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.formats import exact_json
from watchword.formats.exact_json import (
    DEEPEST,
    DEEPEST_READ,
    LONGEST_INTEGER,
    Number,
    Unwritable,
    canonical_bytes,
    decode,
    encode,
    fits_float,
    writable,
)


class Text(str):
    pass


class Real(float):
    """A subclass of float, like numpy's float64."""


class Color(enum.Enum):
    RED = "red"


class Mood(enum.StrEnum):
    GOOD = "good"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Box:
    inside: int = 1


Pair = namedtuple("Pair", "a b")
circle: list[Any] = []
circle.append(circle)


def nested(levels: int, value: Any) -> Any:
    for _ in range(levels):
        value = [value]
    return value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-(2.0**53), 2.0**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_what_json_holds_is_written_and_read_without_a_change(value: Any) -> None:
    text = orjson.dumps(writable(value))
    assert json.loads(text) == decode(text) == value
    assert decode(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("é🚒", '"é🚒"'),
        (Text("x"), '"x"'),
        (Mood.GOOD, '"good"'),
        (Level.HIGH, "3"),
        (Real(1.5), "1.5"),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        (Pair(1, 2**70), "[1,1180591620717411303424]"),
        (OrderedDict(a={Text("b"): (1, None, True)}), '{"a":{"b":[1,null,true]}}'),
        (MappingProxyType({"a": MappingProxyType({})}), '{"a":{}}'),
        (nested(DEEPEST - 1, 1), "[" * (DEEPEST - 1) + "1" + "]" * (DEEPEST - 1)),
        (orjson.Fragment("[1]"), "[1]"),
    ],
)
def test_what_is_json_by_another_name_is_written_as_it(value: Any, text: str) -> None:
    assert orjson.dumps(writable(value)).decode() == text


@pytest.mark.parametrize(
    "value",
    [
        *("\ud800", Text("\ud800"), float("nan"), float("inf"), -float("inf"), Real("nan")),
        *(Decimal("1.1"), b"x", bytearray(b"x"), {1, 2}, object(), 1j, Color.RED, Box()),
        *(
            datetime.datetime(2026, 1, 1),
            datetime.date(2026, 1, 1),
            datetime.time(1),
            uuid.UUID(int=1),
        ),
        *({1: 1}, {None: 1}, {True: 1}, {"\ud800": 1}, circle, nested(DEEPEST + 1, 1)),
    ],
)
@pytest.mark.parametrize(
    "where", [lambda value: value, lambda value: {"a": [2**64, value]}], ids=["alone", "inside"]
)
def test_what_json_cannot_hold_is_refused_and_not_altered(value: Any, where: Any) -> None:
    with pytest.raises(Unwritable):
        writable(where(value))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("\ud800", "\\ud800"),
        ({"\ud800": Decimal("1.5")}, {"\\ud800": "1.5"}),
        ([2**64, {1: b"x"}, {3}], [2**64, {"1": "b'x'"}, [3]]),
        (float("nan"), None),
        ([float("nan"), "\ud800"], ["nan", "\\ud800"]),
    ],
)
def test_a_message_arrives_whatever_it_holds(value: Any, read: Any) -> None:
    assert json.loads(encode(value)) == read
    assert encode(circle)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0.1", 0.1), ("1.0", 1.0), ("1e2", 100.0), ("-0.0", -0.0), ("1.5e-7", 1.5e-7)),
        ("18446744073709551617", 2**64 + 1),
        ("-9223372036854775809", -(2**63) - 1),
        ("18446744073709551617.0", 2**64 + 1),
        ("1.8446744073709552e19", 18446744073709552000),
        ("1" + "0" * 400, 10**400),
        ("9" * LONGEST_INTEGER, 10**LONGEST_INTEGER - 1),
    ],
)
def test_a_number_is_read_as_it_is_written(text: str, value: float) -> None:
    for data in (f'{{"a": [{text}]}}', f'{{"a": [{text}]}}'.encode()):
        [number] = decode(data)["a"]
        assert (number, type(number)) == (value, type(value))


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,8})\.[0-9]{1,8}", fullmatch=True))
def test_a_short_number_is_the_float_that_is_written_like_it(text: str) -> None:
    assert Decimal(repr(decode(text))) == Decimal(text)


def test_common_numbers_are_read_without_decimal_arithmetic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # An attacker's request may contain 230,000 numbers, and blocks the event loop while they are read.
    monkeypatch.setattr(exact_json, "Decimal", None)
    assert decode("[1.1,-0.25,52.520008,-33.8688197,100.0]") == [
        *(1.1, -0.25, 52.520008, -33.8688197, 100.0)
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("1e400", "-1e400", "9" * (LONGEST_INTEGER + 1), "1e99999999999999999999"),
        *("12345678901234567.89", "0.1000000000000000055511151231257827", "1e-400"),
        "1e-99999999999999999999",
    ],
)
def test_a_number_that_no_float_holds_is_known_by_what_was_written(text: str) -> None:
    [number] = decode(f"[{text}]")
    assert (type(number), number.text, str(number)) == (Number, text, text)
    assert not fits_float(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "NaN", "[1e400,NaN]", "1.5 x", "[1e400, 'a']", "\ufeff1.5"),
        *('"\\ud800"', '[1.5, "\\ud800"]', '[1e400, "\\ud800"]', '{"\\ud800": 1e400}'),
        "[" * 2_000 + "1.5" + "]" * 2_000,
        "[" * 2_000 + "1e400" + "]" * 2_000,
    ],
)
def test_what_is_not_json_is_refused_whatever_its_numbers_are(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        decode(text)
    with pytest.raises(json.JSONDecodeError):
        decode(text.encode("utf-16"))


@pytest.mark.parametrize("leaf", ["1", "1.5", "1e400", "18446744073709551617"])
@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"a": ', "}"), ('[1.5, "b", ', "]")]
)
def test_so_many_levels_are_read_and_no_more(leaf: str, opening: str, closing: str) -> None:
    def nested_text(levels: int) -> str:
        return opening * levels + leaf + closing * levels

    canonical_bytes(decode(nested_text(DEEPEST_READ)))
    with pytest.raises(json.JSONDecodeError, match="nested too deeply"):
        decode(nested_text(DEEPEST_READ + 1))


def test_different_values_are_told_apart() -> None:
    texts = ["1", "1.0", "true", '"1"', "18446744073709551617", "18446744073709551618"]
    texts += ["12345678901234567.89", "12345678901234567.88", '"12345678901234567.89"', "null"]
    assert len({canonical_bytes({"a": decode(text)}) for text in texts}) == len(texts)
    assert canonical_bytes({"a": 1, "b": 2}) == canonical_bytes({"b": 2, "a": 1})
