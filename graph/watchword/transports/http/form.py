"""Reads a body of multipart/form-data part by part (RFC 7578), while it arrives.

python-multipart finds the parts. It takes headers of at most 4,096 bytes, and eight of them in a part.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from watchword.errors import BadUserInput

try:
    from python_multipart import multipart
    from python_multipart.exceptions import FormParserError
except ModuleNotFoundError:  # an optional dependency: `Uploads` refuses to be made without it
    multipart = None  # type: ignore[assignment]

IS_INSTALLED = multipart is not None
# C0 and C1 controls, and DEL.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Head(NamedTuple):
    """The beginning of a part: the name of its field, its file's name if it has one, and its headers."""

    name: str
    filename: str | None
    headers: list[tuple[bytes, bytes]]


class Body(Protocol):
    """A body that is read piece by piece."""

    async def chunk(self) -> bytes | None:
        """Return the next piece; None at the end."""


class FormReader:
    """Reads the parts of one body in their order. Raises `BadUserInput` for a body that is not well formed."""

    def __init__(self, body: Body, boundary: bytes) -> None:
        self._body = body
        self._found = _Found()
        with _well_formed():
            self._parser = multipart.MultipartParser(boundary, self._found.callbacks)

    async def part(self) -> Head | None:
        """Return the head of the next part; None at the end. Skips what is left of the present part."""
        while (event := await self._event()) is not None:
            if isinstance(event, Head):
                return event
        return None

    async def data(self) -> bytes | None:
        """Return the next piece of the present part; None at its end."""
        event = await self._event()
        if isinstance(event, Head):
            self._found.events.appendleft(event)
            return None
        return event

    async def _event(self) -> Head | bytes | None:
        events = self._found.events
        while not events:
            chunk = await self._body.chunk()
            if chunk is None:
                if not self._found.is_ended:
                    raise BadUserInput("The body ends before its last boundary.")
                return None
            with _well_formed():
                self._parser.write(chunk)
        return events.popleft()


@contextmanager
def _well_formed() -> Iterator[None]:
    try:
        yield
    except FormParserError as error:
        raise BadUserInput("The body is not well-formed multipart/form-data.") from error


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type header names. Raises `BadUserInput` if there is none."""
    _, parameters = multipart.parse_options_header(content_type)
    boundary: bytes = parameters.get(b"boundary", b"")
    if not boundary:
        raise BadUserInput("The Content-Type names no boundary.")
    return boundary


class _Found:
    """Collects what the parser finds."""

    def __init__(self) -> None:
        self.is_ended = False
        self.events: deque[Head | bytes] = deque()
        self._headers: list[tuple[bytes, bytes]] = []
        self._name = self._value = b""
        self.callbacks: Any = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_name,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_headers_finished": self._on_head,
            "on_part_data": self._on_data,
            "on_end": self._on_end,
        }

    def _begin(self) -> None:
        self._headers = []

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers.append((self._name.lower(), self._value))
        self._name = self._value = b""

    def _on_head(self) -> None:
        self.events.append(_head(self._headers))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self.events.append(data[start:end])

    def _on_end(self) -> None:
        self.is_ended = True


def _head(headers: list[tuple[bytes, bytes]]) -> Head:
    disposition = [value for name, value in headers if name == b"content-disposition"]
    if len(disposition) != 1:
        raise BadUserInput("Each part needs one header Content-Disposition.")
    kind, options = multipart.parse_options_header(disposition[0])
    name, filename = options.get(b"name"), options.get(b"filename")
    if kind != b"form-data" or name is None:
        raise BadUserInput("Each part needs a Content-Disposition of form-data, with a name.")
    return Head(_text(name), None if filename is None else _text(filename), headers)


def _text(raw: bytes) -> str:
    """Decode a name. Browsers send UTF-8 (RFC 7578, section 5.1.1). Raises `BadUserInput` for control characters."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if _CONTROL.search(text):
        raise BadUserInput("The name of a field or a file holds a control character.")
    return text
