"""Measures HTTP requests: ASGI middleware in front of everything, which is there only if metrics are on."""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from watchword.asgi.types import WRITE_WHOLE, Fixed, of_server, route_path
from watchword.telemetry.metrics.histogram import DURATIONS, OTHER, Histogram, Histograms

# RFC 9110, section 9.1, and RFC 5789. A client may send any other.
METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
)
# OpenTelemetry's name for all other methods.
OTHER_METHOD = "_OTHER"
# More combinations than there are routes, methods and statuses that go together.
MOST = 1_000


class Requests:
    """The durations of requests, and how many are not answered to the end."""

    def __init__(self) -> None:
        self.durations = Histograms(DURATIONS, MOST)
        # The histograms of requests to the paths of the app: by the method, the path and the status.
        self._known: dict[tuple[str, str, int], Histogram] = {}
        self.active = 0
        self.paths: Collection[str] = ()
        """The paths of the app. The others are counted together: anybody may ask for any path."""

    def answered(self, scope: Scope, began: float, status: int) -> None:
        """Record the head of an answer to a request that began at `began` (of `perf_counter`)."""
        seconds = perf_counter() - began
        asked = scope["method"], route_path(scope), status
        found = self._known.get(asked)
        if found is None:
            found = self._find(scope, *asked)
        found.record(seconds)

    def _find(self, scope: Scope, method: str, path: str, status: int) -> Histogram:
        is_usual, is_own = method in METHODS, path in self.paths
        if not is_own:
            # FastAPI says which route it chose, with the names of its parameters in place of their values.
            shown = getattr(scope.get("route"), "path", OTHER)
            return self.durations.of((method if is_usual else OTHER_METHOD, shown, str(status)))
        found = self.durations.of((method if is_usual else OTHER_METHOD, path, str(status)))
        if is_usual:
            self._known[method, path, status] = found
        return found


class MeasuredRequests:
    """ASGI middleware that records each HTTP request in `requests`."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        requests = self._requests
        measured = _Measured(scope, send, requests)
        requests.active += 1
        try:
            await self._app(scope, receive, measured.send)
        finally:
            requests.active -= 1


class _Measured:
    """What one request is answered by: `send`, and the `write_whole` of the server behind it."""

    __slots__ = ("_began", "_requests", "_scope", "_send")

    def __init__(self, scope: Scope, send: Send, requests: Requests) -> None:
        self._scope = scope
        self._send = send
        self._requests = requests
        self._began = perf_counter()

    # Not a coroutine of its own: each costs as much as the record.
    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self._requests.answered(self._scope, self._began, message["status"])
        return self._send(message)

    def write_whole(self, status: int, headers: Fixed, body: bytes) -> bool:
        """Let our own server write a response at once, as without metrics. Returns False if it must be sent."""
        write = of_server(self._send, WRITE_WHOLE)
        if write is None or not write(status, headers, body):
            return False
        self._requests.answered(self._scope, self._began, status)
        return True
