"""Reads a large JSON object member by member, and its lists item by item: it is never in memory as a whole."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

# Bytes that are decoded at a time; more, if one value is longer.
PIECE = 1 << 20
_SPACE = re.compile(r"[ \t\n\r]*")
_ENDS = frozenset(",:]} \t\n\r")
_DECODER = json.JSONDecoder()


def members(content: bytes, lists: Collection[str]) -> Iterator[tuple[str, Any, bool]]:
    """Yield the members of a JSON object, each with its name, its value, and whether that is an item of a list.

    A list whose name is in `lists` is yielded empty, and then each of its items. Content that is not an
    object is one member without a name. Reads what the standard library's `json.loads` reads: UTF-8, UTF-16
    and UTF-32, byte order marks and lone surrogates. Raises `ValueError`, or `RecursionError` for deep nesting.
    """
    text = _Text(content)
    if text.peek() != "{":
        yield "", text.value(), False
    else:
        for _ in text.parts("{", "}"):
            name = text.value()
            if not isinstance(name, str):
                raise text.error("Expecting property name enclosed in double quotes")
            text.take(":")
            if name not in lists or text.peek() != "[":
                yield name, text.value(), False
                continue
            yield name, [], False
            for _ in text.parts("[", "]"):
                yield name, text.value(), True
    if text.peek():
        raise text.error("Extra data")


class _Text:
    """The text of the content, of which a piece is decoded at a time."""

    def __init__(self, content: bytes) -> None:
        encoding = json.detect_encoding(content)
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._content = memoryview(content)
        self._read = 0
        self._text = ""
        self._at = 0

    def peek(self) -> str:
        """Return the next character that is no space, which stays; nothing at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._decode(PIECE):
                return ""

    def take(self, *expected: str) -> str:
        """Take one of these characters. Raises `ValueError` if another one is next."""
        found = self.peek()
        if found not in expected or not found:
            raise self.error(f"Expecting {' or '.join(map(repr, expected))}")
        self._at += 1
        return found

    def parts(self, opening: str, closing: str) -> Iterator[None]:
        """Yield before each part of a list or object, between its brackets and commas."""
        self.take(opening)
        if self.peek() == closing:
            self.take(closing)
            return
        yield
        while self.take(",", closing) == ",":
            yield

    def value(self) -> Any:
        """Take one value. Raises `ValueError` if none is next."""
        self.peek()
        size = PIECE
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if not self._decode(size):
                    raise
            else:
                # Without a character that ends it, a number may go on in the next piece.
                if self._text[end : end + 1] in _ENDS or not self._decode(size):
                    self._at = end
                    return value
            size *= 2

    def error(self, message: str) -> ValueError:
        return json.JSONDecodeError(message, self._text, self._at)

    def _decode(self, size: int) -> bool:
        """Decode the next bytes, and drop the text that was taken. Return whether there were any."""
        piece = self._content[self._read : self._read + size]
        is_last = self._read + len(piece) == len(self._content)
        if not piece:
            return False
        self._read += len(piece)
        self._text = self._text[self._at :] + self._decoder.decode(bytes(piece), is_last)
        self._at = 0
        return True
