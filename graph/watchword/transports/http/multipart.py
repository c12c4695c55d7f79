"""Multipart responses: subscriptions in the format that Apollo Client requests over plain HTTP, and answers in parts.

https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
https://github.com/graphql/graphql-over-http/blob/main/rfcs/IncrementalDelivery.md
"""

from __future__ import annotations

from typing import Any

from watchword.asgi.types import Headers
from watchword.connections.live import Transport
from watchword.delivery.run import Sent
from watchword.formats.exact_json import encode
from watchword.transports.http.caching import UNBUFFERED

CONTENT_TYPE = "multipart/mixed"
# The parameters with which clients say which form of parts they read: ours (https://specs.apollo.dev/incremental/v0.2/),
# and the forms of others.
INCREMENTAL_SPEC = "v0.2"
OTHER_SPECS = frozenset(("deferspec", "subscriptionspec"))

# The boundary is sent right after each part, and not with the next one: clients deliver a part only when
# they have seen the boundary behind it.
_HEAD = b"\r\ncontent-type: application/json\r\n\r\n"
_TAIL = b"\r\n--graphql"


class Multipart:
    """Each answer is a part with the member `payload`. A part with an empty object keeps the connection alive."""

    transport = Transport.MULTIPART
    headers: Headers = (
        (b"content-type", b'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0'),
        *UNBUFFERED,
    )
    beginning = b"\r\n--graphql"
    keep_alive = _HEAD + b"{}" + _TAIL
    complete = b"--\r\n"

    def next(self, answer: Sent) -> bytes:
        made = answer.shapes.get("multipart")
        if made is None:
            made = answer.shapes["multipart"] = _part(b'{"payload":' + answer.json + b"}")
        return made

    def position(self, cursor: str) -> bytes:
        return b""

    def fail(self, errors: list[dict[str, Any]]) -> bytes:
        # By the protocol, errors that end the stream are beside the payload, and not in it.
        return _part(encode({"payload": None, "errors": errors}))


class MultipartParts:
    """Each part of an answer is a part of the response (`@defer` and `@stream`)."""

    transport = Transport.MULTIPART
    headers: Headers = (
        (b"content-type", b'multipart/mixed; boundary="graphql"; incrementalSpec=v0.2'),
        *UNBUFFERED,
    )
    beginning = b"\r\n--graphql"
    # Clients would take a part without content for an answer.
    keep_alive = b""
    complete = b"--\r\n"

    def next(self, answer: Sent) -> bytes:
        return _part(answer.json)

    def position(self, cursor: str) -> bytes:
        return b""

    def fail(self, errors: list[dict[str, Any]]) -> bytes:
        return _part(encode({"errors": errors}))


def _part(body: bytes) -> bytes:
    return _HEAD + body + _TAIL
