"""JSON objects that are kept for long and read seldom: as text, which takes a fraction of the memory of Python's objects."""

from __future__ import annotations

import json
from typing import Any


class PackedObject:
    """A JSON object as its text."""

    __slots__ = ("_text",)

    def __init__(self, members: dict[str, Any]) -> None:
        """`members` come from JSON. The text has ASCII characters only, so that each takes one byte."""
        self._text = json.dumps(members, separators=(",", ":"))

    def unpacked(self) -> dict[str, Any]:
        """Return the object, made anew."""
        return json.loads(self._text)  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """The length of its text in bytes."""
        return len(self._text)
