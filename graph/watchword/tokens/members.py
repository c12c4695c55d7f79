"""The members of a JSON object, each there once: what brings a claim or a credential is read strictly. Pure."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, NoReturn

from watchword.errors import InvalidToken

LONGEST_INTEGER = 20
"""The longest integer in JSON, in characters: that of 64 bits, with its sign."""


def members(data: bytes) -> dict[str, Any]:
    """Return a JSON object without duplicate members, endless numbers or other surprises.

    Raises `InvalidToken`. The standard library's parser is used because it shows duplicates.
    """
    try:
        # Decoded here: by itself it would guess UTF-16 and others, and skip a byte order mark.
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
    # Python reads integers of any length, in time that grows with the square of it.
    if len(text) > LONGEST_INTEGER:
        raise ValueError("a number is out of range")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
