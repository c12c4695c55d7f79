"""The ASGI types that transports and routes use, and functions that read requests and write responses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass
from email.message import Message as HeaderMessage
from typing import Any

from watchword.formats import origin

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

BEGINS_WITHOUT_TASK = "begins_without_task"
"""The attribute by which an app says that its first step needs no task. The server may then run that step at once,
and starts a task only if the app waits. Code that needs its task awaits `eager.in_task` before."""


class BodyTooLarge(Exception):
    """The body is larger than the limit."""


class UnsupportedContent(Exception):
    """The body has a type or an encoding that is not accepted (RFC 9110, section 15.5.16).

    `sentence` says what is accepted; `headers` are added to the response.
    """

    def __init__(self, sentence: str, headers: Headers = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.headers = headers


class Gone(Exception):
    """The client disconnected before it had sent the whole request."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete HTTP response. The server drops the body for HEAD."""

    status: int
    body: bytes
    headers: Headers = ()

    async def send(self, send: Send) -> None:
        headers = [*self.headers]
        if self.status != 304:
            # The length in a 304 would be that of the 200 response (RFC 9110, section 8.6).
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def header(scope: Message, name: bytes) -> str:
    """Return the value of a request header, or "" if it is absent.

    Several headers of one name are joined by commas (RFC 9110, section 5.3).
    """
    found = [value for key, value in scope["headers"] if key == name]
    return b", ".join(found).decode("latin-1") if found else ""


def route_path(scope: Message) -> str:
    """Return the path inside this app, without the path at which the app is mounted (`root_path`)."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if not root:
        return path
    inside = path.removeprefix(root)
    return inside if not inside or inside.startswith("/") else path


def check_content(scope: Message, media_type: str) -> None:
    """Raise `UnsupportedContent` unless the body has this media type, is in UTF-8 and is not compressed."""
    given = header(scope, b"content-type")
    if given != media_type:
        content = HeaderMessage()
        content["content-type"] = given
        if content.get_content_type() != media_type:
            raise UnsupportedContent(f"Send Content-Type: {media_type}.")
        if (content.get_content_charset() or "utf-8") not in ("utf-8", "utf8"):
            raise UnsupportedContent("Send the body in UTF-8.")
    if header(scope, b"content-encoding").strip().lower() not in ("", "identity"):
        raise UnsupportedContent(
            "Send the body as it is, without Content-Encoding: compressed bodies are not taken.",
            ((b"accept-encoding", b"identity"),),
        )


async def read_body(scope: Message, receive: Receive, limit: int) -> bytes:
    """Read the whole body. Raises `Gone`, and `BodyTooLarge` before more than `limit` bytes are in memory."""
    declared = header(scope, b"content-length")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def is_same_origin(scope: Message, ours: Collection[str]) -> bool:
    """Tell whether a request has no Origin header, or one that names our own site.

    `ours` are our origins; the request's Host header counts as one too. Browsers send Origin with every
    WebSocket and every POST; other clients send none. A proxy may put its own name into Host, so `ours`
    must always contain the issuer's origin.
    """
    given = header(scope, b"origin")
    if not given or origin.is_among(given, ours):
        return True
    scheme = given.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        return False
    try:
        return origin.is_among(given, [origin.normalised(f"{scheme}://{header(scope, b'host')}")])
    except ValueError:
        return False
