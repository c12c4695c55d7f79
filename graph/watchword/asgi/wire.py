"""The network connection to one client, as the transports see it.

ASGI's `send` waits while the client does not read, and costs a task where one write is enough. So a
transport gets a wire instead: it writes ready bytes without waiting, reports how much the client has not
read yet, and tells when the server shuts down. `asgi/uvicorn/` provides it under `watchword serve`;
`asgi/generic.py` provides it under any other ASGI server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from watchword.asgi.backlog import Outgoing
from watchword.asgi.types import Message, Receive, Send

EXTENSION = "watchword.wire"
"""The key in `scope["extensions"]` under which a server passes its own wire."""
# Seconds that a client has to read the last bytes of its connection before the connection is aborted.
CLOSING_SECONDS = 5.0


def allow_body(scope: Message, seconds: float) -> None:
    """Let what is left of a request's body take so many seconds, where the server itself limits the time."""
    if own := scope.get("extensions", {}).get(EXTENSION):
        own.allow_body(seconds)


Packing = Callable[[Sequence[bytes]], Any]
"""Makes text messages ready to be written together. Only the server's own wire can read the result."""


class Wire(Outgoing, Protocol):
    """The part that a WebSocket and a streamed response have in common."""

    on_write: Callable[[int, int], object] | None
    """Called with the new value of `unsent` after each write of which a part waits for the client to read. The server's
    own writes (pings) count too."""
    on_shutdown: Callable[[], object] | None
    """Called when the server is asked to stop. A transport that sets it must end the connection itself."""
    on_lost: Callable[[], object] | None
    """Called when the connection is gone."""

    @property
    def is_shutting_down(self) -> bool:
        """Whether the server was asked to stop."""

    async def drained(self) -> None:
        """Wait until the client has read enough for more to be written."""

    def release(self) -> None:
        """Release the connection: the transport is done with it, and gets no more callbacks."""


class SocketWire(Wire, Protocol):
    """An accepted WebSocket."""

    async def receive(self) -> Message:
        """Return the client's next message, or `websocket.disconnect`."""

    def send_text(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> None:
        """Write one text message, made of these parts. Never waits."""

    @property
    def packing(self) -> Packing:
        """The function that makes messages ready for `send_packed`; the same for all connections of a server."""

    def send_packed(self, packed: Any) -> None:
        """Write several messages that `packing` has made ready, in their order and in one write. Never waits."""

    def send_close(self, code: int, reason: str) -> None:
        """Write the close frame, and end the connection within `CLOSING_SECONDS`."""


class StreamWire(Wire, Protocol):
    """An HTTP response that is written chunk by chunk, once its head was sent."""

    def has_begun(self, receive: Receive, send: Send) -> bool:
        """Tell whether the head has left, and no middleware passes the response on by itself. The two are the app's."""

    async def interrupted(self) -> None:
        """Called when the server cancels the request's task: end the response with its reason, if that is possible."""

    def send_chunk(self, data: bytes) -> None:
        """Write a part of the body. Never waits."""

    def send_last(self, data: bytes) -> None:
        """Write the last part, and end the connection within `CLOSING_SECONDS`."""

    async def end(self) -> None:
        """End the response in the ordinary way; the connection may be used again."""
