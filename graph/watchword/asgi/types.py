"""The ASGI types that transports and routes use, and functions that read requests and write responses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from email.message import Message as HeaderMessage
from functools import lru_cache
from types import MethodType
from typing import Any, NamedTuple

from watchword.formats import origin

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]
Headers = tuple[Header, ...]
Table = Mapping[bytes, bytes]
# The cache of parsed Content-Type values holds this many, and none with more characters.
MOST_CACHED, LONGEST_CACHED = 64, 256

BEGINS_WITHOUT_TASK = "begins_without_task"
"""The attribute by which an app says that its first step needs no task. The server may then run that step at once,
and starts a task only if the app waits. Code that needs its task awaits `eager.in_task` before."""


WRITE_WHOLE = "write_whole"
"""The method of the object behind a server's `send` that writes a whole response: its status, its `Fixed` headers
and its body. It returns False if the response must be sent by messages."""

PLANNED = "watchword.planned"
"""The key of a scope under which a middleware leaves a function. /graphql calls it with the plan of the request."""

TRACEPARENT = b"traceparent"

HAS_TRACEPARENT = "watchword.has_traceparent"
"""The key of a scope under which our own server says whether the request has a header `traceparent`: it has looked once
for all requests with the same head."""

TAKE_WHOLE = "take_whole"
"""The method of the object behind a server's `receive` that returns the whole body, once; None if it has not come."""
TakeWhole = Callable[[], bytes | None]


def of_server(call: Any, name: str) -> Any:
    """Return a method of the object behind a server's `send` or `receive`; None if it has none, or a middleware's own
    comes before it. One that gives the attributes of the server's as its own, as proxies do, is a middleware's too."""
    return getattr(call.__self__, name, None) if type(call) is MethodType else None


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


class Fixed(tuple[Header, ...]):
    """Headers that many responses have: no secret is in them, and no length. The server may keep their lines."""

    __slots__ = ()


class Response(NamedTuple):
    """A complete HTTP response. The server drops the body for HEAD."""

    status: int
    body: bytes
    headers: Headers = ()

    async def send(self, send: Send) -> None:
        if type(self.headers) is Fixed and self.status == 200:
            # Our own server writes such a response at once, unless a middleware has put its own `send` before it.
            write = of_server(send, WRITE_WHOLE)
            if write is not None and write(self.status, self.headers, self.body):
                return
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


def header_table(scope: Message) -> Table:
    """Return a request's headers by their names. The values of several headers of one name are joined by commas."""
    given = scope["headers"]
    table = dict(given)
    if len(table) < len(given):
        table = {}
        for name, value in given:
            table[name] = b", ".join((table[name], value)) if name in table else value
    return table


def route_path(scope: Message) -> str:
    """Return the path inside this app, without the path at which the app is mounted (`root_path`)."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if not root:
        return path
    inside = path.removeprefix(root)
    return inside if not inside or inside.startswith("/") else path


def check_content(headers: Table, media_type: str) -> None:
    """Raise `UnsupportedContent` unless the body has this media type, is in UTF-8 and is not compressed."""
    given = headers.get(b"content-type", b"").decode("latin-1")
    if given != media_type:
        read = _content if len(given) <= LONGEST_CACHED else _read_content
        found, charset = read(given)
        if found != media_type:
            raise UnsupportedContent(f"Send Content-Type: {media_type}.")
        if charset not in ("utf-8", "utf8"):
            raise UnsupportedContent("Send the body in UTF-8.")
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
        raise UnsupportedContent(
            "Send the body as it is, without Content-Encoding: compressed bodies are not taken.",
            ((b"accept-encoding", b"identity"),),
        )


def _read_content(content_type: str) -> tuple[str, str]:
    content = HeaderMessage()
    content["content-type"] = content_type
    return content.get_content_type(), content.get_content_charset() or "utf-8"


# Reading one costs as much as a small query, and clients send few different ones.
_content = lru_cache(MOST_CACHED)(_read_content)


def whole_body(receive: Receive, limit: int) -> bytes | None:
    """Return the body, once, if all of it has come; None if it must be read. Raises `BodyTooLarge`."""
    # Our own server has most bodies already, unless a middleware has put its own `receive` before it.
    take: TakeWhole | None = of_server(receive, TAKE_WHOLE)
    body = None if take is None else take()
    if body is not None and len(body) > limit:
        raise BodyTooLarge
    return body


async def read_body(headers: Table, receive: Receive, limit: int) -> bytes:
    """Read the whole body. Raises `Gone`, and `BodyTooLarge` before more than `limit` bytes are in memory."""
    if (body := whole_body(receive, limit)) is not None:
        return body
    declared = headers.get(b"content-length", b"")
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


class BodyReader:
    """Reads a body piece by piece. Raises `BodyTooLarge` when more than `limit` bytes are declared or have come."""

    def __init__(self, headers: Table, receive: Receive, limit: int) -> None:
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > limit:
            raise BodyTooLarge
        self._receive = receive
        self._left = limit
        self._has_more = True

    async def chunk(self) -> bytes | None:
        """Return the next piece; None at the end. Raises `Gone`."""
        if not self._has_more:
            return None
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk: bytes = message.get("body", b"")
        self._left -= len(chunk)
        if self._left < 0:
            raise BodyTooLarge
        self._has_more = bool(message.get("more_body"))
        return chunk


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


def address_of(client: object) -> str:
    """Return the network address of an ASGI scope's client; empty if it has none."""
    return str(client[0]) if isinstance(client, (tuple, list)) and client else ""
