"""The few ASGI shapes that doors and routes speak, and how they read and write them."""

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


class BodyTooLarge(Exception):
    """The body is larger than the limit."""


class UnsupportedContent(Exception):
    """The body is in a form that is not taken (RFC 9110, section 15.5.16); the text says which is."""

    def __init__(self, sentence: str, headers: Headers = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.headers = headers


class Gone(Exception):
    """The client went away before its request was whole."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response that is whole. HEAD gets the same headers and no body."""

    status: int
    body: bytes
    headers: Headers = ()

    async def send(self, send: Send) -> None:
        length = (b"content-length", b"%d" % len(self.body))
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [*self.headers, length],
            }
        )
        await send({"type": "http.response.body", "body": self.body})


def header(scope: Message, name: bytes) -> str:
    """Return a request header, all its values joined as RFC 9110, section 5.3, has it; or ""."""
    return ", ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def route_path(scope: Message) -> str:
    """Return the path inside this app, without the one that it is mounted at (`root_path`)."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    inside = path.removeprefix(root)
    return inside if not inside or inside.startswith("/") else path


def check_content(scope: Message, media_type: str) -> None:
    """Raise `UnsupportedContent` unless a body is of this media type, in UTF-8 and not compressed."""
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
    """Read the whole body. Raises `BodyTooLarge` before more than `limit` bytes are held."""
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
    """Tell whether a request comes from a page of one of our origins, or of the host that it was sent
    to, or from no page.

    Browsers send Origin with every WebSocket and every POST; other clients send none. A proxy may put
    its own name into Host, so the issuer's origin is always one of ours.
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
