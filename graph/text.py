"""Text from outside: stripped, not empty, not endless, and storable everywhere."""

from __future__ import annotations

from collections.abc import Sequence

from graph.errors import BadUserInput


def checked_text(value: str, path: Sequence[str | int], longest: int) -> str:
    """Return the text without surrounding white space.

    Raises `BadUserInput` naming `path` when nothing is left, when it has more than `longest`
    characters, or holds NUL (which PostgreSQL cannot store) or half a character.
    """
    text = value.strip()
    if not text:
        raise BadUserInput(f"{path[-1]} must not be empty.", path)
    if len(text) > longest:
        raise BadUserInput(f"{path[-1]} has at most {longest} characters.", path)
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadUserInput(f"{path[-1]} holds a character that is no text.", path)
    return text
