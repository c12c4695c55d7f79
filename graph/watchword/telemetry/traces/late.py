"""Spans of requests that are made later, many at once, unless something asks for them before.

One request in a hundred is traced, so the SDK's code that makes a span comes from memory each time, and takes four times
as long as when it was just run. Nothing asks for the span of an answer from memory: it has no spans below it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from threading import Lock
from time import time_ns
from typing import Any

from opentelemetry.trace import Span, SpanContext, Status, StatusCode

# So many ended spans are made at once, and none waits longer than these seconds.
MOST, LONGEST_SECONDS = 32, 1.0

_making = Lock()


class LateSpan(Span):
    """A span that remembers its name, its attributes, its beginning and its end, and is made when more is asked of it."""

    __slots__ = ("_attributes", "_began", "_ended", "_made", "_name", "_spans", "_start")

    def __init__(
        self,
        spans: LateSpans,
        start: Callable[..., Span],
        name: str,
        attributes: Mapping[str, Any],
    ) -> None:
        """`start` makes a span that records, of a name, attributes and its time in nanoseconds."""
        self._spans = spans
        self._start = start
        self._name = name
        self._attributes = {**attributes}
        self._began = time_ns()
        self._ended: int | None = None
        self._made: Span | None = None

    def made(self) -> Span:
        """Return the span, which is made if it has not been."""
        # A resolver may ask in a thread.
        with _making:
            if self._made is None:
                self._made = self._start(self._name, self._attributes, self._began)
        return self._made

    def make_ended(self) -> None:
        """Make the span with the time at which it ended."""
        self.made().end(self._ended)

    # What a request does with its span.

    def is_recording(self) -> bool:
        return self._ended is None

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        if self._made is None:
            self._attributes.update(attributes)
        else:
            self._made.set_attributes(attributes)

    def update_name(self, name: str) -> None:
        if self._made is None:
            self._name = name
        else:
            self._made.update_name(name)

    def end(self, end_time: int | None = None) -> None:
        if self._ended is None:
            self._ended = time_ns() if end_time is None else end_time
            if self._made is None:
                self._spans.add(self)
            else:
                self._made.end(self._ended)

    # All else needs it.

    def get_span_context(self) -> SpanContext:
        return self.made().get_span_context()

    def set_attribute(self, key: str, value: Any) -> None:
        self.made().set_attribute(key, value)

    def add_event(self, *event: Any, **more: Any) -> None:
        self.made().add_event(*event, **more)

    def add_link(self, *link: Any, **more: Any) -> None:
        self.made().add_link(*link, **more)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self.made().set_status(status, description)

    def record_exception(self, *error: Any, **more: Any) -> None:
        self.made().record_exception(*error, **more)


class LateSpans:
    """The spans that have ended and are to be made."""

    def __init__(self) -> None:
        self._ended: list[LateSpan] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, span: LateSpan) -> None:
        """Let a span that has ended be made with others. Call it in the event loop."""
        self._ended.append(span)
        if len(self._ended) >= MOST:
            self.make()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LONGEST_SECONDS, self.make)

    def make(self) -> None:
        """Make all spans that have ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ended, self._ended = self._ended, []
        for span in ended:
            span.make_ended()
