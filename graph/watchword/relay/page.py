"""Relay's four page arguments, checked, and cursors. Pure."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from watchword.errors import BadUserInput

DEFAULT = 20
MAXIMUM = 100
LONGEST_CURSOR = 2_000
# The largest integer that both databases can hold. orjson reads larger ones.
LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list: `size` items between two cursors, from the start or `backward` from the end."""

    size: int
    after: str | None
    before: str | None
    backward: bool


def page(
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    maximum: int = MAXIMUM,
) -> Page:
    """Check Relay's arguments. Raises `BadUserInput`, which names the faulty one."""
    if first is not None and last is not None:
        raise BadUserInput("Ask for the first or the last, not for both.", ["last"])
    name = "first" if last is None else "last"
    size = first if last is None else last
    if size is None:
        size = min(DEFAULT, maximum)
    if not 0 <= size <= maximum:
        raise BadUserInput(f"{name} must be between 0 and {maximum}.", [name])
    return Page(size, after, before, last is not None)


def encode_cursor(order: str, values: Sequence[Any]) -> str:
    """Return an item's opaque cursor: its values in the columns by which the list is ordered."""
    plain = [
        value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for value in values
    ]
    return urlsafe_b64encode(orjson.dumps([order, *plain])).decode().rstrip("=")


def decode_cursor(cursor: str, order: str, kinds: Sequence[type], name: str) -> list[Any]:
    """Return the values in a cursor. Raises `BadUserInput` for a forged cursor, or one of another list."""
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError
        _, *found = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        values = [_value(value, kind) for value, kind in zip(found, kinds, strict=True)]
        # Accept only the exact text that was issued: base64 and JSON have several for the same values.
        if encode_cursor(order, values) != cursor:
            raise ValueError
        return values
    except (ValueError, TypeError, OverflowError):
        raise BadUserInput("This cursor is not from this list in this order.", [name]) from None


def _value(value: Any, kind: type) -> Any:
    if kind is datetime and isinstance(value, str):
        return datetime.fromisoformat(value).astimezone(UTC)
    if not isinstance(value, kind) or isinstance(value, bool) or "\x00" in str(value):
        raise ValueError
    if isinstance(value, int) and value > LARGEST:
        raise ValueError
    return value
