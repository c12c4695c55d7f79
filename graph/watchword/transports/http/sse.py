"""Server-sent events: graphql-sse's "distinct connections mode".

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

from __future__ import annotations

from typing import Any

from watchword.asgi.types import Headers
from watchword.connections.live import Transport
from watchword.delivery.run import Sent
from watchword.formats.exact_json import encode
from watchword.transports.http.caching import UNBUFFERED

CONTENT_TYPE = "text/event-stream"


class EventStream:
    """Each answer is an event `next` with its cursor as the id. EventSource sends it back when it reconnects."""

    transport = Transport.EVENT_STREAM
    headers: Headers = (
        (b"content-type", b"text/event-stream; charset=utf-8"),
        *UNBUFFERED,
    )
    beginning = b""
    keep_alive = b":\n\n"
    complete = b"event: complete\ndata: \n\n"

    def next(self, answer: Sent) -> bytes:
        made = answer.shapes.get("sse")
        if made is None:
            id = b"" if answer.cursor is None else b"id: " + answer.cursor.encode() + b"\n"
            made = answer.shapes["sse"] = b"event: next\n" + id + b"data: " + answer.json + b"\n\n"
        return made

    def position(self, cursor: str) -> bytes:
        # An id without data is no event, and EventSource keeps it for Last-Event-ID (HTML, section 9.2.6).
        return b"id: " + cursor.encode() + b"\n\n"

    def fail(self, errors: list[dict[str, Any]]) -> bytes:
        return b"event: next\ndata: " + encode({"errors": errors}) + b"\n\n"
