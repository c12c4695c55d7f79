"""Tells live connections that the process stops, under servers that do not tell them (see `asgi/generic.py`).

ASGI has no message for it: when the lifespan's shutdown comes, most servers have cut their connections already. So
this listens to the signals that ask a server to stop, beside the server's own handlers, which run as before. The worker
processes of hypercorn get no signal: in one of them, this looks at the event that they get in its place.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Any, Protocol
from weakref import WeakSet

from watchword.libraries.hypercorn_parts import shutdown_event

# Seconds between two looks at the event of a worker of hypercorn; it looks as often itself.
LOOK_SECONDS = 0.1
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Told(Protocol):
    """A live connection."""

    def server_stops(self) -> None:
        """Called once, when the server begins to stop: the connection drains."""

    def end_now(self) -> None:
        """Called when there is no more time: the connection ends with its reason."""


class Shutdown:
    """Whether the server stops, and the live connections of one app that must be told."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.connections: set[Told] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_told = False
        self._emptied = asyncio.Event()
        self._look: asyncio.TimerHandle | None = None

    def add(self, connection: Told) -> None:
        """Tell this connection from now on. Call it in the event loop."""
        self._loop = asyncio.get_running_loop()
        self.connections.add(connection)
        self._emptied.clear()
        _listening.add(self)
        _listen()
        if self._look is None and (event := shutdown_event()) is not None:
            self._look_at(event)

    def discard(self, connection: Told) -> None:
        """Tell this connection nothing more."""
        self.connections.discard(connection)
        if not self.connections:
            self._emptied.set()
            _listening.discard(self)
            if not _listening:
                _listen_no_more()

    def begin(self) -> None:
        """Tell all connections that the server stops, once."""
        self.is_stopping = True
        if not self._has_told:
            self._has_told = True
            for connection in [*self.connections]:
                connection.server_stops()

    def _look_at(self, event: Event) -> None:
        self._look = None
        if event.is_set():
            self.begin()
        elif self.connections and self._loop is not None:
            self._look = self._loop.call_later(LOOK_SECONDS, self._look_at, event)

    async def end(self, seconds: float) -> None:
        """End all connections that are left, and wait until their clients have read the reason, or for `seconds`."""
        self.begin()
        for connection in [*self.connections]:
            connection.end_now()
        if self.connections:
            await asyncio.wait([asyncio.ensure_future(self._emptied.wait())], timeout=seconds)

    def reopen(self) -> None:
        """Forget that the server stopped: the app starts, perhaps once more."""
        self.is_stopping = self._has_told = False

    def signalled(self) -> None:
        """Tell all connections soon. Safe in a signal handler."""
        self.is_stopping = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.begin)


# The apps with live connections.
_listening: WeakSet[Shutdown] = WeakSet()


class _Beside:
    """A signal handler that tells all apps of the process, and then does what the handler before it did."""

    def __init__(self, before: Callable[[int, FrameType | None], Any]) -> None:
        self.before = before

    def __call__(self, number: int, frame: FrameType | None) -> Any:
        for each in [*_listening]:
            each.signalled()
        return self.before(number, frame)


def _listen() -> None:
    # A server may set its handlers after the app has started, so each new connection looks again. Python allows
    # handlers in the main thread only.
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        found = signal.getsignal(number)
        # Without a handler of the server the signal ends the process at once, and must go on to do so.
        if callable(found) and not isinstance(found, _Beside):
            signal.signal(number, _Beside(found))


def _listen_no_more() -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        found = signal.getsignal(number)
        if isinstance(found, _Beside):
            signal.signal(number, found.before)
