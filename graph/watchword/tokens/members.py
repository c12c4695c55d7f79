"""Parses JSON objects from tokens and credentials strictly: no duplicate members. Pure."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, NoReturn

from watchword.errors import InvalidToken

LONGEST_INTEGER = 20
"""Longest integer in JSON, in characters: 64 bits and a sign."""


def members(data: bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises `InvalidToken` for duplicate members, NaN, infinity or long integers.

    The standard library's parser is used because it reports duplicate members.
    """
    try:
        # Decode here: given bytes, json.loads would guess UTF-16 and others, and skip a byte order mark.
        text = data.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_short,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidToken("JSON") from error
    if not isinstance(value, dict):
        raise InvalidToken("JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate member")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _short(text: str) -> int:
    # Python's int() needs time that grows with the square of the number of digits.
    if len(text) > LONGEST_INTEGER:
        raise ValueError("a number is out of range")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
