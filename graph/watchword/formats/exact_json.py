"""JSON that is written and read without changing a value. What it cannot hold is refused, never altered.

orjson alone reads an integer beyond 64 bits as a float, writes NaN as null, and dates, UUIDs, enums
and dataclasses as something else; and it writes nothing at all if one character cannot be.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, NoReturn

import orjson

# orjson writes 254 levels, of which an answer's own fields take some.
DEEPEST = 100
# Python reads integers of any length, in time that grows with the square of it.
LONGEST_INTEGER = 4_000
# A decimal of 15 digits or fewer, without an exponent, is what the float next to it is written as (IEEE
# 754). With the point, that is a text of 16 characters.
_ALWAYS_EXACT = 16
_LEAST, _MOST = -(2**63), 2**64 - 1


class Unwritable(TypeError):
    """JSON cannot hold this value."""


class Number(float):
    """A number that was read and has no exact float: the nearest float, with the text as it was written."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __repr__(self) -> str:
        return self.text


def encode(message: Any) -> bytes:
    """Return a message as JSON. A value that JSON cannot hold, in an error's extensions for example, is
    replaced by its text."""
    try:
        return orjson.dumps(message)
    except TypeError:
        return orjson.dumps(writable_or_text(message))


def writable(value: Any) -> Any:
    """Return a value as orjson writes it, equal to the one that is given. Raises `Unwritable`."""
    # Most leaves of most answers, without another call.
    kind = type(value)
    if kind is int:
        if _LEAST <= value <= _MOST:
            return value
    elif kind is str:
        return _text(value)
    return value if _is_plain((value,), DEEPEST) else _made_plain(value, DEEPEST)


def writable_or_text(value: Any, depth: int = DEEPEST) -> Any:
    """Return a value in which each part that JSON cannot hold is replaced by its text."""
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if depth == 0:
            return "…"
        if isinstance(value, Mapping):
            return {_words(key): writable_or_text(each, depth - 1) for key, each in value.items()}
        return [writable_or_text(each, depth - 1) for each in value]
    try:
        return writable(value)
    except Unwritable:
        return _words(value)


def decode(data: bytes | str) -> Any:
    """Read JSON with every integer exact, and as `Number` what a float cannot hold.

    Raises `json.JSONDecodeError`.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        # It is JSON, if the rest of it is: its number is too large for orjson alone.
        if "infinity" not in error.msg:
            raise
        return _read_carefully(data)
    return _read_carefully(data) if _has_float(value) else value


def canonical_bytes(value: Any) -> bytes:
    """Return bytes that are equal for equal values that were read, and for no others."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return repr(value).encode()


def fits_float(text: str) -> bool:
    """Tell whether a float holds what this number says, to the last digit that was written."""
    near = float(text)
    return isfinite(near) and _is_near_enough(near, text)


def _is_plain(values: Iterable[Any], depth: int) -> bool:
    """Tell whether orjson writes these as they are; `_made_plain` says what is wrong with the others."""
    for value in values:
        kind = type(value)
        if kind is str:
            if not value.isascii() and not _is_whole(value):
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


def _made_plain(value: Any, depth: int) -> Any:
    if isinstance(value, float) and not isfinite(value):
        raise Unwritable(f"JSON has no number {value}")
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        # JSON has integers of any size, which orjson has not.
        return orjson.Fragment(str(int(value)).encode())
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict | list | tuple) and not depth:
        raise Unwritable("a value is in itself, or is nested too deeply")
    if isinstance(value, dict):
        return {_key(key): _made_plain(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_made_plain(each, depth - 1) for each in value]
    if isinstance(value, float):
        # A subclass, such as numpy's, is written by orjson only as what it is.
        return float(value)
    if value is None or isinstance(value, int | orjson.Fragment):
        return value
    raise Unwritable(f"JSON has nothing for a value of type {type(value).__name__}")


def _are_keys(value: dict[Any, Any]) -> bool:
    return all(type(key) is str and (key.isascii() or _is_whole(key)) for key in value)


def _is_whole(value: str) -> bool:
    """Tell whether a text has no half characters (lone surrogates), which UTF-8 cannot hold."""
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


def _words(value: Any) -> str:
    return str(value).encode(errors="backslashreplace").decode()


def _has_float(value: Any) -> bool:
    waiting: list[Any] = [(value,)]
    while waiting:
        for each in waiting.pop():
            kind = type(each)
            if kind is str or kind is int:
                continue
            if kind is dict:
                waiting.append(each.values())
            elif kind is list:
                waiting.append(each)
            elif kind is float:
                return True
    return False


def _read_carefully(data: bytes | str) -> Any:
    try:
        # Decoded here: by itself it would guess UTF-16 and others, and skip a byte order mark.
        text = data if isinstance(data, str) else data.decode()
        value = json.loads(
            text, parse_int=_integer, parse_float=_number, parse_constant=_no_constant
        )
        # The standard library takes half a character where orjson does not.
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
    # A request may hold hundreds of thousands of numbers, and the event loop waits for all of them.
    if len(text) <= _ALWAYS_EXACT and "e" not in text and "E" not in text:
        return near
    if not isfinite(near):
        return Number(text)
    if not near.is_integer():
        # An integer as small as this one would have a float of its own: this is none.
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
    # 0.1 has no float of its own, but the float next to it is written as 0.1.
    return written != written.to_integral_value() and written == Decimal(repr(near))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
