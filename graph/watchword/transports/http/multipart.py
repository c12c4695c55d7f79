"""Multipart subscriptions, as Apollo Client asks for them over plain HTTP.

https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
"""

from __future__ import annotations

from typing import Any

from watchword.asgi.types import Headers
from watchword.delivery.run import Sent
from watchword.formats.exact_json import encode

CONTENT_TYPE = "multipart/mixed"

# The boundary comes before its part, and right after the one before: a part is shown when it is whole.
_HEAD = b"\r\ncontent-type: application/json\r\n\r\n"
_TAIL = b"\r\n--graphql"


class Multipart:
    """Each answer is a part with the member `payload`; an empty object is a sign of life."""

    headers: Headers = (
        (b"content-type", b'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0'),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    )
    beginning = b"\r\n--graphql"
    beat = _HEAD + b"{}" + _TAIL
    complete = b"--\r\n"

    def next(self, answer: Sent) -> bytes:
        made = answer.shapes.get("multipart")
        if made is None:
            made = answer.shapes["multipart"] = _part(b'{"payload":' + answer.json + b"}")
        return made

    def fail(self, errors: list[dict[str, Any]]) -> bytes:
        # What ends the stream is beside the payload, not in it.
        return _part(encode({"payload": None, "errors": errors}))


def _part(body: bytes) -> bytes:
    return _HEAD + body + _TAIL
