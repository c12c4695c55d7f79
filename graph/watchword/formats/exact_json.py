"""Reads and writes JSON without changing a value; a value that JSON cannot represent is refused.

orjson alone reads an integer beyond 64 bits as a float, writes NaN as null, and writes dates, UUIDs,
enums and dataclasses as strings or other types. A single lone surrogate makes it fail as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, NoReturn

import orjson

# orjson writes 254 levels of nesting; the GraphQL response around a value needs some of them.
DEEPEST = 100
# Levels of lists and objects that are read. Much of what gets a value calls itself for each level, and Python fails at
# about a thousand calls.
DEEPEST_READ = 200
# Python's int() needs time that grows with the square of the number of digits.
LONGEST_INTEGER = 4_000
# A decimal of at most 15 digits and without an exponent is unchanged after conversion to a float and back
# (IEEE 754). With the point, that is a text of 16 characters.
_ALWAYS_EXACT = 16
_LEAST, _MOST = -(2**63), 2**64 - 1


class Unwritable(TypeError):
    """JSON cannot represent this value."""


class Number(float):
    """A number from JSON that no float equals: the nearest float, with the written number as `text`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __repr__(self) -> str:
        return self.text


def encode(message: Any) -> bytes:
    """Return a message as JSON. A value that JSON cannot represent is replaced by its text: an error's
    extensions may contain one."""
    try:
        return orjson.dumps(message)
    except TypeError:
        return orjson.dumps(writable_or_text(message))


def writable(value: Any) -> Any:
    """Return an equal value that orjson writes without a change. Raises `Unwritable` if there is none."""
    # Most leaves are an int or a str: handle these two without another call.
    kind = type(value)
    if kind is int:
        if _LEAST <= value <= _MOST:
            return value
    elif kind is str:
        return _text(value)
    return value if _is_plain((value,), DEEPEST) else _to_plain(value, DEEPEST)


def writable_or_text(value: Any, depth: int = DEEPEST) -> Any:
    """Return a value in which each part that JSON cannot represent is replaced by its text."""
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if depth == 0:
            return "…"
        if isinstance(value, Mapping):
            return {_as_text(key): writable_or_text(each, depth - 1) for key, each in value.items()}
        return [writable_or_text(each, depth - 1) for each in value]
    try:
        return writable(value)
    except Unwritable:
        return _as_text(value)


def decode(data: bytes | str) -> Any:
    """Read JSON with every integer exact. A decimal that no float equals is returned as a `Number`.

    Raises `json.JSONDecodeError`, also for more than `DEEPEST_READ` levels.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        # A number is too large for orjson; the text may be valid JSON all the same.
        if "infinity" not in error.msg:
            raise
        value = _read_carefully(data)
        _has_float(value)
        return value
    return _read_carefully(data) if _has_float(value) else value


def canonical_bytes(value: Any) -> bytes:
    """Return a key for a value that `decode` returned: equal values, and only those, have the same key."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return repr(value).encode()


def fits_float(text: str) -> bool:
    """Tell whether a float equals this number, to the last digit that was written."""
    near = float(text)
    return isfinite(near) and _is_near_enough(near, text)


def _is_plain(values: Iterable[Any], depth: int) -> bool:
    """Tell whether orjson writes all of these unchanged. If not, `_to_plain` converts or refuses them."""
    for value in values:
        kind = type(value)
        if kind is str:
            if not value.isascii() and not _is_encodable(value):
                return False
        elif kind is int:
            if not _LEAST <= value <= _MOST:
                return False
        elif kind is float:
            if not isfinite(value):
                return False
        elif kind is dict:
            if not depth or not (_are_keys(value) and _is_plain(value.values(), depth - 1)):
                return False
        elif kind is list:
            if not depth or not _is_plain(value, depth - 1):
                return False
        elif kind is not bool and value is not None:
            return False
    return True


def _to_plain(value: Any, depth: int) -> Any:
    if isinstance(value, float) and not isfinite(value):
        raise Unwritable(f"JSON has no number {value}")
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        # JSON allows integers of any size; orjson writes 64 bits only.
        return orjson.Fragment(str(int(value)).encode())
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping | list | tuple) and not depth:
        raise Unwritable("a value is in itself, or is nested too deeply")
    if isinstance(value, Mapping):
        return {_key(key): _to_plain(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(each, depth - 1) for each in value]
    if isinstance(value, float):
        # orjson refuses subclasses of float, such as numpy's.
        return float(value)
    if value is None or isinstance(value, int | orjson.Fragment):
        return value
    raise Unwritable(f"JSON has nothing for a value of type {type(value).__name__}")


def _are_keys(value: dict[Any, Any]) -> bool:
    return all(type(key) is str and (key.isascii() or _is_encodable(key)) for key in value)


def _is_encodable(value: str) -> bool:
    """Tell whether a text has no lone surrogates, which UTF-8 cannot encode."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unwritable("a text has half a character in it (a lone surrogate)") from None
    return str.__str__(value)


def _key(value: Any) -> str:
    if not isinstance(value, str):
        raise Unwritable(f"JSON has no members named by a value of type {type(value).__name__}")
    return _text(value)


def _as_text(value: Any) -> str:
    return str(value).encode(errors="backslashreplace").decode()


def _has_float(value: Any) -> bool:
    """Tell whether a value has a float in it. Raises `json.JSONDecodeError` if it has too many levels."""
    level: list[Any] = [(value,)]
    found = False
    for _ in range(DEEPEST_READ + 1):
        below: list[Any] = []
        for values in level:
            for each in values:
                kind = type(each)
                if kind is str or kind is int:
                    continue
                if kind is dict:
                    below.append(each.values())
                elif kind is list:
                    below.append(each)
                elif kind is float:
                    found = True
        if not below:
            return found
        level = below
    raise json.JSONDecodeError("it is nested too deeply", "", 0)


def _read_carefully(data: bytes | str) -> Any:
    try:
        # Decode here: given bytes, json.loads would guess UTF-16 and others, and skip a byte order mark.
        text = data if isinstance(data, str) else data.decode()
        value = json.loads(
            text, parse_int=_integer, parse_float=_number, parse_constant=_no_constant
        )
        # The standard library accepts lone surrogates; orjson does not.
        json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(str(error), "", 0) from error


def _integer(text: str) -> int | Number:
    return int(text) if len(text) <= LONGEST_INTEGER else Number(text)


def _number(text: str) -> int | float:
    near = float(text)
    # Stay fast for short numbers: a request may contain hundreds of thousands, and blocks the event loop.
    if len(text) <= _ALWAYS_EXACT and "e" not in text and "E" not in text:
        return near
    if not isfinite(near):
        return Number(text)
    if not near.is_integer():
        # A float with a fraction is below 2**52, where every integer equals a float: `text` is no integer.
        return near if _is_near_enough(near, text) else Number(text)
    try:
        written = Decimal(text)
    except InvalidOperation:
        return Number(text)
    if written != written.to_integral_value():
        return near if written == Decimal(repr(near)) else Number(text)
    exact = int(written)
    return near if exact == int(near) else exact


def _is_near_enough(near: float, text: str) -> bool:
    try:
        written = Decimal(text)
    except InvalidOperation:
        return False
    if written == Decimal(near):
        return True
    # No float equals 0.1, but the nearest one is written as 0.1.
    return written != written.to_integral_value() and written == Decimal(repr(near))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
