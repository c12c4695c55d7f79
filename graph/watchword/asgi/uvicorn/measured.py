"""A transport that counts what is written to a client, and that closes in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from watchword.asgi import wire
from watchword.config.limits import fixed

UNREAD_SECONDS = float(fixed("unread_seconds"))


class MeasuredTransport:
    """An asyncio transport that counts the written bytes, and closes in time even if the client does not read.

    asyncio's own `close` waits until the client has read everything, for ever if it does not read.
    """

    __slots__ = (
        "_is_closed",
        "_put",
        "_size",
        "_total",
        "_transport",
        "_watch",
        "_writes",
        "is_closing",
        "on_write",
    )

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        # Bound once, because each delivery to each client calls them.
        self._put = transport.write
        self._size = transport.get_write_buffer_size
        self.is_closing = transport.is_closing
        # Bytes written since the connection began.
        self._total = 0
        # Writes since the buffer was last empty.
        self._writes = 0
        self._is_closed = False
        self._watch: asyncio.TimerHandle | None = None
        self.on_write: Callable[[int, int], object] | None = None

    # All methods of a transport, each by itself: with `__getattr__`, CPython would read every attribute more slowly.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._transport.get_protocol()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._transport.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        return self._size()

    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()

    def write_eof(self) -> None:
        self._transport.write_eof()

    def abort(self) -> None:
        self._transport.abort()

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.write(b"".join(parts))

    def write(self, data: bytes, writes: int = 1) -> None:
        """Write, and count the write: as several, if the data is that of several."""
        self._put(data)
        self._total += len(data)
        if (size := self._size()) == 0:
            self._writes = 0
            return
        self._writes += writes
        if self.on_write is not None:
            self.on_write(self._writes, size)

    def close(self) -> None:
        """Close when the client has read everything, or has read nothing for `CLOSING_SECONDS`."""
        self._transport.close()
        if not self._is_closed:
            self._is_closed = True
            self._end_watch()
            self._abort_later(wire.CLOSING_SECONDS)

    def watch_reading(self) -> None:
        """Abort if something waits for the client and it reads nothing for `UNREAD_SECONDS`. Ends when all is read."""
        if self._watch is None:
            self._abort_later(UNREAD_SECONDS)

    def connection_lost(self) -> None:
        """Stop the callbacks and the timer: the connection is gone."""
        self.on_write = None
        self._end_watch()

    @property
    def unsent(self) -> tuple[int, int]:
        """The writes, and the bytes, that wait for the client to read."""
        return self._writes, self._size()

    @property
    def sent(self) -> int:
        """The bytes that were written, without those that wait in asyncio's buffer."""
        return self._total - self._size()

    def _abort_later(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(seconds, self._abort_if_idle, self.sent, seconds)

    def _abort_if_idle(self, before: int, seconds: float) -> None:
        self._watch = None
        if not self._is_closed and not self._size():
            return
        if self.sent > before:
            self._abort_later(seconds)
        else:
            self._transport.abort()

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
