"""What resolvers write into the head of an answer over HTTP: headers, cookies and the status."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import Response as StarletteResponse

from watchword.asgi.types import Message, Response
from watchword.asgi.views import OUR_COOKIE
from watchword.errors import BadUserInput

WRITTEN = "watchword.written"
"""The key in the scope of a request whose answer has a head that resolvers may write. None until one does."""

# The server frames the answer, and its content type follows from Accept.
_FRAMING = frozenset((b"connection", b"content-length", b"content-type", b"transfer-encoding"))
_BODILESS = (204, 205, 304)


class _SentBefore(MutableHeaders):
    """The headers of an answer whose head was sent before its operation: there are none, and there cannot be."""

    def __setitem__(self, key: str, value: str) -> None:
        raise _sent_before()

    def append(self, key: str, value: str) -> None:
        raise _sent_before()

    def setdefault(self, key: str, value: str) -> str:
        raise _sent_before()


class ResponseView:
    """The head of an operation's answer. What is written is sent with it.

    Writing raises `BadUserInput` if the operation came over a WebSocket or is answered by a stream: its head was sent
    before. Nothing was written then, for those that read.
    """

    __slots__ = ("_head",)

    def __init__(self, head: Callable[[], StarletteResponse | None]) -> None:
        """`head` returns what is sent; None if it was sent before. It is called when something is read or written."""
        self._head = head

    @property
    def headers(self) -> MutableHeaders:
        """The headers that are sent besides Watchword's own."""
        head = self._head()
        return _SentBefore() if head is None else head.headers

    @property
    def status_code(self) -> int | None:
        """The status; None if Watchword chooses it. Raises `ValueError` for one that has no body."""
        head = self._head()
        return None if head is None else head.status_code or None

    @status_code.setter
    def status_code(self, status: int) -> None:
        if not 200 <= status <= 599 or status in _BODILESS:
            raise ValueError(f"an answer cannot have the status {status}")
        self._to_write.status_code = status

    def set_cookie(self, key: str, value: str = "", **options: Any) -> None:
        """Set a cookie, with the options of Starlette's `Response.set_cookie`. Raises `ValueError` for one of ours."""
        _check_cookie(key)
        self._to_write.set_cookie(key, value, **options)

    def delete_cookie(self, key: str, **options: Any) -> None:
        """Delete a cookie, with the options of Starlette's `Response.delete_cookie`."""
        _check_cookie(key)
        self._to_write.delete_cookie(key, **options)

    @property
    def _to_write(self) -> StarletteResponse:
        if (head := self._head()) is None:
            raise _sent_before()
        return head


def _sent_before() -> BadUserInput:
    return BadUserInput(
        "Send this operation over plain HTTP, and not over a WebSocket or as a stream: it sets headers, a cookie or"
        " the status of its answer."
    )


def head_of(via: Any) -> StarletteResponse | None:
    """Return the head of the answer to the request with this scope; None if it was sent before."""
    if not isinstance(via, MutableMapping) or WRITTEN not in via:
        return None
    head: StarletteResponse | None = via[WRITTEN]
    if head is None:
        head = via[WRITTEN] = StarletteResponse(status_code=0)
        del head.headers["content-length"]
    return head


def is_written(scope: Message) -> bool:
    """Tell whether resolvers have written anything into the head of the answer to a request."""
    head: StarletteResponse | None = scope.get(WRITTEN)
    return head is not None and bool(head.raw_headers or head.status_code)


def with_written(answer: Response, scope: Message) -> Response:
    """Return an answer with what resolvers have written into its head."""
    if not is_written(scope):
        return answer
    head: StarletteResponse = scope[WRITTEN]
    given = [(name, value) for name, value in head.raw_headers if name not in _FRAMING]
    if any(not _is_safe(name) or not _is_safe(value) for name, value in given):
        raise ValueError("a resolver wrote a header with a line break, which would begin another")
    # A 304 tells the client to use what it has.
    status = answer.status if answer.status == 304 else head.status_code or answer.status
    return Response(status, answer.body, (*answer.headers, *given))


def _is_safe(text: bytes) -> bool:
    return not any(each in text for each in (b"\r", b"\n", b"\0"))


def _check_cookie(key: str) -> None:
    if key.startswith(OUR_COOKIE):
        raise ValueError(f"the cookie {key} is Watchword's own")
